"""httpx and httpx2, whichever are installed: what the facade builds with, and what it accepts.

Rule 1: neither is preferred in what is accepted: a Response, an exception or a URL of either will do.
Rule 2: what is built for a request is of the library that sent it; else of httpx, or httpx2 where that is all there is.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from netdouble._core.messages import Request
from netdouble._intercept.httpx_library import library_of, named
from netdouble.errors import MissingExtra


def default() -> Any:
    """The module to build with where no request says otherwise.

    Raises:
        MissingExtra: neither is installed.
    """
    for name in ("httpx", "httpx2"):
        if name in sys.modules or find_spec(name) is not None:
            return named(name)
    raise MissingExtra("the facade needs httpx or httpx2: pip install httpx")


def loaded() -> list[Any]:
    """Those that this process has loaded: no object of another can turn up."""
    return [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]


def is_a(value: object, name: str) -> bool:
    """`value` is an instance of the class of that name in either library."""
    return any(isinstance(value, getattr(module, name)) for module in loaded())


def native_request(request: Request) -> Any:
    """The request as it goes out, as an httpx.Request with its body read: of the library that sent it, made once.

    Its URL has what is sent of it: neither user and password nor fragment.
    """
    memo = request._memo
    if "httpx_request" not in memo:
        memo["httpx_request"] = _built(request)
    return memo["httpx_request"]


def sent_request(request: Request) -> Any:
    """The httpx.Request itself that was sent, where its body is there to be read; else one like it."""
    sent = request.native
    if sent is None or sent.library not in {"httpx", "httpx2"}:
        return native_request(request)
    if hasattr(sent.request, "_content"):
        return sent.request
    if "sent_request" not in request._memo:
        request._memo["sent_request"] = _copied(sent.request, request.body)
    return request._memo["sent_request"]


def module_of(request: Request) -> Any:
    """The library that a request is to be spoken to in."""
    name = request.client.partition(" ")[0].replace("httpcore", "httpx")
    module = sys.modules.get(name) if name in {"httpx", "httpx2"} else None
    return module or default()


def _built(request: Request) -> Any:
    sent = request.native
    if sent is not None and sent.library in {"httpx", "httpx2"}:
        copied = _copied(sent.request, request.body)
        if copied.url.userinfo or copied.url.fragment:
            copied.url = copied.url.copy_with(userinfo=b"", fragment=None)
        return copied
    module = module_of(request)
    extensions = {} if sent is None or not sent.library.startswith("httpcore") else dict(sent.options)
    made = module.Request(request.method, str(request.url), headers=list(request.headers.fields), content=request.body,
                          extensions=extensions)  # fmt: skip
    made.read()
    return made


def _copied(original: Any, body: bytes) -> Any:
    """Another Request like it, its body read. What its constructor does has been done: it takes a fifth of the time."""
    module = library_of(original).module
    made = object.__new__(module.Request)
    made.__dict__.update(original.__dict__)
    made.headers = original.headers.copy()
    made.extensions = dict(original.extensions)
    made.stream, made._content = module.ByteStream(body), body
    return made


def neutral_request(request: Any) -> Request:
    """An httpx.Request in our words; its body is read."""
    neutral = library_of(request).neutral(request, request.read())
    neutral._memo["httpx_request"] = request
    return neutral
