"""The settings of a network: one table for ini, option, marker and `Network(...)`.

Rule: a value that is not in the table is refused where it was written, with the values that are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from netdouble._core.keywords import meant
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class SettingsOptions(TypedDict, total=False):
        """The keywords of `Network`, for type checkers."""

        layer: str
        guard: str
        allow: str | Iterable[str]
        loopback: str
        children: str
        unmatched: str
        unused: str
        swallowed: str
        retry_wait: str
        fast: bool | str
        ca_bundle: str
        bodies: int | str


# name -> the values it takes; the first is the default. `allow` is a list of entries and `fast` a switch.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "layer": ("transport", "wire"),
    "guard": ("block", "warn", "off"),
    "loopback": ("open", "own"),
    "children": ("guard", "allow", "refuse"),
    "unmatched": ("raise", "outage"),
    "unused": ("fail", "warn", "off"),
    "swallowed": ("test", "fail", "warn"),
    "retry_wait": ("real", "skip"),
    "fast": ("off", "on"),
    "ca_bundle": ("deferred", "eager"),
}

MEANINGS: Mapping[str, str] = {
    "layer": "where the stubs stand",
    "guard": "what happens to a real connection that nothing allows",
    "allow": "hosts that may be reached: host, *.host, IP, CIDR, each with :port or :low-high",
    "loopback": "whether all of this machine may be reached, or only listeners of this process",
    "children": "whether Python child processes inherit the guard, are left alone, or may not be started",
    "unmatched": "raise UnmatchedRequest, or the client's own connection error",
    "unused": "what a route that was declared in the test and never used does to it",
    "swallowed": "whose swallowed errors fail: those of the test, of leftovers and what runs outside tests too, none",
    "retry_wait": "whether the waits between a client's own retries are real",
    "fast": "answer requests and urllib3 with response objects instead of bytes",
    "bodies": "bytes of recorded bodies that are kept, as 16000000 or '16 MB'; the oldest are released first",
    "ca_bundle": "read the well-known CA bundles when a TLS handshake needs them, or at once",
}


# What holds for a whole run of pytest, and can't differ between its tests.
SESSION_CHOICES: Mapping[str, tuple[str, ...]] = {
    "report": ("off", "on"),
    "sealed": ("off", "auto", "require", "netns"),
}

SESSION_MEANINGS: Mapping[str, str] = {
    "report": "list at the end every real connection that was let through",
    "sealed": "the kernel judges native code and child processes too (Linux): if it can, or else an error; netns: "
    "in a network of its own",
}

DEFAULT_BODIES = 16_000_000

_UNITS = {"": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one network; see `MEANINGS`."""

    layer: str = "transport"
    guard: str = "block"
    allow: tuple[str, ...] = ()
    loopback: str = "open"
    children: str = "guard"
    unmatched: str = "raise"
    unused: str = "fail"
    swallowed: str = "test"
    retry_wait: str = "real"
    fast: str = "off"
    ca_bundle: str = "deferred"
    bodies: int = DEFAULT_BODIES

    def changed(self, options: Mapping[str, Any], source: str = "Network") -> Settings:
        """These settings with `options` on top; `allow` entries are added to those already there.

        Args:
            options: names and values. source: where they were written, for the error text.

        Raises:
            DeclarationError: an unknown name or value.
        """
        if not options:
            return self
        checked = {name: checked_value(name, value, source) for name, value in options.items()}
        if "allow" in checked:
            checked["allow"] = tuple(dict.fromkeys((*self.allow, *checked["allow"])))
        return replace(self, **checked)


NAMES = tuple(f.name for f in fields(Settings))


def checked_value(name: str, value: Any, source: str) -> Any:
    """`value` in the form in which `Settings` holds it."""
    if name in SESSION_CHOICES:
        raise DeclarationError(f"{source}: {name} is a setting of the whole run: net_{name} or --net-{name}")
    if name not in NAMES:
        hint = meant(name, NAMES) or "."
        raise DeclarationError(f"{source}: there is no setting {name!r}{hint} Settings: {', '.join(NAMES)}")
    if name == "allow":
        return entries_of(value, source=source)
    if name == "bodies":
        return _bytes(value, source)
    if isinstance(value, bool) and set(CHOICES[name]) >= {"on", "off"}:
        value = "on" if value else "off"
    if value not in CHOICES[name]:
        raise DeclarationError(f"{source}: {name}={value!r} is not one of {', '.join(CHOICES[name])}")
    return value


def entries_of(*given: Any, source: str) -> tuple[str, ...]:
    """The `allow` entries in what was given: texts (several in one, with commas or lines), lists, tuples, sets.

    Raises:
        DeclarationError: something else was given.
    """
    found: list[str] = []
    for value in given:
        entries = value.replace("\n", ",").split(",") if isinstance(value, str) else value
        if isinstance(entries, Mapping) or not isinstance(entries, Iterable):
            entries = [None]
        for entry in entries:
            if not isinstance(entry, str):
                raise DeclarationError(f"{source}: allow takes entries such as 'db.test:5432', not {value!r}")
            found += (part.strip() for part in entry.split(",") if part.strip())
    return tuple(found)


def checked_session_value(name: str, value: Any, source: str) -> str:
    """As `checked_value`, for what holds for a whole run."""
    if isinstance(value, bool) and set(SESSION_CHOICES[name]) >= {"on", "off"}:
        value = "on" if value else "off"
    if value not in SESSION_CHOICES[name]:
        raise DeclarationError(f"{source}: {name}={value!r} is not one of {', '.join(SESSION_CHOICES[name])}")
    return str(value)


def _bytes(value: Any, source: str) -> int:
    """A size in bytes, of a number or of text such as `16 MB`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    read = re.fullmatch(r"\s*([0-9_]+)\s*([A-Za-z]*)\s*", value) if isinstance(value, str) else None
    if read is None or read[2].upper() not in _UNITS:
        raise DeclarationError(f"{source}: bodies is a size such as 16000000 or '16 MB', not {value!r}")
    return int(read[1]) * _UNITS[read[2].upper()]
