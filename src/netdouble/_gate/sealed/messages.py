"""What passes between a process of the run and its supervisor: what may be reached now, and what was refused.

Rule: values only, as JSON; the supervisor never waits for a process that it judges.

A process tells what holds by writing it into a page that both have in memory, so that a test costs no message.
"""

from __future__ import annotations

import json
import mmap
import struct
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

PAGE = 1 << 20
# The threads in a call which the guard in the process has let through; 0 where there is none.
SLOTS = 64
_JUDGED = struct.Struct(f"={SLOTS}I")
_WORD = struct.Struct("=I")
_HEAD = struct.Struct("@Q")  # counter and length; in the machine's own order it is written in one piece
_REFUSED_AT, _JUDGED_AT, _TEST_AT, _RULES_AT = 0, 64, 1024, 8192


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a process stands: the test or phase, whether it is a test, when it began (seconds of CLOCK_BOOTTIME)."""

    test: str = ""
    in_test: bool = False
    began: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds now in a process, and in those that it starts.

    Attributes:
        mode: `block`, `warn` (noted, let through) or `off`. allow: entries. loopback: `open` or `own`.
        closed: proxies on loopback, as `host:port`: open for `own` alone.
        children: what holds for the processes that it starts: the same (`guard`), or nothing (`allow`).
        names: for an address, the names by which it was looked up. reports: what is let through is noted too.
    """

    mode: str = "block"
    allow: tuple[str, ...] = ()
    loopback: str = "open"
    closed: tuple[str, ...] = ()
    children: str = "guard"
    names: dict[str, list[str]] = field(default_factory=dict)
    reports: bool = False

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Rules:
        """From their JSON."""
        lists: dict[str, Any] = {name: tuple(fields[name]) for name in ("allow", "closed")}
        return cls(**{**fields, **lists})


@dataclass(slots=True)
class Refusal:
    """A system call that nothing allowed; where it is asked for, also one that was let through.

    Attributes:
        call: `connect`, `sendto`, ... target: where to, as an entry of the allow list would say it.
        process, thread: ids; for the process of the tests itself `is_ours`. command: its command line.
        thread_name: the thread's. test: the test or phase that holds, or `""`; in_test: it is a test.
        spawned_in: the test that the process was started in, if that is told.
        older: the thread or process was there before the test began. refused: refused, not only noted.
        times: how often. why: why it could not be judged, if so. passed: why it was let through, if it was.
    """

    call: str
    target: str
    process: int
    thread: int
    is_ours: bool
    command: str
    thread_name: str
    test: str
    in_test: bool
    spawned_in: str
    older: bool
    refused: bool
    why: str = ""
    passed: str = ""
    times: int = 1

    def same_as(self) -> tuple[object, ...]:
        """What is counted as one."""
        return self.call, self.target, self.process, self.test, self.refused, self.passed


def packed(refusals: list[Refusal]) -> bytes:
    """Refusals as bytes."""
    return json.dumps([asdict(each) for each in refusals]).encode()


def unpacked(raw: bytes) -> list[Refusal]:
    """The refusals that `packed` made bytes of."""
    return [Refusal(**each) for each in json.loads(raw)]


class Page:
    """The memory that a process shares with its supervisor: one writes what holds, the other counts refusals.

    Attributes:
        moment, rules: what the process writes.
    """

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, PAGE)
        self.moment = Cell(self._memory, _TEST_AT, _RULES_AT - _TEST_AT)
        self.rules = Cell(self._memory, _RULES_AT, PAGE - _RULES_AT)

    def tell_moment(self, moment: Moment) -> None:
        """Tell where the process stands."""
        self.moment.write([moment.test[:500], moment.in_test, moment.began])

    def tell_rules(self, rules: Rules) -> None:
        """Tell what holds."""
        try:
            self.rules.write(asdict(rules))
        except ValueError:  # thousands of names: the addresses of lookups are the only thing that grows
            self.rules.write(asdict(rules) | {"names": {}})

    @property
    def refused(self) -> int:
        """How many refusals were noted."""
        count: int = _WORD.unpack_from(self._memory, _REFUSED_AT)[0]
        return count

    @refused.setter
    def refused(self, count: int) -> None:
        _WORD.pack_into(self._memory, _REFUSED_AT, count & 0xFFFFFFFF)

    @property
    def judged(self) -> tuple[int, ...]:
        """The threads in a call that the guard in the process has let through."""
        return _JUDGED.unpack_from(self._memory, _JUDGED_AT)

    def set_judged(self, slot: int, thread: int) -> None:
        """That thread is in such a call; 0: none is."""
        _WORD.pack_into(self._memory, _JUDGED_AT + slot * _WORD.size, thread)


class Cell:
    """A value in shared memory, in two halves: the one that is not read is written, and then they change places.

    So a reader never waits for a writer, who may be stopped or killed in between. Writers take turns.
    """

    def __init__(self, memory: mmap.mmap, at: int, size: int) -> None:
        self._memory, self._at, self._half = memory, at, (size - _HEAD.size) // 2
        self._lock = threading.Lock()

    @property
    def counter(self) -> int:
        """Changes with each `write`; 0 before the first one."""
        head: int = _HEAD.unpack_from(self._memory, self._at)[0]
        return head >> 32

    def write(self, value: object) -> None:
        """Put a value there.

        Raises:
            ValueError: it is too long.
        """
        text = json.dumps(value).encode()
        if len(text) > self._half:
            raise ValueError(len(text))
        with self._lock:
            counter = (self.counter + 1) % (1 << 32)
            start = self._start(counter)
            self._memory[start : start + len(text)] = text
            _HEAD.pack_into(self._memory, self._at, counter << 32 | len(text))

    def read(self) -> tuple[int, Any]:
        """The counter and the value; None where nothing was written yet."""
        while True:
            head: int = _HEAD.unpack_from(self._memory, self._at)[0]
            counter, length = head >> 32, head & 0xFFFFFFFF
            start = self._start(counter)
            text = self._memory[start : start + length]
            if counter == self.counter:
                return counter, json.loads(text) if length else None

    def _start(self, counter: int) -> int:
        return self._at + _HEAD.size + counter % 2 * self._half
