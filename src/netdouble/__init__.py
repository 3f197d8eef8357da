"""netdouble: network test doubles for Python.

One set of stubs, every HTTP client. Public names only; nothing here loads a client, pytest, ssl or asyncio.
A name is loaded when it is first asked for: pytest loads this file for the plugin, in suites that use nothing of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netdouble import guard as guard
    from netdouble._core.arrivals import Connection
    from netdouble._core.calls import Call, Calls
    from netdouble._core.declaring import Verbs
    from netdouble._core.delays import Jitter, LogNormal, Uniform
    from netdouble._core.events import Event
    from netdouble._core.faults import Fault
    from netdouble._core.headers import Headers
    from netdouble._core.matchers import M, exactly, partial
    from netdouble._core.matching import Matcher, Mismatch
    from netdouble._core.messages import Request, Response
    from netdouble._core.replies import PASS_THROUGH
    from netdouble._core.routes import Route
    from netdouble._core.scenarios import Scenario
    from netdouble._core.selection import Selection
    from netdouble._core.streams import Pause
    from netdouble._core.urls import URL
    from netdouble._core.websocket_routes import WebSocketRoute
    from netdouble._core.websockets import Closing, WebSocketMessage
    from netdouble._far_end.peers import AsyncWebSocket, WebSocket
    from netdouble._views import At
    from netdouble.errors import (
        AmbiguousScope,
        BodyReleased,
        ClientNotSupported,
        DeclarationError,
        HandlerFailed,
        MissingExtra,
        NetdoubleError,
        NetworkBlocked,
        NetworkWarning,
        ScopeClosed,
        UnansweredRoute,
        UnmatchedRequest,
        UnmetExpectation,
        WebSocketClosed,
    )
    from netdouble.network import Network
    from netdouble.server.proxying import Proxy
    from netdouble.server.serving import Server
    from netdouble.standalone import serve

__all__ = [
    "PASS_THROUGH",
    "URL",
    "AmbiguousScope",
    "AsyncWebSocket",
    "At",
    "BodyReleased",
    "Call",
    "Calls",
    "ClientNotSupported",
    "Closing",
    "Connection",
    "DeclarationError",
    "Event",
    "Fault",
    "HandlerFailed",
    "Headers",
    "Jitter",
    "LogNormal",
    "M",
    "Matcher",
    "Mismatch",
    "MissingExtra",
    "NetdoubleError",
    "Network",
    "NetworkBlocked",
    "NetworkWarning",
    "Pause",
    "Proxy",
    "Request",
    "Response",
    "Route",
    "Scenario",
    "ScopeClosed",
    "Selection",
    "Server",
    "UnansweredRoute",
    "Uniform",
    "UnmatchedRequest",
    "UnmetExpectation",
    "Verbs",
    "WebSocket",
    "WebSocketClosed",
    "WebSocketMessage",
    "WebSocketRoute",
    "exactly",
    "partial",
    "serve",
]
__version__ = "0.1.0"

# name -> where it is
_PLACES = {
    "Connection": "_core.arrivals",
    "Call": "_core.calls",
    "Calls": "_core.calls",
    "Jitter": "_core.delays",
    "LogNormal": "_core.delays",
    "Uniform": "_core.delays",
    "Event": "_core.events",
    "Pause": "_core.streams",
    "Verbs": "_core.declaring",
    "Fault": "_core.faults",
    "Headers": "_core.headers",
    "M": "_core.matchers",
    "exactly": "_core.matchers",
    "partial": "_core.matchers",
    "Matcher": "_core.matching",
    "Mismatch": "_core.matching",
    "Request": "_core.messages",
    "Response": "_core.messages",
    "PASS_THROUGH": "_core.replies",
    "Route": "_core.routes",
    "Scenario": "_core.scenarios",
    "Selection": "_core.selection",
    "URL": "_core.urls",
    "WebSocketRoute": "_core.websocket_routes",
    "Closing": "_core.websockets",
    "WebSocketMessage": "_core.websockets",
    "AsyncWebSocket": "_far_end.peers",
    "WebSocket": "_far_end.peers",
    "AmbiguousScope": "errors",
    "BodyReleased": "errors",
    "ClientNotSupported": "errors",
    "DeclarationError": "errors",
    "HandlerFailed": "errors",
    "MissingExtra": "errors",
    "NetdoubleError": "errors",
    "NetworkBlocked": "errors",
    "NetworkWarning": "errors",
    "ScopeClosed": "errors",
    "UnansweredRoute": "errors",
    "UnmatchedRequest": "errors",
    "UnmetExpectation": "errors",
    "WebSocketClosed": "errors",
    "At": "_views",
    "Network": "network",
    "Proxy": "server.proxying",
    "Server": "server.serving",
    "serve": "standalone",
}

if not TYPE_CHECKING:  # a type checker must not take every name for one of ours

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "guard":  # a module: importing it sets the name
            return import_module("netdouble.guard")
        if name not in _PLACES:
            raise AttributeError(f"module 'netdouble' has no attribute {name!r}")
        value = getattr(import_module(f"netdouble.{_PLACES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
