"""`respx.models` and `respx.utils`: their names, from where they live here."""

from __future__ import annotations

from typing import Any

from netdouble.facades.respx.body_patterns import decode_data
from netdouble.facades.respx.call_lists import Call, CallList
from netdouble.facades.respx.errors import AllMockedAssertionError, PassThrough, SideEffectError
from netdouble.facades.respx.lookups import Pattern
from netdouble.facades.respx.multi_items import MultiItems
from netdouble.facades.respx.patterns import M
from netdouble.facades.respx.responses import SetCookie, clone_response, mock_response_class
from netdouble.facades.respx.route_handles import ResolvedRoute, Route
from netdouble.facades.respx.route_lists import RouteList

__all__ = [
    "AllMockedAssertionError", "Call", "CallList", "M", "MultiItems", "PassThrough", "Pattern", "ResolvedRoute",
    "Route", "RouteList", "SetCookie", "SideEffectError", "clone_response", "decode_data",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "MockResponse":
        return mock_response_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
