"""WebSockets at the far end: against wsproto's own client in memory, and real clients over a loopback connection."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time

import aiohttp
import pytest
import websockets
import wsproto
from tests.far_end.driving import far_end
from tests.far_end.listening import Listener
from websockets.sync.client import connect
from wsproto import events

from netdouble import (
    Closing,
    DeclarationError,
    Fault,
    Network,
    UnmatchedRequest,
    UnmetExpectation,
    WebSocketClosed,
    WebSocketMessage,
    partial,
)
from netdouble._codec.http1 import Limits
from netdouble._codec.scripts import Ending
from netdouble._core.streams import Pause
from netdouble._far_end import Concurrent, MayWait, Work

URL = "wss://api.test/feed"


@pytest.fixture
def net():
    with Network(unused="off", swallowed="warn") as opened:
        yield opened


class Client:
    """wsproto's client at a far end; what is paused goes on at `wait`."""

    def __init__(self, net, path="/feed", subprotocols=(), **options):
        self.end = far_end(net, **options)
        self.wire = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.events = []
        self.paused = []
        self.ending = None
        self.send(events.Request("api.test", path, subprotocols=list(subprotocols)))

    def send(self, event):
        self.carry_out(self.end.hear(self.wire.send(event)))
        return self

    def carry_out(self, acts):
        for act in acts:
            if isinstance(act, bytes):
                self.wire.receive_data(act)
                self.take()
            elif isinstance(act, Pause):
                self.paused.append((act.seconds, acts))
                return
            elif isinstance(act, Concurrent):
                self.carry_out(act.acts)
            elif not isinstance(act, (Work, MayWait)):
                self.ending = act

    def take(self):
        for event in self.wire.events():
            self.events.append(event)
            if isinstance(event, events.CloseConnection) and self.wire.state is not wsproto.ConnectionState.CLOSED:
                self.send(event.response())

    def wait(self):
        paused, self.paused = self.paused, []
        for _, acts in paused:
            self.carry_out(acts)

    def say(self, data):
        return self.send(events.TextMessage(data) if isinstance(data, str) else events.BytesMessage(data))

    def close(self, code=1000):
        return self.send(events.CloseConnection(code))

    @property
    def heard(self):
        return [
            e.data if isinstance(e.data, str) else bytes(e.data) for e in self.events if isinstance(e, events.Message)
        ]

    @property
    def closed(self):
        return [(e.code, e.reason or "") for e in self.events if isinstance(e, events.CloseConnection)]


# The script


def test_a_script_talks_and_everything_is_in_the_log(net):
    route = net.websocket(URL)
    route.send("hello").expect("ping").send(json={"a": 1}).send(b"\0\1").close(4000, "bye")
    client = Client(net)
    assert client.heard == ["hello"]
    client.say("ping")
    assert client.heard == ["hello", '{"a":1}', b"\0\1"]
    assert client.closed == [(4000, "bye")]
    assert client.ending is Ending.CLOSE
    call = route.last
    assert [str(message) for message in call.messages] == [
        "peer: 'hello'", "client: 'ping'", """peer: '{"a":1}'""", "peer: b'\\x00\\x01'"]  # fmt: skip
    assert call.messages[2].json() == {"a": 1}
    assert call.closing == Closing("peer", 4000, "bye")
    assert (call.status, call.error, str(call.request.url)) == (101, None, URL)
    assert str(call).startswith("GET wss://api.test/feed -> 4 messages, closed by the peer (4000)")
    assert call.raw.startswith(b"GET /feed HTTP/1.1\r\n")


def test_a_route_without_a_script_listens(net):
    route = net.websocket(URL)
    client = Client(net).say("one").say(b"two").close(1001)
    assert [(m.sender, m.data) for m in route.last.messages] == [("client", "one"), ("client", b"two")]
    assert client.closed == [(1001, "")]
    assert client.ending is Ending.CLOSE
    assert route.last.closing == Closing("client", 1001)


def test_each_connection_begins_its_own_script(net):
    net.websocket(URL).send("first").then().send("second").close().times(3)
    assert Client(net).heard == ["first"]
    assert Client(net).heard == ["second"]
    assert Client(net).heard == ["second"]
    with pytest.raises(UnmatchedRequest, match=r"used up: 3 of 3"):
        Client(net)


EXPECTED = [
    ("one", "one"), (b"one", b"one"), (re.compile("^o.e$"), "one"), (re.compile(b"n"), b"one"),
    (lambda data: data.startswith("o"), "one"), (..., "whatever"),
]  # fmt: skip
UNEXPECTED = [
    ("one", "two", 'got       "two"'),
    ("one", b"one", 'got       b"one"'),
    (re.compile("x"), "one", "expected  'x' (regex)"),
    (re.compile("x"), b"x", 'b"x", a binary message'),
    (str.isdigit, "one", "expected  isdigit(data) to be true"),
]


def named(value: object) -> str:
    """Without the address that the repr of a function has: workers must agree on a test's name."""
    return getattr(value, "__name__", None) or repr(value)


@pytest.mark.parametrize(("expected", "said"), EXPECTED, ids=named)
def test_an_expectation_is_met(net, expected, said):
    net.websocket(URL).expect(expected).send("thanks")
    assert Client(net).say(said).heard == ["thanks"]


@pytest.mark.parametrize(("expected", "said", "text"), UNEXPECTED, ids=named)
def test_an_expectation_that_is_not_met_closes_and_is_told_to_the_test(net, expected, said, text):
    route = net.websocket(URL).send("hello").expect(expected).send("never")
    client = Client(net).say(said)
    miss = missed(net)
    assert text in miss.replace("'two'", '"two"').replace("b'", 'b"').replace("e'", 'e"').replace("x',", 'x",')
    assert 'So far:\n    1. peer: "hello"\n    2. client: ' in miss
    assert route.label in miss
    code, reason = client.closed[0]
    assert code == 1008
    assert reason.startswith("a WebSocket client did not send what its peer expects: wss://api.test/feed")
    assert str(route.last.error) == miss
    assert client.ending is Ending.CLOSE


def missed(net):
    """The text of the one thing that will fail the test."""
    (miss,) = net._scope().misses
    net._scope().misses.clear()
    return str(miss)


def test_json_is_expected_whole_or_in_part(net):
    net.websocket(URL).expect(json={"type": "subscribe", "to": [1, 2]}).expect(json=partial({"id": 7})).send("ok")
    assert Client(net).say('{"to": [1, 2], "type": "subscribe"}').say('{"id": 7, "more": 1}').heard == ["ok"]
    Client(net).say('{"type": "leave", "to": [1, 2]}')
    assert 'type: expected "subscribe", got "leave"' in missed(net).replace("$.", "")


def test_a_client_that_closes_before_it_said_what_is_expected(net):
    net.websocket(URL).expect("ping")
    Client(net).close(1001)
    assert "the client closed the connection (1001)" in missed(net)
    client = Client(net)
    client.carry_out(client.end.hear_end())
    assert "the client closed the connection (1006)" in missed(net)


def test_an_unmet_expectation_fails_the_test():
    with pytest.raises(UnmetExpectation, match="expected  'ping'"), Network() as net:
        net.websocket(URL).expect("ping")
        Client(net).say("pong")


def test_what_is_still_expected_at_the_end_fails_the_test():
    with pytest.raises(UnmetExpectation, match="got       nothing more, and the test is over"), Network() as net:
        net.websocket(URL).send("hello").expect("ping")
        Client(net)


def test_pauses_pings_and_pongs(net):
    route = net.websocket(URL).ping(b"are you there").send("one").pause(5).send("two")
    client = Client(net)
    assert bytes(client.events[1].payload) == b"are you there"
    assert client.heard == ["one"]
    assert [seconds for seconds, _ in client.paused] == [5]
    client.send(events.Ping(b"and you"))  # answered meanwhile
    assert bytes(client.events[-1].payload) == b"and you"
    client.say("in the pause")
    client.wait()
    assert client.heard == ["one", "two"]
    assert len(route.last.messages) == 3


def test_a_client_that_closes_in_a_pause_is_answered(net):
    route = net.websocket(URL).pause(60).send("never heard")
    client = Client(net).close()
    assert client.ending is Ending.CLOSE
    client.wait()
    assert client.heard == []
    assert route.last.closing == Closing("client", 1000)


@pytest.mark.parametrize(("reset", "ending"), [(False, Ending.CLOSE), (True, Ending.RESET)])
def test_a_connection_may_end_without_a_word(net, reset, ending):
    route = net.websocket(URL).send("one").drop(reset=reset)
    client = Client(net)
    assert client.heard == ["one"]
    assert client.closed == []
    assert client.ending is ending
    assert route.last.closing == Closing("peer", 1006)


def test_subprotocols_are_agreed_on(net):
    net.websocket(URL).speaking(["v2.json", "v1.json"]).send("hello")
    client = Client(net, subprotocols=["v1.json", "v2.json"])
    assert client.events[0].subprotocol == "v2.json"
    assert Client(net, subprotocols=["other"]).events[0].subprotocol is None


# The handshake


def test_a_handshake_may_be_refused_or_fail(net):
    net.websocket(URL).reply(403, text="no").then(Fault.RESET).then().send("yes")
    client = Client(net)
    assert client.events[0].status_code == 403
    assert Client(net).ending is Ending.RESET
    assert Client(net).heard == ["yes"]


def test_a_handshake_can_not_be_let_through(net):
    net.websocket(URL).pass_through()
    with pytest.raises(DeclarationError, match="can't be let through"):
        Client(net)


def test_an_unmatched_handshake_names_the_nearest_route(net):
    net.websocket("wss://api.test/feeds").send("x")
    with pytest.raises(UnmatchedRequest) as caught:
        Client(net)
    assert "GET wss://api.test/feed" in str(caught.value)
    assert 'path   expected "/feeds", got "/feed"' in str(caught.value)
    assert 'To answer it:  net.websocket("wss://api.test/feed").send("...")' in str(caught.value)


def test_a_websocket_route_answers_handshakes_only_and_others_answer_none(net):
    net.websocket(URL)
    net.get("https://api.test/feed").reply(text="plain")
    plain = b"GET /feed HTTP/1.1\r\nHost: api.test\r\n\r\n"
    assert b"".join(a for a in far_end(net).hear(plain) if isinstance(a, bytes)).endswith(b"plain")
    assert Client(net).events[0].__class__ is events.AcceptConnection


@pytest.mark.parametrize(
    ("change", "status"),
    [((b"Version: 13", b"Version: 8"), b"426"), ((b"Key: AAAAAAAAAAAAAAAAAAAAAA==", b"Key: short"), b"400")],
    ids=["version", "key"],
)
def test_what_is_no_handshake_is_refused(net, change, status):
    route = net.websocket(URL)
    asked = (b"GET /feed HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")  # fmt: skip
    said = b"".join(a for a in far_end(net).hear(asked.replace(*change)) if isinstance(a, bytes))
    assert said.startswith(b"HTTP/1.1 " + status)
    assert route.last.status == int(status)


def test_urls_conditions_and_bases_are_those_of_every_route(net):
    net.at("https://api.test/v1", headers={"X-Token": "t"}).websocket("/rooms/{room}")
    with pytest.raises(UnmatchedRequest, match=r"header +"):
        Client(net, "/v1/rooms/blue")
    net.websocket("https://api.test/v1/rooms/{room}", query={"as": "ada"}).send("hi")
    client = Client(net, "/v1/rooms/blue?as=ada")
    assert client.heard == ["hi"]
    assert net.calls.last.request.path_params == {"room": "blue"}


def test_broken_frames_close_with_their_code(net):
    route = net.websocket(URL)
    client = Client(net)
    client.carry_out(client.end.hear(b"\xff\xff\xff"))
    assert client.closed[0][0] == 1002
    assert client.ending is Ending.CLOSE
    assert route.last.closing.sender == "peer"


def test_a_message_over_the_limit_closes_with_1009(net):
    net.websocket(URL)
    client = Client(net, limits=Limits(body=10)).say("x" * 11)
    assert client.closed == [(1009, "a message of more than 10 bytes")]


def test_fragments_are_one_message(net):
    route = net.websocket(URL)
    client = Client(net)
    client.send(events.TextMessage("he", message_finished=False)).send(events.TextMessage("llo"))
    assert [message.data for message in route.last.messages] == ["hello"]


def test_frames_behind_the_handshake_are_heard(net):
    route = net.websocket(URL)
    end = far_end(net)
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    handshake = client.send(events.Request("api.test", "/feed"))
    frames = wsproto.Connection(wsproto.ConnectionType.CLIENT)
    for act in end.hear(handshake + frames.send(events.TextMessage("early"))):
        if isinstance(act, Concurrent):
            list(act.acts)
    assert [message.data for message in route.last.messages] == ["early"]


# A function as the peer


def echo(ws):
    for message in ws:
        ws.send(message)


async def aecho(ws):
    async for message in ws:
        await ws.send(message)


@pytest.mark.parametrize("peer", [echo, aecho])
def test_a_function_is_the_peer(net, peer):
    route = net.websocket(URL).reply(peer)
    client = Client(net).say("one").say(b"two")
    assert client.heard == ["one", b"two"]
    client.close()
    assert client.ending is Ending.CLOSE
    assert route.last.error is None
    assert _threads() == []


def test_a_function_that_returns_closes(net):
    def greet(ws):
        ws.send(json=[ws.request.path, ws.subprotocol])
        ws.pause(3)
        ws.ping()

    route = net.websocket(URL).speaking("chat").reply(greet)
    client = Client(net, subprotocols=["chat"])
    assert client.heard == ['["/feed","chat"]']
    client.wait()
    assert client.closed == [(1000, "")]
    assert route.last.closing == Closing("peer", 1000)


def test_an_async_function_may_use_tasks_and_timers(net):
    async def ticking(ws):
        async def tick():
            for number in range(3):
                await asyncio.sleep(0.01)
                await ws.send(f"tick {number}")

        ticker = asyncio.ensure_future(tick())
        await ws.send(f"got {await ws.receive()}")
        await ticker

    net.websocket(URL).reply(ticking)
    client = Client(net)
    client.say("this")
    until = time.monotonic() + 30
    while not client.closed and time.monotonic() < until:
        client.wait()
    assert sorted(client.heard) == ["got this", "tick 0", "tick 1", "tick 2"]
    assert client.closed == [(1000, "")]


def test_a_function_waits_for_a_message_for_some_time_only(net):
    def impatient(ws):
        for _ in range(2):
            try:
                ws.send(f"got {ws.receive(timeout=5)}")
            except TimeoutError as late:
                ws.send(str(late))

    net.websocket(URL).reply(impatient)
    client = Client(net)
    client.say("one")
    client.wait()  # the first limit is over too: it counts no more
    assert client.heard == ["got one", "no message came in 5 seconds"]


class Ours(Exception):
    pass


@pytest.mark.parametrize("error", [Ours, AssertionError, pytest.fail.Exception])
@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_function_raises_closes_with_1011_and_fails_the_test(net, is_async, error):
    def broken(ws):
        ws.receive()
        raise error("in the peer")

    async def abroken(ws):
        await ws.receive()
        raise error("in the peer")

    route = net.websocket(URL).reply(abroken if is_async else broken)
    client = Client(net).say("x")
    assert client.closed == [(1011, f"{error.__name__}: in the peer")]
    assert isinstance(route.last.error, error)
    text = missed(net)
    assert text.startswith(f"the peer of GET wss://api.test/feed ({route.label}) raised {error.__name__}\nTraceback")
    assert "_far_end" not in text


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_is_told_that_the_client_is_gone(net, is_async):
    told = []

    def peer(ws):
        try:
            ws.receive()
        except WebSocketClosed as closed:
            told.append((closed.code, str(closed)))
        ws.send("to nobody")

    async def apeer(ws):
        try:
            await ws.receive()
        except WebSocketClosed as closed:
            told.append((closed.code, str(closed)))
        await ws.send("to nobody")

    route = net.websocket(URL).reply(apeer if is_async else peer)
    Client(net).close(4001)
    assert told == [(4001, "the conversation is over: the client closed it (4001)")]
    assert route.last.error is None
    assert _threads() == []


@pytest.mark.parametrize("is_async", [False, True])
def test_a_connection_that_is_given_up_leaves_no_thread(net, is_async):
    async def sleeper(ws):
        await ws.receive()
        await asyncio.sleep(3600)

    def stubborn(ws):
        while True:
            try:
                ws.receive()
            except WebSocketClosed:
                return

    net.websocket(URL).reply(sleeper if is_async else stubborn)
    client = Client(net)
    if is_async:
        client.say("go to sleep")
    assert len(_threads()) == 1
    client.end.close()
    assert _threads() == []


def _threads():
    return [thread.name for thread in threading.enumerate() if "WebSocket" in thread.name]


# Declaring


MISTAKES = [
    (lambda r: r.send(7), "not int; JSON: json="),
    (lambda r: r.send(), "one message"),
    (lambda r: r.send(json={1, 2}), "can't be written as JSON"),
    (lambda r: r.expect(7), "expect\\(\\) takes"),
    (lambda r: r.expect("a", json=1), "not both"),
    (lambda r: r.close(1006), "write drop\\(\\)"),
    (lambda r: r.close(1000, "x" * 124), "at most 123 bytes"),
    (lambda r: r.ping("x" * 2), "at most 125 bytes"),
    (lambda r: r.pause(-1), "seconds, zero or more"),
    (lambda r: r.close().send("x"), "after the end of the conversation"),
    (lambda r: r.reply(echo).send("x"), "answered with something else"),
    (lambda r: r.reply(403).expect("x"), "answered with something else"),
    (lambda r: r.reply(echo, text="x"), "a peer talks for itself"),
    (lambda r: r.speaking([]), "names of subprotocols"),
    (lambda r: r.once().then(), "comes last"),
]


@pytest.mark.parametrize(("declare", "text"), MISTAKES)
def test_a_mistake_fails_where_it_is_written(net, declare, text):
    with pytest.raises(DeclarationError, match=text):
        declare(net.websocket(URL))


def test_a_missing_wsproto_names_the_extra():
    code = """
import sys, importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "wsproto" else find(name, *a)
from netdouble import MissingExtra, Network
try: Network().websocket("wss://x.test/")
except MissingExtra as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "WebSockets are spoken through wsproto, which is not installed: pip install 'netdouble[websocket]'\n"
    )


# Real clients


def _websockets(address):
    with connect(f"ws://{address}/feed", open_timeout=30) as ws:
        first = ws.recv(30)
        ws.send("ping")
        second = ws.recv(30)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            ws.recv(30)
    return first, second, closed.value.rcvd.code


async def _websockets_async(address):
    async with websockets.connect(f"ws://{address}/feed", open_timeout=30) as ws:
        first = await ws.recv()
        await ws.send("ping")
        second = await ws.recv()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await ws.recv()
    return first, second, closed.value.rcvd.code


async def _aiohttp(address):
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{address}/feed") as ws:
        first = await ws.receive_str()
        await ws.send_str("ping")
        second = (await ws.receive()).data
        await ws.receive()
        return first, second, ws.close_code


def _httpx2(address):
    import httpx2.websockets

    with httpx2.Client(timeout=30).websocket(f"ws://{address}/feed") as ws:
        first = ws.receive_text()
        ws.send_text("ping")
        second = ws.receive_bytes()
        with pytest.raises(httpx2.websockets.WebSocketDisconnect) as closed:
            ws.receive_text()
    return first, second, closed.value.code


async def _httpx2_async(address):
    import httpx2.websockets

    async with httpx2.AsyncClient(timeout=30) as client, client.websocket(f"ws://{address}/feed") as ws:
        first = await ws.receive_text()
        await ws.send_text("ping")
        second = await ws.receive_bytes()
        with pytest.raises(httpx2.websockets.WebSocketDisconnect) as closed:
            await ws.receive_text()
    return first, second, closed.value.code


CLIENTS = [_websockets, _websockets_async, _aiohttp]
if sys.version_info >= (3, 11):
    CLIENTS += [_httpx2, _httpx2_async]


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_talk_over_a_connection(client):
    net = Network()
    route = net.websocket("ws://api.test/feed").send("hello").expect("ping").send(b"pong").close(4000)
    with Listener(net) as listener:
        made = client(f"127.0.0.1:{listener.port}")
        assert (asyncio.run(made) if asyncio.iscoroutine(made) else made) == ("hello", b"pong", 4000)
    assert [m.data for m in route.last.messages] == ["hello", "ping", b"pong"]
    assert route.last.messages[1] == WebSocketMessage("client", "ping")
    assert not route.waiting()
