"""A network of the process's own, with nothing in it but a loopback: only on explicit request.

Rule: it takes away the host's loopback too, knows no allow list and records nothing: it is no fallback for sealing.

Sources: man 7 network_namespaces, man 7 user_namespaces, man 7 netdevice.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from contextlib import suppress

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


def enter() -> None:
    """Go on in a network namespace of one's own; also in a user namespace, where that takes a right that is missing.

    Raises:
        OSError: it is forbidden here (Docker's profile, Ubuntu 24.04's AppArmor rule, a limit of 0 namespaces).
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NET) != 0:
        if libc.unshare(_NEW_USER | _NEW_NET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"unshare: {os.strerror(code)}")
        # In it one is who one was.
        _write("setgroups", "deny")
        _write("uid_map", f"{user} {user} 1")
        _write("gid_map", f"{group} {group} 1")
    _raise_loopback()


def _write(name: str, text: str) -> None:
    with suppress(FileNotFoundError):  # setgroups came with Linux 3.19
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("16sH", fcntl.ioctl(sock, _GET_FLAGS, request))[1]
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))
