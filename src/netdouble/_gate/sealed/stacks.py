"""The Python lines behind a call of native code: faulthandler writes them down when the supervisor's signal comes.

Rule: no thread and no Python code runs for it; the handler writes straight into a file, whoever holds the GIL.
"""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import threading
from dataclasses import dataclass
from functools import lru_cache

_THREAD = re.compile(r"^(Current thread|Thread) 0x([0-9a-f]+)", re.MULTILINE)
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)

# Real-time signals from the top: the lowest are taken by the C library, and programs begin there.
_CANDIDATES = range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1)

Frame = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Stack:
    """What all threads did at one moment: the calling thread's identity (0: no Python thread) and frames by thread.

    The innermost frame comes first, the main thread last.
    """

    current: int
    threads: dict[int, list[Frame]]

    def frames(self) -> list[Frame]:
        """Of the thread that called; of the main thread when that was none of Python's."""
        if self.current:
            return self.threads[self.current]
        return list(self.threads.values())[-1] if self.threads else []


class Stacks:
    """The file that the handler writes into.

    Attributes:
        signal: the signal that it waits for; 0 when none was free.
    """

    def __init__(self) -> None:
        free = (number for number in _CANDIDATES if signal.getsignal(number) == signal.SIG_DFL)
        self.signal = next(free, 0)
        self._file = os.memfd_create("netdouble-stacks", os.MFD_CLOEXEC)
        os.set_inheritable(self._file, False)
        self._read = 0
        if self.signal:
            faulthandler.register(self.signal, self._file, all_threads=True)

    def take(self) -> list[Stack]:
        """What was written since the last time, in order."""
        size = os.fstat(self._file).st_size
        text = os.pread(self._file, size - self._read, self._read).decode("utf-8", "replace")
        self._read = size
        return _stacks(text)


@lru_cache(maxsize=1)
def of_this_process() -> Stacks:
    """The one of this process: it stays, for a signal may be on its way, and a run inside of a test needs no other."""
    return Stacks()


def thread_of(thread: int) -> int:
    """The identity by which Python knows the thread with that id of the kernel; 0 for none of Python's."""
    return next((each.ident or 0 for each in threading.enumerate() if each.native_id == thread), 0)


def _stacks(text: str) -> list[Stack]:
    """A dump ends with the main thread, which is the oldest; one that is not Python's may come more than once."""
    heads = list(_THREAD.finditer(text))
    found: list[Stack] = []
    current, threads = 0, dict[int, list[Frame]]()
    for head, following in zip(heads, [*heads[1:], None], strict=False):
        block = text[head.end() : following.start() if following else len(text)]
        ident = int(head[2], 16)
        if ident in threads:  # it can't be in one dump twice: a new one has begun
            found.append(Stack(current, threads))
            current, threads = 0, {}
        if head[1] == "Current thread":
            current = ident
        threads[ident] = [(file, int(line), name.strip()) for file, line, name in _FRAME.findall(block)]
    return [*found, Stack(current, threads)] if threads else found
