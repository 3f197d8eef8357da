"""respx's patterns: one class for each part of a request, with lookups, combined with `&`, `|` and `~`.

Rule 1: a pattern looks at an httpx.Request (of httpx or httpx2) and says `Match`; what can't be read does not match.
Rule 2: equal patterns have equal hashes: class, lookup and value. Where a route is added again, that decides.
Source: respx 0.23.1, its documented API and what it does.
"""

from __future__ import annotations

import operator
import re
from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import reduce
from types import MappingProxyType
from typing import Any, ClassVar
from unittest.mock import ANY

__all__ = ["ANY", "Lookup", "Match", "Noop", "PathPattern", "Pattern", "combine", "merge_patterns"]


class Lookup(Enum):
    """How a pattern's value is compared: the suffix of a keyword, as in `path__startswith`."""

    EQUAL = "eq"
    REGEX = "regex"
    STARTS_WITH = "startswith"
    CONTAINS = "contains"
    IN = "in"


class Match:
    """A verdict: true or false, with what the regexes' named groups captured (`context`)."""

    def __init__(self, matches: bool, **context: Any) -> None:
        self.matches = matches
        self.context = context

    def __bool__(self) -> bool:
        return bool(self.matches)

    def __invert__(self) -> Match:
        self.matches = not self.matches
        return self

    def __repr__(self) -> str:
        return f"<Match {self.matches}>"


class Pattern(ABC):
    """One part of a request and what it must be. A subclass with a `key` of its own becomes a keyword of `M`.

    Args:
        value: what is expected. lookup: how; by default the first of `lookups`.

    Raises:
        NotImplementedError: a lookup that this pattern does not have.
        TypeError: a subclass whose key another one has.
    """

    key: ClassVar[str]
    lookups: ClassVar[tuple[Lookup, ...]] = (Lookup.EQUAL,)
    registry: ClassVar[MappingProxyType[str, type[Pattern]]]
    _known: ClassVar[dict[str, type[Pattern]]] = {}

    lookup: Lookup
    base: Pattern | None = None
    value: Any

    def __init_subclass__(cls) -> None:
        key = vars(cls).get("key")
        if not key or ABC in cls.__bases__:
            return
        if key in Pattern._known:
            raise TypeError(
                f"Subclasses of Pattern must define a unique key. {key!r} is already defined in {Pattern._known[key]!r}"
            )
        Pattern._known[key] = cls

    def __init__(self, value: Any, lookup: Lookup | None = None) -> None:
        if lookup is not None and lookup not in self.lookups:
            raise NotImplementedError(f"{self.key!r} pattern does not support {lookup.value!r} lookup")
        self.lookup = lookup or self.lookups[0]
        self.value = self.clean(value)

    def __iter__(self) -> Iterator[Pattern]:
        yield self

    def __bool__(self) -> bool:
        return True

    def __and__(self, other: Pattern) -> Pattern:
        return _joined(And, self, other)

    def __or__(self, other: Pattern) -> Pattern:
        return _joined(Or, self, other)

    def __invert__(self) -> Pattern:
        return Invert(self) if self else self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.lookup.value} {self.value!r}>"

    def __hash__(self) -> int:
        return hash((type(self), self.lookup, self.value))

    def __eq__(self, other: object) -> bool:
        return hash(self) == hash(other) if isinstance(other, Pattern) else False

    def clean(self, value: Any) -> Any:
        """The value in the form in which it is compared."""
        return value

    def parse(self, request: Any) -> Any:
        """That part of the request."""
        raise NotImplementedError

    def strip_base(self, value: Any) -> Any:
        """The part without what the router's base URL has in front."""
        return value

    def match(self, request: Any) -> Match:
        """Whether the request is like that."""
        try:
            value = self.parse(request)
        except Exception:  # noqa: BLE001  # a body of another kind, a value that is missing: no match
            return Match(False)
        if self.base is not None:
            below = self.base._match(value)
            if not below:
                return below
            value = self.strip_base(value)
        return self._match(value)

    def _match(self, value: Any) -> Match:
        compare: Callable[[Any], Match] = getattr(self, f"_{self.lookup.value}")
        return compare(value)

    def _eq(self, value: Any) -> Match:
        return Match(value == self.value)

    def _regex(self, value: str) -> Match:
        found = self.value.search(value)
        return Match(False) if found is None else Match(True, **found.groupdict())

    def _startswith(self, value: str) -> Match:
        return Match(value.startswith(self.value))

    def _contains(self, value: Any) -> Match:
        raise NotImplementedError

    def _in(self, value: Any) -> Match:
        return Match(value in self.value)


Pattern.registry = MappingProxyType(Pattern._known)


class Noop(Pattern):
    """The empty pattern: every request matches, and joining it to another one changes nothing."""

    def __init__(self) -> None:
        super().__init__(None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __bool__(self) -> bool:
        return False

    def match(self, request: Any) -> Match:  # noqa: ARG002  # every request
        """It matches."""
        return Match(True)


class PathPattern(Pattern):
    """A pattern of a value inside of what is parsed: `json__a__0__b`."""

    path: str | None

    def __init__(self, value: Any, lookup: Lookup | None = None, *, path: str | None = None) -> None:
        self.path = path
        super().__init__(value, lookup)


class _Joined(Pattern):
    """Two patterns."""

    word: ClassVar[str]

    def __init__(self, first: Pattern, second: Pattern) -> None:
        super().__init__((first, second))
        self.parts = first, second

    def __iter__(self) -> Iterator[Pattern]:
        first, second = self.value
        yield from first
        yield from second

    def __repr__(self) -> str:
        first, second = self.value
        return f"{first!r} {self.word} {second!r}"


class And(_Joined):
    """Both match."""

    word = "AND"

    def match(self, request: Any) -> Match:
        """Their contexts together."""
        first, second = self.parts
        one = first.match(request)
        if not one:
            return one
        two = second.match(request)
        return Match(True, **{**one.context, **two.context}) if two else two


class Or(_Joined):
    """One of them matches."""

    word = "OR"

    def match(self, request: Any) -> Match:
        """The first that matches."""
        first, second = self.parts
        return first.match(request) or second.match(request)


class Invert(Pattern):
    """The pattern does not match."""

    def __init__(self, pattern: Pattern) -> None:
        super().__init__(pattern)
        self.pattern = pattern

    def __iter__(self) -> Iterator[Pattern]:
        yield from self.value

    def __repr__(self) -> str:
        return f"NOT {self.value!r}"

    def match(self, request: Any) -> Match:
        """The opposite."""
        return ~self.pattern.match(request)


def _joined(kind: type[_Joined], first: Pattern, second: Pattern) -> Pattern:
    if not second:
        return first
    return kind(first, second) if first else second


def combine(patterns: Sequence[Pattern], op: Callable[[Pattern, Pattern], Pattern] = operator.and_) -> Pattern:
    """All patterns as one; the empty ones left out."""
    kept = [pattern for pattern in patterns if pattern]
    return reduce(op, kept) if kept else Noop()


def merge_patterns(pattern: Pattern, **bases: Pattern) -> Pattern:
    """`pattern` below the patterns of a base URL.

    One that names a host stands for itself. A base of the same key gives way where it names one value, and becomes what
    is stripped where it does not; the others are added.
    """
    if not bases:
        return pattern
    keys = {part.key for part in pattern} if pattern else set()
    if "host" in keys:
        return pattern
    for part in pattern or ():
        base = bases.get(part.key)
        if base is not None and base.lookup is not Lookup.EQUAL and part.base is None:
            part.base = base
    return combine([*(base for key, base in bases.items() if key not in keys), pattern])


def regex(value: Any) -> re.Pattern[str]:
    """A regex, compiled."""
    return re.compile(value) if isinstance(value, str) else value
