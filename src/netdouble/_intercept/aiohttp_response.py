"""aiohttp's own response objects, built and taken apart: for monkeypatches, native replies, and what was let through.

Rule: built by a session of aiohttp's own from bytes, on a loop that is gone afterwards: no version's constructor is
known here. Everything is there when the response is handed over, so that nothing waits for that loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any

from netdouble._answering import run_private, whole
from netdouble._codec.spelling import spell
from netdouble._core.calls import Call
from netdouble._core.messages import Request, Response
from netdouble.errors import DeclarationError


def built(aiohttp: ModuleType, response: Response, request: Request | None) -> Any:
    """`response` as a `ClientResponse` whose body has arrived, the answer to `request`."""
    asked = request or Request.to("GET", "http://netdouble.test/")
    body = response.body if response.stream is None else whole(response.stream)
    at_once = Response.of_parts(response.status, response.headers, body, reason=response.reason,
                              http_version=response.http_version)  # fmt: skip
    said = whole(spell(at_once, method=asked.method))

    class Canned(aiohttp.TCPConnector):  # type: ignore[misc, name-defined]  # the module is an argument
        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # the patched one would ask a scope
            return await aiohttp.BaseConnector.connect(self, req, traces, timeout)

        async def _create_connection(self, *_: Any) -> Any:
            protocol = self._factory()
            protocol.connection_made(_Saying(protocol, said, arrived))
            return protocol

    arrived = asyncio.Event()

    async def ask() -> Any:
        # The buffer is larger than any body, or aiohttp would stop in the middle until somebody reads.
        async with aiohttp.ClientSession(connector=Canned(), read_bufsize=2**29) as session:
            url = aiohttp.client.URL(str(asked.url), encoded=True)
            headers = list(asked.headers.fields)
            native = await session.request(asked.method, url, headers=headers, allow_redirects=False)
            await arrived.wait()
            return native

    return run_private(ask())


class _Saying(asyncio.Transport):
    """Says what it has to say to the first request, then hangs up."""

    def __init__(self, protocol: Any, said: bytes, done: asyncio.Event) -> None:
        super().__init__()
        self._protocol, self._said, self._done = protocol, said, done

    def write(self, data: Any) -> None:  # noqa: ARG002  # whatever is asked
        said, self._said = self._said, b""
        if said:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._protocol.data_received, said)
            loop.call_soon(self._protocol.connection_lost, None)
            loop.call_soon(self._done.set)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


def taken_apart(native: Any) -> Response:
    """The neutral form of a `ClientResponse`.

    Raises:
        DeclarationError: its body was not read, and can't be read here.
    """
    body = native._body
    if body is None:
        if native.content is None or not native.content.is_eof() or native.content.exception() is not None:
            raise DeclarationError(
                "the body of this aiohttp response was not read, and can't be read here: `await response.read()` first"
            )
        body = _at_once(native.read())
    # What read() gives is decoded and whole: these lines told of the body as it was on the wire.
    fields = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in native.raw_headers
        if name.lower() not in _OF_THE_WIRE
    ]
    version = f"{native.version.major}.{native.version.minor}"
    return Response.of_parts(native.status, fields, body, reason=native.reason, http_version=version)


_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def _at_once(coroutine: Coroutine[Any, Any, bytes]) -> bytes:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        body: bytes = done.value
        return body
    coroutine.close()
    raise DeclarationError("the body of this aiohttp response is still on its way: `await response.read()` first")


def note(protocol: Any, call: Call, body: Callable[[], bytes]) -> None:
    """Close `call` with the next response that the protocol is given; `body` has it when it has come to its end."""
    take, fail = protocol.feed_data, protocol.set_exception

    def end(error: BaseException | None = None) -> None:
        if protocol.__dict__.pop("feed_data", None) is None:
            return
        del protocol.set_exception
        if error is None:
            call.close(_with_body(call.response, body()))
        elif protocol.transport is not None:  # else the client closed it
            call.close(call.response, error)

    def taken(data: Any, size: int = 0) -> None:
        message, payload = data
        if message.code >= 200 or message.code == 101:
            call.response = _head(message)  # known already, if the body should never come to its end
            payload.on_eof(end)
        take(data, size)

    def failed(error: BaseException, *cause: BaseException) -> None:
        end(error)
        fail(error, *cause)

    protocol.feed_data, protocol.set_exception = taken, failed


def _head(message: Any) -> Response:
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.raw_headers]
    version = f"{message.version.major}.{message.version.minor}"
    return Response.of_parts(message.code, fields, reason=message.reason, http_version=version)


def _with_body(head: Any, body: bytes) -> Response:
    return Response.of_parts(head.status, head.headers, body, reason=head.reason, http_version=head.http_version)
