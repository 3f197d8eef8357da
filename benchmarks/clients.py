"""One call of each client (a GET and its JSON), and each client's floor: what no stub of it can be faster than.

Rule: a floor runs all of the client above the seam, and does nothing below it but hand over the answer: a genuine
response object made for each call (httpx, httpx2, requests), or bytes for the client's own parser (the others).
"""

from __future__ import annotations

import http.client
import io
import os
from collections.abc import Callable
from typing import Any

from benchmarks.routes import BODY, HEADERS, HOST, URL, Mocker
from benchmarks.timing import Block, atimed, run, timed

WIRE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)

# Makes so many calls with a client of its own; the keywords go to the client.
Calls = Callable[..., list[int]]


def mocked(mocker: Mocker, calls: Calls, routes: int) -> Block:
    """A block that opens `mocker` with so many routes, and makes its calls under it."""

    def block(number: int) -> list[int]:
        with mocker(routes):
            return calls(number)

    return block


# httpx, httpx2


def httpx_calls(module: Any) -> Calls:
    """GETs with one client."""

    def calls(number: int, **options: Any) -> list[int]:
        with module.Client(**options) as client:
            return timed(lambda: _json(client.get(URL)), number)

    return calls


def httpx_async_calls(module: Any) -> Calls:
    """GETs with one async client."""

    async def work(number: int, options: dict[str, Any]) -> list[int]:
        async def call() -> None:
            _json(await client.get(URL))

        async with module.AsyncClient(**options) as client:
            return await atimed(call, number)

    return lambda number, **options: run(work(number, options))


def httpx_floor(module: Any, calls: Calls) -> Block:
    """Under a transport that makes a fresh response."""

    def answer(_request: Any) -> Any:
        return module.Response(200, headers=HEADERS, content=BODY)

    return lambda number: calls(number, transport=module.MockTransport(answer))


def _json(response: Any) -> None:
    if response.status_code != 200 or response.json()["id"] != 42:
        raise AssertionError(response)


# aiohttp


def aiohttp_calls(number: int, connector: Callable[[], Any] | None = None) -> list[int]:
    """GETs with one session."""
    import aiohttp

    async def work() -> list[int]:
        async def call() -> None:
            async with session.get(URL) as response:
                if (await response.json())["id"] != 42:
                    raise AssertionError(response)

        async with aiohttp.ClientSession(connector=connector() if connector else None) as session:
            return await atimed(call, number)

    return run(work())


def aiohttp_floor(number: int) -> list[int]:
    """Under a connector whose connections answer every write with the same bytes, one turn of the loop later."""
    import aiohttp

    class Connector(aiohttp.BaseConnector):
        allowed_protocol_schema_set = frozenset({"http", "https", ""})

        async def _create_connection(self, _req: Any, _traces: Any, _timeout: Any) -> Any:
            protocol = aiohttp.client_proto.ResponseHandler(self._loop)
            protocol.connection_made(_Answering(protocol, self._loop))  # type: ignore[arg-type]
            return protocol

    return aiohttp_calls(number, Connector)


class _Answering:
    """A transport under which everything that is written is answered."""

    def __init__(self, protocol: Any, loop: Any) -> None:
        self._protocol, self._loop, self._closing = protocol, loop, False

    def write(self, _data: bytes) -> None:
        self._loop.call_soon(self._protocol.data_received, WIRE)

    def writelines(self, data: Any) -> None:
        self.write(data)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close

    def get_extra_info(self, *_: Any) -> None:
        return None

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


# requests, http.client


def requests_calls(number: int, adapter: Any = None) -> list[int]:
    """GETs with one session."""
    import requests

    with requests.Session() as session:
        if adapter is not None:
            session.mount("http://", adapter)
        return timed(lambda: _json(session.get(URL)), number)


def requests_floor(number: int) -> list[int]:
    """Under an adapter that makes a fresh response, http.client's behind it: requests looks for cookies in that one."""
    import requests.adapters
    import urllib3

    class Original:
        msg = http.client.HTTPMessage()

        def isclosed(self) -> bool:
            return True

        def close(self) -> None:
            pass

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
            raw = urllib3.HTTPResponse(io.BytesIO(BODY), HEADERS, 200, reason="OK", preload_content=False,
                                       request_method="GET", original_response=Original())  # fmt: skip
            return self.build_response(request, raw)

    return requests_calls(number, Adapter())


def requests_byte_floor(number: int) -> list[int]:
    """Over sockets that answer with the same bytes: all of requests and urllib3 runs."""
    import requests.adapters
    import urllib3

    class Connection(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            self.sock: Any = _AnsweringSocket()

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    adapter = requests.adapters.HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": Pool}
    return requests_calls(number, adapter)


def http_client_calls(number: int, connect: Callable[[Any], None] | None = None) -> list[int]:
    """GETs on one connection."""
    connection = http.client.HTTPConnection(HOST)
    if connect is not None:
        connect(connection)

    def call() -> None:
        connection.request("GET", "/v1/users/42")
        response = connection.getresponse()
        if response.status != 200 or not response.read():
            raise AssertionError(response)

    return timed(call, number)


def http_client_floor(number: int) -> list[int]:
    """Over a socket that answers with the same bytes."""

    def connect(connection: Any) -> None:
        connection.sock = _AnsweringSocket()

    return http_client_calls(number, connect)


class _AnsweringSocket:
    """A socket on which every response is the same; its descriptor is a pipe that never has anything to read."""

    def __init__(self) -> None:
        self._idle, self._kept = os.pipe()

    def sendall(self, _data: bytes) -> None:
        pass

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(WIRE)

    def settimeout(self, _seconds: float | None) -> None:
        pass

    def fileno(self) -> int:
        return self._idle

    def close(self) -> None:
        for descriptor in (self._idle, self._kept):
            if descriptor >= 0:
                os.close(descriptor)
        self._idle = self._kept = -1
