"""What passes between a process of the run and its supervisor: what may be reached now, and what was refused.

Rule: values only, as JSON; the supervisor never waits for a process that it judges.

A process tells what holds by writing it into a page that both have in memory, so that a test costs no message: a
counter, which is odd while the text is being written, the text's length, and the text.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import asdict, dataclass, field

PAGE = 1 << 20
_HEAD = struct.Struct("=II")  # counter, length
_REFUSED = struct.Struct("=I")  # how many refusals the supervisor has noted for this process
_LOOKUPS = struct.Struct("=I")  # how many lookups are under way that the guard in the process has let through
_REFUSED_AT, _LOOKUPS_AT, _TEXT_AT = 8, 12, 16


@dataclass(frozen=True, slots=True)
class State:
    """What holds now in a process, and in those that it starts.

    Attributes:
        test: the test or phase. mode: `block`, `warn` (noted, let through) or `off`. origin: where the mode was said.
        allow: entries. loopback: `open` or `own`. closed: what is refused on loopback in spite of that, as `host:port`.
        names: for an address, the names by which it was looked up. began: when, in seconds of CLOCK_BOOTTIME.
    """

    test: str = ""
    mode: str = "block"
    origin: str = ""
    allow: tuple[str, ...] = ()
    loopback: str = "open"
    closed: tuple[str, ...] = ()
    names: dict[str, list[str]] = field(default_factory=dict)
    began: float = 0.0


@dataclass(slots=True)
class Refusal:
    """A system call that nothing allowed.

    Attributes:
        call: `connect`, `sendto`, ... target: where to, as an entry of the allow list would say it. process, thread:
            ids; for the process of the tests itself `is_ours`. command: its command line. thread_name: the thread's.
        test: the test that holds, or `""`. spawned_in: the test that the process was started in, if that is told.
        older: the thread or process was there before the test began. refused: refused, not only noted.
        times: how often. why: why it could not be judged, if so.
    """

    call: str
    target: str
    process: int
    thread: int
    is_ours: bool
    command: str
    thread_name: str
    test: str
    spawned_in: str
    older: bool
    refused: bool
    why: str = ""
    times: int = 1

    def same_as(self) -> tuple[object, ...]:
        """What is counted as one."""
        return self.call, self.target, self.process, self.test, self.refused


def packed(refusals: list[Refusal]) -> bytes:
    """Refusals as bytes."""
    return json.dumps([asdict(each) for each in refusals]).encode()


def unpacked(raw: bytes) -> list[Refusal]:
    """The refusals that `packed` made bytes of."""
    return [Refusal(**each) for each in json.loads(raw)]


class Page:
    """The memory that a process shares with its supervisor: one writes what holds, the other counts refusals."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, PAGE)

    def write(self, state: State) -> None:
        """Tell what holds from now on."""
        text = json.dumps(asdict(state)).encode()
        if len(text) > PAGE - _TEXT_AT:  # thousands of names: the addresses of lookups are the only thing that grows
            text = json.dumps(asdict(state) | {"names": {}}).encode()
        counter = _HEAD.unpack_from(self._memory)[0]
        _HEAD.pack_into(self._memory, 0, counter + 1 & 0xFFFFFFFF, len(text))
        self._memory[_TEXT_AT : _TEXT_AT + len(text)] = text
        _HEAD.pack_into(self._memory, 0, counter + 2 & 0xFFFFFFFF, len(text))

    @property
    def counter(self) -> int:
        """Changes with each `write`."""
        counter: int = _HEAD.unpack_from(self._memory)[0]
        return counter

    def read(self) -> State | None:
        """What holds; None while it is being written."""
        counter, length = _HEAD.unpack_from(self._memory)
        text = self._memory[_TEXT_AT : _TEXT_AT + length]
        if counter & 1 or counter != self.counter:
            return None
        fields = json.loads(text)
        return State(**fields | {name: tuple(fields[name]) for name in ("allow", "closed")})

    @property
    def refused(self) -> int:
        """How many refusals were noted."""
        count: int = _REFUSED.unpack_from(self._memory, _REFUSED_AT)[0]
        return count

    @refused.setter
    def refused(self, count: int) -> None:
        _REFUSED.pack_into(self._memory, _REFUSED_AT, count & 0xFFFFFFFF)

    @property
    def lookups(self) -> int:
        """How many lookups are under way that the guard in the process has let through."""
        count: int = _LOOKUPS.unpack_from(self._memory, _LOOKUPS_AT)[0]
        return count

    @lookups.setter
    def lookups(self, count: int) -> None:
        _LOOKUPS.pack_into(self._memory, _LOOKUPS_AT, count & 0xFFFFFFFF)
