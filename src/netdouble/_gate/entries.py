"""The grammar of the allow list: one entry as text in, what it covers out.

Rule 1: no entry is ever resolved; a name is compared as it was asked for, an address as it is.
Rule 2: an entry that can't be read is an error where it was written, never a lifted guard.
Rule 3: the name of a family, `loopback`, `own` and `unix` win over a host of that name; `unix:80` is such a host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from netdouble._core.urls import normal_host
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

GRAMMAR = (
    "an entry is a host (db.test), *.host (one or more labels below it), an IP address, a CIDR block, or loopback, "
    "each with :port or :low-high after it if need be (IPv6 in brackets then: [2001:db8::1]:443); dns:host (a lookup "
    "alone), unix, unix:/path/*, own, or a family of sockets such as bluetooth or vsock"
)

ANY_PORT = (1, 65535)

# Socket families beyond IP and unix that reach something else, as `socket` names them (less `AF_`): an entry for one
# may stand in a file that is shared with a platform which has no such family.
FAMILIES = frozenset({
    "appletalk", "ax25", "bluetooth", "can", "hyperv", "ieee802154", "ipx", "irda", "kcm", "llc", "netbeui", "netrom",
    "packet", "pppox", "rds", "rose", "rxrpc", "smc", "tipc", "vsock", "wanpipe", "x25", "xdp",
})  # fmt: skip

# Behind these stands something that reaches the network in the caller's place: resolvers, message buses, container
# engines. `unix` alone does not cover them.
DAEMONS = (
    "*/nscd/socket", "/run/systemd/*", "/var/run/systemd/*", "/run/dbus/*", "/var/run/dbus/*", "/run/user/*/bus",
    "*/dbus-*", "@dbus-*", "*/avahi-daemon/socket", "*/docker.sock", "*/podman.sock",
    "*/containerd.sock", "*/crio.sock", "*/libvirt-sock*", "/var/lib/sss/pipes/*", "*/mDNSResponder",
)  # fmt: skip

_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_\-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_\-]*[a-z0-9_])?")
_BRACKETS = re.compile(r"\[([^\]]*)\](?::(.*))?")
_LOOPBACK_NAMES = frozenset({"localhost", ""})
# A socket that connects to "any address" reaches this machine (Linux, macOS).
_UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound

# DNS, and DNS over TLS: a resolver on loopback asks the network.
RESOLVER_PORTS = frozenset({53, 853})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is compared. Of `name`, `block`, `unix`, `family` and `loopback` one is given.

    Attributes:
        name: the host. below: every name below `name`, not `name` itself. block: an address, or several.
        ports: the lowest and the highest. lookup: it covers lookups alone. unix: a pattern for paths, `*` for all but
            the daemons'; an abstract name begins with `@`. family: as `bluetooth`. loopback: this machine.
    """

    name: str = ""
    below: bool = False
    block: IPv4Network | IPv6Network | None = None
    ports: tuple[int, int] = ANY_PORT
    lookup: bool = False
    unix: str = ""
    family: str = ""
    loopback: bool = False

    def covers(self, host: str, port: int | None) -> bool:
        """`host` (normal spelling) on `port` (None: on any) is covered.

        A unix socket is `unix:/path` as a host, a socket of another family `AF_BLUETOOTH`.
        """
        if self.unix:
            return host.startswith("unix:") and _covers_path(self.unix, host[5:])
        if self.family:
            return host == f"AF_{self.family.upper()}"
        if port is not None and not self.ports[0] <= port <= self.ports[1]:
            return False
        if self.loopback:
            return is_loopback(host) and (port not in RESOLVER_PORTS or self.ports != ANY_PORT)
        if self.block is None:
            return (self.name == "*" or host.endswith(f".{self.name}")) if self.below else host == self.name
        address = to_address(host)
        return address is not None and address.version == self.block.version and address in self.block


def parse_entry(text: object) -> Entry | None:
    """The entry that `text` stands for; None for `own`, which adds nothing to what is always allowed.

    Raises:
        DeclarationError: it can't be read.
    """
    if not isinstance(text, str):
        raise _unreadable(text, f"it is a {type(text).__name__}")
    return _parsed(text)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Entry | None:
    entry = text.strip()
    if entry == "own":
        return None
    if entry == "unix" or (entry.startswith("unix:") and not entry[5:6].isdecimal()):
        return _unix(text, entry[5:] if ":" in entry else "*")
    if entry.lower() in FAMILIES:
        return Entry(family=entry.lower())
    if entry.startswith("dns:"):
        return _dns(text, entry[4:])
    if "://" in entry:
        raise _unreadable(text, _without_url(entry))
    host, port = _split(entry)
    ports = _ports(text, port)
    if host.lower() in {"loopback", "localhost"}:
        return Entry(loopback=True, ports=ports)
    if "/" in host or host.strip("0123456789.") == "" or ":" in host:
        return Entry(block=_block(text, host), ports=ports)
    return _named(text, host, ports)


def plain_host(host: str) -> str:
    """`host` in its normal spelling: lower case, no brackets, zone or trailing dot; an IPv4-mapped address as IPv4."""
    if host.startswith(("unix:", "AF_")):
        return host
    try:
        host = normal_host(host).partition("%")[0]
    except ValueError:  # no name that could ever be looked up; no entry covers it
        return host
    return str(to_address(host) or host) if host.startswith("::ffff:") else host


def is_loopback(host: str) -> bool:
    """`host` (normal spelling) is this machine: 127.0.0.0/8, ::1, localhost, or the unspecified address."""
    if host.startswith("127."):
        return to_address(host) is not None
    return host == "::1" or host in _LOOPBACK_NAMES or host in _UNSPECIFIED


def is_address(host: str) -> bool:
    """`host` (normal spelling) is an address, so that no lookup asks anybody for it."""
    return to_address(host) is not None


def is_daemon(path: str) -> bool:
    """Behind the unix socket at `path` (an abstract one begins with `@`) stands a resolver or the like."""
    from fnmatch import fnmatchcase

    return any(fnmatchcase(path, pattern) for pattern in DAEMONS)


@lru_cache(maxsize=1024)
def to_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` (normal spelling) spells; None for a name."""
    if ":" not in host and host.strip("0123456789.") != "":
        return None
    from ipaddress import IPv6Address, ip_address  # 5 ms that only addresses pay

    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


# The kinds


def _named(text: str, host: str, ports: tuple[int, int] = ANY_PORT) -> Entry:
    try:
        name = normal_host(host)
    except ValueError as error:
        raise _unreadable(text, str(error)) from None
    if not _NAME.fullmatch(name):
        hint = "to let everything through write guard='off'" if name == "*" else f"{host!r} is no host name"
        raise _unreadable(text, hint)
    below = name.startswith("*.")
    return Entry(name=name[2:] if below else name, below=below, ports=ports)


def _dns(text: str, name: str) -> Entry:
    if name == "*":
        return Entry(name="*", below=True, lookup=True)
    if ":" in name and not is_address(name):
        raise _unreadable(text, "a lookup has no port")
    if is_address(name):
        return Entry(block=_block(text, name), lookup=True)
    found = _named(text, name)
    return Entry(name=found.name, below=found.below, lookup=True)


def _unix(text: str, path: str) -> Entry:
    if not path:
        raise _unreadable(text, "the path is missing")
    if path[0] not in "/@*":
        raise _unreadable(text, f"the path {path!r} does not begin with / (or *, or @ for an abstract name)")
    return Entry(unix=path)


def _covers_path(pattern: str, path: str) -> bool:
    if pattern == "*":
        return not is_daemon(path)
    from fnmatch import fnmatchcase

    return fnmatchcase(path, pattern)


# Their parts


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
        return ip_network(to_address(host) or host)
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


def _unreadable(text: object, why: str) -> DeclarationError:
    end = "" if why.endswith("?") else "."
    return DeclarationError(f"allow: {text!r} can't be read: {why}{end} {GRAMMAR[0].upper()}{GRAMMAR[1:]}")
