"""Where a run stands: in a test, in a collection, between tests, at its end; whose code runs, and who ends the process.

Rule 1: an IDE's plugin speaks from hooks between the phases of tests; what a test, its fixtures or an import does is
never taken for that.
Rule 2: the guard stays until the interpreter exits where pytest is the program; a script that only calls pytest gets
its network back.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from netdouble import _origins
from netdouble._gate import guard, ledger

# What comes after the tables of a run's end.
AT_EXIT = "the exit of the interpreter"
_PROGRAMS = frozenset({"pytest", "py.test", "pytest.exe", "py.test.exe"})


class Phases:
    """The phases of one run.

    Attributes:
        ends_the_process: nothing but the interpreter's exit follows the run.
    """

    def __init__(self) -> None:
        self.ends_the_process = _is_program() and _origins._runner is None  # else it is a run inside of a run

    def begin(self) -> Callable[[], None]:
        """Tell the guard the phases from now on; the returned function leaves an outer run's as they were."""
        before = guard.phase, guard.of_runner, _origins._runner, _origins.test
        guard.phase, guard.of_runner = "the start of the session", False
        _origins._runner, _origins.test = threading.current_thread(), None
        if self.ends_the_process:
            atexit.register(self._at_exit)  # now, so that it runs after whatever the tests register

        def undo() -> None:
            guard.phase, guard.of_runner, _origins._runner, _origins.test = before

        return undo

    @staticmethod
    def between(phase: str) -> None:
        """From now on the runner's own code runs."""
        guard.phase, guard.of_runner = phase, True
        guard.changed()

    @staticmethod
    @contextmanager
    def of_users(phase: str = "") -> Iterator[None]:
        """For a while code of the user's runs."""
        before = guard.phase, guard.of_runner
        guard.phase, guard.of_runner = phase or guard.phase, False
        if phase:
            guard.changed()
        try:
            yield
        finally:
            guard.phase, guard.of_runner = before

    def after_the_run(self, held: ExitStack) -> None:
        """What runs from here on is nobody's but the exit's."""
        held.pop_all()  # never closed
        guard.phase, guard.of_runner = AT_EXIT, False
        guard.changed()

    def _at_exit(self) -> None:
        guard.hear()
        late = [a for a in ledger.now.attempts.values() if a.refused and a.place != "test" and a.test == guard.phase]
        for attempt in late:
            where = f"{attempt.action} {attempt.target}  {attempt.caller}".rstrip()
            sys.stderr.write(f"netdouble: refused at {AT_EXIT}: {where}\n")
        ledger.remove_file()


def _is_program() -> bool:
    """This process runs pytest and nothing else: its command, `python -m pytest`, or a worker of pytest-xdist."""
    if is_worker():
        return True
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    is_module = name == "__main__.py" and os.path.basename(os.path.dirname(sys.argv[0])) == "pytest"
    return name in _PROGRAMS or is_module


def is_worker() -> bool:
    """This process is a worker of pytest-xdist; the variable alone would be inherited by whatever it starts."""
    return "PYTEST_XDIST_WORKER" in os.environ and sys.argv[:1] == ["-c"]
