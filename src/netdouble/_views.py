"""Views of a network: what `net.at(base_url, ...)` returns.

Rule: a base or a condition that can't work fails where the view is made, not at the first route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from netdouble._core.declaring import UrlInput, Verbs
from netdouble._core.matchers import Conditions, conditions_matcher, merge_conditions
from netdouble._core.routes import Route
from netdouble._core.scenarios import RouteOptions, Step, split_options
from netdouble._core.url_patterns import compile_url
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Declaring(Protocol):
    """What a view asks of its network."""

    takes_paths: ClassVar[bool]

    def _declare_at(self, base: str, method: str | None, url: UrlInput | None, conditions: Conditions,
                    step: Step | None, kind: type[Route]) -> Route: ...  # fmt: skip


class At(Verbs):
    """A view of a network: its routes inherit a base URL and conditions."""

    def __init__(self, network: Declaring, base_url: str, conditions: Conditions) -> None:
        if not isinstance(base_url, str):
            raise DeclarationError(f"at() takes a base URL as str, not {type(base_url).__name__}")
        if "?" in base_url:
            raise DeclarationError(f"at({base_url!r}): a base URL has no query; give query= to at() instead")
        compile_url(base_url, path_only=network.takes_paths)
        conditions_matcher(conditions)
        self._network, self._base_url, self._conditions = network, base_url, conditions

    def _declare(self, method: str | None, url: UrlInput | None, conditions: RouteOptions,
                 kind: type[Route] | None = None) -> Route:  # fmt: skip
        given, step = split_options(conditions)
        merged = merge_conditions(self._conditions, given)
        where = "" if url is None else url
        return self._network._declare_at(self._base_url, method, where, merged, step, kind or Route)  # a view

    def at(self, path: str, **conditions: Unpack[Conditions]) -> At:
        """A view below this one."""
        given: object = path
        if not isinstance(given, str):
            raise DeclarationError(f"at() takes a base URL or a path as str, not {type(given).__name__}")
        base = path if "://" in path else f"{self._base_url.rstrip('/')}/{path.lstrip('/')}"
        return At(self._network, base, merge_conditions(self._conditions, conditions))
