"""Why a test should fail at its end: what its network found, each as a text.

Rule: what never reached the test is told once, however often it happened.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType
from typing import TypeAlias

from netdouble._core.router import Router
from netdouble._core.routes import Route
from netdouble._swallowing import was_meant
from netdouble.errors import HandlerFailed, NetworkBlocked, NetworkWarning, UnmatchedRequest, UnmetExpectation

# What a request of the test's was told that was not answered as the test meant it.
Miss: TypeAlias = UnmatchedRequest | NetworkBlocked | HandlerFailed | UnmetExpectation


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a test should fail at its end.

    Attributes:
        kind: `unused`, `swallowed`, `unanswered`, `waiting` or `left open`. text: the report.
    """

    kind: str
    text: str


def problem_of(kind: str, route: Route, router: Router) -> Problem:
    """A route that was not used, or has no answer."""
    from netdouble._core import explain  # reports only: 15 ms that a run in which all is well need not pay

    text = explain.unanswered(route, None) if kind == "unanswered" else explain.unused(route, [router])
    return Problem(kind, text)


def left_open(where: str) -> Problem:
    """A network that a test started and nothing stopped."""
    text = (
        f"a network was left open, and would have answered the tests that follow\n    started at {where}\n"
        "Stop it: self.addCleanup(net.stop); or open it by `with Network() as net:`"
    )
    return Problem("left open", text)


def waiting(routes: Iterable[Route]) -> list[Problem]:
    """The WebSocket scripts that still expect a message."""
    return [Problem("waiting", text) for route in routes for text in route.waiting()]


def swallowed(misses: list[Miss], code: CodeType | None = None) -> list[Problem]:
    """The misses that never reached the test, whose code is `code`: each once, with how often."""
    kept = _distinct([miss for miss in misses if _is_out_of_reach(miss) or not was_meant(miss, code)])
    return [Problem("swallowed", _text(miss, f" {times} times" if times > 1 else "")) for miss, times in kept]


def _is_out_of_reach(miss: Miss) -> bool:
    """No test could have caught it: it was raised in another process, or below Python."""
    return isinstance(miss, NetworkBlocked) and (not miss.reached_python or miss.pid not in {0, os.getpid()})


def _distinct(misses: list[Miss]) -> list[tuple[Miss, int]]:
    counts: dict[tuple[str, ...], tuple[Miss, int]] = {}
    for miss in misses:
        first, times = counts.get(_key(miss), (miss, 0))
        counts[_key(miss)] = first, times + 1
    return list(counts.values())


def _key(miss: Miss) -> tuple[str, ...]:
    if isinstance(miss, UnmatchedRequest):
        return miss.method, miss.url, miss.caller
    return (miss.target, miss.caller) if isinstance(miss, NetworkBlocked) else (str(miss),)


def _text(miss: Miss, often: str) -> str:
    if isinstance(miss, (HandlerFailed, UnmetExpectation)):
        return f"{miss}{often and f' (this happened{often})'}"
    unjudged = '@pytest.mark.net(swallowed="warn"), or Network(swallowed="warn")'
    if isinstance(miss, UnmatchedRequest) and miss.server:
        return (
            f"an unexpected request came to the server {miss.server}{often}: {miss}\nIf the test means it: {unjudged}"
        )
    if isinstance(miss, UnmatchedRequest):
        what = "an unmatched request"
        meant = f"with pytest.raises(netdouble.UnmatchedRequest); where the code under test catches it: {unjudged}"
    else:
        what, meant = "a refused connection", "with netdouble.guard.expect_blocked()"
        if _is_out_of_reach(miss):
            what += f" of {'native code' if miss.pid == os.getpid() else 'a child process'}"
    return f"{what} was swallowed{often}: {miss}\nIf the test means it: {meant}"


def warn(problems: list[Problem]) -> None:
    """Say as warnings what a setting takes for no failure."""
    for problem in problems:
        warnings.warn(problem.text, NetworkWarning, stacklevel=4)
