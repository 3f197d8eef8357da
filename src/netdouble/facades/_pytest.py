"""`pytest -p netdouble.facades --net-replace=...`: the peers' fixtures, options and markers, by our modules.

Rule 1: it happens while this plugin is registered, before pytest loads the plugins of installed packages: of a peer
that is replaced they would import the original.
Rule 2: processes that a test starts (xdist, a subprocess, pytester's runs) are told by PYTEST_ADDOPTS. Where somebody
hides that, PYTEST_PLUGINS tells them, after the plugins of installed packages were loaded. These are ours by then: the
names lead here from a folder on PYTHONPATH, where pytest's own finder, which rewrites asserts, looks and nowhere else.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from netdouble.errors import DeclarationError
from netdouble.facades._peers import Peer
from netdouble.facades._replacing import load_aliases, peer_of, replace

OPTION = "--net-replace"
# Where children find the names, beside PYTEST_ADDOPTS.
_NAMES = "NETDOUBLE_REPLACE"
# How the name of the folder begins in which they stand.
_FOLDER = "netdouble-names-"
# A module under a peer's name, in a child process: it makes room for ours, or for the original where there is no ours.
_STAND_IN = """\
import sys
del sys.modules[__name__]
try:
    from netdouble.facades import replace
except ImportError:
    sys.path.remove({folder!r})
else:
    replace(*{names!r})
__import__(__name__)
"""


def declare(parser: Any) -> None:
    """The option."""
    parser.getgroup("netdouble").addoption(
        OPTION, action="append", default=[], metavar="NAME,...",
        help="let netdouble's facades stand for these libraries: responses, respx, requests_mock, ...",
    )  # fmt: skip


def replace_early(pluginmanager: Any) -> None:
    """Replace what the command line, PYTEST_ADDOPTS and the ini file's addopts name.

    Raises:
        pytest.UsageError: a name that is no peer's, a peer that was imported already, or a facade that lacks a package.
    """
    config = pluginmanager.get_plugin("pytestconfig")
    names = _named(config)
    try:
        peers = [peer_of(name) for name in names]
        undo = replace(*names)
    except DeclarationError as error:
        import pytest

        raise pytest.UsageError(f"{OPTION}: {error}") from None
    config.add_cleanup(undo)
    if not peers:
        return
    _keep_out(pluginmanager, peers)
    _tell_children(config, names, peers)
    for peer in peers:
        if peer.plugin and not pluginmanager.is_blocked(peer.plugin_name):
            _register(pluginmanager, _loaded(peer), peer.plugin_name)
            load_aliases(peer)


def _register(pluginmanager: Any, module: ModuleType, name: str) -> None:
    """Under the original's name, which keeps it out; with `-p NAME` that name is our package's already."""
    if not pluginmanager.is_registered(module):
        pluginmanager.register(module, module.__name__ if pluginmanager.has_plugin(name) else name)


def _loaded(peer: Peer) -> ModuleType:
    try:
        return import_module(peer.plugin)
    except ImportError as error:
        import pytest

        raise pytest.UsageError(f"{OPTION}: the facade of {peer.name} can't be loaded: {error}") from None


def header(config: Any) -> str | None:
    """One line on what is replaced."""
    names = _split(config.getoption(OPTION))
    return f"netdouble stands for: {', '.join(names)}" if names else None


def _named(config: Any) -> list[str]:
    """The names that are asked for; pytest itself has not read its arguments yet."""
    arguments = [
        *config.getini("addopts"),
        *shlex.split(os.environ.get("PYTEST_ADDOPTS", "")),
        *map(str, config.invocation_params.args),
        f"{OPTION}={os.environ.get(_NAMES, '')}",
    ]
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument(OPTION, action="append", default=[], dest="names")
    return _split(reader.parse_known_args(arguments)[0].names)


def _split(values: list[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def _keep_out(pluginmanager: Any, peers: list[Peer]) -> None:
    """Plugins of the originals under other names than those that ours take."""
    roots, taken = _roots(peers), {peer.plugin_name for peer in peers}
    for entry in entry_points(group="pytest11"):
        if entry.value.partition(":")[0].partition(".")[0] in roots and entry.name not in taken:
            pluginmanager.set_blocked(entry.name)


def _roots(peers: list[Peer]) -> list[str]:
    """The packages that are replaced."""
    return list(dict.fromkeys(alias.partition(".")[0] for peer in peers for alias in peer.modules))


def _tell_children(config: Any, names: list[str], peers: list[Peer]) -> None:
    from netdouble.facades._children import Told

    listed = ",".join(names)
    said = f"-p netdouble.facades {OPTION}={listed}"
    config.pluginmanager.register(Told(said), "netdouble facades in pytester's runs")
    plugins = os.environ.get("PYTEST_PLUGINS", "")
    if "netdouble.facades" not in plugins.split(","):
        plugins = ",".join(filter(None, (plugins, "netdouble.facades")))
    options, path = os.environ.get("PYTEST_ADDOPTS", ""), os.environ.get("PYTHONPATH", "")
    told = {"PYTEST_PLUGINS": plugins, _NAMES: listed,
            "PYTEST_ADDOPTS": options if said in options else f"{options} {said}".strip(),
            "PYTHONPATH": path if _is_told(listed, path) else
            os.pathsep.join(filter(None, (_stand_ins(config, names, peers), path)))}  # fmt: skip
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)

    def undo() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    config.add_cleanup(undo)


def _is_told(listed: str, path: str) -> bool:
    """This is a child process itself, or a run of pytester's, and has the folder of names."""
    parts = [part for part in path.split(os.pathsep) if os.path.basename(part).startswith(_FOLDER)]
    return os.environ.get(_NAMES) == listed and any(map(os.path.isdir, parts))


def _stand_ins(config: Any, names: list[str], peers: list[Peer]) -> str:
    """A folder where the peers' names lead to ours: for child processes, and pytester's runs in this one."""
    folder = tempfile.mkdtemp(prefix=_FOLDER)
    sys.path.insert(1, folder)

    def undo() -> None:
        sys.path[:] = [path for path in sys.path if path != folder]
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(undo)
    for root in _roots(peers):
        with open(os.path.join(folder, f"{root}.py"), "w", encoding="utf-8") as file:
            file.write(_STAND_IN.format(folder=folder, names=names))
    return folder
