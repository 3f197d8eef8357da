"""Faults as bytes: how much of an answer is said before each goes wrong, and what two clients' parsers make of it."""

from __future__ import annotations

import asyncio
import http.client
import socket

import h11
import pytest

from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelled_faults import spell_fault
from netdouble._codec.spelling import spell
from netdouble._core.faults import GRID, Fault
from netdouble._core.messages import Response
from netdouble.errors import DeclarationError

BODY = b"0123456789" * 10


def three_chunks():
    yield b"first"
    yield b"second"
    yield b"0123456789"


async def three_async_chunks():
    for chunk in three_chunks():
        yield chunk


def said(script: Script, *, wait: bool = False) -> bytes:
    async def collect() -> list[bytes]:
        return [step async for step in script.asteps()]

    return b"".join(asyncio.run(collect()) if wait or script.is_async else script.steps())


ENDINGS = {
    Fault.RESET: Ending.RESET,
    Fault.RESET_IN_HEADERS: Ending.RESET,
    Fault.RESET_IN_BODY: Ending.RESET,
    Fault.EMPTY_RESPONSE: Ending.CLOSE,
    Fault.TRUNCATED_BODY: Ending.CLOSE,
    Fault.READ_TIMEOUT: Ending.STALL,
    Fault.READ_TIMEOUT_IN_BODY: Ending.STALL,
    Fault.MALFORMED_RESPONSE: Ending.CLOSE,
    Fault.CLOSE_BEFORE_REQUEST: Ending.RESET,
    Fault.RESET_BEFORE_REQUEST: Ending.RESET,
    Fault.STALL_BEFORE_REQUEST: Ending.STALL,
    Fault.CLOSE_IN_REQUEST: Ending.RESET,
    Fault.RESET_IN_REQUEST: Ending.RESET,
    Fault.WRITE_TIMEOUT: Ending.STALL,
    Fault.STREAM_RESET: Ending.RESET,
    Fault.STREAM_REFUSED: Ending.RESET,
    Fault.GOAWAY: Ending.CLOSE,
    Fault.TRUNCATED_HEADERS: Ending.CLOSE,
    Fault.READ_TIMEOUT_IN_HEADERS: Ending.STALL,
    Fault.GARBAGE_IN_HEADERS: Ending.CLOSE,
    Fault.CONFLICTING_LENGTHS: Ending.CLOSE,
    Fault.WRONG_LENGTH: Ending.CLOSE,
    Fault.BAD_CHUNK: Ending.CLOSE,
    Fault.BAD_GZIP: Ending.KEEP_ALIVE,
    Fault.STREAM_RESET_IN_BODY: Ending.RESET,
    Fault.GOAWAY_IN_BODY: Ending.CLOSE,
    Fault.CLOSE_AFTER_RESPONSE: Ending.CLOSE,
    Fault.RESET_AFTER_RESPONSE: Ending.RESET,
    Fault.GARBAGE_AFTER_RESPONSE: Ending.CLOSE,
}
SILENT = [
    fault for fault in ENDINGS
    if fault.position.startswith("request") or (fault.position == "response" and fault.effect != "garbage")
]  # fmt: skip
IN_BODY = [Fault.RESET_IN_BODY, Fault.TRUNCATED_BODY, Fault.READ_TIMEOUT_IN_BODY,
           Fault.STREAM_RESET_IN_BODY, Fault.GOAWAY_IN_BODY]  # fmt: skip
EARLY = [fault for fault in Fault if fault.before_request]


def test_every_fault_has_a_spelling_or_happens_before_the_request():
    assert {*ENDINGS, *EARLY} == set(Fault)


@pytest.mark.parametrize("fault", EARLY)
def test_what_happens_before_the_request_has_no_bytes(fault):
    with pytest.raises(ValueError, match=f"{fault} happens before the request is sent"):
        spell_fault(fault, None, method="GET")


@pytest.mark.parametrize(
    "response", [None, Response(content=BODY), Response(stream=three_chunks), Response(204)], ids=repr
)
@pytest.mark.parametrize("fault", ENDINGS)
def test_what_the_peer_does_last_depends_on_the_fault_alone(fault, response):
    script = spell_fault(fault, response, method="GET")
    said(script)
    assert script.ending is ENDINGS[fault]


@pytest.mark.parametrize("fault", SILENT)
def test_a_silent_fault_says_nothing(fault):
    assert said(spell_fault(fault, Response(content=BODY), method="GET")) == b""


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TWO = b"5\r\nfirst\r\n6\r\nsecond\r\n"

# What is broken off inside its body, and what of it is said.
BROKEN = {
    "bytes": (Response(content=BODY), {}, HEAD + BODY[:50]),
    "one byte": (Response(content=b"x"), {}, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"),
    "bytes in chunks": (Response(content=BODY, trailers={"A": "b"}), {}, CHUNKED + b"64\r\n" + BODY[:49]),
    "a stream": (Response(stream=three_chunks), {}, CHUNKED + TWO + b"a\r\n0123"),
    "an async stream": (Response(stream=three_async_chunks), {}, CHUNKED + TWO + b"a\r\n0123"),
    "a stream of one chunk": (Response(stream=["0123456789"]), {}, CHUNKED + b"a\r\n0123"),
    "an empty stream": (Response(stream=[]), {}, CHUNKED + b"0\r"),
    "a stream to an old client": (Response(stream=three_chunks), {"http_version": "1.0"},
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirstsecond01234"),
    "no body, so nothing": (Response(204), {}, b""),
    "an empty body, so nothing": (Response(), {}, b""),
    "no body for a HEAD, so nothing": (Response(content=BODY), {"method": "HEAD"}, b""),
}  # fmt: skip


@pytest.mark.parametrize("wait", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("fault", IN_BODY)
@pytest.mark.parametrize("name", BROKEN)
def test_a_body_breaks_off_in_the_middle(name, fault, wait):
    response, request, expected = BROKEN[name]
    assert said(spell_fault(fault, response, **{"method": "GET", **request}), wait=wait) == expected


def test_a_head_breaks_off_in_the_middle():
    response = Response(content=BODY)
    for fault in (Fault.RESET_IN_HEADERS, Fault.TRUNCATED_HEADERS, Fault.READ_TIMEOUT_IN_HEADERS):
        assert said(spell_fault(fault, response, method="GET")) == b"HTTP/1.1 200 OK\r\nContent-Len"


LYING = [
    (Fault.GARBAGE_IN_HEADERS, Response(content=BODY),
     b"HTTP/1.1 200 OK\r\nthis is not a header\r\nContent-Length: 100\r\n\r\n" + BODY),
    (Fault.CONFLICTING_LENGTHS, Response(content=BODY),
     b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Length: 50\r\n\r\n" + BODY),
    (Fault.WRONG_LENGTH, Response(content=BODY, headers={"Content-Length": "100"}),
     b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + BODY),
    (Fault.BAD_CHUNK, Response(content=b"12345"), CHUNKED + b"xyz\r\n12345\r\n0\r\n\r\n"),
    (Fault.BAD_CHUNK, Response(stream=["first", "second", "third"]), CHUNKED + TWO + b"xyz\r\nthird\r\n0\r\n\r\n"),
    (Fault.BAD_GZIP, Response(content=b"12345"),
     b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n12345"),
    (Fault.CLOSE_AFTER_RESPONSE, Response(content=BODY), HEAD + BODY),
    (Fault.RESET_AFTER_RESPONSE, Response(content=BODY), HEAD + BODY),
    (Fault.GARBAGE_AFTER_RESPONSE, Response(content=BODY), HEAD + BODY + b"this is not HTTP\r\n\r\n"),
    (Fault.GARBAGE_AFTER_RESPONSE, Response(stream=["first", "second"]),
     CHUNKED + TWO + b"0\r\n\r\nthis is not HTTP\r\n\r\n"),
    (Fault.MALFORMED_RESPONSE, None, b"this is not HTTP\r\n\r\n"),
]  # fmt: skip


@pytest.mark.parametrize("wait", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("fault", "response", "expected"), LYING)
def test_a_whole_response_that_lies(fault, response, expected, wait):
    assert said(spell_fault(fault, response, method="GET"), wait=wait) == expected


def test_every_point_of_the_grid_is_a_fault_that_says_where_it_is():
    points = {fault: (position, effect) for position, effects in GRID.items() for effect, fault in effects.items()}
    assert points.keys() == set(Fault)
    for fault in Fault:
        assert Fault.at(fault.position, fault.effect) is fault
        assert repr(fault) == f"Fault.{fault.name}"
    assert Fault.at("response body", "close") is Fault.at("response body", "truncate") is Fault.TRUNCATED_BODY


def test_a_point_that_is_not_there_names_those_that_are():
    with pytest.raises(DeclarationError, match=r"'connect' has no effect 'reset'. Effects there: 'dns', 'refused'"):
        Fault.at("connect", "reset")
    with pytest.raises(DeclarationError, match=r"no fault happens at 'body'. Positions: 'connect', 'handshake'"):
        Fault.at("body", "reset")


def test_a_fault_comes_to_what_the_connection_at_hand_can_show():
    assert Fault.TLS.on("http") is Fault.RESET
    assert Fault.HANDSHAKE_TIMEOUT.on("http") is Fault.READ_TIMEOUT
    assert Fault.TLS.on("https") is Fault.TLS
    assert Fault.WRITE_TIMEOUT.on("https", has_body=False) is Fault.STALL_BEFORE_REQUEST
    assert Fault.GOAWAY.on("https") is Fault.EMPTY_RESPONSE
    assert Fault.GOAWAY.on("https", http2=True) is Fault.GOAWAY


@pytest.mark.parametrize("fault", ENDINGS)
def test_a_fault_waits_as_long_as_its_response_and_leaves_it_whole(fault):
    response = Response(content=BODY, delay=1.5)
    assert spell_fault(fault, response, method="GET").delay == 1.5, fault
    assert said(spell(response, method="GET")) == HEAD + BODY
    assert spell(response, method="GET").ending is Ending.KEEP_ALIVE


def test_without_a_response_a_json_of_100_bytes_breaks_off():
    head, _, body = said(spell_fault(Fault.TRUNCATED_BODY, method="GET")).partition(b"\r\n\r\n")
    assert b"Content-Type: application/json\r\nContent-Length: 100" in head
    assert len(body) == 50


# --------------------------------------------------------------------------------------------- what clients make of it


def first_event_and_body(data: bytes) -> tuple[object, bytes]:
    """What h11's client side sees until it wants more, and the body so far."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x.test")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    first = event = client.next_event()
    body = b""
    while event is not h11.NEED_DATA:
        assert not isinstance(event, h11.EndOfMessage)
        body += event.data if isinstance(event, h11.Data) else b""
        event = client.next_event()
    client.receive_data(b"")
    with pytest.raises(h11.RemoteProtocolError):
        client.next_event()
    return first, body


@pytest.mark.parametrize(("name", "body"), [("bytes", BODY[:50]), ("bytes in chunks", BODY[:49]), ("one byte", b""),
                                            ("a stream", b"firstsecond0123"), ("an empty stream", b"")])  # fmt: skip
def test_h11_sees_a_response_that_never_ends(name, body):
    first, seen = first_event_and_body(BROKEN[name][2])
    assert isinstance(first, h11.Response)
    assert seen == body


def test_h11_sees_a_head_that_never_ends():
    head = said(spell_fault(Fault.RESET_IN_HEADERS, method="GET"))
    assert first_event_and_body(head) == (h11.NEED_DATA, b"")


def test_h11_refuses_a_malformed_response():
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x.test")]))
    client.receive_data(said(spell_fault(Fault.MALFORMED_RESPONSE, method="GET")))
    with pytest.raises(h11.RemoteProtocolError, match="illegal status line"):
        client.next_event()


# http.client's own words for what a peer closes on, measured on real connections.
CLOSING = {
    Fault.EMPTY_RESPONSE: http.client.RemoteDisconnected,
    Fault.TRUNCATED_BODY: http.client.IncompleteRead,
    Fault.MALFORMED_RESPONSE: http.client.BadStatusLine,
}


SHAPES = [None, Response(stream=three_chunks), Response(content=b"x")]


@pytest.mark.parametrize("response", SHAPES, ids=["bytes", "stream", "one byte"])
@pytest.mark.parametrize("fault", CLOSING)
def test_http_client_raises_as_on_the_wire(fault, response):
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(said(spell_fault(fault, response, method="GET")))
        heard = http.client.HTTPResponse(theirs, method="GET")
        with pytest.raises(CLOSING[fault]):
            heard.begin()
            heard.read()


@pytest.mark.parametrize(("method", "response"), [("HEAD", Response(content=BODY)), ("GET", Response(204))], ids=repr)
def test_http_client_does_not_take_a_truncated_answer_without_body_for_a_whole_one(method, response):
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(said(spell_fault(Fault.TRUNCATED_BODY, response, method=method)))
        with pytest.raises(http.client.RemoteDisconnected):
            http.client.HTTPResponse(theirs, method=method).begin()
