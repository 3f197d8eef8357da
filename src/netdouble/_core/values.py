"""Expected values: what may stand in `query=`, `headers=`, `cookies=` and `form=`, and how it is compared.

Rule 1: `expected == got`, the expected one on the left: it may be an object with an `__eq__` of its own
(`unittest.mock.ANY`, dirty-equals).
Rule 2: what can never match is refused when it is declared.
Rule 3: a name that comes once has a text as its value, one that is repeated has the list of them.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from netdouble._core.matching import ABSENT, MATCHED, Mismatch
from netdouble._core.urls import parse_pairs
from netdouble.errors import DeclarationError

NamedValues: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]] | str"

T = TypeVar("T")

# Their values compare themselves, but never equal a text or a value of JSON.
_PLAIN_MODULES = frozenset(
    {"builtins", "collections", "datetime", "decimal", "fractions", "ipaddress", "pathlib", "types", "uuid"}
)


@dataclass(frozen=True, slots=True)
class Exactly(Generic[T]):
    """What `exactly()` returns."""

    value: T

    def __repr__(self) -> str:
        return f"exactly({self.value!r})"


@dataclass(frozen=True, slots=True)
class Partial(Generic[T]):
    """What `partial()` returns."""

    value: T

    def __repr__(self) -> str:
        return f"partial({self.value!r})"


def exactly(value: T) -> Exactly[T]:
    """These and no others: for `query=`, `headers=` and `cookies=`, which else allow more than was named.

    Inside `partial(...)` it marks a part of the JSON that must be complete.

    Example:
        >>> M(query=exactly({"page": 2}))
        M(query=exactly({'page': '2'}))
    """
    return Exactly(value)


def partial(value: T) -> Partial[T]:
    """At least these: for `json=`, `form=` and `files=`, which else must be complete.

    In JSON it holds at every depth: an object may have more keys than were named; an array has as many items as
    were named, each compared in the same way.

    Example:
        >>> M(json=partial({"user": {"name": "Ada"}}))
        M(json=partial({'user': {'name': 'Ada'}}))
    """
    return Partial(value)


def unwrapped(declared: Any, *, exact: bool) -> tuple[Any, bool]:
    """The value inside `exactly()` or `partial()`, and whether others are forbidden; `exact` is the default."""
    if isinstance(declared, (Exactly, Partial)):
        return declared.value, isinstance(declared, Exactly)
    return declared, exact


def rewrapped(value: Any, exact: bool, *, default: bool) -> Any:
    """`unwrapped` backwards: as it is declared."""
    return value if exact == default else exactly(value) if exact else partial(value)


def compares_itself(value: object) -> bool:
    """`value` decides by an `__eq__` of its own what it equals."""
    kind = type(value)
    return kind.__eq__ is not object.__eq__ and kind.__module__.partition(".")[0] not in _PLAIN_MODULES


def named_values(argument: str, declared: Any) -> dict[str, Any]:
    """Names and checked values of a mapping, of pairs or (query and form) of a string; a repeated name has a list.

    Raises:
        DeclarationError: it is none of these, or a value could never match.
    """
    if isinstance(declared, str) and argument in {"query", "form"}:
        pairs: Iterable[Any] = parse_pairs(declared.removeprefix("?") if argument == "query" else declared)
    elif isinstance(declared, Mapping):
        pairs = declared.items()
    elif isinstance(declared, Iterable) and not isinstance(declared, (str, bytes, set, frozenset)):
        pairs = declared
    else:
        raise DeclarationError(f"{argument}= is a dict or pairs, not {type(declared).__name__}: {declared!r:.60}")
    found: dict[str, list[Any]] = {}
    spelled: dict[str, str] = {}
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise DeclarationError(f"{argument}= has {pair!r:.60}: each is a name (str) and a value")
        # Header names are case-free (RFC 9110 section 5.1); the first spelling is the one shown.
        name = spelled.setdefault(pair[0].lower() if argument == "headers" else pair[0], pair[0])
        found.setdefault(name, []).append(pair[1])
    return {n: checked_value(argument, n, v[0] if len(v) == 1 else v) for n, v in found.items()}


def checked_value(argument: str, name: str, value: Any) -> Any:
    """`value` with numbers spelled as text; None is kept: it stands for "absent"; a tuple becomes a list."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        if argument == "cookies":
            raise DeclarationError(f'cookies= "{name}": a cookie has one value, not {value!r:.60}')
        return [checked_text(argument, name, item) for item in value]
    return checked_text(argument, name, value)


def checked_text(argument: str, name: str, value: Any) -> Any:
    """One value that a text may equal: a text, a number, a regex, or an object with its own `__eq__`."""
    kind = type(value)
    if isinstance(value, str) and kind.__eq__ is str.__eq__:  # type: ignore[comparison-overlap]  # a subclass may differ
        return str.__str__(value)
    if isinstance(value, bool):
        raise DeclarationError(
            f'{argument}= "{name}": {value} is spelled True, true or 1 depending on the client; '
            f'write the text that is sent, such as "{str(value).lower()}"'
        )
    if isinstance(value, numbers.Number):
        return str(int(value)) if isinstance(value, int) else str(value)
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        return value
    if isinstance(value, re.Pattern):
        raise DeclarationError(f'{argument}= "{name}": a regex of text is needed, not one of bytes: {value.pattern!r}')
    if compares_itself(value):
        return value
    raise DeclarationError(f'{argument}= "{name}": {value!r:.60} never equals a text; {_repair(value)}')


def _repair(value: object) -> str:
    if isinstance(value, bytes):
        return f"write {value.decode(errors='replace')!r}"
    if value is None:
        return "None stands alone and means that the name is absent"
    if isinstance(value, (set, frozenset)):
        return "a repeated name has its values in order: write a list"
    if callable(value) and not isinstance(value, type):
        return "a predicate on the request goes into where="
    return "write the text that is sent, a number, a regex, ANY, or an object with its own __eq__"


def values_by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in found:
            found[name].append(value)
        else:
            found[name] = [value]
    return found


def equals(expected: Any, got: Any) -> bool:
    """One expected value against one that was found."""
    if isinstance(expected, re.Pattern):
        return isinstance(got, str) and expected.search(got) is not None
    return bool(expected == got)


def accepts(expected: Any, got: Sequence[str]) -> bool:
    """One expected value against everything found under its name: by rule 3."""
    if type(expected) is str:  # most are
        return len(got) == 1 and expected == got[0]
    if expected is None:
        return not got
    if type(expected) is list:
        return len(expected) == len(got) and all(map(equals, expected, got))
    return bool(got) and equals(expected, got[0] if len(got) == 1 else list(got))


def as_found(got: Sequence[str]) -> object:
    """What a report shows as found under a name."""
    return (got[0] if len(got) == 1 else list(got)) if got else ABSENT


def named_mismatches(criterion: str, expected: Mapping[str, Any], exact: bool, found: Mapping[str, Sequence[str]],
                     note: str = "") -> Sequence[Mismatch]:  # fmt: skip
    """Each expected name against what was found; with `exact`, each other name too."""
    missed: list[Mismatch] = []
    for name, value in expected.items():
        got = found.get(name, ())
        if not accepts(value, got):
            missed.append(Mismatch(criterion, ABSENT if value is None else value, as_found(got), name, note))
    if exact:
        missed += [Mismatch(criterion, ABSENT, as_found(found[n]), n, note) for n in found if n not in expected]
    return missed or MATCHED
