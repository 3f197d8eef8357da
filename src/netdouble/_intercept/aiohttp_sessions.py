"""aiohttp's sessions: a door above its connector, for a facade whose peer stands there.

The session itself carries out what was decided: with its own tracing, middlewares, cookies and parser, over a
connection that says one response and no more.

Rule: aiohttp comes as an argument; it is imported in its own file only.
"""

from __future__ import annotations

import asyncio
import gzip
import json as jsonlib
import zlib
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from contextvars import ContextVar
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from netdouble import _active, _asking
from netdouble._answering import asettle_for
from netdouble._core.client_objects import ClientObjects, carrying
from netdouble._core.messages import Request, Response
from netdouble._core.replies import PassThrough, Verbatim
from netdouble._core.urls import parse_url

ENTRANCE = "aiohttp.ClientSession._request"

# What the next connection of this context says.
_saying: ContextVar[Response | None] = ContextVar("netdouble_saying", default=None)

Send = Callable[..., Awaitable[Any]]


class Sender:
    """A session that is sending, for whoever decides what it is answered.

    Attributes:
        session: the `aiohttp.ClientSession`.
    """

    def __init__(self, library: ModuleType, session: Any, send: Send) -> None:
        self._library, self.session, self._send = library, session, send

    async def answer(self, response: Response, method: str, url: Any, **options: Any) -> Any:
        """The `ClientResponse` that the session makes of `response`; redirects are not followed."""
        token = _saying.set(response)
        try:
            with _active.passing():
                return await self._send(self.session, method, url, **{**options, "allow_redirects": False})
        finally:
            _saying.reset(token)

    async def send_for_real(self, method: str, url: Any, **options: Any) -> Any:
        """What the real service answers."""
        where = _url_of(self.session, url, options)
        with ExitStack() as stack:
            stack.enter_context(_active.passing())
            stack.enter_context(_active.admitted(where.host, where.port))
            return await self._send(self.session, method, url, **options)

    async def again(self, client: str, method: str, url: Any, options: dict[str, Any], **more: Any) -> Any:
        """Ask who answers another request of this session: the next hop of a redirect."""
        return await _decided(self, client, method, url, options, more)


async def request(library: ModuleType, client: str, send: Send, session: Any, method: str, url: Any,
                  options: dict[str, Any]) -> Any:  # fmt: skip
    """`ClientSession._request`, asked by the facades' scopes first."""
    sender = Sender(library, session, send)
    made = await _decided(sender, client, method, url, options, {})
    if made is not None:
        return made
    with carrying(ClientObjects("aiohttp", None, sender, {"method": method, "url": url, "options": options})):
        return await send(session, method, url, **options)


async def _decided(sender: Sender, client: str, method: str, url: Any, options: dict[str, Any], more: dict[str, Any]
                   ) -> Any:  # fmt: skip
    """The response; None when the request is to go on to the connector."""
    if sender.session.closed:
        return None  # the session says so
    where = _url_of(sender.session, url, options)
    asked = Request.to(method, where, headers=_headers(sender.session, options), body=_body(options), client=client)
    objects = ClientObjects("aiohttp", None, sender, {"method": method, "url": url, "options": options, **more})
    asked._memo["native"] = objects
    call = _asking.ask_above(ENTRANCE, asked)
    if call is None:
        return None
    try:
        answer = await asettle_for("aiohttp", call)
        if isinstance(answer, Verbatim):
            call.close(response=answer.neutral)
            return answer.native
        made = await (sender.send_for_real(method, url, **options) if isinstance(answer, PassThrough)
                      else sender.answer(_plain(answer), method, url, **options))  # fmt: skip
    except BaseException as error:
        call.close(error=error)
        raise
    call.native = made
    call.close(response=Response.of_parts(made.status, list(made.headers.items()), reason=made.reason))
    return made


def _plain(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    raise answer.error if answer.error is not None else ConnectionError(str(answer.fault))


# The request, as far as it is known before the session has prepared it


def merged_url(session: Any, url: Any, options: dict[str, Any]) -> Any:
    """The URL with the session's base and with `params`."""
    whole = session._build_url(url)
    params = options.get("params")
    return whole if not params else whole.extend_query(params)


def _url_of(session: Any, url: Any, options: dict[str, Any]) -> Any:
    return parse_url(str(merged_url(session, url, options)))


def _headers(session: Any, options: dict[str, Any]) -> list[tuple[str, str]]:
    given = options.get("headers") or {}
    pairs = list(given.items() if hasattr(given, "items") else given)
    names = {str(name).lower() for name, _ in pairs}
    defaults = [(name, value) for name, value in session.headers.items() if name.lower() not in names]
    return [(str(name), str(value)) for name, value in (*defaults, *pairs)]


def _body(options: dict[str, Any]) -> bytes:
    data, json = options.get("data"), options.get("json")
    if json is not None:
        try:
            return jsonlib.dumps(json).encode()
        except (TypeError, ValueError):
            return b""  # the session's own encoder may know better
    if isinstance(data, str):
        return data.encode()
    return bytes(data) if isinstance(data, (bytes, bytearray)) else b""


# A connection that says one response


def spoken(library: ModuleType, req: Any) -> Any:
    """The connection for a request whose response is known already; None for any other."""
    response = _saying.get()
    if response is None:
        return None
    loop = asyncio.get_running_loop()
    protocol = library.client_proto.ResponseHandler(loop)
    # Before 3.10 a task writes the body, also one that is not there, and must be done when the response is
    # (client_reqrep.py `_wait_released`).
    patient = tuple(map(int, library.__version__.split(".")[:2])) < (3, 10)
    protocol.connection_made(_Speaker(protocol, response, req.method, patient=patient))
    return library.connector.Connection(_connector(library, loop), req.connection_key, protocol, loop)


# One for each loop: what a connection asks its connector.
_discarding: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _connector(library: ModuleType, loop: Any) -> Any:
    """A connector of aiohttp's own that keeps no connection."""
    if loop not in _discarding:

        class Discarding(library.BaseConnector):  # type: ignore[misc, name-defined]  # the module is an argument
            def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:  # noqa: ARG002
                protocol.close()

        _discarding[loop] = Discarding()
    return _discarding[loop]


class _Speaker(asyncio.Transport):
    """Says its response as soon as something was asked; a patient one when the client is done with asking."""

    def __init__(self, protocol: Any, response: Response, method: str, *, patient: bool) -> None:
        super().__init__()
        self._protocol, self._response, self._method, self._patient = protocol, response, method, patient
        self._closed = self._said = False

    def write(self, data: Any) -> None:
        if self._said or not data:
            return
        self._said = True
        if self._patient:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._say)
        else:
            self._say()

    def _say(self) -> None:
        if self._closed:
            return
        response, heard = self._response, list[Any]()
        take = self._protocol.feed_data

        def hear(message_and_payload: Any, size: int = 0) -> None:
            heard.append(message_and_payload[1])
            take(message_and_payload, size)

        self._protocol.feed_data = hear
        self._protocol.data_received(_head(response) + _encoded(response, self._method))
        del self._protocol.feed_data
        if self._patient:
            self.close()  # its end, as a server would say it; the old parser trips over one that was told before
            return
        for payload in heard:
            if not payload.is_eof():
                payload.feed_eof()  # no length was said, so that the headers are those that were given

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._protocol.connection_lost(None)

    abort = close

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002  # there is no socket
        return default


def _head(response: Response) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{n}: {v}" for n, v in response.headers.fields)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def _encoded(response: Response, method: str) -> bytes:
    """The body as its Content-Encoding says; one that was given in plain is encoded here."""
    if method == "HEAD" or response.status in {204, 304} or response.status < 200:
        return b""
    body, coding = response.body, response.headers.get("content-encoding", "").lower()
    if coding == "gzip" and body[:2] != b"\x1f\x8b":
        return gzip.compress(body)
    if coding == "deflate":
        try:
            zlib.decompress(body)
        except zlib.error:
            return zlib.compress(body)
    return body
