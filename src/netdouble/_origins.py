"""Where a thread comes from: the test that started it, and what was open to its starter (`guard.allow`) at that moment.

Rule 1: a thread keeps what held where it was started; work handed to a pool carries what held where it was handed over.
Rule 2: of a thread that nobody saw start nothing is known: it is taken for the main thread's, but for no test's.
Rule 3: nothing here keeps a thread, and no chain of them grows.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from netdouble._patch import UndoStack


class Mark:
    """Something that holds for a while in a thread, and in those that it starts; one that has ended says so."""

    holds = True


@dataclass(slots=True, eq=False)
class Admission(Mark):
    """A pass-through to that host and port is under way."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What a thread carries: marks, the oldest first; and the test that it was started in, None when unknown.

    Attributes:
        caller: who handed a lookup over to a pool, as an event loop does.
    """

    test: object | None
    marks: tuple[Mark, ...] = ()
    caller: str = ""


# The test that runs now, told apart by identity; None between tests. Set by the pytest plugin.
test: object | None = None

# The thread that runs the tests, when it is not the main one. Set by the pytest plugin.
_runner: threading.Thread | None = None

# Tells who is calling, `FILE:LINE in FUNCTION`. Set by the guard, whose reports say it.
caller_now: Callable[[], str] = str

# The same for contexts: work that trio or anyio hands to an old thread of theirs comes with its context.
_context_test: ContextVar[object | None] = ContextVar("netdouble_test", default=None)
_context_marks: ContextVar[tuple[Mark, ...]] = ContextVar("netdouble_marks", default=())

_ATTRIBUTE = "_netdouble_origin"
_UNKNOWN = Origin(None)

_lock = threading.Lock()
_owners = 0
_undos = UndoStack()
# Our own `submit`, to tell it from one that is not watched.
_watched: list[Callable[..., Any]] = []


def runner() -> threading.Thread:
    """The thread that runs the tests."""
    return _runner or threading.main_thread()


def here() -> Origin:
    """The origin of the current thread and context; for the one that runs the tests: the test that runs now."""
    thread = threading.current_thread()
    found: Origin | None = thread.__dict__.get(_ATTRIBUTE)
    main = runner()
    if thread is main:
        started_in, marks = test, found.marks if found is not None else ()
    elif found is None:
        started_in, marks = None, main.__dict__.get(_ATTRIBUTE, _UNKNOWN).marks
    else:
        started_in, marks = found.test, found.marks
    given = _context_marks.get()
    return Origin(_context_test.get() or started_in, (*marks, *given) if given else marks)


def handed_over_by() -> str:
    """Who handed the current thread what it looks up, `FILE:LINE in FUNCTION`, or `""`."""
    found: Origin | None = threading.current_thread().__dict__.get(_ATTRIBUTE)
    return found.caller if found is not None else ""


def marks_anywhere() -> list[object]:
    """What the threads of this process carry, each once."""
    origins = (thread.__dict__.get(_ATTRIBUTE) for thread in threading.enumerate())
    return list({id(mark): mark for origin in origins if origin is not None for mark in origin.marks}.values())


def is_of_this_test() -> bool:
    """The current thread is the one that runs the tests, or was started in the test that runs now."""
    return threading.current_thread() is runner() or (test is not None and here().test is test)


def is_context_of_test() -> bool:
    """This context is the running test's, or a copy of it."""
    return test is not None and _context_test.get() is test


def begin_test(running: object) -> None:
    """That test runs from now on."""
    global test
    test = running
    _context_test.set(running)
    watch_pools()


def end_test() -> None:
    """No test runs."""
    global test
    test = None
    _context_test.set(None)


@contextmanager
def marked(mark: Mark) -> Iterator[None]:
    """For a while the current thread and context, and what is started from them, carry `mark`; left in any order."""
    thread = threading.current_thread()
    _change(thread, lambda marks: (*marks, mark))
    _context_marks.set((*_context_marks.get(), mark))
    try:
        yield
    finally:
        mark.holds = False
        _change(thread, lambda marks: tuple(each for each in marks if each is not mark))
        _context_marks.set(tuple(each for each in _context_marks.get() if each is not mark))


def _change(thread: threading.Thread, change: Callable[[tuple[Mark, ...]], tuple[Mark, ...]]) -> None:
    with _lock:
        found: Origin | None = thread.__dict__.get(_ATTRIBUTE)
        if found is None:
            found = _UNKNOWN if thread is runner() else Origin(None, runner().__dict__.get(_ATTRIBUTE, _UNKNOWN).marks)
        thread.__dict__[_ATTRIBUTE] = Origin(found.test, change(found.marks))


@contextmanager
def carried(origin: Origin) -> Iterator[None]:
    """For a while the current thread works for another one."""
    thread = threading.current_thread()
    before = thread.__dict__.get(_ATTRIBUTE)
    thread.__dict__[_ATTRIBUTE] = origin
    try:
        yield
    finally:
        if before is None:
            del thread.__dict__[_ATTRIBUTE]
        else:
            thread.__dict__[_ATTRIBUTE] = before


# Seeing them start


def attach() -> None:
    """Watch threads start and pools take work; counted. Looks again for pools, which may have been loaded since."""
    global _owners
    with _lock:
        _owners += 1
        if _owners == 1:
            _undos.replace(threading.Thread, "start", _start(threading.Thread.start))
    watch_pools()


def watch_pools() -> None:
    """Watch thread pools too, if they are loaded by now, or an event loop is, which loads them for its first lookup."""
    if _watched:
        return
    if "asyncio" in sys.modules and _owners:
        import concurrent.futures.thread  # noqa: F401  # to be watched
    module = sys.modules.get("concurrent.futures.thread")
    executor: Any = getattr(module, "ThreadPoolExecutor", None)  # absent while it is being loaded
    with _lock:
        if executor is not None and _owners and not _watched:  # others may have replaced it over this one
            _watched[:] = [_submit(executor.submit)]
            _undos.replace(executor, "submit", _watched[0])


def detach() -> None:
    """Give up one `attach`."""
    global _owners
    with _lock:
        _owners -= 1
        if not _owners:
            _undos.undo()
            _watched.clear()


def _start(original: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    @wraps(original)
    def start(self: threading.Thread) -> None:
        self.__dict__[_ATTRIBUTE] = here()
        original(self)

    return start


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        origin = here()
        if getattr(fn, "__module__", "") == "socket":
            origin = replace(origin, caller=caller_now())

        def work(*args: Any, **kwargs: Any) -> Any:
            with carried(origin):
                return fn(*args, **kwargs)

        return original(self, work, *args, **kwargs)

    return submit
