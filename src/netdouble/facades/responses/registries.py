"""responses' registries: views of a network's routes, and the rule by which one of them is chosen.

A subclass may override `find`; it is then asked at each request, in the place of the rule.
"""

from __future__ import annotations

import copy
from typing import Any

from netdouble._core import router as core
from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request
from netdouble._core.replies import Reply
from netdouble._core.routes import Route
from netdouble._core.selection import FIRST_AND_ROTATE, IN_ORDER, Choice, Selection, View
from netdouble._intercept.requests import neutral
from netdouble.facades._network import FacadeNetwork
from netdouble.facades._requests_objects import LIBRARY, objects_of
from netdouble.facades.responses._matching import Condition, pattern_of, shown
from netdouble.facades.responses._replies import BaseResponse

__all__ = ["FirstMatchRegistry", "OrderedRegistry"]


class FirstMatchRegistry:
    """The first response that matches answers; while others match too, it is used up by that."""

    _rule: Selection = FIRST_AND_ROTATE

    def __init__(self) -> None:
        overridden = type(self).find not in {FirstMatchRegistry.find, OrderedRegistry.find}
        rule: Selection = _AsFound(self) if overridden else self._rule
        self._owner: Any = None
        self._network = FacadeNetwork("responses", rule, self._unrouted)
        self._owned: dict[int, BaseResponse] = {}

    @property
    def registered(self) -> list[BaseResponse]:
        """The responses that may still answer, in the order they were added."""
        router = self._network.router
        return [self._owned[route.order] for route in router.routes if not router.is_retired(route)]

    def reset(self) -> None:
        """Forget them."""
        for route in self._network.router.routes:
            self._network.router.discard(route)

    def find(self, request: Any) -> tuple[BaseResponse | None, list[str]]:
        """The response that answers `request`, used up where the rule says so; and why each one does not match."""
        reasons = self.reasons(request)
        asked = _asked(request)
        router = self._network.router
        with router.lock:
            choice = self._rule.choose(_view(router, asked))
            for entry in choice.retire if choice is not None else ():
                router.retire(entry.route)
        if choice is None or choice.entry is None:
            return None, reasons
        return self._owned[choice.entry.route.order], []

    def reasons(self, request: Any) -> list[str]:
        """For each registered response why it does not match; an empty text for one that does."""
        return [response.matches(request)[1] for response in self.registered]

    def add(self, response: BaseResponse) -> BaseResponse:
        """Let `response` answer; one that is registered already is copied.

        Raises:
            TypeError: it has a body that can't be answered.
        """
        response.check()
        if any(response is known for known in self.registered):
            response = copy.deepcopy(response)
        self._declare(response)
        return response

    def _declare(self, response: BaseResponse) -> Route:
        route = self._network.declare(
            None if response._matches_itself else response.method.upper(),
            pattern_of(None if response._matches_itself else response.url, whole_query=response.match_querystring),
            Condition(response),
            lambda request: self._owner.respond(response, request),
        )
        self._owned[route.order] = response
        response._routes.append((self._network.router, route))
        return route

    def remove(self, response: BaseResponse) -> list[BaseResponse]:
        """Take away every response for the same method and URL; they are returned."""
        gone = [route for route in self._network.router.routes if self._owned[route.order] == response]
        for route in gone:
            self._network.router.discard(route)
        return [self._owned[route.order] for route in gone]

    def discard(self, response: BaseResponse) -> None:
        """Take away this response, and no other for its method and URL."""
        for route in self._network.router.routes:
            if self._owned[route.order] is response:
                self._network.router.discard(route)

    def replace(self, response: BaseResponse) -> BaseResponse:
        """Put `response` in the place of the first one for the same method and URL.

        Raises:
            ValueError: there is none.
        """
        after: list[BaseResponse] = []
        for route in self._network.router.routes:
            known = self._owned[route.order]
            if after or known == response:
                after.append(known)
                self._network.router.discard(route)
        if not after:
            raise ValueError(f"Response is not registered for URL {response.url}; add() it, or use upsert()")
        for each in (response, *after[1:]):
            self._declare(each)
        return response

    # What the engine asks

    def _unrouted(self, request: Request) -> Reply | None:
        made: Reply | None = None if self._owner is None else self._owner.unrouted(self, request)
        return made


class OrderedRegistry(FirstMatchRegistry):
    """The responses answer in the order they were added, each once. A request out of order ends it."""

    _rule = IN_ORDER

    def reasons(self, request: Any) -> list[str]:
        """Only the next one counts."""
        if not self.registered:
            return ["No more registered responses"]
        head, *rest = self.registered
        matches, reason = head.matches(request)
        text = "" if matches else f"Next 'Response' in the order doesn't match due to the following reason: {reason}"
        return [text, *["" for _ in rest]]


class _AsFound:
    """The rule of a registry whose `find` is the user's."""

    def __init__(self, registry: FirstMatchRegistry) -> None:
        self._registry = registry

    def choose(self, view: View) -> Choice | None:
        """What `find` finds, whether it would match or not."""
        found, _ = self._registry.find(shown(objects_of(view.request)))
        if found is None:
            return None
        for router, route in reversed(found._routes):
            if router is self._registry._network.router:
                return Choice(router.entry(route))
        return Choice(self._registry._network.router.entry(self._registry._declare(found)))


def _asked(request: Any) -> Request:
    asked = neutral(request)
    asked._memo["native"] = ClientObjects(LIBRARY, request, None, getattr(request, "req_kwargs", {}))
    return asked


def _view(router: Any, request: Request) -> View:
    made: View = core.View(router, request)
    return made
