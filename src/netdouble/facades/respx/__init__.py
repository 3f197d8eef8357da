"""The facade of respx 0.23: its public API on netdouble's engine.

`from netdouble.facades import respx`, or see `netdouble.facades` for suites that import `respx`. What is different:
httpx2 is answered as httpx is, either's responses and exceptions will do, a coroutine may be the side effect of a sync
client's route, `cookies=` means all of them, a body that is an iterator can be read again.

Rule: a name is made when it is asked for if it needs httpx; nothing here imports httpx by itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netdouble.facades.respx import handlers, hints, mocks, model, patterns, router, transports
from netdouble.facades.respx.handlers import ASGIHandler, WSGIHandler
from netdouble.facades.respx.responses import SetCookie, mock_response_class
from netdouble.facades.respx.route_handles import Route
from netdouble.facades.respx.router import MockRouter, Router

__version__ = "0.23.1"

if TYPE_CHECKING:
    MockResponse: Any

__all__ = [
    "ASGIHandler", "MockResponse", "MockRouter", "Route", "Router", "SetCookie", "WSGIHandler", "__version__", "add",
    "calls", "clear", "delete", "get", "head", "mock", "options", "patch", "pop", "post", "put", "request", "reset",
    "route", "routes", "start", "stop",
]  # fmt: skip

api = sys.modules[__name__]
types, models, utils = hints, model, model
# respx's modules, some by another name than here: `from netdouble.facades.respx.models import Call` finds them too.
_modules = {"api": api, "handlers": handlers, "mocks": mocks, "models": models, "patterns": patterns, "router": router,
            "transports": transports, "types": types, "utils": utils}  # fmt: skip
sys.modules.update({f"{__name__}.{name}": module for name, module in _modules.items()})

mock = MockRouter(assert_all_called=False)

routes = mock.routes
calls = mock.calls
start = mock.start
clear = mock.clear
reset = mock.reset
pop = mock.pop
route = mock.route
add = mock.add
request = mock.request
get = mock.get
post = mock.post
put = mock.put
patch = mock.patch
delete = mock.delete
head = mock.head
options = mock.options


def stop(clear: bool = True, reset: bool = True) -> None:
    """Stop the global router; see `MockRouter.stop`."""
    mock.stop(clear=clear, reset=reset)


def __getattr__(name: str) -> Any:
    if name == "MockResponse":
        return mock_response_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
