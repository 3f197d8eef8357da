"""The filter that the kernel runs before each system call: a short program, assembled here.

Rule: what a run does all the time (send without an address, recv, read, write, poll) passes without leaving the kernel.

The data it reads is `struct seccomp_data` (include/uapi/linux/seccomp.h): number at 0, architecture at 4, six
arguments of 8 bytes from 16 on. Both processors are little-endian, so an argument's low half comes first.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

from netdouble._gate.sealed.machines import IO_URING_SETUP, Machine

ALLOW, NOTIFY, FAIL = 0x7FFF0000, 0x7FC00000, 0x00050000
NO_CALL, REFUSED = FAIL | errno.ENOSYS, FAIL | errno.EPERM

# linux/bpf_common.h: load a word at an absolute offset; jump if equal, if at least; return.
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06

_X32_BIT = 0x40000000
# Families whose sockets send without any of the watched calls: bound to a device, they write frames.
_RAW_FAMILIES = (17, 44)  # AF_PACKET, AF_XDP

# (code, value, label if true, label if false); a plain word is a label.
_Step = tuple[int, int, str, str] | str


def filter_of(machine: Machine) -> bytes:
    """The program: an array of `struct sock_filter`."""
    return _assembled([*_own(machine), *_foreign(machine), *_ends()])


def nothing() -> bytes:
    """A program that lets everything pass."""
    return _assembled(["allow", (_RETURN, ALLOW, "", "")])


def _own(machine: Machine) -> Iterator[_Step]:
    yield _LOAD, 4, "", ""
    yield _EQUAL, machine.audit, "", "foreign"
    yield _LOAD, 0, "", ""
    if machine.x32:
        yield _AT_LEAST, _X32_BIT, "no call", ""
    for number in (machine.connect, machine.sendmsg, machine.sendmmsg):
        yield _EQUAL, number, "notify", ""
    yield _EQUAL, IO_URING_SETUP, "no call", ""
    yield _EQUAL, machine.socket, "socket", ""
    yield _EQUAL, machine.sendto, "", "allow"
    yield _LOAD, _argument(4), "", ""  # sendto with no address is send()
    yield _EQUAL, 0, "", "notify"
    yield _LOAD, _argument(4) + 4, "", ""
    yield _EQUAL, 0, "allow", "notify"
    yield "socket"
    yield _LOAD, _argument(0), "", ""
    for family in _RAW_FAMILIES:
        yield _EQUAL, family, "notify", ""
    yield _EQUAL, 0, "allow", "allow"


def _foreign(machine: Machine) -> Iterator[_Step]:
    yield "foreign"  # no sockets at all for those: their arguments lie elsewhere
    yield _EQUAL, machine.foreign_audit, "", "refused"
    yield _LOAD, 0, "", ""
    for number in machine.foreign:
        yield _EQUAL, number, "refused", ""
    yield _EQUAL, IO_URING_SETUP, "no call", "allow"


def _ends() -> Iterator[_Step]:
    for label, value in (("allow", ALLOW), ("notify", NOTIFY), ("no call", NO_CALL), ("refused", REFUSED)):
        yield label
        yield _RETURN, value, "", ""


def _argument(number: int) -> int:
    return 16 + 8 * number


def _assembled(steps: list[_Step]) -> bytes:
    """Labels become distances to jump, counted from the next instruction; no label is the next one."""
    places: dict[str, int] = {}
    instructions: list[tuple[int, int, str, str]] = []
    for step in steps:
        if isinstance(step, str):
            places[step] = len(instructions)
        else:
            instructions.append(step)
    packed = []
    for here, (code, value, yes, no) in enumerate(instructions):
        jumps = [places[label] - here - 1 if label else 0 for label in (yes, no)]
        packed.append(struct.pack("=HBBI", code, *jumps, value))
    return b"".join(packed)
