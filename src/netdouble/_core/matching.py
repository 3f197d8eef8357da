"""What a matcher is: one method, and its verdict is the explanation.

Rule 1: a request matches exactly when there is no mismatch. There is no second code path that only says yes or no.
Rule 2: a matcher is a value: it never changes, and asking it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from netdouble._core.messages import Request
from netdouble.errors import DeclarationError


class Mismatch:
    """One way in which a request differs from what a route expects. Its text is made only when somebody reads it.

    Attributes:
        criterion: `method`, `scheme`, `host`, `port`, `path`, `query`, `header`, `cookie`, `json`, `form`, `files`,
            `text`, `content`, `where`, ...
        expected, got: the two values, as Python objects; `ABSENT` where there is none.
        where: the place inside the criterion: a header's name, a query key, a JSON path such as `$.items[2].id`.
        note: a reading aid, as `"the body is a form"`.
    """

    __slots__ = ("criterion", "expected", "got", "note", "where")

    def __init__(self, criterion: str, expected: object, got: object, where: str = "", note: str = "") -> None:
        self.criterion, self.expected, self.got, self.where, self.note = criterion, expected, got, where, note

    @property
    def raised(self) -> bool:
        """A predicate raised instead of answering; `got` is its exception."""
        return self.criterion == "where" and isinstance(self.got, Exception)

    def __repr__(self) -> str:
        return f"Mismatch({self.criterion!r}, {self.expected!r}, {self.got!r}, {self.where!r})"


class _Absent:
    """The one value that stands for "not there" on either side of a mismatch."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()

MATCHED: tuple[Mismatch, ...] = ()


@runtime_checkable
class Matcher(Protocol):
    """Anything that can say in which ways a request differs."""

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Every way in which `request` differs; nothing means that it matches."""
        ...


class Composable:
    """Gives a matcher `&`, `|` and `~`; the other side may be any `Matcher`."""

    __slots__ = ()

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Every way in which `request` differs; nothing means that it matches."""
        raise NotImplementedError

    def __and__(self, other: Matcher) -> And:
        return And(self, other) if _is_matcher(other) else NotImplemented

    def __rand__(self, other: Matcher) -> And:
        return And(other, self) if _is_matcher(other) else NotImplemented

    def __or__(self, other: Matcher) -> Or:
        return Or(self, other) if _is_matcher(other) else NotImplemented

    def __ror__(self, other: Matcher) -> Or:
        return Or(other, self) if _is_matcher(other) else NotImplemented

    def __invert__(self) -> Matcher:
        return Not(self)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class And(Composable):
    """Matches what all of them match; none at all match everything. Every one is asked: the report is complete."""

    matchers: tuple[Matcher, ...]

    def __init__(self, *matchers: Matcher) -> None:
        object.__setattr__(self, "matchers", _flat(And, matchers))

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Those of every matcher, in order."""
        found: Sequence[Mismatch] = MATCHED
        for matcher in self.matchers:
            missed = matcher.mismatches(request)
            if missed:
                found = (*found, *missed)
        return found

    def __repr__(self) -> str:
        return " & ".join(f"({m!r})" if isinstance(m, Or) else repr(m) for m in self.matchers) or "And()"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Or(Composable):
    """Matches what at least one of them matches.

    Raises:
        DeclarationError: there is no alternative.
    """

    matchers: tuple[Matcher, ...]

    def __init__(self, *matchers: Matcher) -> None:
        if not matchers:
            raise DeclarationError("Or() of nothing would never match; give it at least one matcher")
        object.__setattr__(self, "matchers", _flat(Or, matchers))

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Those of the nearest alternative, and every predicate that raised."""
        verdicts = []
        for matcher in self.matchers:
            missed = matcher.mismatches(request)
            if not missed:
                return MATCHED
            verdicts.append(missed)
        nearest = min(verdicts, key=len)
        if len(verdicts) == 1:
            return nearest
        raised = [m for missed in verdicts if missed is not nearest for m in missed if m.raised]
        return [_noted(m, f"the nearest of {len(verdicts)} alternatives") for m in nearest] + raised

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.matchers))


@dataclass(frozen=True, slots=True, repr=False)
class Not(Composable):
    """Matches what the matcher does not match.

    A predicate that raised has given no verdict: neither it nor its negation matches.
    """

    matcher: Matcher

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One that names what should not have matched."""
        missed = self.matcher.mismatches(request)
        if not missed:
            return (Mismatch("not", ABSENT, self.matcher, note="it matches, and must not"),)
        return tuple(m for m in missed if m.raised) or MATCHED

    def __invert__(self) -> Matcher:
        return self.matcher

    def __repr__(self) -> str:
        return f"~({self.matcher!r})" if isinstance(self.matcher, (And, Or)) else f"~{self.matcher!r}"


def _flat(kind: type[And | Or], matchers: Sequence[Matcher]) -> tuple[Matcher, ...]:
    flat: list[Matcher] = []
    for matcher in matchers:
        flat += matcher.matchers if isinstance(matcher, kind) else (matcher,)
    return tuple(flat)


def _is_matcher(other: object) -> bool:
    if callable(other) and not isinstance(other, Matcher):
        raise DeclarationError(f"a function is combined as M(where=...), not by itself: {other!r}")
    return isinstance(other, Matcher)


def _noted(mismatch: Mismatch, note: str) -> Mismatch:
    note = f"{mismatch.note}; {note}" if mismatch.note else note
    return Mismatch(mismatch.criterion, mismatch.expected, mismatch.got, mismatch.where, note)
