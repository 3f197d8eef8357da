"""Give our facades the import names of their peers.

Rule 1: whoever imports the peer's name gets our module itself, not a copy: a class is the same by either name.
Rule 2: an original that was imported already is refused: tests would hold names of both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, cast

from netdouble._core.keywords import meant
from netdouble.errors import DeclarationError
from netdouble.facades._peers import Peer

Undo = Callable[[], None]


def known() -> list[str]:
    """The names of the peers that have a facade."""
    files = os.listdir(os.path.join(os.path.dirname(__file__), "_peers"))
    return sorted(name[:-3] for name in files if name.endswith(".py") and not name.startswith("_"))


def peer_of(name: str) -> Peer:
    """The peer of that name, as written in an option: `requests-mock` is `requests_mock`.

    Raises:
        DeclarationError: there is no facade for it.
    """
    spelled = name.strip().replace("-", "_")
    if spelled not in known():
        hint = meant(spelled, known()) or "."
        raise DeclarationError(f"netdouble has no facade for {name!r}{hint} There are: {', '.join(known())}")
    peer: Peer = import_module(f"netdouble.facades._peers.{spelled}").PEER
    return peer


def replace(*names: str) -> Undo:
    """Put facades in the place of these libraries: from now on `import responses` gives netdouble's.

    Call it before anything imports them: at the head of a package's `tests/__init__.py`, in a `conftest.py`, or in
    the script that starts the suite. Whether the original is installed does not matter.

    Args:
        names: `responses`, `requests_mock`, `aioresponses`, `respx`, ...

    Returns:
        A function that gives the names back.

    Raises:
        DeclarationError: a name that is no peer's, two peers of one import name, or a peer that was imported already.

    Example:
        >>> import netdouble.facades
        >>> netdouble.facades.replace("responses")
        >>> import responses  # netdouble's
    """
    peers = [peer_of(name) for name in names]
    finder = _finder()
    _refuse_shared(peers, finder.aliases)
    aliases = {alias: ours for peer in peers for alias, ours in peer.modules.items() if alias not in finder.aliases}
    for alias, ours in aliases.items():
        _refuse_imported(alias, ours)
    finder.aliases.update(aliases)

    def undo() -> None:
        for alias in aliases:
            finder.aliases.pop(alias, None)
            for loaded in [name for name in sys.modules if _is_below(name, alias)]:
                del sys.modules[loaded]

    return undo


def _refuse_shared(peers: list[Peer], replaced: Mapping[str, str]) -> None:
    taken = dict(replaced)
    for peer in peers:
        for alias, ours in peer.modules.items():
            if taken.setdefault(alias, ours) != ours:
                raise DeclarationError(
                    f"{peer.name} can't be replaced beside {taken[alias].rpartition('.')[2]}: both are imported as "
                    f"{alias}, and one process can have one of them. Name the one that the suite was written for"
                )


def load_aliases(peer: Peer) -> None:
    """Let the peer's names be known for what is loaded of ours: whoever looks for them finds no other module first."""
    for alias, ours in peer.modules.items():
        for name in [name for name in sys.modules if _is_below(name, ours)]:
            # An import would make the module an attribute of the package, where it may hide something of its name.
            sys.modules[alias + name[len(ours) :]] = sys.modules[name]


def _refuse_imported(alias: str, ours: str) -> None:
    for name, module in sorted(sys.modules.items()):
        if _is_below(name, alias) and not _is_below(getattr(module, "__name__", ours), ours):
            where = getattr(module, "__file__", None) or "a place without a file"
            raise DeclarationError(
                f"{alias} can't be replaced: {name} was imported already, from {where}, and whoever did would keep "
                "the original. Replace it before the first import: put -p netdouble.facades first in addopts, or call "
                "netdouble.facades.replace() at the very start; a plugin or sitecustomize may have been faster "
                "(python -X importtime shows who)"
            )


def _is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _finder() -> _Finder:
    """The finder at the head of `sys.meta_path`, where pytest puts its own before it for each run in this process."""
    for finder in sys.meta_path:
        if type(finder).__qualname__ == _Finder.__qualname__ and type(finder).__module__ == __name__:
            found = cast("_Finder", finder)  # of this module, perhaps loaded a second time by a test
            sys.meta_path.remove(found)
            break
    else:
        found = _Finder()
    sys.meta_path.insert(0, found)
    return found


class _Finder:
    """Finds our modules by their peers' names."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        ours = self._ours(fullname)
        if ours is None or find_spec(ours) is None:
            return None  # below a peer's name, and not of the peer's API: wherever the package's path leads
        loader: Any = _Loader(ours)
        return ModuleSpec(fullname, loader)

    def _ours(self, fullname: str) -> str | None:
        head = fullname
        while head:
            if head in self.aliases:
                return self.aliases[head] + fullname[len(head) :]
            head = head.rpartition(".")[0]
        return None


class _Loader:
    """Loads our module itself; its spec stays its own."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002  # the protocol's
        module = import_module(self._ours)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
