"""Recorded bodies have a budget: the oldest are released whole, and say so."""

from __future__ import annotations

import tracemalloc

import pytest
import requests
import wsproto
from tests.core.asking import ask, ask_call
from tests.far_end.driving import Told, far_end
from wsproto import events

from netdouble import BodyReleased, DeclarationError, Network, Response
from netdouble._core.settings import DEFAULT_BODIES, Settings

URL = "https://api.test/"


def test_the_oldest_bodies_are_released_whole_and_the_error_names_the_setting():
    with Network(bodies=2_500) as net:
        route = net.post(URL).reply(200)
        for i in range(4):
            ask("POST", URL, body=bytes([i]) * 1000)
        assert [call.request.body[:1] for call in net.calls[2:]] == [b"\2", b"\3"]
        for call in net.calls[:2]:
            for read in (lambda c: c.request.body, lambda c: c.request.text, lambda c: c.request.json()):
                with pytest.raises(BodyReleased, match=r"1,000 bytes.*net_bodies"):
                    read(call)
            assert (call.request.method, str(call.request.url)) == ("POST", URL)
            assert "released" in repr(call.request)
        assert route.calls[0].request is net.calls[0].request


def test_who_holds_a_request_keeps_its_body():
    with Network(bodies=1_000) as net:
        net.post(URL).reply(200)
        held = ask_call("POST", URL, body=b"a" * 900).request
        ask("POST", URL, body=b"b" * 900)
        assert held.body == b"a" * 900
        with pytest.raises(BodyReleased):
            _ = net.calls[0].request.body


def test_bodies_of_computed_responses_count_and_those_a_route_holds_do_not():
    with Network(bodies=1_500) as net:
        net.get("https://static.test/").reply(content=b"s" * 5_000)
        net.get(URL).reply(content=b"never called").times(0)
        for _ in range(3):
            ask("GET", "https://static.test/")
        assert all(len(call.response.body) == 5_000 for call in net.calls)

        for i in range(3):
            made = Response(content=bytes([i]) * 1_000)
            net.get(f"https://c{i}.test/").reply(lambda request, made=made: made)
            call = ask_call("GET", f"https://c{i}.test/")
            call.closed = False
            call.close(response=made)
        with pytest.raises(BodyReleased):
            _ = net.calls[3].response.body
        assert net.calls[5].response.body == b"\2" * 1_000


def test_the_newest_body_is_kept_even_when_it_alone_is_over_the_budget():
    with Network(bodies=0) as net:
        net.post(URL).reply(200)
        ask("POST", URL, body=b"x" * 5_000)
        assert len(net.calls[0].request.body) == 5_000


def test_a_report_about_released_requests_says_so_instead_of_failing():
    with Network(bodies=1_000, unused="off") as net:
        net.post(URL).reply(200)
        unused = net.post(URL, json={"a": 1}).reply(200)
        for _ in range(3):
            ask("POST", URL, body=b'{"b": "' + b"x" * 900 + b'"}')
        from netdouble import UnmetExpectation

        with pytest.raises(UnmetExpectation, match="released"):
            net.assert_all_called()
        assert unused.count == 0


def test_many_large_bodies_are_held_in_little_memory():
    tracemalloc.start()
    try:
        with Network() as net:
            net.post(URL).reply(200)
            for i in range(1_000):
                ask("POST", URL, body=bytes([i % 256]) * 100_000)
            held, _ = tracemalloc.get_traced_memory()
            assert len(net.calls) == 1_000
    finally:
        tracemalloc.stop()
    assert held < 1.2 * DEFAULT_BODIES


@pytest.mark.parametrize(
    ("written", "size"), [(5, 5), ("16 MB", 16_000_000), ("2kb", 2_000), ("1_000", 1_000), ("3 B", 3)]
)
def test_a_size_may_be_written_as_people_write_it(written, size):
    assert Settings().changed({"bodies": written}).bodies == size


@pytest.mark.parametrize("written", [-1, True, "many", "16 MiBs", 1.5, None])
def test_another_size_is_refused(written):
    with pytest.raises(DeclarationError, match="16 MB"):
        Network(bodies=written)


def test_the_bytes_of_a_request_count_and_are_released_with_its_body():
    with Network(bodies=4_000) as net:
        net.post(URL).reply(200)
        for i in range(3):
            requests.post(URL, data=bytes([i]) * 1_000, timeout=5)
        first, _, last = net.calls
        assert last.raw.startswith(b"POST / HTTP/1.1\r\n")
        assert last.raw.endswith(b"\2" * 1_000)
        assert (last.connection, last.exchange) == (None, None)
        with pytest.raises(BodyReleased, match=r"the bytes of POST https://api\.test/ .*net_bodies"):
            _ = first.raw
        with pytest.raises(BodyReleased, match=r"1,000 bytes"):
            _ = first.request.body


def test_a_small_body_stays_when_the_bytes_around_it_are_released():
    with Network(bodies=1_000) as net:
        net.get(URL).reply(200)
        for i in range(3):
            requests.get(URL, headers={"X-Long": str(i) * 600}, timeout=5)
        with pytest.raises(BodyReleased):
            _ = net.calls[0].raw
        assert net.calls[0].request.body == b""
        assert net.calls[0].request.headers["x-long"] == "0" * 600


def test_messages_of_websockets_count_too():
    with Network(bodies=2_500) as net:
        net.websocket("wss://api.test/ws").reply(lambda ws: [ws.send(message) for message in ws])
        end = far_end(net)
        client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        Told().take(end.hear(client.send(events.Request("api.test", "/ws"))))
        frames = wsproto.Connection(wsproto.ConnectionType.CLIENT)
        for letter in "abc":
            Told().take(end.hear(frames.send(events.TextMessage(letter * 1_000))))
        end.close()
        *released, third, fourth = net.calls.last.messages
    assert (third.data, fourth.data) == ("c" * 1_000, "c" * 1_000)
    assert [message.sender for message in released] == ["client", "peer"] * 2
    for message in released:
        with pytest.raises(BodyReleased, match=r"1,000 bytes.*net_bodies"):
            _ = message.data
    assert str(released[0]) == "<WebSocketMessage of the client, released>"
