"""The open scopes: who is asked when a request comes.

Rule 1: the innermost scope open in the caller's context is asked; else the one that `Thread.start` or
`Executor.submit` captured; else the one chain of scopes open in the process. Two unrelated ones are an error.
Rule 2: a captured scope that has closed refuses the request and names its test; it never falls to the next test's.
Rule 3: scopes may close in any order; closing removes exactly one.
Rule 4: nothing is decided here: `_asking` asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from netdouble import _origins
from netdouble._core.settings import Settings
from netdouble.errors import (
    AmbiguousScope,
    HandlerFailed,
    NetworkBlocked,
    ScopeClosed,
    UnmatchedRequest,
    UnmetExpectation,
)

# What decides about a request is not loaded here but in `_asking`: the guard of a suite that opens no network needs it
# not.
if TYPE_CHECKING:
    from netdouble._core.router import Router
    from netdouble._manner import Manner


class Reach(Protocol):
    """What may be reached for real."""

    def allows(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """It may, by an entry or because it is this machine. `port` None: on whatever port."""
        ...

    def lists(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """It may, by an entry."""
        ...


class Scope:
    """One opened network: its router, its settings, and the scope it was opened in.

    Attributes:
        label: whose it is, for reports: a test's name, or where it was opened.
        reach: what may be reached for real.
        misses: the errors that were raised for unmatched requests, refused connections and unmet expectations, and
            what went wrong in a server.
        bound: opened by code, for its own context; a fixture's is not, it holds for the whole process.
        inner: the scope of a fixture that was opened in this one; it holds wherever this one does.
        retry_seconds: how long clients waited between their own retries.
        started_at: where a test's `start()` opened it, which nothing closes by itself; "" when something else did.
        manner: of a facade's scope, what it does in its peer's way; it does not guard. None for netdouble's own.
    """

    __slots__ = ("bound", "closed", "inner", "label", "manner", "misses", "owner", "parent", "reach", "retry_seconds",
                 "router", "settings", "started_at")  # fmt: skip

    def __init__(self, router: Router, settings: Settings, reach: Reach, *, owner: object, label: str,
                 manner: Manner | None = None) -> None:  # fmt: skip
        self.router = router
        self.settings = settings
        self.reach = reach
        self.owner = owner
        self.label = label
        self.manner = manner
        self.bound = True
        self.started_at = ""
        self.parent: Scope | None = None
        self.inner: Scope | None = None
        self.closed = False
        self.misses: list[UnmatchedRequest | NetworkBlocked | HandlerFailed | UnmetExpectation] = []
        self.retry_seconds = 0.0

    def chain(self) -> list[Scope]:
        """This scope and those it was opened in, innermost first, the closed ones left out."""
        if self.parent is None:
            return [] if self.closed else [self]
        found: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            if not scope.closed:
                found.append(scope)
            scope = scope.parent
        return found

    def reaches(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """This scope allows it, or an entry of one that it was opened in: lists add up, the nearest base holds."""
        if self.reach.allows(host, port, lookup=lookup):
            return True
        return any(s.reach.lists(host, port, lookup=lookup) for s in self.chain() if s is not self)

    def __repr__(self) -> str:
        return f"<Scope {self.label}{' closed' if self.closed else ''}>"


_current: ContextVar[Scope | None] = ContextVar("netdouble_scope", default=None)
_UNSET = object()
_passing: ContextVar[bool] = ContextVar("netdouble_passing", default=False)
_open: list[Scope] = []
_lock = threading.Lock()

# What was declared on networks that were never opened: only a report asks them, to say that they were meant.
unopened: WeakSet[Router] = WeakSet()

# Routes declared now belong to a fixture: they may stay unused. Set by the pytest plugin, for the whole process.
preparing = False

# The settings of a network that says nothing else. Set by the pytest plugin: ini, options, the test's marker.
defaults = Settings()

# Called with each scope that has closed.
on_leave: list[Callable[[Scope], object]] = []

# How long clients waited between their own retries, in scopes that have closed (seconds).
_waited = 0.0

# Host and port of the servers of ours that listen now.
own_servers: set[tuple[str, int]] = set()

# Under this name a thread keeps the scope in which it was started.
THREAD_ATTRIBUTE = "_netdouble_scope"


# Opening and closing


def enter(scope: Scope, *, bind: bool = True) -> None:
    """Open `scope` inside the one that is current.

    Args:
        bind: make it the current one of this context. Not for pytest's fixtures: an event loop made meanwhile would
            keep a copy of the context, and ask this scope long after it has closed.
    """
    with _lock:
        # Only a fixture's scope is a parent wherever it is not in the context: two networks that were opened in two
        # tasks or threads must not see each other.
        scope.bound = bind
        if _open:
            scope.parent = of_context() or _only(_innermost([s for s in _open if not s.bound]))
        if scope.parent is not None and not bind:
            scope.parent.inner = scope
        _open.append(scope)
    if bind:
        _current.set(scope)


def leave(scope: Scope) -> None:
    """Close `scope`; whatever was opened inside it stays open."""
    global _waited
    with _lock:
        scope.closed = True
        if scope in _open:
            _open.remove(scope)
            _waited += scope.retry_seconds
        if scope.parent is not None and scope.parent.inner is scope:
            scope.parent.inner = None
    if _current.get() is scope:
        outer = scope.parent
        while outer is not None and outer.closed:
            outer = outer.parent
        _current.set(outer)
    for told in on_leave:
        told(scope)


@contextmanager
def bound(scope: Scope | None) -> Iterator[None]:
    """Make `scope` the current one of this context for a while (None: no change)."""
    if scope is None:
        yield
        return
    token: Token[Scope | None] = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


def anything_open() -> bool:
    """Some scope is open in this process."""
    return bool(_open)


def opened() -> list[Scope]:
    """The open scopes of this process, in the order in which they were opened."""
    return list(_open)


def besides(chain: list[Scope]) -> list[Scope]:
    """The open scopes that are not in `chain`."""
    return [scope for scope in _open if scope not in chain]


def waited() -> float:
    """How long clients have waited between their own retries so far, in all scopes of the process (seconds)."""
    with _lock:
        return _waited + sum(scope.retry_seconds for scope in _open)


# Who is asked


def current() -> Scope | None:
    """The scope that a request made here belongs to; None when none is open.

    Raises:
        AmbiguousScope: two unrelated scopes are open and nothing says which one is meant.
        ScopeClosed: the scope of this context or thread has closed.
    """
    scope = _current.get() or _of_thread()
    if scope is not None:
        if not scope.closed:
            return scope if scope.inner is None else _within(scope)
        raise ScopeClosed(
            f"the network of {scope.label} is closed, but a thread or task that started in it is still sending. "
            "Stop it, or wait for it, before the test ends"
        )
    if len(_open) <= 1:
        return _open[0] if _open else None
    innermost = _innermost(_open)
    if len(innermost) == 1:
        return innermost[0]
    raise AmbiguousScope(
        f"{len(innermost)} unrelated networks are open ({', '.join(s.label for s in innermost)}) and this request "
        "comes from a thread that was started in none of them. Start the thread inside the network it belongs to"
    )


def _of_thread() -> Scope | None:
    """The scope in which this thread was started; a closed one counts only where no context was handed over."""
    scope: Scope | None = threading.current_thread().__dict__.get(THREAD_ATTRIBUTE)
    if scope is None or not scope.closed:
        return scope
    # trio and anyio keep threads, and hand them work in the context that it comes from.
    return None if _current.get(_UNSET) is not _UNSET or _origins.is_context_of_test() else scope


def captured() -> Scope | None:
    """The scope that work handed to another thread belongs to, a closed one too; None when that can't be told."""
    scope = _current.get() or _of_thread()
    if scope is not None:
        return scope if scope.closed else _within(scope)
    return _only(_open if len(_open) <= 1 else _innermost(_open))


def is_attributed() -> bool:
    """The scope that is asked here is known from the context or the thread, not only because it is the one open."""
    return (_current.get() or _of_thread()) is not None


def responsible() -> list[Scope]:
    """The scopes whose guard holds here: the captured one, even when it has closed; else every innermost open one.

    A facade's scope does not guard: the nearest around it that does is meant.
    """
    scope = captured()
    found = map(_guarding, [scope] if scope is not None else _innermost(_open))
    return [each for each in found if each is not None]


def _guarding(scope: Scope) -> Scope | None:
    guarding: Scope | None = scope
    while guarding is not None and guarding.manner is not None:
        guarding = guarding.parent
    return guarding


def of_context() -> Scope | None:
    """The open scope that this context or thread belongs to, or the nearest open one around it."""
    scope = _current.get() or _of_thread()
    return _within(scope.chain()[0]) if scope is not None and scope.chain() else None


def _within(scope: Scope) -> Scope:
    while scope.inner is not None:
        scope = scope.inner
    return scope


def _innermost(scopes: list[Scope]) -> list[Scope]:
    """Those in which none of the others was opened."""
    outer = {id(parent) for scope in scopes for parent in scope.chain()[1:]}
    return [scope for scope in scopes if id(scope) not in outer]


def _only(scopes: list[Scope]) -> Scope | None:
    return scopes[0] if len(scopes) == 1 else None


# What no open scope says needs no look at the one that is asked. These are asked for every request: a generator would
# cost more than the rest of them.


def wants_objects() -> bool:
    """Some facade's scope looks at clients' own objects."""
    for scope in _open:  # noqa: SIM110
        if scope.manner is not None:
            return True
    return False


def any_on_wire() -> bool:
    """Some scope answers at the layer `wire`."""
    for scope in _open:  # noqa: SIM110
        if scope.settings.layer == "wire":
            return True
    return False


def any_fast() -> bool:
    """Some scope answers with response objects wherever it can."""
    for scope in _open:  # noqa: SIM110
        if scope.settings.fast == "on":
            return True
    return False


# Passing through


@contextmanager
def passing() -> Iterator[None]:
    """For the time of a pass-through: the doors below let the request go by, it is counted already."""
    token = _passing.set(True)
    try:
        yield
    finally:
        _passing.reset(token)


def is_passing() -> bool:
    """A door above has let the current request through."""
    return _passing.get()


# Settings


def settings() -> Settings:
    """The settings of the scope that is asked here; the defaults when none is."""
    scope = captured()
    return scope.settings if scope is not None else defaults


def setting(name: str) -> Any:
    """One of `settings()`."""
    return getattr(settings(), name)


# Admissions: a pass-through on its way to the real service


@contextmanager
def admitted(host: str, port: int) -> Iterator[None]:
    """For the time of a pass-through, here and in the threads that work for it: the guard lets it through."""
    _origins.watch_pools()
    with _origins.marked(_origins.Admission(host, port)):
        yield


def is_admitted(host: str, port: int | None) -> bool:
    """A pass-through to `host` (on `port`; None: a lookup) is under way."""
    marks = _origins.here().marks
    return any(isinstance(m, _origins.Admission) and m.host == host and port in {None, m.port} for m in marks)
