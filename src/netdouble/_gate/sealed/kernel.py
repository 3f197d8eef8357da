"""The system calls of the guard itself, through ctypes: seccomp, prctl, tgkill, and the notification's ioctls.

Rule: an error of the kernel is an OSError that names the call.

Sources: man 2 seccomp, man 2 seccomp_unotify, include/uapi/linux/seccomp.h; Linux 5.5 to 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from dataclasses import dataclass

from netdouble._gate.sealed.machines import MACHINES, Machine
from netdouble._gate.sealed.program import filter_of, nothing

_SET_FILTER = 1
_TSYNC, _NEW_LISTENER, _KILLABLE = 1, 8, 32
_PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 38, 36

# The number for "is it still valid" has a wrong direction bit; kernels from 5.9 on know the right one too, and keep
# this one (SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR).
_RECEIVE, _SEND, _VALID = 0xC0502100, 0xC0182101, 0x80082102
_CONTINUE = 1

OLDEST = (5, 5)  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
LINGERS = (5, 9)  # the listener says when its last process has gone


@dataclass(frozen=True, slots=True)
class Notification:
    """One system call that waits for its answer. `thread`: the id of the calling thread."""

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


def version() -> tuple[int, int]:
    """The kernel's, as (6, 12)."""
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)


def machine() -> Machine:
    """This processor's numbers.

    Raises:
        KeyError: they are not in the table.
    """
    return MACHINES[platform.machine()]


_libc: ctypes.CDLL | None = None


def _call(name: str, *arguments: int | ctypes.c_void_p) -> int:
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = getattr(_libc, name)(*words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


# Filters


def listen(*, killable: bool) -> int:
    """Put the filter on the calling thread alone; its calls wait for whoever holds the returned descriptor.

    Args:
        killable: a call that is being judged is not broken off by a signal, unless by a deadly one (Linux 5.19).
    """
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return _set_filter(filter_of(machine()), _NEW_LISTENER | (_KILLABLE if killable else 0))


def share() -> None:
    """Every thread of this process gets the filters of the calling one.

    Raises:
        OSError: some thread has a filter of its own.
    """
    other = _set_filter(nothing(), _TSYNC)
    if other > 0:
        raise OSError(errno.EBUSY, f"seccomp: thread {other} has a filter of its own")


def _set_filter(program: bytes, flags: int) -> int:
    code = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    return _call("syscall", machine().seccomp, _SET_FILTER, flags, ctypes.c_void_p(ctypes.addressof(head)))


def adopt_orphans() -> None:
    """Descendants whose parent ends become children of this process, not of init: it stays their ancestor."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# Notifications


def receive(listener: int) -> Notification | None:
    """The next one; None when its caller has gone meanwhile."""
    buffer = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EINTR}:
            return None
        raise
    identifier, thread, _flags, number, _arch, _pointer, *arguments = struct.unpack("=QIIiIQ6Q", buffer)
    return Notification(identifier, thread, number, tuple(arguments))


def answer(listener: int, notification: Notification, error: int) -> None:
    """Let the call go on, or fail with the number of an error (not 0). A caller that has gone needs no answer."""
    response = struct.pack("=QqiI", notification.id, 0, -error, 0 if error else _CONTINUE)
    try:
        fcntl.ioctl(listener, _SEND, response)
    except OSError as failure:
        if failure.errno not in {errno.ENOENT, errno.EINPROGRESS}:
            raise


def is_waiting(listener: int, notification: Notification) -> bool:
    """The caller still waits: what was read under its number was its own."""
    try:
        fcntl.ioctl(listener, _VALID, struct.pack("=Q", notification.id))
    except OSError:
        return False
    return True


def signal_thread(process: int, thread: int, number: int) -> None:
    """Send a signal to one thread; nothing when it has gone."""
    try:
        _call("syscall", machine().tgkill, process, thread, number)
    except OSError as error:
        if error.errno != errno.ESRCH:
            raise
