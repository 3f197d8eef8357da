"""Other libraries' response objects, found by name: no client is imported to look at one.

The one exception to the rule that the core knows no client: two tables of import strings. The functions they name
live in the client's own file, which is loaded when one of its objects turns up or is asked for.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from netdouble.errors import MissingExtra

# "module.class" of a client's response -> our module with `from_native(response) -> Response`.
RESPONSES = {
    "requests.models.Response": "netdouble._intercept.requests",
    "urllib3.response.HTTPResponse": "netdouble._intercept.urllib3",
    "httpx.Response": "netdouble._intercept.httpx",
    "httpx2.Response": "netdouble._intercept.httpx",
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


def to_response(value: object) -> Any:
    """The `Response` that a client's response object stands for; None when `value` is no such object."""
    for kind in type(value).__mro__:
        module = RESPONSES.get(f"{kind.__module__}.{kind.__qualname__}")
        if module is not None:
            return import_module(module).from_native(value)
    return None


def from_response(response: object, client: str, request: object) -> Any:
    """A `Response` as the named client's own response object, as if `request` (or None) had been answered with it.

    Raises:
        MissingExtra: that client is not installed.
    """
    if find_spec(client) is None:
        raise MissingExtra(
            f"as_{client}() makes a response object of {client}, which is not installed: pip install {client}"
        )
    return import_module(CLIENTS[client]).to_native(response, request, client)
