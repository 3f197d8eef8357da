"""Who listens at an address of this machine: a process of the run, or one of somebody else's.

Rule: only asked when nothing else allows the address; it reads much of /proc.

Sources: man 5 proc (net/tcp, net/udp, net/unix); the addresses there are in the processor's byte order, by 4 bytes.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from netdouble._gate.sealed.addresses import Target
from netdouble._gate.sealed.processes import ancestors

_LISTENING, _BOUND = "0A", "07"  # include/net/tcp_states.h; 07 is what a UDP socket is in that is not connected
_ANYWHERE = {"00000000", "0" * 32}


def is_own(target: Target, thread: int, supervisor: int) -> bool:
    """A process below `supervisor` listens there, in the network that `thread` sees."""
    inodes = set(_unix_inodes(target.path, thread) if target.path else _inet_inodes(target, thread))
    return bool(inodes) and any(supervisor in ancestors(holder) for holder in _holders(inodes))


def is_nobody(target: Target, thread: int) -> bool:
    """No unix socket of that path exists: the kernel will say so itself."""
    path = target.path
    if path.startswith("@"):
        return not any(_unix_inodes(path, thread))
    place = "root" if path.startswith("/") else "cwd"
    return not os.path.lexists(f"/proc/{thread}/{place}/{path}")


def _unix_inodes(path: str, thread: int) -> Iterator[str]:
    """Of every socket bound to `path`. A relative path is known to the kernel as it was bound."""
    for line in _lines(thread, "unix"):
        fields = line.split(None, 7)
        if len(fields) == 8 and fields[7].rstrip("\n") == path:
            yield fields[6]


def _inet_inodes(target: Target, thread: int) -> Iterator[str]:
    wanted = {*_spellings(target.host), *_ANYWHERE}
    port = f"{target.port:04X}"
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(thread, table):
            fields = line.split(None, 10)
            address, _, bound = fields[1].rpartition(":")
            if bound == port and address in wanted and fields[3] in {_LISTENING, _BOUND}:
                yield fields[9]


def _spellings(host: str) -> Iterator[str]:
    if ":" in host:
        yield _words(socket.inet_pton(socket.AF_INET6, host))
    else:
        raw = socket.inet_pton(socket.AF_INET, host)
        yield _words(raw)
        yield _words(bytes(10) + b"\xff\xff" + raw)


def _words(raw: bytes) -> str:
    return "".join(raw[start : start + 4][::-1].hex() for start in range(0, len(raw), 4)).upper()


def _lines(thread: int, table: str) -> list[str]:
    try:
        with open(f"/proc/{thread}/net/{table}", encoding="utf-8", errors="backslashreplace") as file:
            return file.readlines()[1:]
    except OSError:
        return []


def _holders(inodes: set[str]) -> Iterator[int]:
    """The processes that have one of those sockets open."""
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in filter(str.isdecimal, os.listdir("/proc")):
        if any(link in links for link in _open_files(process)):
            yield int(process)


def _open_files(process: str) -> Iterator[str]:
    folder = f"/proc/{process}/fd"
    try:
        numbers = os.listdir(folder)
    except OSError:
        return
    for number in numbers:
        with suppress(OSError):  # closed meanwhile
            yield os.readlink(f"{folder}/{number}")
