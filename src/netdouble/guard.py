"""The guard, for use anywhere: what may be reached for real, and what was tried.

It stands while a `Network` is open, where pytest's settings say so (`net_guard`), and from `guard.install()` on: a real
connection or name lookup that no stub answers and nothing allows is refused before anything leaves the machine.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from netdouble import _origins
from netdouble._core.keywords import named_keywords
from netdouble._core.settings import Settings, entries_of
from netdouble._gate import guard as _guard
from netdouble._gate import ledger as _ledger
from netdouble._gate.guard import Rule
from netdouble._gate.ledger import Attempt
from netdouble._gate.policy import Policy
from netdouble.errors import DeclarationError, NetworkBlocked, UnmetExpectation

__all__ = ["Attempt", "Policy", "Rule", "allow", "attempts", "expect_blocked", "in_force", "install"]


@named_keywords
def install(
    mode: str = "block",
    *,
    allow: str | Iterable[str] = (),
    loopback: str = "open",
    children: str = "guard",
    error: Callable[[NetworkBlocked], BaseException] | None = None,
    origin: str = "guard.install",
) -> Callable[[], None]:
    """Let the guard hold from now on, for every thread of this process; the returned function takes it back.

    Args:
        mode: `block`, `warn` (what nothing allows passes, and is listed at the exit of the interpreter) or `off`.
        allow: entries, as for `allow`. loopback: `open`, or `own`: there only listeners of this process.
        children: Python child processes inherit the guard (`guard`), are left alone (`allow`), or may not be started
            (`refuse`).
        error: makes the exception that is raised of a `NetworkBlocked`. origin: who says so, for reports.

    Raises:
        DeclarationError: an entry or a value can't be read.

    Example:
        >>> undo = guard.install(allow=["db.test:5432"])
    """
    from netdouble._gate import arming

    if error is not None and not callable(error):
        raise DeclarationError(
            f"{origin}: error= makes the exception of a NetworkBlocked; {error!r:.60} can't be called"
        )
    options = {"guard": mode, "allow": allow, "loopback": loopback, "children": children}
    settings = Settings().changed(options, origin)
    try:
        policy = Policy(settings.allow, loopback=settings.loopback)
    except DeclarationError as unreadable:
        raise DeclarationError(f"{origin}: {unreadable}") from None
    said = f"guard={mode} ({origin})"
    if "pytest" not in sys.modules:  # its plugin tells at the end of the run
        atexit.unregister(_tell)
        atexit.register(_tell)
    return arming.put_in_force(Rule(settings.guard, policy, said, settings.children, error))


def _tell() -> None:
    """List at the exit of the interpreter what was refused, or passed although nothing allows it."""
    _guard.hear()
    for attempt in _ledger.now.attempts.values():
        said = "refused" if attempt.refused else "allowed by nothing"
        where = f"{attempt.action} {attempt.target}  {attempt.count}x  {attempt.test}  {attempt.caller}"
        sys.stderr.write(f"netdouble: {said}: {where.strip()}\n")
    _ledger.remove_file()


def in_force() -> Rule:
    """What holds where no network is open.

    Example:
        >>> guard.in_force().mode
        'off'
    """
    return _guard.elsewhere


def allow(*entries: str | Iterable[str]) -> AbstractContextManager[None]:
    """Let these be reached for real as well, for a while: in this thread, and in those it starts or hands work to.

    Args:
        entries: texts (several in one, with commas), lists, tuples or sets of a host, `*.host`, an IP address, a CIDR
            block or `loopback`, each with `:port` or `:low-high` if need be; `dns:host`, `unix`, `unix:/path/*`, the
            name of a family such as `bluetooth`.

    Raises:
        DeclarationError: an entry can't be read.

    Example:
        >>> with guard.allow("db.test:5432"):
        ...     connect_to_database()
    """
    given = entries_of(*entries, source="guard.allow")
    Policy(given)  # an entry that can't be read fails here, not at the `with`
    return _guard.allowing(given)


@contextmanager
def expect_blocked(*entries: str | Iterable[str]) -> Iterator[list[NetworkBlocked]]:
    """Expect that the guard refuses something meanwhile, whether the code under test swallows the error or not.

    Gives a list that holds the refusals at the end. Those of child processes count too.

    Args:
        entries: only refusals of what they cover are expected; none: any.

    Raises:
        DeclarationError: an entry can't be read.
        UnmetExpectation: nothing of the kind was refused.

    Example:
        >>> with guard.expect_blocked("api.example.com") as refused:
        ...     send_telemetry()
        >>> refused[0].target
        'api.example.com:443'
    """
    given = entries_of(*entries, source="guard.expect_blocked")
    expected = _guard.Expectation(Policy(given, loopback="own") if given else None, [])
    before = {key: attempt.count for key, attempt in _ledger.now.attempts.items()}
    with _origins.marked(expected):
        try:
            yield expected.errors
        except NetworkBlocked as error:
            if error not in expected.errors:
                raise
        finally:
            _guard.hear()
    if not expected.errors:
        what = ", ".join(given) or "any"
        tried = [a.target for key, a in list(_ledger.now.attempts.items()) if a.count > before.get(key, 0)]
        raise UnmetExpectation(
            f"no real connection was refused (expected: {what})\n"
            f"Tried meanwhile: {', '.join(tried) or 'nothing'}\n"
            "Is the guard on? guard.in_force() tells what holds outside of a network"
        )


def attempts() -> tuple[Attempt, ...]:
    """What was tried for real and allowed by nothing: each target once for each test, with a count.

    Example:
        >>> [attempt.target for attempt in guard.attempts()]
        ['api.example.com:443']
    """
    return tuple(_ledger.now.attempts.values())
