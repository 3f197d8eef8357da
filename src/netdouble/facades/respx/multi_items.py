"""Names with several values, and the patterns that compare them: queries, headers, forms, files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from unittest.mock import ANY

from netdouble.facades.respx.lookups import Match, Pattern

SPELLED_ANY = str(ANY)  # how it is spelled in a query or header


class MultiItems(dict[str, Any]):
    """Names with all their values, in order."""

    def __init__(self, values: Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        for key, value in values or ():
            self.append(key, value)

    def get_list(self, key: str) -> list[Any]:
        """All values of a name."""
        return list(self.get(key, ()))

    def multi_items(self) -> list[tuple[str, Any]]:
        """Each value with its name."""
        return [(key, value) for key, values in self.items() for value in values]

    def append(self, key: str, value: Any) -> None:
        """One more value of a name."""
        self[key] = (*self.get(key, ()), value)

    def __missing__(self, key: str) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        return f"MultiItems(<class 'tuple'>, {dict(self)!r})"


def by_name(items: Any) -> dict[str, tuple[Any, ...]]:
    """The values of each name, `ANY` where it was spelled."""
    if isinstance(items, MultiItems):
        return dict(items)
    found: dict[str, tuple[Any, ...]] = {}
    for key, value in items.multi_items():
        found[key] = (*found.get(key, ()), ANY if value == SPELLED_ANY else value)
    return found


class MultiPattern(Pattern):
    """Compared name by name: all values of a name, in order."""

    def __hash__(self) -> int:
        items = by_name(self.value).items()
        shown = tuple((key, tuple(_hashable(value) for value in values)) for key, values in items)
        return hash((type(self), self.lookup, shown))

    def _eq(self, value: Any) -> Match:
        return Match(by_name(self.value) == by_name(value))

    def _contains(self, value: Any) -> Match:
        there = by_name(value)
        return Match(all(there.get(key) == values for key, values in by_name(self.value).items()))


def _hashable(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_hashable, value))
    return SPELLED_ANY if value is ANY else value
