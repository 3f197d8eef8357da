"""The activations of a `RequestsMock`: what each has, and how its decorator enters one.

Rule: an activation takes away what it brought, and nothing else. The mock itself, whose file stands on this one, is
not named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netdouble.facades.responses._replies import BaseResponse
from netdouble.facades.responses.registries import FirstMatchRegistry

if TYPE_CHECKING:
    from netdouble._active import Scope


class Entry:
    """What one activation has: its registry, and what may pass."""

    def __init__(self, owner: Any, registry: FirstMatchRegistry, prefixes: Sequence[Any]) -> None:
        self.registry = registry
        self.prefixes: tuple[Any, ...] = tuple(prefixes)
        self.scope: Scope | None = None
        # For each activation inside of this one: the responses and prefixes that were there before.
        self.nested: list[tuple[list[BaseResponse], tuple[Any, ...]]] = []
        self.waived: list[BaseResponse] = []
        registry._owner = owner

    def unused(self) -> list[tuple[str, str]]:
        """Method and URL of the responses that never answered."""
        waived = {id(response) for response in self.waived}
        return [(each.method, str(getattr(each.url, "pattern", each.url))) for each in self.registry.registered
                if not each.call_count and id(each) not in waived]  # fmt: skip

    def end_nested(self) -> None:
        """Take away what an activation inside of this one registered; what was there before need no longer answer."""
        self.waived, self.prefixes = self.nested.pop()
        kept = {id(response) for response in self.waived}
        for each in self.registry.registered:
            if id(each) not in kept:
                self.registry.discard(each)


class Run:
    """What `activate` enters at each run."""

    def __init__(self, mock: Any, registry: Any, all_fired: bool | None) -> None:
        self._mock, self._registry, self._all_fired = mock, registry, all_fired

    @contextmanager
    def entry(self, code: object = None) -> Iterator[Any]:  # noqa: ARG002  # the decorator's protocol
        mock = self._mock
        kind = type(mock._base.registry)
        if self._registry is not None and not mock._entries:
            mock._set_registry(self._registry)
        before = mock.assert_all_requests_are_fired
        if mock._said is None:
            mock._said = before
            outermost = True
        else:
            outermost = False
        mock.assert_all_requests_are_fired = mock._said if self._all_fired is None else self._all_fired
        try:
            with mock:
                yield mock
        finally:
            mock.assert_all_requests_are_fired = before
            mock._said = None if outermost else mock._said
            if self._registry is not None and not mock._entries:
                mock._base = Entry(mock, kind(), ())
