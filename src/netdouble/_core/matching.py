"""What a matcher is: one method, and its verdict is the explanation.

Rule: a request matches exactly when there is no mismatch. There is no second code path that only says yes or no.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from netdouble._core.messages import Request


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
