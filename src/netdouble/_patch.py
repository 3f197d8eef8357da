"""Replace one attribute and return its undo.

Rule: whoever patches keeps the undo and calls it once. Nobody un-patches to let something through; the saved
original is called instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Undo = Callable[[], None]

_ABSENT = object()


def replace(owner: object, name: str, value: object) -> Undo:
    """Set `owner.name` to `value`; the returned function puts back what stood there before.

    What stood in the owner's own `__dict__` is restored as it was (a staticmethod stays one, an inherited attribute
    is deleted again). If somebody else replaced the attribute in the meantime, it is left to them.
    """
    before: Any = vars(owner).get(name, _ABSENT)
    setattr(owner, name, value)

    def undo() -> None:
        if vars(owner).get(name, _ABSENT) is not value:
            return
        if before is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    return undo


class UndoStack:
    """Undos to be called together, the last replaced first."""

    def __init__(self) -> None:
        self._undos: list[Undo] = []

    def replace(self, owner: object, name: str, value: object) -> None:
        """As the module's `replace`, the undo being kept here."""
        self._undos.append(replace(owner, name, value))

    def push(self, undo: Undo) -> None:
        """Keep `undo` to be called by this stack's own `undo()`."""
        self._undos.append(undo)

    def undo(self) -> None:
        """Put everything back."""
        while self._undos:
            self._undos.pop()()
