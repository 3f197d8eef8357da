"""WSGI and ASGI applications as answers (PEP 3333; the ASGI specification, version 3).

Rule: no event loop and no thread is made here. An ASGI app is one coroutine, run by whoever awaits it; its lifespan
events are not sent.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from netdouble._core.messages import Request, Response
from netdouble.errors import DeclarationError


def shape_of(function: Callable[..., Any]) -> str:
    """`sync`, `async` (a function of the request), `asgi` or `wsgi`, by the parameters that must be given.

    Raises:
        DeclarationError: it takes none of those.
    """
    import inspect

    target = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(target)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin without a signature
        return "sync"
    positional = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    needed = [p for p in positional if p.default is p.empty]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if (len(needed) == 3 and [p.name for p in needed] == ["scope", "receive", "send"]) or (
        is_async and len(needed) == 3
    ):
        return "asgi"
    if len(needed) == 2 and not is_async:
        return "wsgi"
    if len(needed) <= 1 and (positional or variadic):
        return "async" if is_async else "sync"
    raise DeclarationError(
        f"{getattr(function, '__name__', type(function).__name__)}{inspect.signature(function)} can't answer: a "
        "function of one argument, the request, is needed (or a WSGI app of two, an ASGI app of three)"
    )


class AsgiApp:
    """Ask an ASGI app."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, request: Request) -> Response:
        """Run the app once for `request`; the whole body is collected."""
        received = False
        head: dict[str, Any] = {}
        body: list[bytes] = []

        async def receive() -> dict[str, Any]:
            nonlocal received
            if received:
                return {"type": "http.disconnect"}
            received = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif message["type"] == "http.response.body":
                body.append(bytes(message.get("body", b"")))

        await self.app(asgi_scope(request), receive, send)
        if not head:
            raise RuntimeError(f"the ASGI app {self.app!r} did not answer {request}")
        headers = [(bytes(k).decode("latin-1"), bytes(v).decode("latin-1")) for k, v in head.get("headers", ())]
        return Response.of_parts(head["status"], headers, b"".join(body))


def asgi_scope(request: Request) -> dict[str, Any]:
    """The HTTP connection scope of the ASGI specification."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.http_version,
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote_to_bytes(request.url.path).decode("utf-8", "replace"),
        "raw_path": request.url.path.encode("ascii"),
        "query_string": request.url.query.encode("ascii"),
        "root_path": "",
        "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in request.headers.fields],
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port),
    }


class WsgiApp:
    """Ask a WSGI app."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, request: Request) -> Response:
        """Run the app once for `request`; the whole body is collected."""
        head: list[Any] = []
        body: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            if exc_info and body:
                raise exc_info[1].with_traceback(exc_info[2])
            head[:] = [status, headers]
            return body.append

        chunks = self.app(wsgi_environ(request), start_response)
        try:
            body.extend(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        if not head:
            raise RuntimeError(f"the WSGI app {self.app!r} did not answer {request}")
        status, _, reason = head[0].partition(" ")
        return Response.of_parts(int(status), head[1], b"".join(body), reason=reason)


def wsgi_environ(request: Request) -> dict[str, Any]:
    """The environ of PEP 3333."""
    url = request.url
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.host,
        "SERVER_PORT": str(url.port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        environ[key] = request.headers[name]
    return environ
