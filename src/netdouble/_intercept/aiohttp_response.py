"""aiohttp's own response objects, built and taken apart: for hand-made monkeypatches and native replies.

Rule 1: built by aiohttp's own request, protocol and parser from bytes, so that no version's constructor is known here.
Rule 2: no event loop is needed: everything is there when it is asked for, so nothing ever waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from types import ModuleType
from typing import Any

from netdouble._codec.spelling import spell
from netdouble._core.contents import Stream
from netdouble._core.messages import Request, Response
from netdouble._intercept.seams import unsupported
from netdouble.errors import DeclarationError


def built(aiohttp: ModuleType, response: Response, request: Request | None,
          chunks_of: Callable[[Stream], Iterable[bytes]]) -> Any:  # fmt: skip
    """`response` as a `ClientResponse` that was read to its end.

    Raises:
        ClientNotSupported: this version builds its responses another way.
    """
    client = f"aiohttp {aiohttp.__version__}"
    asked = request or Request.to("GET", "http://netdouble.test/")
    if response.stream is not None:
        response = Response.of_parts(response.status, response.headers, b"".join(chunks_of(response.stream)),
                                     reason=response.reason, http_version=response.http_version)  # fmt: skip
    loop: Any = _NoLoop()
    url = aiohttp.client.URL(str(asked.url), encoded=True)
    native_request = aiohttp.ClientRequest(asked.method, url, headers=list(asked.headers.fields), loop=loop)
    protocol = aiohttp.client_proto.ResponseHandler(loop=loop)
    protocol.connection_made(_Sink())
    protocol.set_response_params(skip_payload=asked.method == "HEAD", read_until_eof=True)
    connection = _Connection(protocol)
    native = _at_once(native_request.send(connection), client)
    protocol.data_received(b"".join(spell(response, method=asked.method).pieces))
    protocol.connection_lost(None)  # the end of a body that has no other
    _at_once(native.start(connection), client)
    _at_once(native.read(), client)
    return native


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
        body = _at_once(native.read(), "aiohttp")
    # What read() gives is decoded and whole: these lines told of the body as it was on the wire.
    fields = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in native.raw_headers
        if name.lower() not in _OF_THE_WIRE
    ]
    version = f"{native.version.major}.{native.version.minor}"
    return Response.of_parts(native.status, fields, body, reason=native.reason, http_version=version)


_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def _at_once(coroutine: Coroutine[Any, Any, Any], client: str) -> Any:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise unsupported(client, "aiohttp.ClientResponse", "waits where everything is there already")


class _NoLoop:
    """For objects that want a loop and have nothing to wait for on it."""

    def get_debug(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return False

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Aiohttp 3.9 writes every request in a task."""
        _at_once(coroutine, "aiohttp")
        return _Done()


class _Done:
    """A task that has ended."""

    def done(self) -> bool:
        return True

    def cancel(self) -> bool:
        return False

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self)

    def __await__(self) -> Iterator[None]:
        return iter(())


class _Sink(asyncio.Transport):
    """Takes the request."""

    def write(self, data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


class _Connection:
    """What aiohttp's request and response ask of a connection."""

    force_close = False

    def __init__(self, protocol: Any) -> None:
        self.protocol, self.transport = protocol, protocol.transport
        self._connector = self

    def release(self) -> None:
        self.protocol = None

    close = release

    def add_callback(self, callback: Callable[[], None]) -> None:
        callback()
