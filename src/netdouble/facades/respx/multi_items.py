"""Names with several values, and the patterns that compare them: queries, headers, forms, files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from unittest.mock import ANY

from netdouble.facades.respx.lookups import Match, Pattern

SPELLED_ANY = str(ANY)  # how it is spelled in a query or header


class MultiItems(defaultdict[str, tuple[Any, ...]]):
    """Names with all their values, in order.

    Args:
        values: pairs of a name and a value, or a tuple or list of values.
    """

    def __init__(self, values: Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__(tuple)
        for key, value in values or ():
            self[key] += tuple(value) if isinstance(value, (tuple, list)) else (value,)

    def get_list(self, key: str) -> list[Any]:
        """All values of a name."""
        return list(self[key])

    def multi_items(self) -> list[tuple[str, Any]]:
        """Each value with its name."""
        return [(key, value) for key, values in self.items() for value in values]

    def append(self, key: str, value: Any) -> None:
        """One more value of a name."""
        self[key] += (value,)


def by_name(items: Any) -> dict[str, tuple[Any, ...]]:
    """The values of each name."""
    return dict(items) if isinstance(items, MultiItems) else {key: tuple(items.get_list(key)) for key in items}


class MultiPattern(Pattern):
    """Compared name by name: all values of a name, in order."""

    def expected(self) -> dict[str, tuple[Any, ...]]:
        """The values of each name, `ANY` where it is spelled."""
        items = by_name(self.value).items()
        return {key: tuple(ANY if value == SPELLED_ANY else value for value in values) for key, values in items}

    def __hash__(self) -> int:
        items = self.expected()
        shown = tuple((key, tuple(_hashable(value) for value in items[key])) for key in sorted(items))
        return hash((type(self), self.lookup, shown))

    def _eq(self, value: Any) -> Match:
        return Match(self.expected() == by_name(value))

    def _contains(self, value: Any) -> Match:
        there = by_name(value)
        return Match(all(there.get(key) == values for key, values in self.expected().items()))


def _hashable(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_hashable, value))
    return SPELLED_ANY if value is ANY else value
