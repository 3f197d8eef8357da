"""The settings of a pytest run: ini file, command line, markers. One table, one reader.

Rule 1: nearest wins (marker, option, ini, default); entries of `allow` add up.
Rule 2: what can't be read is an error that names where it was written. Nothing is left out in silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from netdouble._core.settings import (
    CHOICES,
    MEANINGS,
    NAMES,
    SESSION_CHOICES,
    SESSION_MEANINGS,
    Settings,
    checked_session_value,
    entries_of,
)
from netdouble._gate.entries import GRAMMAR
from netdouble._gate.policy import Policy
from netdouble.errors import DeclarationError

MARKER = (
    'net(*allow, name=value, ...): settings of netdouble for this test, as in net("db.test:5432", guard="block"); '
    f"names: {', '.join(NAMES)}"
)


class Config(Protocol):
    """What is asked of pytest's config."""

    @property
    def inipath(self) -> os.PathLike[str] | None:
        """The ini file."""
        ...

    def getini(self, name: str) -> Any:
        """A value of the ini file."""
        ...


class Marked(Protocol):
    """What is asked of pytest's nodes."""

    @property
    def nodeid(self) -> str:
        """Its name in reports."""
        ...

    def iter_markers(self, name: str) -> Iterable[Any]:
        """The node's markers and those of its parents, the nearest first."""
        ...


def declare(parser: Any) -> None:
    """Tell pytest's `parser` the options and ini names."""
    group = parser.getgroup("netdouble", "network test doubles (netdouble)")
    for name in NAMES:
        if name == "allow":
            parser.addini("net_allow", f"{MEANINGS[name]} ({GRAMMAR})", type="linelist", default=[])
            group.addoption("--net-allow", action="append", metavar="ENTRY,...", help=MEANINGS[name])
        else:
            values = "|".join(CHOICES.get(name, ("SIZE",)))
            parser.addini(f"net_{name}", f"{MEANINGS[name]}: {values}")
            group.addoption(option_of(name), metavar=values, help=MEANINGS[name])
    for name, choices in SESSION_CHOICES.items():
        parser.addini(f"net_{name}", f"{SESSION_MEANINGS[name]}: {'|'.join(choices)}")
        # Given bare, the option means the first value that is not the default.
        group.addoption(option_of(name), nargs="?", const=choices[1], metavar="|".join(choices),
                        help=SESSION_MEANINGS[name])  # fmt: skip


def option_of(name: str) -> str:
    """The command line's spelling of a setting."""
    return f"--net-{name.replace('_', '-')}"


class RunSettings:
    """The settings of one run of pytest.

    Args:
        config: pytest's. options: the values of the command line by their names.

    Attributes:
        settings: of a network that says nothing else. guard: what happens where no network is open. origin: where
            that was said. session: what holds for the whole run, by name.

    Raises:
        DeclarationError: an unknown name, a value that is not in the table, an entry that can't be read.
    """

    def __init__(self, config: Config, options: Mapping[str, Any]) -> None:
        self.settings = Settings()
        self.guard, self.origin = "warn", "the default outside a network"
        ini = os.path.basename(config.inipath) if config.inipath is not None else "ini"
        self._add(dict.fromkeys(_unknown(config), ""), ini)
        self._add({name: config.getini(f"net_{name}") for name in NAMES}, ini)
        for name in NAMES:
            self._add({name: options.get(f"net_{name}")}, option_of(name))
        self.session = {
            name: _session_value(name, config.getini(f"net_{name}"), ini, options.get(f"net_{name}"))
            for name in SESSION_CHOICES
        }

    def _add(self, written: Mapping[str, Any], source: str) -> None:
        said = {
            name: ",".join(value) if name == "allow" else value
            for name, value in written.items()
            if name not in NAMES or value
        }
        self.settings = _changed(self.settings, said, source)
        if "guard" in said:
            self.guard = self.settings.guard
            self.origin = source if source.startswith("--") else f"net_guard in {source}"

    def of(self, node: Marked) -> tuple[Settings, str, str]:
        """The settings under the markers of `node`; what happens there outside a network, and where that was said.

        Raises:
            DeclarationError: as for the run's own.
        """
        settings, guard, origin = self.settings, self.guard, self.origin
        for mark in reversed(list(node.iter_markers("net"))):
            options = dict(mark.kwargs)
            source = f"@pytest.mark.net of {node.nodeid}"
            _check_entries(mark.args, source)
            options["allow"] = entries_of(*mark.args, options.get("allow", ()), source=source)
            settings = _changed(settings, options, source)
            if "guard" in options:
                guard, origin = settings.guard, "@pytest.mark.net"
        return settings, guard, origin


def _check_entries(given: tuple[object, ...], source: str) -> None:
    """A value of another setting, given by position, would be the name of a host."""
    for name in ("layer", "guard"):
        for value in given:
            if value in CHOICES[name]:
                raise DeclarationError(
                    f"{source}: what is given by position may be reached, and {value!r} is a value of {name}: write "
                    f"net({name}={value!r})"
                )


def _changed(settings: Settings, options: Mapping[str, Any], source: str) -> Settings:
    changed = settings.changed(options, source)
    try:
        Policy(changed.allow)
    except DeclarationError as error:
        raise DeclarationError(f"{source}: {error}") from None
    return changed


def _session_value(name: str, written: Any, ini: str, option: Any) -> str:
    """A setting of the whole run: the option's value, else the ini file's, else the default."""
    if option is not None:
        return checked_session_value(name, option, option_of(name))
    return checked_session_value(name, written, ini) if written else SESSION_CHOICES[name][0]


def _unknown(config: Config) -> list[str]:
    """The names in the ini file that begin as ours do and are none."""
    # pytest 9 renamed it and warns of the old name; to get at a name that nobody declared there is no other way.
    written = vars(config).get("_inicfg") or vars(config).get("inicfg") or {}
    known = {*NAMES, *SESSION_CHOICES}
    return [key[4:] for key in written if key.startswith("net_") and key[4:] not in known]
