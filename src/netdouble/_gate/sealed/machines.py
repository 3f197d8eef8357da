"""What differs between processors: the numbers of system calls, and how the kernel names the architecture.

Sources: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, include/uapi/asm-generic/unistd.h (aarch64),
arch/arm/tools/syscall.tbl, include/uapi/linux/audit.h; Linux 6.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The same number on every architecture that came after 2019.
IO_URING_SETUP = 425


@dataclass(frozen=True, slots=True)
class Machine:
    """One processor.

    Attributes:
        audit: AUDIT_ARCH of its own programs. seccomp, tgkill: numbers of calls that the guard makes itself.
        socket, connect, sendto, sendmsg, sendmmsg: numbers of the calls that it watches.
        foreign_audit: AUDIT_ARCH of the 32-bit programs that its kernel may run.
        foreign: the numbers by which those open a way out.
        x32: programs may set a bit in the number, to speak a third dialect (x86-64 only).
    """

    audit: int
    seccomp: int
    tgkill: int
    socket: int
    connect: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    foreign_audit: int
    foreign: tuple[int, ...]
    x32: bool = False

    def name_of(self, number: int) -> str:
        """The watched call of that number."""
        names = {self.socket: "socket", self.connect: "connect", self.sendto: "sendto", self.sendmsg: "sendmsg"}
        return names.get(number, "sendmmsg")


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(
        audit=0xC000003E,
        seccomp=317,
        tgkill=234,
        socket=41,
        connect=42,
        sendto=44,
        sendmsg=46,
        sendmmsg=307,
        foreign_audit=0x40000003,  # i386
        foreign=(102, 362, 369, 370, 345),  # socketcall, connect, sendto, sendmsg, sendmmsg
        x32=True,
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        seccomp=277,
        tgkill=131,
        socket=198,
        connect=203,
        sendto=206,
        sendmsg=211,
        sendmmsg=269,
        foreign_audit=0x40000028,  # arm
        foreign=(102, 283, 290, 296, 374),
    ),
}
