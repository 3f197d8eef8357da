"""What /proc tells of the processes of a run: whose they are, what they are called, what lies in their memory.

Rule: a process may end at any moment; what it can't be asked any more is empty or None, never an error. Memory is the
exception: what can't be read can't be judged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator

_LONGEST_COMMAND = 200
_TICKS = os.sysconf("SC_CLK_TCK")


def memory(thread: int, address: int, length: int) -> bytes:
    """So many bytes of a thread's memory.

    Raises:
        OSError: they can't be read.
    """
    # Opened anew each time: a kept descriptor is that of the program before the last exec.
    descriptor = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = os.pread(descriptor, length, address)
    finally:
        os.close(descriptor)
    if len(found) != length:
        raise OSError(f"{length} bytes at {address:#x} of {thread} can't be read")
    return found


def process_of(thread: int) -> int:
    """The process of a thread; the same number when it has gone."""
    return _numbers(thread)[0] or thread


def ancestors(process: int) -> Iterator[int]:
    """A process, its parent, and so on."""
    while process > 0:
        yield process
        process = _numbers(process)[1]


def nearest(process: int, wanted: Container[int]) -> int | None:
    """The process itself or its nearest ancestor that is one of the wanted."""
    return next((each for each in ancestors(process) if each in wanted), None)


def command(process: int) -> str:
    """Its command line, shortened."""
    words = _read(process, "cmdline").rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    return words if len(words) <= _LONGEST_COMMAND else words[:_LONGEST_COMMAND] + "..."


def name(thread: int) -> str:
    """The name of a thread."""
    return _read(thread, "comm").decode("utf-8", "replace").strip()


def variable(process: int, wanted: str) -> str:
    """A variable of the environment that the process was started with; `""` when it has none."""
    start = wanted.encode() + b"="
    found = (line for line in _read(process, "environ").split(b"\0") if line.startswith(start))
    return next(found, b"").removeprefix(start).decode("utf-8", "replace")


def began(process: int, thread: int) -> float:
    """When a thread was started at the latest, in seconds of CLOCK_BOOTTIME; infinity when it has gone."""
    fields = _read(process, f"task/{thread}/stat").rpartition(b") ")[2].split()
    return (int(fields[19]) + 1) / _TICKS if len(fields) > 19 else float("inf")  # man 5 proc: starttime is field 22


def catches(thread: int, number: int) -> bool:
    """The thread has a handler for that signal: without one it would die of it."""
    found = re.search(rb"^SigCgt:\s*([0-9a-f]+)", _read(thread, "status"), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)


def _numbers(thread: int) -> tuple[int, int]:
    """The process of a thread, and that one's parent."""
    found = re.search(rb"^Tgid:\s*(\d+)$.*?^PPid:\s*(\d+)$", _read(thread, "status"), re.MULTILINE | re.DOTALL)
    return (int(found[1]), int(found[2])) if found is not None else (0, 0)


def _read(process: int, what: str) -> bytes:
    try:
        with open(f"/proc/{process}/{what}", "rb") as file:
            return file.read()
    except OSError:
        return b""
