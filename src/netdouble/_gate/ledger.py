"""What was tried for real: refused, let through although nothing allows it, let through because something does.

Rule 1: a refusal is noted before it is raised, so that swallowing its error does not hide it.
Rule 2: a refusal belongs to the test whose thread made it; what leftovers of other tests do, and what runs outside of
tests, is kept apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from netdouble.errors import NetworkBlocked

# Of each kind so many refusals are kept, with their tracebacks.
_KEPT = 500

Place = Literal["test", "background", "outside"]


@dataclass(slots=True)
class Attempt:
    """A real connection or lookup, and what became of it.

    Attributes:
        target: `"host:port"`, or the host alone. test: the test, scope or phase it happened in, or `""`.
        caller: `"FILE:LINE in FUNCTION"` of the first one, or `""`. count: how often. refused: refused, not only noted.
        action: `connect`, `send`, `lookup`, ... thread: the first one's, by name. place: `test`; `background`, when it
            came from a thread that another test or nobody known started; `outside` of every test.
    """

    target: str
    test: str
    caller: str
    refused: bool
    count: int = 1
    action: str = ""
    thread: str = ""
    place: Place = "test"


@dataclass(slots=True)
class Passage:
    """A real connection that was let through: to what, in which test, and why."""

    target: str
    test: str
    why: str
    count: int = 0


@dataclass(slots=True)
class Ledger:
    """The notes of one run.

    Attributes:
        attempts: each once, with a count. unclaimed: the test's refusals that no network has. background, outside: see
            `Attempt.place`. passages: noted only where `notes_passages`. file: where child processes tell. pid: the
            process whose ledger this is; a fork tells in the file. read: how much of the file was read.
    """

    attempts: dict[tuple[str, str, bool], Attempt] = field(default_factory=dict)
    unclaimed: list[NetworkBlocked] = field(default_factory=list)
    background: list[NetworkBlocked] = field(default_factory=list)
    outside: list[NetworkBlocked] = field(default_factory=list)
    passages: dict[tuple[str, str, str], Passage] = field(default_factory=dict)
    notes_passages: bool = False
    file: str | None = None
    pid: int = field(default_factory=os.getpid)
    read: int = 0
    is_child: bool = False

    def tried(self, attempt: Attempt) -> Attempt:
        """The row of that attempt: a new one, with a count of zero, when it is the first."""
        key = (attempt.test, attempt.target, attempt.refused)
        return self.attempts.setdefault(key, attempt)

    def passed(self, target: str, test: str, why: str) -> None:
        """Note that one was let through."""
        self.passages.setdefault((target, test, why), Passage(target, test, why)).count += 1

    def is_anothers(self) -> bool:
        """This process is a child of the one that reads the ledger."""
        return self.file is not None and (self.is_child or os.getpid() != self.pid)

    def tell(self, error: NetworkBlocked) -> None:
        """Write a refusal down for the process that reads the ledger."""
        import json

        fields = {name: value for name, value in vars(error).items() if isinstance(value, (str, int, type(None)))}
        row = {"text": str(error), "command": " ".join(sys.orig_argv)[:200], "fields": fields}
        line = (json.dumps(row) + "\n").encode("utf-8", "backslashreplace")
        descriptor = os.open(str(self.file), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)  # one write: children tell at the same time
        finally:
            os.close(descriptor)

    def keep(self, error: NetworkBlocked, place: Place) -> None:
        """Keep a refusal that no network has."""
        kept = {"test": self.unclaimed, "background": self.background, "outside": self.outside}[place]
        if len(kept) < _KEPT:  # a loop that tries for ever fills no memory; `attempts` counts on
            kept.append(error)


now = Ledger()


def start(*, notes_passages: bool = False) -> Callable[[], None]:
    """From now on everything is noted in a ledger of its own; the returned function goes back to the one before."""
    global now
    before, now = now, Ledger(notes_passages=notes_passages)

    def undo() -> None:
        global now
        now = before

    return undo


def taken(errors: list[NetworkBlocked]) -> list[NetworkBlocked]:
    """What was kept there since the last look."""
    found = errors[:]
    del errors[: len(found)]
    return found


# What child processes tell


def new_file() -> str:
    """A path of a file that nobody else has; it is made by the first who writes."""
    import tempfile

    return os.path.join(tempfile.gettempdir(), f"netdouble-{os.getpid()}-{os.urandom(8).hex()}.jsonl")


def told() -> list[NetworkBlocked]:
    """What child processes have told since the last look; a line of half its length waits for the next one."""
    ledger = now
    if ledger.file is None or ledger.is_child or not os.path.exists(ledger.file):
        return []
    try:
        with open(ledger.file, "rb") as file:
            file.seek(ledger.read)
            lines = file.read().rpartition(b"\n")[0]
    except OSError:
        return []
    if not lines:
        return []
    import json

    from netdouble._core.masking import masked_text

    ledger.read += len(lines) + 1
    found = []
    for line in lines.split(b"\n"):
        row = json.loads(line)
        text = f"{row['text']}\n(in a child process: {masked_text(row['command'])})"
        found.append(NetworkBlocked(text, **row["fields"]))
    return found


def remove_file() -> None:
    """The run is over."""
    if now.file is not None and not now.is_child and now.pid == os.getpid():
        from contextlib import suppress

        with suppress(OSError):
            os.unlink(now.file)
        now.file = None
