"""WebSockets of the clients that netdouble knows: without a connection and on the wire, against the same routes."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading

import aiohttp
import pytest
from tests.far_end.loops import connections_closed

from netdouble import Closing, Fault, Network, UnmatchedRequest, UnmetExpectation

URL = "wss://api.test/feed"

# asyncio of Python 3.10 calls a TLS transport unclosed that its peer has closed (its sslproto.py).
pytestmark = pytest.mark.filterwarnings("ignore:unclosed transport <asyncio.sslproto:ResourceWarning")


@pytest.fixture(autouse=True)
def nothing_is_left_to_later_tests():
    yield
    if sys.version_info < (3, 11):
        gc.collect()


class Aiohttp:
    """aiohttp, in the words of this file."""

    refused, broken = aiohttp.WSServerHandshakeError, aiohttp.ClientOSError
    dropped = 1000  # what aiohttp 3.9 says of a connection that ended in order without a word

    async def __aenter__(self):
        self.session = aiohttp.ClientSession()
        try:
            self.ws = await self.session.ws_connect(URL, protocols=["chat"], headers={"X-Token": "t"})
        except BaseException:
            await self.session.close()
            await connections_closed()
            raise
        return self

    async def __aexit__(self, *_):
        await self.ws.close()
        await self.session.close()
        await connections_closed()

    async def say(self, data):
        await (self.ws.send_str(data) if isinstance(data, str) else self.ws.send_bytes(data))

    async def hear(self):
        """A message's data, or the code with which the peer closed."""
        message = await self.ws.receive(30)
        return (
            message.data if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY} else self.ws.close_code
        )

    async def ping(self):
        await self.ws.ping(b"x")

    @property
    def subprotocol(self):
        return self.ws.protocol


class _Httpx2:
    dropped = 1006

    def __init__(self):
        import httpx2.websockets

        self.lib = httpx2

    @property
    def refused(self):
        return self.lib.websockets.WebSocketUpgradeError

    @property
    def broken(self):
        # ReadError; over TLS, Python before 3.12.3 took a reset for the end (python/cpython#115627).
        return self.lib.TransportError

    def data_of(self, event):
        return event.data if isinstance(event.data, str) else bytes(event.data)

    @property
    def subprotocol(self):
        return self.ws.subprotocol


class Httpx2Async(_Httpx2):
    """httpx2's async client."""

    async def __aenter__(self):
        self.client = self.lib.AsyncClient(timeout=30)
        self.opening = self.client.websocket(URL, subprotocols=["chat"], headers={"X-Token": "t"})
        self.ws = await self.opening.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.opening.__aexit__(None, None, None)
        await self.client.aclose()

    async def say(self, data):
        await (self.ws.send_text(data) if isinstance(data, str) else self.ws.send_bytes(data))

    async def hear(self):
        try:
            return self.data_of(await self.ws.receive(30))
        except self.lib.websockets.WebSocketDisconnect as closed:
            return closed.code
        except self.lib.websockets.WebSocketNetworkError:
            return 1006

    async def ping(self):
        pong = await self.ws.ping()
        await pong.wait()


class Httpx2(_Httpx2):
    """httpx2's sync client: it reads in a thread of its own."""

    async def __aenter__(self):
        self.client = self.lib.Client(timeout=30)
        self.opening = self.client.websocket(URL, subprotocols=["chat"], headers={"X-Token": "t"})
        self.ws = self.opening.__enter__()
        return self

    async def __aexit__(self, *_):
        self.opening.__exit__(None, None, None)
        self.client.close()

    async def say(self, data):
        self.ws.send_text(data) if isinstance(data, str) else self.ws.send_bytes(data)

    async def hear(self):
        try:
            return self.data_of(self.ws.receive(30))
        except self.lib.websockets.WebSocketDisconnect as closed:
            return closed.code
        except self.lib.websockets.WebSocketNetworkError:
            return 1006

    async def ping(self):
        assert self.ws.ping().wait(30)


CLIENTS = [Aiohttp, Httpx2, Httpx2Async] if sys.version_info >= (3, 11) else [Aiohttp]


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture(params=["transport", "wire"])
def layer(request):
    return request.param


def test_a_script_talks(kind, layer):
    async def talk():
        async with kind() as client:
            assert client.subprotocol == "chat"
            assert await client.hear() == "hello"
            await client.say("ping")
            assert await client.hear() == b"pong"
            assert await client.hear() == 4000

    with Network(layer=layer) as net:
        route = net.websocket(URL, headers={"X-Token": "t"}).speaking("chat")
        route.send("hello").expect("ping").send(b"pong").close(4000)
        asyncio.run(talk())
    call = route.last
    assert [message.data for message in call.messages] == ["hello", "ping", b"pong"]
    assert call.closing == Closing("peer", 4000)
    assert call.request.client.startswith(kind.__name__.lower().removesuffix("async"))
    assert (call.status, str(call.request.url)) == (101, URL)


def echo(ws):
    for message in ws:
        ws.send(message)


async def aecho(ws):
    async for message in ws:
        await asyncio.sleep(0.001)
        await ws.send(message)


@pytest.mark.parametrize("peer", [echo, aecho])
def test_a_function_is_the_peer(kind, peer, layer):
    async def talk():
        async with kind() as client:
            for data in ("one", b"two", "x" * 40_000):
                await client.say(data)
                assert await client.hear() == data
            await client.ping()

    with Network(layer=layer) as net:
        route = net.websocket(URL).reply(peer)
        asyncio.run(talk())
    assert len(route.last.messages) == 6
    assert route.last.closing.sender == "client"
    assert [thread.name for thread in threading.enumerate() if "peer" in thread.name] == []


def test_pauses_and_connections_that_end_without_a_word(kind, layer):
    async def talk():
        async with kind() as client:
            assert await client.hear() == "one"
            assert await client.hear() == "two"
            assert await client.hear() in {1006, kind.dropped}

    with Network(layer=layer) as net:
        net.websocket(URL).send("one").pause(0.02).send("two").drop()
        asyncio.run(talk())


def test_an_expectation_that_is_not_met_fails_the_test(kind, layer):
    async def talk():
        async with kind() as client:
            await client.say("pong")
            assert await client.hear() == 1008

    with pytest.raises(UnmetExpectation, match="expected  'ping'"), Network(layer=layer) as net:
        net.websocket(URL).expect("ping")
        asyncio.run(talk())


def test_a_peer_that_raises_fails_the_test(kind, layer):
    async def talk():
        async with kind() as client:
            await client.say("x")
            assert await client.hear() == 1011

    def broken(ws):
        ws.receive()
        return 1 // 0

    with pytest.raises(UnmetExpectation, match="raised ZeroDivisionError"), Network(layer=layer) as net:
        net.websocket(URL).reply(broken)
        asyncio.run(talk())


def test_a_handshake_is_refused_or_fails_or_is_unmatched(kind, layer):
    async def talk():
        async with kind():
            pass

    with Network(layer=layer, swallowed="warn") as net:
        net.websocket(URL).reply(403).then(Fault.RESET)
        with pytest.raises(kind().refused):
            asyncio.run(talk())
        with pytest.raises(kind().broken):
            asyncio.run(talk())
        net.reset()
        net.websocket("wss://api.test/other").optional()
        with pytest.raises(UnmatchedRequest, match=re.escape("To answer it:  net.websocket(")):
            asyncio.run(talk())


if sys.version_info >= (3, 11):  # httpx2's oldest

    def test_httpx2_on_trio(layer):
        import trio

        async def talk():
            async with Httpx2Async() as client:
                assert await client.hear() == "one"
                assert await client.hear() == "two"
                await client.say("bye")

        with Network(layer=layer) as net:
            net.websocket(URL).send("one").pause(0.02).send("two").expect("bye")
            trio.run(talk)

    def test_what_a_client_on_trio_says_last_is_heard_before_its_network_ends(layer):
        import trio

        async def talk():
            async with Httpx2Async() as client:
                await client.say("bye")

        for _ in range(25):  # it is a matter of which thread comes first
            with Network(layer=layer) as net:
                net.websocket(URL).expect("bye")
                trio.run(talk)
