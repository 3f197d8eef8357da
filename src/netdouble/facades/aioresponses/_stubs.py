"""What a registration answers: a response of the session's own making, a failure, or what a callback gives.

Rule: a redirect is followed here, hop by hop, each asked for like any other request: the session sees the end of it.
"""

from __future__ import annotations

import asyncio
import inspect
import json as jsonlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp import ClientResponse, hdrs
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Verbatim

LIBRARY = "aiohttp"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class CallbackResult:
    """What a callback may answer with; the arguments are those of `aioresponses.add`."""

    def __init__(self, method: str = hdrs.METH_GET, status: int = 200, body: str | bytes = "",
                 content_type: str = "application/json", payload: Any = None,
                 headers: Mapping[str, str] | None = None, response_class: type[ClientResponse] | None = None,
                 reason: str | None = None) -> None:  # fmt: skip
        self.method = method
        self.status = status
        self.body = body
        self.content_type = content_type
        self.payload = payload
        self.headers = headers
        self.response_class = response_class
        self.reason = reason


class Stub:
    """One registration: what it answers, and how."""

    def __init__(self, said: CallbackResult, exception: Any, timeout: bool, callback: Any) -> None:
        self._said = said
        self._failure = asyncio.TimeoutError if timeout else exception
        self._callback: Callable[..., Any] | None = callback

    async def respond(self, request: Request) -> Verbatim:
        """The answer to a request of a session."""
        objects = request.native
        if not is_ours(objects):
            return Verbatim(None, "", await self._neutral(request))
        url, options = objects.options["shown"], objects.options["call"].kwargs
        said = await self._asked(url, options)
        if self._failure is not None:
            raise self._failure() if isinstance(self._failure, type) else self._failure
        return await _answered(objects, _response(said), said.response_class or self._said.response_class)

    async def _neutral(self, request: Request) -> Response:
        """The answer to a client that aioresponses never saw."""
        said = await self._asked(URL(str(request.url)), {"headers": dict(request.headers), "data": request.body})
        if self._failure is not None:
            raise self._failure() if isinstance(self._failure, type) else self._failure
        return _response(said)

    async def _asked(self, url: Any, options: Mapping[str, Any]) -> CallbackResult:
        if self._callback is None:
            return self._said
        made = self._callback(url, **options)
        if inspect.isawaitable(made):
            made = await made
        return self._said if made is None else made


def is_ours(objects: Any) -> bool:
    """A request of a session, with its own objects."""
    return isinstance(objects, ClientObjects) and objects.library == LIBRARY


def _response(said: CallbackResult) -> Response:
    headers: CIMultiDict[str] = CIMultiDict()
    headers[hdrs.CONTENT_TYPE] = said.content_type
    headers.update(said.headers or {})
    body = jsonlib.dumps(said.payload) if said.payload is not None else said.body
    data = body.encode() if isinstance(body, str) else bytes(body)
    fields = [(str(name), str(value)) for name, value in headers.items()]
    return Response.of_parts(said.status, fields, data, reason=said.reason)


async def _answered(objects: ClientObjects, response: Response, kind: type[ClientResponse] | None) -> Verbatim:
    options = objects.options
    sender, call = objects.sender, options["call"].kwargs
    data = options["options"].get("data")
    if hasattr(data, "__aiter__"):  # what it raises is the caller's; a session would make a broken connection of it
        data = options["call"].kwargs["data"] = b"".join([chunk async for chunk in data])
    sent = {**options["options"], "data": None if inspect.isgenerator(data) else data}
    with _of_class(sender.session, kind):
        made = await sender.answer(response, options["method"], options["url"], **sent)
    _as_asked(made, call, options["shown"])
    history = options.get("history", ())
    location = response.headers.get("location") or response.headers.get("uri")
    if response.status in _REDIRECTS and location and call.get("allow_redirects", True):
        return Verbatim(await _followed(objects, made, location, history), LIBRARY, response)
    made._history = tuple(history)
    return Verbatim(made, LIBRARY, response)


def _as_asked(made: Any, call: Mapping[str, Any], url: URL) -> None:
    """Let the response's request show what the caller gave, and nothing that the session added."""
    headers = CIMultiDictProxy(CIMultiDict(call.get("headers") or {}))
    made._request_info = aiohttp.RequestInfo(url, made.method, headers, url)


async def _followed(objects: ClientObjects, made: Any, location: str, history: Sequence[Any]) -> Any:
    """The response at the end of a redirect; each hop is a GET, and asked for like any other request."""
    options = objects.options
    hops = [*history, made]
    first_method, first_url = options.get("first", (options["method"], options["shown"]))
    limit = options["options"].get("max_redirects", 10)
    if len(hops) > limit:
        raise aiohttp.TooManyRedirects(made.request_info, tuple(hops))
    where = made.url.join(URL(location))
    left = {name: value for name, value in options["options"].items() if name not in {"params", "data", "json"}}
    hop = {"history": hops, "first": (first_method, first_url), "is_hop": True}
    found = await objects.sender.again("aiohttp", "GET", where, left, **hop)
    if found is None:
        found = await objects.sender.send_for_real("GET", where, **left)
    if options["method"].upper() != "GET":
        found.method = "get"
    return found


@contextmanager
def _of_class(session: Any, kind: type[ClientResponse] | None) -> Iterator[None]:
    """For a while the session makes responses of this class."""
    if kind is None:
        yield
        return
    before, session._response_class = session._response_class, kind
    try:
        yield
    finally:
        session._response_class = before
