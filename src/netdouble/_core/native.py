"""Other libraries' response objects, found by name: no client is imported to look at one.

The one exception to the rule that the core knows no client: two tables of import strings. The functions they name
live in the client's own file, which is loaded when one of its objects turns up or is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from netdouble._core.messages import Request, Response

# "module.class" of a client's response -> our module with `from_native(response) -> Response`.
RESPONSES = {
    "requests.models.Response": "netdouble._intercept.requests",
    "urllib3.response.HTTPResponse": "netdouble._intercept.urllib3",
    "httpx._models.Response": "netdouble._intercept.httpx",
    "httpx2._models.Response": "netdouble._intercept.httpx",
    "aiohttp.client_reqrep.ClientResponse": "netdouble._intercept.aiohttp",
}

# The name in `Response.as_NAME()` -> our module with `to_native(response, request, library) -> object`.
CLIENTS = {
    "requests": "netdouble._intercept.requests",
    "urllib3": "netdouble._intercept.urllib3",
    "httpx": "netdouble._intercept.httpx",
    "httpx2": "netdouble._intercept.httpx",
    "aiohttp": "netdouble._intercept.aiohttp",
}


def to_response(value: object) -> Response | None:
    """The neutral form of a client's response object; None when `value` is none."""
    for kind in type(value).__mro__:
        module = RESPONSES.get(f"{kind.__module__}.{kind.__qualname__}")
        if module is not None:
            made: Response = import_module(module).from_native(value)
            return made
    return None


def from_response(response: Response, client: str, request: Request | None) -> Any:
    """`response` as the named client's own response object, as if `request` had been answered with it."""
    return import_module(CLIENTS[client]).to_native(response, request, client)
