"""The policy: what may be reached for real. Entries and a base in, decisions out.

Rule 1: the base is what needs no entry: this machine, less what would ask the network in our place (a resolver's port).
Rule 2: lists merge, the base does not: the nearest one holds.
Rule 3: own listeners are always allowed; who they are is asked of the process, not of the policy.
"""

from __future__ import annotations

from collections.abc import Iterable

from netdouble._core.settings import CHOICES
from netdouble._gate.entries import RESOLVER_PORTS, is_loopback, parse_entry, plain_host
from netdouble.errors import DeclarationError


class Policy:
    """What may be reached for real.

    Args:
        entries: host, `*.host`, IP address, CIDR block, `loopback`, each with `:port` or `:low-high`; `dns:host`,
            `unix`, `unix:/path/*`, `own`, names of families.
        loopback: `open`, or `own`: there only listeners of this process, and what an entry names.

    Raises:
        DeclarationError: an entry or a value can't be read.

    Example:
        >>> Policy(["db.test:5432", "*.internal.test"]).allows("db.test", 5432)
        True
    """

    __slots__ = ("_parsed", "entries", "loopback")

    def __init__(self, entries: Iterable[str] = (), *, loopback: str = "open") -> None:
        if isinstance(entries, str):
            raise DeclarationError(f"Policy() takes a list of entries; write Policy([{entries!r}])")
        if loopback not in CHOICES["loopback"]:
            raise DeclarationError(f"loopback={loopback!r} is not one of {', '.join(CHOICES['loopback'])}")
        self.entries = tuple(entries)
        self.loopback = loopback
        self._parsed = tuple(entry for text in self.entries if (entry := parse_entry(text)) is not None)

    def allows(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """Whether `host` may be reached on `port`, by an entry or by the base.

        Args:
            host: a name, an address, `unix:/path`, `unix:@abstract`, or a family as `AF_BLUETOOTH`.
            port: None: looked up, on whatever port. lookup: the name is only looked up.
        """
        return self.stays_here(plain_host(host), port, self.loopback) or self.lists(host, port, lookup=lookup)

    def lists(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """As `allows`, the base left out."""
        if not self._parsed:
            return False
        host = plain_host(host)
        return any(entry.covers(host, port) and (lookup or not entry.lookup) for entry in self._parsed)

    @staticmethod
    def stays_here(host: str, port: int | None, loopback: str) -> bool:
        """`host` (normal spelling) is this machine, open as a whole, and no resolver answers on `port`."""
        return loopback == "open" and is_loopback(host) and port not in RESOLVER_PORTS

    @property
    def has_names(self) -> bool:
        """Some name may be looked up."""
        return any(entry.name for entry in self._parsed)

    def names(self, port: int) -> list[str]:
        """The hosts that may be reached on `port`, as far as they are named one by one."""
        named = (entry for entry in self._parsed if entry.name and not entry.below and not entry.lookup)
        return [entry.name for entry in named if entry.ports[0] <= port <= entry.ports[1]]

    def __repr__(self) -> str:
        base = "" if self.loopback == "open" else f", loopback={self.loopback!r}"
        return f"Policy({list(self.entries)}{base})"
