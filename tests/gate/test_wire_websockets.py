"""WebSockets over the wire: clients without an adapter meet the routes on real sockets, in their own thread."""

from __future__ import annotations

import asyncio
import threading

import pytest
import websockets
from websockets.sync.client import connect

from netdouble import Closing, Network, UnmatchedRequest, UnmetExpectation

URLS = ["ws://api.test/feed", "wss://api.test/feed"]


def talk(url, *said):
    """What the sync client of `websockets` heard, and the code with which the peer closed."""
    with connect(url, open_timeout=30, proxy=None) as ws:
        heard = [ws.recv(30)]
        for message in said:
            ws.send(message)
            try:
                heard.append(ws.recv(30))
            except websockets.ConnectionClosed:
                break
        try:
            ws.recv(30)
        except websockets.ConnectionClosed as closed:
            return [*heard, closed.rcvd.code if closed.rcvd else 1006]


async def atalk(url, *said):
    async with websockets.connect(url, open_timeout=30, proxy=None) as ws:
        heard = [await ws.recv()]
        for message in said:
            await ws.send(message)
            try:
                heard.append(await ws.recv())
            except websockets.ConnectionClosed:
                break
        try:
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            return [*heard, closed.rcvd.code if closed.rcvd else 1006]


@pytest.fixture(params=[talk, lambda *a: asyncio.run(atalk(*a))], ids=["sync", "asyncio"])
def client(request):
    return request.param


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("netdouble")] == []


@pytest.mark.parametrize("url", URLS)
def test_a_script_talks(client, url):
    with Network() as net:
        route = net.websocket(url).send("hello").expect("ping").send(b"pong").close(4000)
        assert client(url, "ping") == ["hello", b"pong", 4000]
    assert [message.data for message in route.last.messages] == ["hello", "ping", b"pong"]
    assert route.last.closing == Closing("peer", 4000)
    assert bool(route.last.connection.tls_version) is url.startswith("wss")


def peer(ws):
    ws.send("hello")
    for message in ws:
        ws.pause(0.01)
        ws.send(f"{message}!")
        if message == "two":
            return


async def apeer(ws):
    await ws.send("hello")
    async for message in ws:
        await asyncio.sleep(0.01)
        await ws.send(f"{message}!")
        if message == "two":
            return


@pytest.mark.parametrize("function", [peer, apeer])
@pytest.mark.parametrize("url", URLS)
def test_a_function_is_the_peer(client, url, function):
    with Network() as net:
        net.websocket(url).reply(function)
        assert client(url, "one", "two") == ["hello", "one!", "two!", 1000]


def test_an_expectation_that_is_not_met_closes_and_fails_the_test(client):
    with pytest.raises(UnmetExpectation, match="expected  'ping'"), Network() as net:
        net.websocket(URLS[0]).send("hello").expect("ping")
        assert client(URLS[0], "pong") == ["hello", 1008]


def test_an_unmatched_handshake_fails_the_test(client):
    with pytest.raises(UnmetExpectation, match=r"To answer it:  net\.websocket\("), Network() as net:
        net.websocket("ws://api.test/other").optional()
        with pytest.raises((UnmatchedRequest, websockets.WebSocketException, OSError)):
            client(URLS[0])


def test_a_network_that_closes_lets_its_peers_go():
    gone = []

    def waiting(ws):
        try:
            ws.receive()
        finally:
            gone.append(True)

    net = Network()
    net.websocket(URLS[0]).reply(waiting)
    with net:
        opening = connect(URLS[0], open_timeout=30, proxy=None, close_timeout=0.1)
        ws = opening.__enter__()
        assert net.count == 1
    assert gone == [True]
    opening.__exit__(None, None, None)
    assert ws.close_code == 1006
