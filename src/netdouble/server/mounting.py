"""A network's routes as an ASGI or WSGI app, to be mounted in one that exists (ASGI 3, PEP 3333).

Rule 1: a request is judged below the mount: what the outer app has taken off the path is not part of it.
Rule 2: an app can't break a connection. A fault is raised as the error that a client at the bottom of the stack gets,
after half the body where it breaks off in there; what the server around makes of it is the server's own.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_from_bytes

from netdouble import _active
from netdouble._answering import asettle, settle, sleep, steps_of
from netdouble._codec.socket_errors import CONNECT_ERRORS, read_error, reset
from netdouble._codec.spelled_faults import SAMPLE
from netdouble._core.arrivals import Arrival, Connection
from netdouble._core.calls import Call
from netdouble._core.failures import fresh, nearest_fault
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Answer, PassThrough
from netdouble._core.streams import Pause
from netdouble._core.urls import join_url
from netdouble._far_end import Origin
from netdouble.errors import DeclarationError
from netdouble.server.hosting import RoutesHost
from netdouble.server.origins import only_origin
from netdouble.server.running import Owner
from netdouble.server.waiting import Waiters


def _error_of(fault: Fault) -> Exception:
    """What is raised in the server that the app runs in. An app can't lie about bytes: it breaks off instead."""
    return CONNECT_ERRORS[fault]() if fault in CONNECT_ERRORS else read_error(fault) or reset()


Fields = list[tuple[str, str]]


class _Mount:
    """What both kinds of app share: the request's place, its call, and what is said."""

    def __init__(self, owner: Owner, origin: Origin | None) -> None:
        self._owner, self._origin = owner, origin
        self._host = RoutesHost(owner._scope, Waiters(), shares=True)

    def _request(self, method: str, own: Origin, path: str, query: str, fields: Fields, body: bytes, peer: Any,
                 version: str) -> Request:  # fmt: skip
        origin = self._origin or only_origin(self._owner.routes) or own
        target = (path or "/") + (f"?{query}" if query else "")
        headers = Headers(fields)
        self._host.url = f"{own.scheme}://{own.host}"
        connection = Connection(peer=(peer[0], peer[1]) if peer else "", server=self._host.url)
        return Request(method.upper(), join_url(origin.scheme, origin.host, origin.port, target), headers, body,
                       headers.get("user-agent", "").partition(" ")[0].replace("/", " ", 1), version, target,
                       _arrival=Arrival(None, connection))  # fmt: skip

    def _opened(self, request: Request) -> Call:
        """The call, or one of its own that tells what is wrong."""
        try:
            return self._host.opened(self._owner._scope(), request)
        except Exception as error:  # noqa: BLE001  # UnmatchedRequest and its like
            return Call(request, None, self._host.failed(None, error))


def _outcome(call: Call, answer: Answer) -> tuple[Response | None, BaseException | None]:
    """What is said, and what is raised after it; closes the call."""
    if isinstance(answer, Response):
        call.close(response=answer)
        return answer, None
    if isinstance(answer, PassThrough):
        error: BaseException = DeclarationError(f"{call.request} can't be let through from a mounted app")
        call.close(error=error)
        return None, error
    fault = answer.fault if answer.error is None else nearest_fault(answer.error)
    error = _error_of(fault) if fault is not None else fresh(answer.error) if answer.error else RuntimeError()
    half = None
    if fault is not None and fault.position == "response body":
        whole = answer.response or SAMPLE
        fields = (*whole.headers.fields, ("Content-Length", str(len(whole.body))))
        half = Response.of_parts(whole.status, fields, whole.body[: len(whole.body) // 2])
    call.close(answer.response, error)
    return half, error


def _fields(response: Response) -> Fields:
    fields = list(response.headers.fields)
    framed = {"content-length", "transfer-encoding"} & set(response.headers)
    if response.stream is None and not framed and response.status not in {204, 304}:
        fields.append(("Content-Length", str(len(response.body))))
    return fields


class AsgiMount(_Mount):
    """The app that `net.asgi()` gives."""

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one connection scope."""
        kind = scope["type"]
        if kind == "lifespan":
            await _lifespan(receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1011, "reason": "a mounted network answers requests only"})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        request = self._asked(scope, await _whole_body(receive))
        with _active.bound(self._owner._scope()):
            call = self._opened(request)
            answer = await asettle(call)
        await _asleep(answer.delay if not isinstance(answer, PassThrough) else 0.0)
        response, error = _outcome(call, answer)
        if response is not None:
            await _say(response, send, is_head=request.method == "HEAD", ends=error is None)
        if error is not None:
            raise error

    def _asked(self, scope: dict[str, Any], body: bytes) -> Request:
        root = quote(scope.get("root_path", ""))
        path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("ascii").partition("?")[0]
        if root and (path == root or path.startswith(f"{root}/")):
            path = path[len(root) :]
        fields = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope.get("headers", ())]
        host, port = scope.get("server") or ("localhost", None)
        own = Origin(scope.get("scheme", "http"), host, port or 80)
        query = scope.get("query_string", b"").decode("latin-1")
        return self._request(scope["method"], own, path, query, fields, body, scope.get("client"),
                             scope.get("http_version", "1.1"))  # fmt: skip


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _whole_body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _say(response: Response, send: Any, *, is_head: bool, ends: bool) -> None:
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in _fields(response)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if not is_head:
        async for chunk in _chunks(response):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if ends:
        await send({"type": "http.response.body", "body": b""})


async def _chunks(response: Response) -> AsyncIterator[bytes]:
    if response.stream is None:
        if response.body:
            yield response.body
        return
    async for step in response.stream.asteps():
        if isinstance(step, Pause):
            await _asleep(step.seconds)
        else:
            yield step


async def _asleep(seconds: float) -> None:
    if not seconds:
        return
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await sys.modules["trio"].sleep(seconds)
    else:
        await asyncio.sleep(seconds)


class WsgiMount(_Mount):
    """The app that `net.wsgi()` gives."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        request = self._asked(environ)
        with _active.bound(self._owner._scope()):
            call = self._opened(request)
            answer = settle(call)
        if not isinstance(answer, PassThrough) and answer.delay:
            sleep(answer.delay)
        response, error = _outcome(call, answer)
        if response is not None:
            start_response(f"{response.status} {response.reason or 'Unknown'}", _fields(response))
        return _said(response, error, is_head=request.method == "HEAD")

    def _asked(self, environ: dict[str, Any]) -> Request:
        fields = [(k[5:].replace("_", "-"), v) for k, v in environ.items() if k.startswith("HTTP_")]
        fields += [(k.replace("_", "-"), environ[k]) for k in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(k)]
        length = environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read(int(length)) if length else b""
        own = Origin(environ["wsgi.url_scheme"], environ["SERVER_NAME"], int(environ["SERVER_PORT"]))
        path = quote_from_bytes(environ.get("PATH_INFO", "").encode("latin-1"))
        peer = (environ["REMOTE_ADDR"], 0) if environ.get("REMOTE_ADDR") else None
        version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/")
        return self._request(environ["REQUEST_METHOD"], own, path, environ.get("QUERY_STRING", ""), fields, body, peer,
                             version)  # fmt: skip


def _said(response: Response | None, error: BaseException | None, *, is_head: bool) -> Iterator[bytes]:
    if response is not None and not is_head:
        if response.stream is None:
            yield response.body
        else:
            for step in steps_of(response.stream):
                if isinstance(step, Pause):
                    sleep(step.seconds)
                else:
                    yield step
    if error is not None:
        raise error
