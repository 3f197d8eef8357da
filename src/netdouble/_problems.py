"""Why a test fails at its end, in words: what was swallowed, each once, with how often.

Rule: what the test itself caught on purpose is no problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType

from netdouble._swallowing import was_meant
from netdouble.errors import HandlerFailed, NetworkBlocked, UnmatchedRequest

Miss = UnmatchedRequest | NetworkBlocked | HandlerFailed


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a test should fail at its end.

    Attributes:
        kind: `unused`, `swallowed` or `unanswered`. text: the report.
    """

    kind: str
    text: str


def swallowed(misses: list[Miss], code: CodeType | None = None) -> list[Problem]:
    """The misses that never reached the test, whose code is `code`: each once, with how often."""
    kept = _distinct([miss for miss in misses if not was_meant(miss, code)])
    return [Problem("swallowed", _text(miss, f" {times} times" if times > 1 else "")) for miss, times in kept]


def _distinct(misses: list[Miss]) -> list[tuple[Miss, int]]:
    counts: dict[tuple[str, ...], tuple[Miss, int]] = {}
    for miss in misses:
        key = _key(miss)
        first, times = counts.get(key, (miss, 0))
        counts[key] = first, times + 1
    return list(counts.values())


def _key(miss: Miss) -> tuple[str, ...]:
    if isinstance(miss, NetworkBlocked):
        return miss.target, miss.caller
    if isinstance(miss, UnmatchedRequest):
        return miss.method, miss.url, miss.caller
    return (str(miss),)


def _text(miss: Miss, often: str) -> str:
    if isinstance(miss, HandlerFailed):
        return f"{miss}{often and f' (this happened{often})'}"
    if isinstance(miss, UnmatchedRequest) and miss.server:
        meant = 'If the test means it: @pytest.mark.net(swallowed="warn"), or Network(swallowed="warn")'
        return f"an unexpected request came to the server {miss.server}{often}: {miss}\n{meant}"
    what = "a refused connection" if isinstance(miss, NetworkBlocked) else "an unmatched request"
    name = type(miss).__name__
    return f"{what} was swallowed{often}: {miss}\nIf the test means it: with pytest.raises(netdouble.{name})"
