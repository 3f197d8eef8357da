"""What this process listens on, and the unix sockets that came with the run: they are always open.

Rule 1: a Python socket is remembered when it is bound; one that C bound is looked for among this process's descriptors
(where the system lists them), and only when everything else has said no.
Rule 2: a unix socket is this run's when this process bound it, or when its file is this user's and was made since the
run began: a child's server (multiprocessing's manager), never a daemon of the machine.
"""

from __future__ import annotations

import os
import socket
import stat
import time
import weakref

from netdouble._gate.entries import is_loopback, plain_host

# When this run began, by the file system's clock; a child is told its parent's.
since = time.time() - time.process_time() - 1.0

# In a child: where the processes that handed the guard down to it listen.
handed_down: frozenset[tuple[str, int]] = frozenset()

_bound: dict[int, weakref.ref[socket.socket]] = {}
_UNIX = getattr(socket, "AF_UNIX", None)
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound
_DESCRIPTORS = "/proc/self/fd" if os.path.exists("/proc/self/fd") else "/dev/fd"
_NAMED = frozenset({"localhost", "", "0.0.0.0", "::"})  # noqa: S104


def remember(sock: socket.socket) -> None:
    """`sock` is about to be bound."""
    key = id(sock)
    _bound[key] = weakref.ref(sock, lambda _: _bound.pop(key, None))


def is_own(host: str, port: int | None) -> bool:
    """This process listens at `host` (normal spelling, on this machine) on `port`."""
    if port is None or not is_loopback(host):
        return False
    if any(port == bound and _reaches(at, host) for at, bound in addresses()):
        return True
    return any(port == bound and _reaches(at, host) for at, bound in _of_c())


def addresses(*, of_c: bool = False) -> list[tuple[str, int]]:
    """Where this process and those above it listen; `of_c`: what C has bound too."""
    found = [address for name in _names() if (address := _address(name)) is not None]
    return [*found, *handed_down, *(_of_c() if of_c else ())]


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


# Sockets that C has bound: among this process's descriptors


def _of_c() -> list[tuple[str, int]]:
    try:
        descriptors = [int(name) for name in os.listdir(_DESCRIPTORS)]
    except OSError:
        return []
    return [found for descriptor in descriptors if (found := _address_of(descriptor)) is not None]


def _address_of(descriptor: int) -> tuple[str, int] | None:
    """Where that descriptor waits: a TCP socket that listens, or a bound UDP one."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        sock = socket.socket(fileno=descriptor)
    except OSError:  # closed meanwhile
        return None
    try:
        if sock.type == socket.SOCK_STREAM and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return None
        name = sock.getsockname()
    except OSError:
        return None
    finally:
        sock.detach()  # it is not ours to close
    return _address(name)


def _address(name: object) -> tuple[str, int] | None:
    """Host and port of an internet socket's name; other families have numbers or bytes there."""
    if isinstance(name, tuple) and len(name) in {2, 4} and isinstance(name[0], str) and isinstance(name[1], int):
        return plain_host(name[0]), name[1]
    return None
