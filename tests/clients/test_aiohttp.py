"""aiohttp: what the table of conformance can't say. The session, the pool, the parser and the timers are aiohttp's."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import aiohttp.web
import pytest
import trustme
from tests.clients.conformance.servers import Loopback

from netdouble import ClientNotSupported, DeclarationError, Fault, Network, Request, Response, UnmatchedRequest
from netdouble._intercept import catalog

URL = "https://api.test/users/7"
SocketTimeout: Any = getattr(aiohttp, "SocketTimeoutError", aiohttp.ServerTimeoutError)
ConnectTimeout: Any = getattr(aiohttp, "ConnectionTimeoutError", aiohttp.ServerTimeoutError)
DnsError: Any = getattr(aiohttp, "ClientConnectorDNSError", aiohttp.ClientConnectorError)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def net() -> Iterator[Network]:
    with Network(unused="off", swallowed="warn") as opened:
        yield opened


async def body_of(response: Any) -> bytes:
    async with response:
        return await response.read()


# The session above the connection is whole


async def test_redirects_cookies_and_history_are_the_sessions_own(net: Network):
    net.get("https://api.test/login").reply(302, headers={"Location": "/home"}, cookies={"sid": "1"})
    net.get("https://api.test/home", cookies={"sid": "1"}).reply(text="welcome")
    async with aiohttp.ClientSession() as session, session.get("https://api.test/login") as response:
        assert await response.text() == "welcome"
        assert [hop.status for hop in response.history] == [302]
        assert str(response.url) == "https://api.test/home"
        assert [cookie.value for cookie in session.cookie_jar] == ["1"]
    assert net.count == 2


async def test_raise_for_status_of_the_session_raises(net: Network):
    net.get(URL).reply(404, json={})
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        with pytest.raises(aiohttp.ClientResponseError, match="404, message='Not Found'") as caught:
            await session.get(URL)
    assert str(caught.value.request_info.real_url) == URL


async def test_bodies_are_decompressed_unless_told_otherwise(net: Network):
    packed = gzip.compress(b"unpacked" * 100)
    net.get(URL).reply(content=packed, headers={"Content-Encoding": "gzip"})
    async with aiohttp.ClientSession() as session:
        assert await body_of(await session.get(URL)) == b"unpacked" * 100
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        assert await body_of(await session.get(URL)) == packed


async def test_trace_hooks_see_every_step_and_the_bytes(net: Network):
    net.post(URL).reply(text="x")
    seen: list[str] = []
    config = aiohttp.TraceConfig()
    for name in ("request_start", "connection_create_start", "connection_create_end", "connection_reuseconn",
                 "request_headers_sent", "request_chunk_sent", "response_chunk_received", "request_end"):  # fmt: skip

        async def note(*args: object, name: str = name) -> None:
            seen.append(name)

        getattr(config, f"on_{name}").append(note)
    async with aiohttp.ClientSession(trace_configs=[config]) as session:
        await body_of(await session.post(URL, data=b"hi"))
        assert seen == ["request_start", "connection_create_start", "connection_create_end", "request_headers_sent",
                        "request_chunk_sent", "request_end", "response_chunk_received"]  # fmt: skip
        seen.clear()
        await body_of(await session.post(URL, data=b"hi"))
        assert "connection_reuseconn" in seen
        assert "connection_create_start" not in seen


async def test_connections_are_pooled_and_limited_as_ever(net: Network):
    net.get(URL).reply(text="x", delay=0.01)
    connector = aiohttp.TCPConnector(limit=2)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*[_read(session, URL) for _ in range(6)])
        assert sum(len(pooled) for pooled in connector._conns.values()) == 2
    assert net.count == 6


async def _read(session: aiohttp.ClientSession, url: str, **options: Any) -> bytes:
    return await body_of(await session.get(url, **options))


async def test_a_session_that_is_never_told_to_read_closes_cleanly(net: Network):
    net.get(URL).reply(stream=[b"x" * 100_000] * 3)
    async with aiohttp.ClientSession() as session:
        response = await session.get(URL)
        response.close()
    assert net.calls.last.status == 200


# Uploads


async def test_an_async_generator_is_sent_in_chunks(net: Network):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(0)
        yield b"two"

    route = net.post(URL, content=b"onetwo").reply()
    async with aiohttp.ClientSession() as session:
        assert (await session.post(URL, data=chunks())).status == 200
    assert route.last.request.headers["transfer-encoding"] == "chunked"


async def test_multipart_forms_arrive_as_they_are_sent(net: Network):
    route = net.post(URL).reply()
    form = aiohttp.FormData({"name": "Ada"})
    form.add_field("file", b"\x00\x01", filename="a.bin", content_type="application/octet-stream")
    async with aiohttp.ClientSession() as session:
        await session.post(URL, data=form)
    request = route.last.request
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="a.bin"' in request.body
    assert b"\r\n\r\n\x00\x01\r\n" in request.body


async def test_a_compressed_upload_is_what_is_recorded(net: Network):
    route = net.post(URL).reply()
    async with aiohttp.ClientSession() as session:
        await session.post(URL, data=b"x" * 1000, compress="gzip")
    assert route.last.request.headers["content-encoding"] == "gzip"
    assert gzip.decompress(route.last.request.body) == b"x" * 1000


async def test_the_body_is_sent_after_100_continue(net: Network):
    route = net.put(URL, content=b"hi").reply(201)
    async with aiohttp.ClientSession() as session:
        assert (await session.put(URL, data=b"hi", expect100=True)).status == 201
    assert route.last.request.headers["expect"] == "100-continue"


async def test_a_json_body_matches(net: Network):
    net.post(URL, json={"a": 1}).reply(201)
    async with aiohttp.ClientSession() as session:
        assert (await session.post(URL, json={"a": 1})).status == 201


# Streams


async def test_chunks_arrive_one_by_one(net: Network):
    net.get(URL).reply(stream=["one", "two", "three"])
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        assert [chunk async for chunk in response.content.iter_any()] == [b"one", b"two", b"three"]


async def test_a_stream_is_made_only_as_fast_as_it_is_read(net: Network):
    made = 0
    ended = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal made, ended
        try:
            while True:
                made += 1
                yield b"x" * 1024
        finally:
            ended = True

    net.get(URL).reply(stream=chunks)
    async with aiohttp.ClientSession(read_bufsize=4096) as session:
        response = await session.get(URL)
        for _ in range(200):
            await asyncio.sleep(0)
        assert made < 50
        before = made
        for _ in range(100):
            await response.content.readexactly(1024)
        assert before < made < 200
        response.close()
        await asyncio.sleep(0.01)
    assert ended


async def test_what_a_stream_raises_reaches_the_reader(net: Network):
    class Boom(Exception):
        pass

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise Boom

    net.get(URL).reply(stream=chunks)
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        with pytest.raises(Boom):
            await response.read()
    assert isinstance(net.calls.last.error, Boom)
    assert net.calls.last.status == 200


async def test_a_large_body_comes_in_portions_that_may_be_paused(net: Network):
    net.get(URL).reply(content=b"x" * 3_000_000)
    async with aiohttp.ClientSession(read_bufsize=4096) as session:
        response = await session.get(URL)
        await asyncio.sleep(0.01)
        assert response.content._size < 600_000
        assert len(await response.read()) == 3_000_000


# Errors


@pytest.mark.parametrize(
    ("timeout", "raised"),
    [(aiohttp.ClientTimeout(total=30), asyncio.TimeoutError), (aiohttp.ClientTimeout(total=None), SocketTimeout)],
    ids=["a time for the whole", "none: it would wait for ever"],
)
async def test_a_write_timeout_is_raised_at_once_whatever_times_there_are(
    net: Network, timeout: aiohttp.ClientTimeout, raised: type[Exception]
):
    route = net.post(URL).fail(Fault.WRITE_TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with pytest.raises(raised) as caught:
            await session.post(URL, data=b"hi")
    assert type(caught.value) is raised
    assert type(route.last.error) is raised


@pytest.mark.parametrize("body", [None, b"hi"], ids=["no body", "a body, which a task of its own writes"])
async def test_an_unmatched_request_is_raised_unwrapped_and_names_its_line(net: Network, body: bytes | None):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(UnmatchedRequest, match=r"POST https://api\.test/none") as caught:
            await session.post("https://api.test/none", data=body)
    assert type(caught.value) is UnmatchedRequest
    assert re.search(r"test_aiohttp\.py:\d+ in test_an_unmatched", caught.value.caller)
    assert net.count == 1


async def test_an_os_error_that_a_function_raises_is_not_taken_for_the_networks(net: Network):
    class Boom(OSError):
        pass

    def raises(request: Request) -> Any:
        raise Boom("mine")

    net.any(URL).reply(raises)
    async with aiohttp.ClientSession() as session:
        for sent in (session.get(URL), session.post(URL, data=b"hi")):
            with pytest.raises(Boom, match=r"^mine$"):
                await sent
    assert net.count == 2


async def test_a_failed_assertion_in_a_function_fails_the_test(net: Network):
    net.get(URL).reply(lambda request: pytest.fail("wrong request"))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(pytest.fail.Exception, match="wrong request"):
            await session.get(URL)


async def test_an_exception_of_aiohttps_own_keeps_class_and_text(net: Network):
    net.post(URL).fail(aiohttp.ClientPayloadError("mine"))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientPayloadError, match=r"^mine$"):
            await session.post(URL)


async def test_an_async_function_runs_on_the_callers_loop(net: Network):
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(request: Request) -> Response:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return Response(text=request.text)

    net.post(URL).reply(answer)
    async with aiohttp.ClientSession() as session:
        assert await body_of(await session.post(URL, data=b"hi")) == b"hi"
    assert loops == [asyncio.get_running_loop()]


# Connecting


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (Fault.DNS, DnsError, "Cannot connect to host api.test:443 ssl:default [Name or service not known]"),
        (Fault.CONNECT_REFUSED, aiohttp.ClientConnectorError, "[Connect call failed ('api.test', 443)]"),
        (Fault.TLS, aiohttp.ClientConnectorSSLError, "handshake failure"),
        (Fault.CONNECT_TIMEOUT, ConnectTimeout, f"Connection timeout to host {URL}"),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept connection"])
async def test_a_connect_fault_comes_before_anything_is_sent(
    net: Network, fault: Fault, kind: type, text: str, kept: bool
):
    ends: list[str] = []
    config = aiohttp.TraceConfig()

    async def note(*args: object) -> None:
        ends.append("created or sent")

    config.on_request_chunk_sent.append(note)
    route = (
        net.post(URL).reply(text="x").then(fault).then(text="y") if kept else net.post(URL).fail(fault).then(text="y")
    )
    async with aiohttp.ClientSession(trace_configs=[config]) as session:
        if kept:
            await body_of(await session.post(URL))
        ends.clear()
        with pytest.raises(kind) as caught:
            await session.post(URL, data=b"hi", timeout=aiohttp.ClientTimeout(sock_connect=5))
        assert type(caught.value) is kind
        assert text in str(caught.value)
        assert ends == []
        assert await body_of(await session.post(URL)) == b"y"
    assert route.count == 2 + kept
    failed = route.calls[kept]
    assert isinstance(failed.error, kind)
    assert failed.request.body == b"hi"


async def test_a_connect_fault_for_a_body_not_known_yet_is_the_same_error(net: Network):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"

    net.post(URL, content=b"one").fail(Fault.CONNECT_REFUSED)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed"):
            await session.post(URL, data=chunks())
    assert net.count == 1


async def test_a_function_may_answer_with_a_connect_fault(net: Network):
    net.get(URL).reply(lambda request: Fault.CONNECT_REFUSED)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(URL)
    assert net.count == 1


async def test_a_slow_refusal_times_out_first_when_the_client_has_less_time(net: Network):
    net.get(URL).fail(Fault.CONNECT_REFUSED, delay=30)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConnectTimeout):
            await session.get(URL, timeout=aiohttp.ClientTimeout(sock_connect=5))
        with pytest.raises(asyncio.TimeoutError) as caught:
            await session.get(URL, timeout=aiohttp.ClientTimeout(total=5))
        assert not isinstance(caught.value, aiohttp.ClientError)


# Time


@pytest.mark.parametrize(
    ("timeout", "kind"),
    [
        (aiohttp.ClientTimeout(total=None, sock_read=20), SocketTimeout),
        (aiohttp.ClientTimeout(total=20), asyncio.TimeoutError),
        (aiohttp.ClientTimeout(total=10, sock_read=20), asyncio.TimeoutError),
        (aiohttp.ClientTimeout(total=20, sock_read=10), SocketTimeout),
    ],
    ids=["sock_read", "total", "total first", "sock_read first"],
)
@pytest.mark.parametrize("declare", [
    lambda net: net.get(URL).reply(text="x", delay=30),
    lambda net: net.get(URL).fail(Fault.READ_TIMEOUT),
    lambda net: net.get(URL).fail(Fault.READ_TIMEOUT_IN_BODY),
], ids=["delay", "fault", "fault in body"])  # fmt: skip
async def test_the_timeout_that_would_come_first_comes_at_once(
    net: Network, timeout: aiohttp.ClientTimeout, kind: type, declare: Callable[[Network], object]
):
    declare(net)
    begun = time.monotonic()
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with pytest.raises(kind) as caught:
            await _read(session, URL)
    assert type(caught.value) is kind
    assert time.monotonic() - begun < 9
    assert isinstance(net.calls.last.error, kind)


async def test_a_read_timeout_comes_even_to_a_client_that_has_none(net: Network):
    net.get(URL).fail(Fault.READ_TIMEOUT)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        with pytest.raises(SocketTimeout, match="Timeout on reading data from socket"):
            await session.get(URL)


async def test_a_connect_timeout_follows_the_total_when_that_is_all_there_is(net: Network):
    net.get(URL).fail(Fault.CONNECT_TIMEOUT)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(asyncio.TimeoutError) as caught:
            await session.get(URL, timeout=aiohttp.ClientTimeout(total=5))
        assert not isinstance(caught.value, aiohttp.ClientError)
        with pytest.raises(ConnectTimeout):
            await session.get(URL, timeout=aiohttp.ClientTimeout(total=None))


async def test_a_delay_within_the_timeout_is_waited_for(net: Network):
    net.get(URL).reply(text="x", delay=0.05)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=5)) as session:
        begun = time.monotonic()
        assert await _read(session, URL) == b"x"
        assert time.monotonic() - begun > 0.045


async def test_a_broken_response_leaves_the_one_before_as_it_is(net: Network):
    net.get(URL).reply(text="first").then(Fault.READ_TIMEOUT)
    async with aiohttp.ClientSession() as session:
        first = await session.get(URL)
        with pytest.raises(asyncio.TimeoutError):
            await session.get(URL)
        assert await first.read() == b"first"


# Attempts


@asynccontextmanager
async def resetting_server() -> AsyncIterator[tuple[str, list[int]]]:
    """A real server that resets every connection after the request; and a list as long as there were requests."""
    seen: list[int] = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", seen
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_lost_connection_is_tried_as_often_as_on_the_real_wire(method: str):
    async with resetting_server() as (url, seen), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientOSError):
            await session.request(method, url)
    with Network() as net:
        route = net.any(URL).fail(Fault.RESET)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientOSError):
                await session.request(method, URL)
        assert route.count == len(seen)


# Connectors, proxies, TLS


async def test_a_connector_of_ones_own_that_is_a_tcp_connector_is_answered(net: Network):
    class Mine(aiohttp.TCPConnector):
        made = 0

        async def _create_connection(self, *args: Any, **kwargs: Any) -> Any:
            self.made += 1
            return await super()._create_connection(*args, **kwargs)

    net.get(URL).reply(text="x")
    connector = Mine()
    async with aiohttp.ClientSession(connector=connector) as session:
        assert await _read(session, URL) == b"x"
        assert connector.made == 1


async def test_unix_sockets_are_left_alone(net: Network, tmp_path: Any):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nreal")
        writer.close()

    path = str(tmp_path / "s")
    server = await asyncio.start_unix_server(serve, path)
    net.get("http://api.test/").reply(text="stub")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        assert await _read(session, "http://api.test/") == b"real"
    server.close()
    await server.wait_closed()
    assert net.count == 0


@pytest.mark.parametrize("url", ["http://api.test/x", "https://api.test/x"])
async def test_a_request_behind_a_proxy_matches_by_its_target(net: Network, url: str, monkeypatch: pytest.MonkeyPatch):
    route = net.get(url).reply(text="x")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    async with aiohttp.ClientSession() as session:
        assert await _read(session, url, proxy="http://proxy.test:3128") == b"x"
    async with aiohttp.ClientSession(trust_env=True) as session:
        assert await _read(session, url) == b"x"
    assert route.count == net.count == 2


async def test_a_proxys_credentials_go_where_the_real_ones_go(net: Network):
    net.any().reply(text="x")
    auth = {"Proxy-Authorization": "Basic YWRhOnNlY3JldA=="}
    async with aiohttp.ClientSession() as session:
        await _read(session, "http://api.test/", proxy="http://proxy.test", proxy_auth=_basic())
        assert net.calls.last.request.headers["proxy-authorization"] == auth["Proxy-Authorization"]
        await _read(session, "https://api.test/", proxy="http://proxy.test", proxy_auth=_basic())
        assert "proxy-authorization" not in net.calls.last.request.headers


def _basic() -> aiohttp.BasicAuth:
    return aiohttp.BasicAuth("ada", "secret")


test_a_proxys_credentials_go_where_the_real_ones_go = pytest.mark.filterwarnings(
    "ignore:The 'proxy_auth' parameter:DeprecationWarning", "ignore:BasicAuth is deprecated:DeprecationWarning"
)(test_a_proxys_credentials_go_where_the_real_ones_go)


async def test_tls_arguments_are_taken(net: Network):
    net.get(URL).reply(text="x")
    for trust in (False, ssl.create_default_context(), aiohttp.Fingerprint(b"\0" * 32)):
        async with aiohttp.ClientSession() as session:
            assert await _read(session, URL, ssl=trust) == b"x"


# WebSockets


async def test_a_bare_101_says_how_a_conversation_is_declared(net: Network):
    net.get("wss://api.test/ws").reply(101)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(DeclarationError, match=r'declare net\.websocket\("wss://api\.test/ws"\)'):
            await session.ws_connect("wss://api.test/ws")


async def test_a_refused_websocket_handshake_is_answered(net: Network):
    net.get("wss://api.test/ws").reply(403)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect("wss://api.test/ws")
    assert caught.value.status == 403


@asynccontextmanager
async def real_app(tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A real server of aiohttp's on 127.0.0.1; gives `127.0.0.1:PORT`."""

    async def echo(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        websocket = aiohttp.web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(f"real: {message.data}")
        return websocket

    async def both_ways(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse()
        await response.prepare(request)
        async for data in request.content.iter_any():
            await response.write(b"real: " + data)
        return response

    async def packed(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        return aiohttp.web.Response(body=gzip.compress(b"real"), headers={"Content-Encoding": "gzip"})

    app = aiohttp.web.Application()
    app.router.add_get("/ws", echo)
    app.router.add_post("/both", both_ways)
    app.router.add_get("/packed", packed)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    try:
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("named", [False, True], ids=["a host that no route names", "a pass_through() route"])
async def test_websockets_reach_a_real_server(net: Network, named: bool):
    async with real_app() as address, aiohttp.ClientSession() as session:
        if named:
            net.get(f"ws://{address}/ws").pass_through()
        async with session.ws_connect(f"ws://{address}/ws") as websocket:
            for text in ("one", "two"):
                await websocket.send_str(text)
                assert (await websocket.receive_str()) == f"real: {text}"
    assert net.calls.last.passed_through
    assert net.calls.last.status == 101
    assert net.count == 1


# Passing through


async def test_a_conversation_with_a_free_host_goes_both_ways_at_once(net: Network):
    answered = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.wait_for(answered.wait(), 5)
        yield b"two"

    async with real_app() as address, aiohttp.ClientSession() as session:
        response = await session.post(f"http://{address}/both", data=chunks())
        assert await response.content.readany() == b"real: one"
        answered.set()
        assert await response.read() == b"real: two"
    assert net.calls.last.passed_through
    assert net.calls.last.status == 200


async def test_a_pass_through_keeps_the_body_as_it_was_on_the_wire(net: Network):
    async with real_app() as address, aiohttp.ClientSession() as session:
        net.any(f"http://{address}/packed").pass_through()
        net.any(f"http://{address}/both").pass_through()
        assert await _read(session, f"http://{address}/packed") == b"real"
        passed = net.calls.last.response
        assert passed is not None
        assert gzip.decompress(passed.body) == b"real"
        assert await body_of(await session.post(f"http://{address}/both", data=b"x")) == b"real: x"
        passed = net.calls.last.response
        assert passed is not None
        assert passed.headers["transfer-encoding"] == "chunked"
        assert passed.body == b"real: x"


@pytest.mark.parametrize("named", [False, True], ids=["a host that no route names", "a pass_through() route"])
async def test_a_pass_through_over_tls_verifies_as_ever(net: Network, named: bool):
    authority = trustme.CA()
    server, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(trusting)
    async with real_app(server) as address, aiohttp.ClientSession() as session:
        if named:
            net.any(f"https://{address}/packed").pass_through()
        async with session.get(f"https://{address}/packed", ssl=trusting) as response:
            assert await response.read() == b"real"
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(f"https://{address}/packed", ssl=ssl.create_default_context())
        assert isinstance(net.calls.last.error, aiohttp.ClientConnectorCertificateError)
    assert net.count == 2


@pytest.mark.parametrize("named", [False, True], ids=["a host that no route names", "a pass_through() route"])
async def test_a_pass_through_to_nobody_is_refused_in_aiohttps_words(net: Network, named: bool):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/"
        if named:
            net.get(url).pass_through()
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError, match=r"Cannot connect to host 127\.0\.0\.1"):
                await session.get(url)
    assert net.count == 1
    assert isinstance(net.calls.last.error, aiohttp.ClientConnectorError)


async def test_a_pass_through_behind_a_proxy_goes_through_it(net: Network):
    with Loopback() as proxy:
        net.get("http://api.invalid/x").pass_through()
        async with aiohttp.ClientSession() as session:
            assert await _read(session, "http://api.invalid/x", proxy=proxy.url) == b"real: GET http://api.invalid/x"
    assert net.count == 1


# Scopes


async def test_two_networks_in_two_tasks_do_not_see_each_other():
    both_open = asyncio.Event()

    async def work(text: str) -> tuple[bytes, int]:
        with Network() as net:
            net.get(URL).reply(text=text)
            if text == "two":
                both_open.set()
            await both_open.wait()
            async with aiohttp.ClientSession() as session:
                body = await _read(session, URL)
            return body, net.count

    assert await asyncio.gather(work("one"), work("two")) == [(b"one", 1), (b"two", 1)]


async def test_a_connection_in_memory_is_closed_with_its_scope():
    async with aiohttp.ClientSession() as session:
        with Network() as net:
            net.get(URL).reply(text="x")
            await _read(session, URL)
            await asyncio.sleep(0)  # aiohttp 3.9 gives connections back a little later
            assert session.connector is not None
            ((pooled, _),) = next(iter(session.connector._conns.values()))
            assert pooled.is_connected()
        assert not pooled.is_connected()


async def test_a_real_connection_given_back_while_waiting_is_not_used():
    with Loopback() as server:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            held = await session.get(f"{server.url}/before")
            assert connector._acquired or connector._conns
            with Network() as net:
                net.get(f"{server.url}/x").reply(text="stub")
                asked = asyncio.ensure_future(_read(session, f"{server.url}/x"))
                await asyncio.sleep(0)
                assert await body_of(held) == b"real: GET /before"
                assert await asked == b"stub"
        assert server.seen == ["GET /before"]


async def test_everything_is_put_back_and_a_seam_that_changed_is_a_loud_error(monkeypatch: pytest.MonkeyPatch):
    before = [vars(aiohttp.TCPConnector).get(name) for name in ("connect", "_create_connection")]
    with Network():
        assert catalog.is_attached("aiohttp")
    assert [vars(aiohttp.TCPConnector).get(name) for name in ("connect", "_create_connection")] == before

    async def _create_connection(self: Any, request: Any) -> None: ...

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", _create_connection)
    with pytest.raises(ClientNotSupported, match="_create_connection") as caught, Network():
        pass
    assert caught.value.client == "aiohttp"
    assert caught.value.version == aiohttp.__version__


# Mounted by hand


async def test_a_mounted_connector_works_with_nothing_patched():
    net = Network()
    route = net.get(URL).reply(json={"id": 7}).then(Fault.CONNECT_REFUSED)
    async with aiohttp.ClientSession(connector=net.aiohttp_connector()) as session:
        assert not catalog.is_attached("aiohttp")
        assert json.loads(await _read(session, URL)) == {"id": 7}
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(URL)
        with pytest.raises(UnmatchedRequest):
            await session.get("https://api.test/none")
    assert route.count == 2
    assert net.count == 3


async def test_a_mounted_connector_lets_through():
    net = Network()
    with Loopback() as server:
        net.get(f"{server.url}/x").pass_through()
        async with aiohttp.ClientSession(connector=net.aiohttp_connector()) as session:
            assert await _read(session, f"{server.url}/x") == b"real: GET /x"
    with Loopback() as server:
        async with aiohttp.ClientSession(connector=net.aiohttp_connector()) as session:
            assert await _read(session, f"{server.url}/free") == b"real: GET /free"
    assert [call.passed_through for call in net.calls] == [True, True]


async def test_a_mounted_connector_is_asked_once_while_others_are_patched(net: Network):
    mounted = Network()
    mounted.get(URL).reply(text="mounted")
    net.get(URL).reply(text="patched")
    async with aiohttp.ClientSession(connector=mounted.aiohttp_connector()) as session:
        assert await _read(session, URL) == b"mounted"
    assert (mounted.count, net.count) == (1, 0)


# Genuine responses


async def test_a_native_response_is_genuine(net: Network):
    answer = Response(404, json={"id": 7}, headers={"X-One": "1"}, cookies={"a": "b"}).as_aiohttp()
    assert type(answer) is aiohttp.ClientResponse
    assert (answer.status, answer.reason, answer.ok) == (404, "Not Found", False)
    assert answer.headers["x-one"] == "1"
    assert answer.cookies["a"].value == "b"
    assert await answer.json() == {"id": 7}
    assert await answer.text() == '{"id":7}'
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        answer.raise_for_status()
    async with Response(text="x").as_aiohttp() as answer:
        assert await answer.read() == b"x"


@pytest.mark.parametrize("response", [
    Response(204),
    Response(stream=["one", "two"]),
    Response(content=gzip.compress(b"onetwo"), headers={"Content-Encoding": "gzip"}),
    Response(text="onetwo", http_version="1.0", reason="Fine"),
    Response(content=b"x" * 300_000),
])  # fmt: skip
async def test_a_native_response_of_any_kind_can_be_answered_again(net: Network, response: Response):
    asked = Request.to("POST", "https://api.test/x?a=%2F")
    native = await asyncio.to_thread(response.as_aiohttp, asked)  # where no loop is
    assert str(native.url) == "https://api.test/x?a=%2F"
    assert native.method == "POST"
    net.get(URL).reply(native)
    async with aiohttp.ClientSession() as session, session.get(URL) as again:
        assert (again.status, again.reason) == (response.status, response.reason)
        assert await again.read() == await native.read()


async def test_a_response_that_came_over_a_connection_can_be_answered_again(net: Network):
    net.get(URL).reply(json={"id": 7}, headers=[("X-Many", "1"), ("X-Many", "2")])
    async with aiohttp.ClientSession() as session:
        read = await session.get(URL)
        await read.read()
        unread = await session.get(URL)
        for native in (read, unread):
            net.get("https://api.test/again").reply(native)
            again = await session.get("https://api.test/again")
            assert await again.json() == {"id": 7}
            assert again.headers.getall("x-many") == ["1", "2"]


async def test_a_response_whose_body_is_not_there_yet_is_refused(net: Network):
    net.get(URL).reply(stream=lambda: iter([b"x" * 100_000] * 50))
    async with aiohttp.ClientSession() as session:
        native = await session.get(URL)
        with pytest.raises(DeclarationError, match=r"`await response\.read\(\)` first"):
            net.get("https://api.test/again").reply(native)
        native.close()


# Other ways to run


def _ask_on_a_loop_of_its_own(found: list[bytes]) -> None:
    async def ask() -> bytes:
        async with aiohttp.ClientSession() as session:
            return await _read(session, URL)

    found.append(asyncio.run(ask()))


async def test_loops_in_threads_are_answered(net: Network):
    net.get(URL).reply(text="x")
    found: list[bytes] = []
    threads = [threading.Thread(target=_ask_on_a_loop_of_its_own, args=(found,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert found == [b"x"] * 3


SCRIPT = """
import asyncio, aiohttp
from aiohttp.http import HttpResponseParser
from netdouble import Fault, Network

assert HttpResponseParser.__module__ == "aiohttp.http_parser"  # the other one is aiohttp._http_parser

async def main():
    if hasattr(asyncio, "eager_task_factory"):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    with Network() as net:
        net.post("https://api.test/").reply(stream=["a", "b"]).then(Fault.TRUNCATED_BODY).then(text="x", delay=0.01)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=0.2)) as session:
            for _ in range(3):
                async with session.post("https://api.test/", data=b"hi") as response:
                    try:
                        print((await response.read()).decode())
                    except aiohttp.ClientPayloadError as error:
                        print(type(error).__name__)
        assert net.count == 3

asyncio.run(main())
"""


async def test_the_pure_python_parser_and_eager_tasks_do_as_well():
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=30,
        env={**os.environ, "AIOHTTP_NO_EXTENSIONS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == ["ab", "ClientPayloadError", "x"]
