"""Where a system call would go: socket addresses, out of the caller's memory.

Rule: what the kernel would itself refuse (too short, no family) is no target; a family that is not known is one.

Sources: man 2 connect, sendto, sendmsg, sendmmsg; man 7 ip, ipv6, unix; include/linux/socket.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from netdouble._gate.sealed.kernel import Notification
from netdouble._gate.sealed.machines import Machine
from netdouble._gate.sealed.processes import memory

_UNSPEC, _UNIX, _INET, _INET6, _NETLINK = 0, 1, 2, 10, 16
# Families by which a process talks to its own kernel alone.
_LOCAL = frozenset({_UNSPEC, _NETLINK, 38})  # 38: AF_ALG
_NAMES = {
    3: "AF_AX25", 17: "AF_PACKET", 21: "AF_RDS", 29: "AF_CAN", 30: "AF_TIPC", 31: "AF_BLUETOOTH", 40: "AF_VSOCK",
    42: "AF_QIPCRTR", 43: "AF_SMC", 44: "AF_XDP",
}  # fmt: skip

_LONGEST = 128  # sizeof(struct sockaddr_storage)
_MOST_MESSAGES = 1024  # UIO_MAXIOV, the most that sendmmsg takes
_MESSAGE, _MESSAGE_OF_MANY = 56, 64  # sizeof(struct msghdr), sizeof(struct mmsghdr) with 64 bits


@dataclass(frozen=True, slots=True)
class Target:
    """One address.

    Attributes:
        host: as the policy spells it: an IP address (IPv4-mapped ones as IPv4), `unix:/path`, `unix:@abstract`, or
            the name of the family. port: None where there are none.
    """

    host: str
    port: int | None = None

    @property
    def path(self) -> str:
        """A unix socket's path (`@name` when it is abstract); `""` for anything else."""
        return self.host.removeprefix("unix:") if self.host.startswith("unix:") else ""

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def targets(machine: Machine, call: Notification) -> Iterator[Target]:
    """Where the call would go; nothing when it stays in the machine.

    Raises:
        OSError: the caller's memory can't be read.
    """
    if call.number == machine.socket:
        yield Target(_family_name(call.arguments[0] & 0xFFFFFFFF))
        return
    for address, length in _pointers(machine, call):
        if address and 2 <= length <= _LONGEST:
            target = _read(memory(call.thread, address, length))
            if target is not None:
                yield target


def _pointers(machine: Machine, call: Notification) -> Iterator[tuple[int, int]]:
    arguments = call.arguments
    if call.number == machine.connect:
        yield arguments[1], arguments[2] & 0xFFFFFFFF
    elif call.number == machine.sendto:
        yield arguments[4], arguments[5] & 0xFFFFFFFF
    elif call.number == machine.sendmsg:
        yield struct.unpack_from("=QI", memory(call.thread, arguments[1], _MESSAGE))
    else:
        count = min(arguments[2] & 0xFFFFFFFF, _MOST_MESSAGES)
        messages = memory(call.thread, arguments[1], _MESSAGE_OF_MANY * count) if count else b""
        for start in range(0, len(messages), _MESSAGE_OF_MANY):
            yield struct.unpack_from("=QI", messages, start)


def _read(raw: bytes) -> Target | None:
    (family,) = struct.unpack_from("=H", raw)
    if family == _INET:
        return _inet(IPv4Address(raw[4:8]), raw) if len(raw) >= 16 else None
    if family == _INET6:
        return _inet(_plain(IPv6Address(raw[8:24])), raw) if len(raw) >= 24 else None
    if family == _UNIX:
        return _unix(raw[2:])
    return None if family in _LOCAL else Target(_family_name(family))


def _inet(host: IPv4Address | IPv6Address, raw: bytes) -> Target:
    return Target(str(host), int.from_bytes(raw[2:4], "big"))


def _plain(address: IPv6Address) -> IPv4Address | IPv6Address:
    return address.ipv4_mapped or address


def _unix(path: bytes) -> Target | None:
    if path[:1] == b"\0":
        return Target("unix:@" + path[1:].decode("utf-8", "backslashreplace"))
    name = path.partition(b"\0")[0]
    return Target("unix:" + name.decode("utf-8", "backslashreplace")) if name else None


def _family_name(number: int) -> str:
    return _NAMES.get(number, f"family {number}")
