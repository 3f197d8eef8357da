"""The ways in which a request differs from a facade's route, spelled out only when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from netdouble._core.matching import Mismatch


class Differences(Sequence[Mismatch]):
    """There are some: it is true at once. Which ones is asked of `read`, once."""

    def __init__(self, read: Callable[[], Sequence[Mismatch]]) -> None:
        self._read = read
        self._found: Sequence[Mismatch] | None = None

    def __bool__(self) -> bool:
        return True

    def _all(self) -> Sequence[Mismatch]:
        if self._found is None:
            self._found = self._read()
        return self._found

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Mismatch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mismatch]: ...
    def __getitem__(self, index: int | slice) -> Mismatch | Sequence[Mismatch]:
        return self._all()[index]
