"""WebSockets over a server: real clients, plain and TLS, against scripts and functions."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from contextlib import ExitStack

import aiohttp
import pytest
import websockets
from tests.far_end.loops import connections_closed
from websockets.sync.client import connect

import netdouble
from netdouble import Closing, Network, UnmetExpectation

ORIGIN = "https://api.test"
URL = "wss://api.test/feed"


class Talks:
    """What a client said and heard: one function for each."""

    def __init__(self, address: str, trust: ssl.SSLContext | None) -> None:
        self.url, self.trust = f"{address}/feed", trust

    def websockets(self):
        with connect(self.url, ssl=self.trust, open_timeout=30, subprotocols=["chat"], proxy=None) as ws:
            heard = [ws.recv(30)]
            ws.send("ping")
            heard.append(ws.recv(30))
            try:
                ws.recv(30)
            except websockets.ConnectionClosed as closed:
                return heard, ws.subprotocol, closed.rcvd.code if closed.rcvd else 1006

    async def websockets_async(self):
        async with websockets.connect(
            self.url, ssl=self.trust, open_timeout=30, subprotocols=["chat"], proxy=None
        ) as ws:
            heard = [await ws.recv()]
            await ws.send("ping")
            heard.append(await ws.recv())
            try:
                await ws.recv()
            except websockets.ConnectionClosed as closed:
                return heard, ws.subprotocol, closed.rcvd.code if closed.rcvd else 1006

    async def aiohttp(self):
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.url, ssl=self.trust or True, protocols=["chat"]) as ws,
        ):
            heard = [await ws.receive_str()]
            await ws.send_str("ping")
            heard.append((await ws.receive()).data)
            await ws.receive()
            told = heard, ws.protocol, ws.close_code
        await connections_closed()
        return told

    def httpx2(self):
        import httpx2.websockets

        with (
            httpx2.Client(timeout=30, verify=self.trust or True, trust_env=False) as client,
            client.websocket(self.url, subprotocols=["chat"]) as ws,
        ):
            heard = [ws.receive_text()]
            ws.send_text("ping")
            heard.append(ws.receive_bytes())
            try:
                ws.receive_text()
            except httpx2.websockets.WebSocketDisconnect as closed:
                return heard, ws.subprotocol, closed.code

    async def httpx2_async(self):
        import httpx2.websockets

        async with (
            httpx2.AsyncClient(timeout=30, verify=self.trust or True, trust_env=False) as client,
            client.websocket(self.url, subprotocols=["chat"]) as ws,
        ):
            heard = [await ws.receive_text()]
            await ws.send_text("ping")
            heard.append(await ws.receive_bytes())
            try:
                await ws.receive_text()
            except httpx2.websockets.WebSocketDisconnect as closed:
                return heard, ws.subprotocol, closed.code


CLIENTS = ["websockets", "websockets_async", "aiohttp"]
if sys.version_info >= (3, 11):
    CLIENTS += ["httpx2", "httpx2_async"]


def scripted(route):
    route.speaking("chat").send("hello").expect("ping").send(b"pong").close(4000)


def functional(route):
    def peer(ws):
        ws.send("hello")
        assert ws.receive() == "ping"
        ws.send(b"pong")
        ws.close(4000)

    route.speaking("chat").reply(peer)


def afunctional(route):
    async def peer(ws):
        await ws.send("hello")
        assert await ws.receive() == "ping"
        await asyncio.sleep(0.001)
        await ws.send(b"pong")
        await ws.close(4000)

    route.speaking("chat").reply(peer)


@pytest.mark.parametrize("declare", [scripted, functional, afunctional])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_clients_talk(client, tls, declare):
    net = Network()
    route = net.websocket(URL)
    declare(route)
    with net.serve(ORIGIN, tls=tls) as server:
        trust = ssl.create_default_context(cafile=server.ca_file) if tls else None
        made = getattr(Talks(server.url.replace("http", "ws", 1), trust), client)()
        assert (asyncio.run(made) if asyncio.iscoroutine(made) else made) == (["hello", b"pong"], "chat", 4000)
        call = route.last
        assert [message.data for message in call.messages] == ["hello", "ping", b"pong"]
        assert call.closing == Closing("peer", 4000)
        assert (str(call.request.url), call.status) == (URL, 101)
        assert bool(call.connection.tls_version) is tls


def test_many_connections_talk_at_once():
    net = Network()
    route = net.websocket(URL).reply(lambda ws: [ws.send(message) for message in ws])
    with net.serve(ORIGIN) as server:

        async def talk():
            async with aiohttp.ClientSession() as session:

                async def one(number):
                    async with session.ws_connect(f"{server.url}/feed") as ws:
                        for turn in range(20):
                            await ws.send_str(f"{number} {turn}")
                            assert await ws.receive_str() == f"{number} {turn}"

                await asyncio.gather(*map(one, range(16)))

        asyncio.run(talk())
    assert route.count == 16
    assert all(len(call.messages) == 40 for call in route.calls)


def test_a_pause_holds_up_neither_pongs_nor_the_end():
    net = Network()
    net.websocket(URL).pause(3600).send("never")
    with net.serve(ORIGIN) as server, connect(f"{server.url.replace('http', 'ws')}/feed", proxy=None) as ws:
        assert ws.ping().wait(30)


def test_an_expectation_that_is_not_met_closes_and_fails_the_test():
    with pytest.raises(UnmetExpectation, match="expected  'ping'"), Network() as net:
        net.websocket(URL).expect("ping")
        with net.serve(ORIGIN) as server, connect(f"{server.url.replace('http', 'ws')}/feed", proxy=None) as ws:
            ws.send("pong")
            with pytest.raises(websockets.ConnectionClosed) as closed:
                ws.recv(30)
            assert closed.value.rcvd.code == 1008
            assert closed.value.rcvd.reason.startswith("a WebSocket client did not send what its peer expects")


def test_a_peer_that_raises_closes_and_fails_the_test():
    def broken(ws):
        ws.receive()
        raise ZeroDivisionError("in the peer")

    with pytest.raises(UnmetExpectation, match="ZeroDivisionError: in the peer"), Network() as net:
        net.websocket(URL).reply(broken)
        with net.serve(ORIGIN) as server, connect(f"{server.url.replace('http', 'ws')}/feed", proxy=None) as ws:
            ws.send("x")
            with pytest.raises(websockets.ConnectionClosed) as closed:
                ws.recv(30)
            assert closed.value.rcvd.code == 1011


@pytest.mark.parametrize("is_waiting", [True, False])
def test_a_server_that_stops_lets_its_peers_go(is_waiting):
    ended = []

    def peer(ws):
        try:
            ws.receive() if is_waiting else ws.pause(3600)
        finally:
            ended.append(True)

    net = Network()
    net.websocket(URL).reply(peer)
    with ExitStack() as stack:
        with net.serve(ORIGIN) as server:
            stack.enter_context(connect(f"{server.url.replace('http', 'ws')}/feed", proxy=None, close_timeout=0.1))
            while not net.count:
                time.sleep(0.001)
        assert ended == [True]


def test_a_server_of_its_own_takes_websockets():
    with netdouble.serve() as server:
        server.websocket("/rooms/{room}").send("welcome").close()
        with connect(f"{server.url.replace('http', 'ws')}/rooms/blue", proxy=None) as ws:
            assert ws.recv(30) == "welcome"
        assert server.calls.last.request.path_params == {"room": "blue"}
