"""Responses as bytes: a table of what is said, and two clients' parsers that understand it as it was meant."""

from __future__ import annotations

import asyncio
import http.client
import socket

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelling import CONTINUE, spell
from netdouble._core.messages import Response

KEEP, CLOSE = Ending.KEEP_ALIVE, Ending.CLOSE


def two_chunks():
    yield b"one"
    yield "zw\xf6lf"


async def two_async_chunks():
    yield b"one"
    yield "zw\xf6lf"


def said(script: Script, *, wait: bool = False) -> bytes:
    """Every byte of a script; the ending is final after it."""

    async def collect() -> list[bytes]:
        return [step async for step in script.asteps()]

    return b"".join(asyncio.run(collect()) if wait or script.is_async else script.steps())


CHUNKS = b"3\r\none\r\n6\r\nzw\xc3\xb6lf\r\n0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"

# What is answered, to which request: every byte of it, and what follows.
SPELLINGS = {
    "a length is added": (Response(text="hi", headers={"Content-Type": "a/b"}), {},
        OK + b"Content-Type: a/b\r\nContent-Length: 2\r\n\r\nhi", KEEP),
    "an empty body has a length too": (Response(404), {},
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", KEEP),
    "a HEAD is told what a GET would get": (Response(content=b"hello"), {"method": "HEAD"},
        OK + b"Content-Length: 5\r\n\r\n", KEEP),
    "a HEAD of a stream": (Response(stream=two_chunks), {"method": "HEAD"},
        OK + b"Transfer-Encoding: chunked\r\n\r\n", KEEP),
    "a HEAD of a length declared": (Response(headers={"content-length": "99"}), {"method": "HEAD"},
        OK + b"content-length: 99\r\n\r\n", KEEP),
    "204 has no body and no length": (Response(204), {}, b"HTTP/1.1 204 No Content\r\n\r\n", KEEP),
    "304 has no body": (Response(304, headers={"ETag": '"1"'}), {},
        b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n', KEEP),
    "304 with the length of what is cached": (Response(304, headers={"Content-Length": "9"}), {},
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", KEEP),
    "a recorded 204 with a body loses it": (Response.of_parts(204, (), b"x"), {},
        b"HTTP/1.1 204 No Content\r\n\r\n", KEEP),
    "order, case and repeats stay": (Response(headers=[("x-B", "2"), ("X-a", ""), ("X-b", "1")]), {},
        OK + b"x-B: 2\r\nX-a: \r\nX-b: 1\r\nContent-Length: 0\r\n\r\n", KEEP),
    "a declared coding is not applied": (Response(content=b"raw", headers={"Content-Encoding": "gzip"}), {},
        OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nraw", KEEP),
    "a declared length that is true": (Response(content=b"hi", headers={"content-LENGTH": "2"}), {},
        OK + b"content-LENGTH: 2\r\n\r\nhi", KEEP),
    "a length that is too long": (Response(content=b"hi", headers={"Content-Length": "9"}), {},
        OK + b"Content-Length: 9\r\n\r\nhi", CLOSE),
    "a length that is too short": (Response(content=b"hi", headers={"Content-Length": "1"}), {},
        OK + b"Content-Length: 1\r\n\r\nhi", CLOSE),
    "two lengths": (Response(content=b"hi", headers={"Content-Length": ["2", "3"]}), {},
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", CLOSE),
    "a stream is chunked": (Response(stream=two_chunks), {},
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS, KEEP),
    "an async stream is chunked": (Response(stream=two_async_chunks), {},
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS, KEEP),
    "an empty stream": (Response(stream=[]), {}, OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", KEEP),
    "a stream whose length is declared": (Response(stream=two_chunks, headers={"Content-Length": "9"}), {},
        OK + b"Content-Length: 9\r\n\r\nonezw\xc3\xb6lf", KEEP),
    "a stream that is shorter than declared": (Response(stream=two_chunks, headers={"Content-Length": "12"}), {},
        OK + b"Content-Length: 12\r\n\r\nonezw\xc3\xb6lf", CLOSE),
    "trailers need chunks": (Response(content=b"hi", trailers={"X-Sum": "1"}), {},
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", KEEP),
    "trailers of a stream": (Response(stream=two_chunks, trailers=[("A", "1"), ("A", "2")]), {},
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS[:-2] + b"A: 1\r\nA: 2\r\n\r\n", KEEP),
    "trailers of nothing": (Response(trailers={"A": "1"}), {},
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\n\r\n", KEEP),
    "chunks that are asked for": (Response(content=b"hi", headers={"TRANSFER-encoding": "chunked"}), {},
        OK + b"TRANSFER-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", KEEP),
    "a close that is declared": (Response(content=b"hi", headers={"connection": "x, Close"}), {},
        OK + b"connection: x, Close\r\nContent-Length: 2\r\n\r\nhi", CLOSE),
    "a client that wants no more": (Response(content=b"hi"), {"keep_alive": False},
        OK + b"Content-Length: 2\r\nConnection: close\r\n\r\nhi", CLOSE),
    "a keep-alive that can't be": (Response(headers={"Connection": "keep-alive"}), {"keep_alive": False},
        OK + b"Connection: keep-alive\r\nContent-Length: 0\r\n\r\n", CLOSE),
    "an old client": (Response(content=b"hi"), {"http_version": "1.0", "keep_alive": False},
        OK + b"Content-Length: 2\r\nConnection: close\r\n\r\nhi", CLOSE),
    "an old client that stays": (Response(content=b"hi"), {"http_version": "1.0"},
        OK + b"Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi", KEEP),
    "an old client reads a stream to its end": (Response(stream=two_chunks), {"http_version": "1.0"},
        OK + b"Connection: close\r\n\r\nonezw\xc3\xb6lf", CLOSE),
    "an old client gets no trailers": (Response(content=b"hi", trailers={"A": "1"}), {"http_version": "1.0"},
        OK + b"Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi", KEEP),
    "an old server": (Response(content=b"hi", http_version="1.0"), {},
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", CLOSE),
    "an old server that stays": (Response(http_version="1.0", headers={"Connection": "keep-alive"}), {},
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", KEEP),
    "an old server streams to the end": (Response(stream=two_chunks, http_version="1.0"), {},
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nonezw\xc3\xb6lf", CLOSE),
    "HTTP/2 is said in HTTP/1.1 here": (Response(204, http_version="2"), {}, b"HTTP/1.1 204 No Content\r\n\r\n", KEEP),
    "a reason of one's own": (Response(299, reason="Gl\xfcck"), {},
        b"HTTP/1.1 299 Gl\xfcck\r\nContent-Length: 0\r\n\r\n", KEEP),
    "a status without a reason": (Response(299), {}, b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", KEEP),
    "letters beyond Latin-1 go out in UTF-8": (Response(headers={"A": "\xe9", "B": "\u0142"}), {},
        OK + b"A: \xe9\r\nB: \xc5\x82\r\nContent-Length: 0\r\n\r\n", KEEP),
}  # fmt: skip

SWITCHES = {
    "101": (Response(101, headers={"Upgrade": "x", "Connection": "Upgrade"}), {},
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    "a tunnel": (Response(), {"method": "CONNECT"}, b"HTTP/1.1 200 OK\r\n\r\n"),
    "a tunnel for an old client": (
        Response(), {"method": "CONNECT", "http_version": "1.0", "keep_alive": False}, b"HTTP/1.1 200 OK\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("wait", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_response_is_said(name, wait):
    response, request, expected, ending = SPELLINGS[name]
    script = spell(response, **{"method": "GET", **request})
    assert said(script, wait=wait) == expected
    assert script.ending is ending


@pytest.mark.parametrize("name", SWITCHES)
def test_a_connection_that_switches_protocols_stays_open_and_has_no_framing(name):
    response, request, expected = SWITCHES[name]
    script = spell(response, **{"method": "GET", **request})
    assert said(script) == expected
    assert script.ending is KEEP


def test_a_refused_tunnel_is_an_ordinary_response():
    assert said(spell(Response(502, content=b"no"), method="CONNECT")).endswith(b"\r\nContent-Length: 2\r\n\r\nno")


# ------------------------------------------------------------------------------------ as two clients understand it


def heard_by_h11(data: bytes, method: str = "GET", *, closed: bool = False):
    """Status, fields, body, trailers, and whether the connection can be used again, by h11's client side."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x.test")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if closed:
        client.receive_data(b"")
    response, body = client.next_event(), b""
    assert isinstance(response, h11.Response)
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data), event
        body += event.data
    reusable = client.our_state is client.their_state is h11.DONE and not client.trailing_data[0]
    return response.status_code, response.headers.raw_items(), body, list(event.headers), reusable


def heard_by_http_client(data: bytes, method: str = "GET", *, closed: bool = False):
    """Status, fields, body, and whether the connection can be used again, by http.client over a socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(2)
        ours.sendall(data)
        if closed:
            ours.close()
        response = http.client.HTTPResponse(theirs, method=method)
        response.begin()
        fields, reusable = response.getheaders(), not response.will_close
        return response.status, fields, response.read(), reusable


def meant(response: Response, method: str) -> bytes:
    """The body that a client should see."""
    if method == "HEAD" or response.status in {204, 304}:
        return b""
    if response.stream is None:
        return response.body
    return said(spell(response, method="GET", http_version="1.0")).partition(b"\r\n\r\n")[2]


LIES = {"a length that is too long", "a length that is too short", "two lengths", "a keep-alive that can't be",
        "a stream that is shorter than declared"}  # fmt: skip
TRUE = [name for name in SPELLINGS if name not in LIES]


@pytest.mark.parametrize("name", TRUE)
def test_h11_understands_it(name):
    response, request, data, ending = SPELLINGS[name]
    method = request.get("method", "GET")
    status, fields, body, trailers, reusable = heard_by_h11(data, method, closed=ending is CLOSE)
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    assert [b"%b: %b" % field for field in fields] == head
    assert (status, body) == (response.status, meant(response, method))
    assert trailers == ([] if "1.0" in request.values() else lowered(response.trailers.fields))
    # h11 takes every HTTP/1.0 connection for closed, whatever its headers say.
    assert reusable is (ending is KEEP and response.http_version != "1.0")


@pytest.mark.parametrize("name", TRUE)
def test_http_client_understands_it(name):
    response, request, data, ending = SPELLINGS[name]
    method = request.get("method", "GET")
    status, fields, body, reusable = heard_by_http_client(data, method, closed=ending is CLOSE)
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    assert [f"{name}: {value}".encode("latin-1") for name, value in fields] == head
    assert (status, body, reusable) == (response.status, meant(response, method), ending is KEEP)


def lowered(fields) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in fields]


@pytest.mark.parametrize("name", ["a length that is too long", "a stream that is shorter than declared"])
def test_a_body_that_is_shorter_than_its_length_is_missed_by_both(name):
    data = SPELLINGS[name][2]
    with pytest.raises(h11.RemoteProtocolError, match="peer closed connection without sending complete message body"):
        heard_by_h11(data, closed=True)
    with pytest.raises(http.client.IncompleteRead):
        heard_by_http_client(data, closed=True)


def test_both_skip_an_interim_continue():
    data = CONTINUE + SPELLINGS["a length is added"][2]
    assert heard_by_http_client(data)[0] == 200
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="PUT", target="/", headers=[("Host", "x"), ("Expect", "100-continue")]))
    client.receive_data(data)
    assert client.next_event().status_code == 100
    assert client.next_event().status_code == 200


NAMES = st.text("abcXYZ019-", min_size=1, max_size=12).map(lambda x: f"X-{x}")
VALUES = st.text([chr(x) for x in range(0x21, 0x7F)], max_size=20)
BODIES = st.binary(max_size=200) | st.lists(st.binary(max_size=40), max_size=6)


FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=5)
STATUSES = st.sampled_from([200, 203, 404, 500, 599])
METHODS = st.sampled_from(["GET", "HEAD", "POST"])


@given(STATUSES, FIELDS, BODIES, FIELDS, METHODS, st.booleans())
def test_any_response_is_understood_as_it_was_meant(status, headers, body, trailers, method, keep_alive):
    kind = "content" if isinstance(body, bytes) else "stream"
    response = Response(status, headers=headers, trailers=trailers, **{kind: body})
    script = spell(response, method=method, keep_alive=keep_alive)
    data = said(script)
    body = b"" if method == "HEAD" else b"".join([body] if kind == "content" else body)

    heard = heard_by_h11(data, method, closed=not keep_alive)
    assert heard[0] == status
    assert heard[1][: len(headers)] == [(name.encode(), value.encode()) for name, value in headers]
    assert heard[2:] == (body, [] if method == "HEAD" else lowered(trailers), keep_alive)

    heard = heard_by_http_client(data, method, closed=not keep_alive)
    assert (heard[0], heard[1][: len(headers)], heard[2], heard[3]) == (status, headers, body, keep_alive)


# ---------------------------------------------------------------------------------------------------------- scripts


def test_a_response_is_spelled_once_for_each_way_to_ask():
    response = Response(content=b"hi")
    get = spell(response, method="GET")
    assert spell(response, method="POST") is get
    others = [spell(response, method="HEAD"), spell(response, method="GET", http_version="1.0"),
              spell(response, method="GET", keep_alive=False)]  # fmt: skip
    assert len({get.pieces, *(other.pieces for other in others)}) == 4
    assert spell(response, method="HEAD") is others[0]


def test_a_stream_is_made_anew_for_every_answer():
    response = Response(stream=two_chunks)
    assert [said(spell(response, method="GET")).endswith(CHUNKS) for _ in range(2)] == [True, True]
    assert response.wire is None


def test_a_stream_is_taken_one_chunk_at_a_time_after_the_head():
    taken = []

    def chunks():
        for i in range(3):
            taken.append(i)
            yield b"%d" % i

    script = spell(Response(stream=chunks), method="GET")
    sent = script.steps()
    assert next(sent).endswith(b"\r\n\r\n")
    assert taken == []
    assert (next(sent), taken) == (b"1\r\n0\r\n", [0])
    assert (next(sent), taken) == (b"1\r\n1\r\n", [0, 1])


def test_a_script_says_whether_only_an_async_client_can_carry_it_out():
    assert spell(Response(stream=two_async_chunks), method="GET").is_async
    assert not spell(Response(stream=two_chunks), method="GET").is_async
    assert not spell(Response(), method="GET").is_async


def test_a_large_body_is_not_copied():
    response = Response(content=b"x" * 200_000)
    head, body = spell(response, method="GET").pieces
    assert head.endswith(b"\r\nContent-Length: 200000\r\n\r\n")
    assert body is response.body


def test_the_delay_of_a_response_is_the_delay_of_its_script():
    assert spell(Response(delay=1.5), method="GET").delay == 1.5
    assert spell(Response(stream=["a"], delay=2), method="GET").delay == 2.0


def test_any_bytes_can_be_said():
    script = Script(b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: x\r\n\r\n", ending=Ending.STALL, delay=0.5)
    assert said(script) == said(script, wait=True) == b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"
    assert (script.ending, script.delay, script.is_async) == (Ending.STALL, 0.5, False)
    assert repr(script) == "<Script 38 bytes, then stall>"
    assert Script(b"junk").ending is CLOSE
