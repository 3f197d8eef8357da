"""Whatever a client sends, in whatever pieces: the far end answers, refuses or waits; it never breaks or hangs."""

from __future__ import annotations

import itertools

import h2.config
import h2.connection
import pytest
import wsproto
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.far_end.driving import CONNECTION, Told, far_end
from wsproto import events

from netdouble import Connection, Network

H2 = Connection(0, "", "api.test", "h2", "TLSv1.3")
GET = b"GET /a HTTP/1.1\r\nHost: api.test\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def http2_requests() -> bytes:
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    head = [(":method", "POST"), (":path", "/a"), (":scheme", "https"), (":authority", "api.test")]
    client.send_headers(1, head)
    client.send_data(1, b"abc", end_stream=True)
    client.send_headers(3, head, end_stream=True)
    client.increment_flow_control_window(1000)
    client.ping(b"12345678")
    client.reset_stream(3)
    return client.data_to_send()


def websocket_messages() -> bytes:
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    handshake = client.send(events.Request("api.test", "/ws"))
    frames = wsproto.Connection(wsproto.ConnectionType.CLIENT)
    said = [
        events.TextMessage("hello"),
        events.Ping(b"x"),
        events.BytesMessage(b"y" * 200),
        events.CloseConnection(1000),
    ]
    return handshake + b"".join(frames.send(each) for each in said)


SPOKEN = {
    "HTTP/1.1": (CONNECTION, GET + POST),
    "HTTP/2": (H2, http2_requests()),
    "WebSocket": (CONNECTION, websocket_messages()),
}


def network() -> Network:
    net = Network()
    net.any("https://api.test/a").reply(text="hi")
    net.any(where=lambda request: request.path != "/a").reply(404)
    net.websocket("wss://api.test/ws").send("hi").expect().send("you")
    return net


def told(connection: Connection, pieces: list[bytes]) -> tuple[Network, Told]:
    net = network()
    end = far_end(net, connection=connection)
    heard = Told()
    for piece in pieces:
        heard.take(end.hear(piece))
    heard.take(end.hear_end())
    end.close()
    return net, heard


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(at)]


@pytest.mark.parametrize("spoken", SPOKEN)
@given(places=st.lists(st.integers(0, 2000), max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_pieces_in_which_it_comes_make_no_difference(spoken: str, places: list[int]):
    connection, data = SPOKEN[spoken]
    whole, at_once = told(connection, [data])
    net, in_pieces = told(connection, cut(data, places))
    assert [(str(c), c.raw, c.messages, c.closing) for c in net.calls] == [
        (str(c), c.raw, c.messages, c.closing) for c in whole.calls]  # fmt: skip
    assert in_pieces.ending is at_once.ending
    if spoken == "HTTP/1.1":  # elsewhere an acknowledgement may come sooner or later
        assert in_pieces.said == at_once.said


@pytest.mark.parametrize("spoken", SPOKEN)
@given(
    places=st.lists(st.integers(0, 2000), max_size=5),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4)), min_size=1, max_size=6),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_spoilt_is_answered_or_refused(spoken: str, places: list[int], changes: list[tuple[int, bytes]]):
    connection, data = SPOKEN[spoken]
    spoilt = bytearray(data)
    for place, new in changes:
        at = place % (len(spoilt) + 1)
        spoilt[at : at + len(new)] = new
    net, _ = told(connection, cut(bytes(spoilt), places))
    assert all(call.closed for call in net.calls)


@pytest.mark.parametrize("spoken", SPOKEN)
@given(junk=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=3))
@settings(max_examples=100, deadline=None)
def test_what_was_never_a_protocol_is_refused(spoken: str, junk: bytes, places: list[int]):
    connection, data = SPOKEN[spoken]
    beginning = data[: data.index(b"\r\n\r\n") + 4] if spoken != "HTTP/1.1" else b""
    net, _ = told(connection, cut(beginning + junk, places))
    assert all(call.closed for call in net.calls)
