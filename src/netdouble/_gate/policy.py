"""The policy: which hosts and ports may be reached for real. Entries in, decisions out.

Rule 1: no entry is ever resolved; a name is compared as it was asked for, an address as it is.
Rule 2: an entry that can't be read is an error where it was written, never a lifted guard.
Rule 3: loopback and unix sockets are always allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from netdouble._core.urls import normal_host
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

GRAMMAR = (
    "an entry is a host (db.test), *.host (one or more labels below it), an IP address, a CIDR block, or loopback, "
    "each with :port or :low-high after it if need be (IPv6 in brackets then: [2001:db8::1]:443); or unix, unix:/path/*"
)

ANY_PORT = (1, 65535)
_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_\-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_\-]*[a-z0-9_])?")
_BRACKETS = re.compile(r"\[([^\]]*)\](?::(.*))?")
_LOOPBACK_NAMES = frozenset({"localhost", ""})
# A socket that connects to "any address" reaches this machine (Linux, macOS).
_UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is compared.

    Attributes:
        name: the host, or `""` when `block` says it. below: every name below `name`, not `name` itself.
        block: the addresses, if the entry is one or several. ports: the lowest and the highest.
    """

    name: str = ""
    below: bool = False
    block: IPv4Network | IPv6Network | None = None
    ports: tuple[int, int] = ANY_PORT

    def covers(self, host: str, port: int | None) -> bool:
        """`host` (normal spelling) on `port` (None: on any) is covered."""
        if port is not None and not self.ports[0] <= port <= self.ports[1]:
            return False
        if self.block is None:
            return host.endswith(f".{self.name}") if self.below else host == self.name
        address = _address(host)
        return address is not None and address.version == self.block.version and address in self.block


class Policy:
    """What may be reached for real.

    Args:
        entries: host, `*.host`, IP address, CIDR block, `loopback`, each with `:port` or `:low-high`; `unix`,
            `unix:/path/*`.

    Raises:
        DeclarationError: an entry can't be read.

    Example:
        >>> Policy(["db.test:5432", "*.internal.test"]).allows("db.test", 5432)
        True
    """

    __slots__ = ("_parsed", "entries")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = tuple(entries)
        self._parsed = tuple(entry for text in self.entries if (entry := parse_entry(text)) is not None)

    def allows(self, host: str, port: int | None) -> bool:
        """Whether `host`, a name or an address, may be reached on `port` (None: looked up, on whatever port)."""
        host = plain_host(host)
        return is_loopback(host) or any(entry.covers(host, port) for entry in self._parsed)

    def __repr__(self) -> str:
        return f"Policy({list(self.entries)})"


@lru_cache(maxsize=1024)
def parse_entry(text: str) -> Entry | None:
    """The entry that `text` stands for; None for one that adds nothing to what is always allowed.

    Raises:
        DeclarationError: it can't be read.
    """
    entry = text.strip()
    if entry == "unix" or entry.startswith("unix:"):
        if entry == "unix:":
            raise _unreadable(text, "the path is missing")
        return None
    if "://" in entry:
        raise _unreadable(text, _without_url(entry))
    host, port = _split(entry)
    ports = _ports(text, port)
    if host == "loopback":
        return None
    if "/" in host or host.strip("0123456789.") == "" or ":" in host:
        return Entry(block=_block(text, host), ports=ports)
    try:
        name = normal_host(host)
    except ValueError as error:
        raise _unreadable(text, str(error)) from None
    if not _NAME.fullmatch(name):
        hint = "to let everything through write guard='off'" if name == "*" else f"{host!r} is no host name"
        raise _unreadable(text, hint)
    below = name.startswith("*.")
    return Entry(name=name[2:] if below else name, below=below, ports=ports)


def plain_host(host: str) -> str:
    """`host` in its normal spelling: lower case, no brackets, zone or trailing dot; an IPv4-mapped address as IPv4."""
    try:
        host = normal_host(host).partition("%")[0]
    except ValueError:  # no name that could ever be looked up; no entry covers it
        return host
    return str(_address(host) or host) if host.startswith("::ffff:") else host


def is_loopback(host: str) -> bool:
    """`host` (normal spelling) is this machine: 127.0.0.0/8, ::1, localhost, or the unspecified address."""
    if host.startswith("127."):
        return _address(host) is not None
    return host == "::1" or host in _LOOPBACK_NAMES or host in _UNSPECIFIED


def is_address(host: str) -> bool:
    """`host` (normal spelling) is an address, so that no lookup asks anybody for it."""
    return _address(host) is not None


@lru_cache(maxsize=1024)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    if ":" not in host and host.strip("0123456789.") != "":
        return None
    from ipaddress import IPv6Address, ip_address  # 5 ms that only addresses pay

    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _split(entry: str) -> tuple[str, str | None]:
    """Host and port text (None: not given). An IPv6 address without brackets has no port."""
    bracketed = _BRACKETS.fullmatch(entry)
    if bracketed is not None:
        return bracketed[1], bracketed[2]
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, None


def _ports(text: str, port: str | None) -> tuple[int, int]:
    if port is None:
        return ANY_PORT
    low, dash, high = port.partition("-")
    if not (low.isdecimal() and (high.isdecimal() or not dash)):
        raise _unreadable(text, f"the port {port!r} is neither a number nor low-high")
    first, last = int(low), int(high or low)
    if not 1 <= first <= last <= 65535:
        raise _unreadable(text, f"the port {port!r} is not between 1 and 65535, low before high")
    return first, last


def _block(text: str, host: str) -> IPv4Network | IPv6Network:
    from ipaddress import ip_network

    try:
        return ip_network(_address(host) or host)
    except ValueError as error:
        raise _unreadable(text, f"{error}{_without_host_bits(host)}") from None


def _without_host_bits(host: str) -> str:
    from ipaddress import ip_network

    try:
        return f"; did you mean {ip_network(host, strict=False)}?"
    except ValueError:
        return ""


def _without_url(entry: str) -> str:
    from netdouble._core.urls import parse_url

    try:
        url = parse_url(entry)
    except ValueError:
        return "it is a URL"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"it is a URL; write {host}:{url.port}" if url.port else f"it is a URL; write {host}"


def _unreadable(text: str, why: str) -> DeclarationError:
    return DeclarationError(f"allow: {text!r} can't be read: {why}. {GRAMMAR[0].upper()}{GRAMMAR[1:]}")
