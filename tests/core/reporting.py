"""What the tests of reports share: a registry written down in a few lines, and a request to miss it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from netdouble._core import explain
from netdouble._core.calls import Call
from netdouble._core.messages import Request
from netdouble._core.router import Router, next_order
from netdouble._core.routes import Route
from netdouble._core.url_patterns import compile_url

if TYPE_CHECKING:
    from netdouble._core.matchers import Conditions

USER = "https://api.test/users/7"


class Registry:
    """Routes with places of their own: `tests/test_users.py:10`, `:11`, ... in declared order."""

    def __init__(self) -> None:
        self.router = Router()

    def add(self, method: str | None, url: Any, **conditions: Any) -> Route:
        place = f"tests/test_users.py:{len(self.router.routes) + 10}"
        given = cast("Conditions", conditions)
        route = Route(method, compile_url(url), given, order=next_order(), log=self, declared_at=place)
        self.router.add(route.reply(200))
        return route

    def send(self, method: str, url: str, **parts: Any) -> Call | None:
        """The call that answers; None and an unmatched one in the log when no route does."""
        request = Request.to(method, url, **parts)
        call = self.router.open(request)
        if call is None:
            self.router.record(Call(request, None, None))
        return call

    def calls_of(self, route: Route) -> list[Call]:
        return self.router.calls_of(route)

    def forget(self, route: Route) -> None:
        self.router.discard(route)


def report(registry: Registry, request: Request, **others: Any) -> str:
    """What is said about a request that no route of the registry answers."""
    defaults: dict[str, Any] = {"elsewhere": [], "caller": "", "label": ""}
    return explain.unmatched(request, [registry.router], **{**defaults, **others})


def miss(url: Any, sent: str, *, method: str = "GET", body: bytes = b"", fields: Any = (), **conditions: Any) -> str:
    """What is said about one GET route and one request that misses it."""
    registry = Registry()
    registry.add("GET", url, **conditions)
    return report(registry, Request.to(method, sent, body=body, headers=fields))
