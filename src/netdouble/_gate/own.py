"""What this process listens on, and the unix sockets that came with the run: they are always open.

Rule 1: a Python socket is remembered when it is bound; one that C bound is looked for in the kernel's tables (Linux),
and only when everything else has said no.
Rule 2: a unix socket is this run's when this process bound it, or when its file is this user's and was made since the
run began: a child's server (multiprocessing's manager), never a daemon of the machine.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import time
import weakref

from netdouble._gate.entries import is_loopback, plain_host

# When this run began, by the file system's clock; a child is told its parent's.
since = time.time() - time.process_time() - 1.0

_bound: dict[int, weakref.ref[socket.socket]] = {}
_UNIX = getattr(socket, "AF_UNIX", None)
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound
_NAMED = frozenset({"localhost", "", "0.0.0.0", "::"})  # noqa: S104


def remember(sock: socket.socket) -> None:
    """`sock` is about to be bound."""
    key = id(sock)
    _bound[key] = weakref.ref(sock, lambda _: _bound.pop(key, None))


def is_own(host: str, port: int | None) -> bool:
    """This process listens at `host` (normal spelling, on this machine) on `port`."""
    if port is None or not is_loopback(host):
        return False
    for name in _names():
        if isinstance(name, tuple) and name[1] == port and _reaches(plain_host(name[0]), host):
            return True
    return _is_bound_by_c(host, port)


def is_own_unix(path: str) -> bool:
    """The unix socket at `path` (an abstract one begins with `@`) came with this run."""
    if path.startswith("@"):
        name = b"\0" + path[1:].encode("utf-8", "surrogateescape")
        return any(found == name for found in _names())
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return True  # nobody is there: the caller is to learn that from the system
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.getuid() and status.st_ctime >= since


def _names() -> list[object]:
    names: list[object] = []
    for reference in list(_bound.values()):
        sock = reference()
        try:
            if sock is not None:
                names.append(sock.getsockname())
        except OSError:  # closed
            continue
    return names


def _reaches(bound: str, asked: str) -> bool:
    if bound == asked or bound in _EVERYWHERE:
        return True
    return asked in _NAMED and bound in {"::1", "127.0.0.1"}


# The kernel's tables: proc_net(5)


def _is_bound_by_c(host: str, port: int) -> bool:
    inodes = {inode for table in ("tcp", "tcp6", "udp", "udp6") for inode in _inodes(table, host, port)}
    if not inodes:
        return False
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                if os.readlink(f"/proc/self/fd/{descriptor}") in wanted:
                    return True
            except OSError:  # closed meanwhile
                continue
    except OSError:
        return False
    return False


def _inodes(table: str, host: str, port: int) -> list[str]:
    try:
        with open(f"/proc/self/net/{table}", encoding="ascii") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return []
    state, ending = ("0A" if table.startswith("tcp") else "07"), f":{port:04X}"
    rows = [line.split() for line in lines if ending in line]
    return [row[9] for row in rows if row[1].endswith(ending) and row[3] == state and _reaches(_read(row[1]), host)]


def _read(text: str) -> str:
    """An address of those tables: words in the machine's order, in hexadecimal."""
    words = text.partition(":")[0]
    raw = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    return plain_host(socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw))
