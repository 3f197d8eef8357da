"""Names on the allow list, for code whose lookups nobody saw: the supervisor asks for their addresses itself.

Rule 1: only when a connection is judged that nothing else allows, and only the names that might allow it.
Rule 2: the supervisor goes on meanwhile: the call is judged again when the answer has come.
"""

from __future__ import annotations

import _socket
import threading
import time
from collections.abc import Callable, Iterable

_KEPT = 60.0  # seconds; a name's addresses may change while a run lasts


class Names:
    """The addresses of names, as far as they are known.

    Args:
        wake: called, in another thread, when answers have come.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._asked: set[str] = set()

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Those whose addresses are not known."""
        now = time.monotonic()
        return [name for name in names if name not in self._known or self._known[name][0] < now]

    def of(self, address: str) -> list[str]:
        """The names that are known to have that address."""
        return [name for name, (_, addresses) in self._known.items() if address in addresses]

    def ask(self, names: Iterable[str]) -> None:
        """Ask for their addresses; `wake` is called for each."""
        for name in names:
            if name not in self._asked:
                self._asked.add(name)
                threading.Thread(target=self._find, args=(name,), daemon=True).start()

    def _find(self, name: str) -> None:
        try:
            found = _socket.getaddrinfo(name, None)
        except OSError:
            found = []
        self._known[name] = time.monotonic() + _KEPT, frozenset(str(info[4][0]) for info in found)
        self._asked.discard(name)
        self._wake()
