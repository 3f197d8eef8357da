"""The request parser: pieces and pipelines, what is optional in HTTP, 100-continue, the end, and what it all means."""

from __future__ import annotations

import http.client
import socket
import time

import h11
import pytest

from netdouble._codec.http1 import Limits, MalformedRequest, ParsedRequest, RequestParser
from netdouble._core.headers import Headers

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x.test\r\nAccept: */*\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: x.test\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0;last\r\nX-Sum: 12\r\nX-Sum: 13\r\n\r\n"
)
CHUNKED_PLAIN = b"PUT /c HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"
WHOLE = {"get": GET, "post": POST, "chunked": CHUNKED, "chunked, no trailers": CHUNKED_PLAIN}


def parse_all(pieces: list[bytes], limits: Limits | None = None) -> list[ParsedRequest]:
    """Every request found, asking after each piece."""
    parser, found = RequestParser(limits or Limits()), []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next_request()) is not None:
            found.append(request)
    return found


def parse(data: bytes) -> ParsedRequest:
    (request,) = parse_all([data])
    assert request.raw == data
    return request


# -------------------------------------------------------------------------------------------------- pieces, pipelines


@pytest.mark.parametrize("name", WHOLE)
def test_a_request_is_whole_at_its_last_byte_and_never_before(name):
    data, parser = WHOLE[name], RequestParser()
    for i in range(len(data)):
        assert parser.next_request() is None
        parser.feed(data[i : i + 1])
    assert parser.next_request() == parse(data)


@pytest.mark.parametrize("name", WHOLE)
def test_every_split_in_two_reads_the_same(name):
    data = WHOLE[name]
    for i in range(len(data) + 1):
        assert parse_all([data[:i], data[i:]]) == [parse(data)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_may_be_fed_and_is_copied(kind):
    store = bytearray(POST)
    parser = RequestParser()
    parser.feed(kind(store))
    store[:] = b"x" * len(store)
    assert parser.next_request() == parse(POST)


def test_requests_sent_ahead_wait_their_turn():
    parser = RequestParser()
    parser.feed(GET + CHUNKED + POST + GET[:10])
    assert [parser.next_request() for _ in range(3)] == [parse(GET), parse(CHUNKED), parse(POST)]
    assert parser.next_request() is None
    assert parser.unread == GET[:10]
    parser.feed(GET[10:])
    assert parser.next_request() == parse(GET)


def test_chunk_extensions_are_dropped_and_trailers_stay_apart_from_headers():
    request = parse(CHUNKED)
    assert request.body == b"hello world!"
    assert request.trailers.fields == (("X-Sum", "12"), ("X-Sum", "13"))
    assert "x-sum" not in request.headers


def test_empty_lines_before_a_request_are_no_part_of_it():
    assert parse_all([b"\r\n\r", b"\n" + GET + b"\r\n" + POST]) == [parse(GET), parse(POST)]


def test_what_follows_the_last_request_of_a_connection_is_not_read():
    last = GET.replace(b"Accept: */*", b"Connection: close")
    parser = RequestParser()
    parser.feed(last + POST)
    assert parser.next_request() == parse(last)
    assert parser.next_request() is None
    assert parser.unread == POST


def test_bytes_after_an_upgrade_are_left_to_the_other_protocol():
    parser = RequestParser()
    parser.feed(GET + b"\x81\x05hello")
    assert parser.next_request() is not None
    assert parser.unread == b"\x81\x05hello"


KEEP_ALIVE = {
    ("1.1", None): True,
    ("1.1", "close"): False,
    ("1.1", "Close"): False,
    ("1.1", "keep-alive"): True,
    ("1.1", "upgrade,close"): False,
    ("1.2", None): True,
    ("1.0", None): False,
    ("1.0", "keep-alive"): True,
    ("1.0", "Keep-Alive, TE"): True,
    ("1.0", "keep-alive, close"): False,
}


@pytest.mark.parametrize(("version", "connection"), KEEP_ALIVE)
def test_version_and_connection_header_say_whether_the_connection_lives_on(version, connection):
    line = f"Connection: {connection}\r\n" if connection else ""
    request = parse(f"GET / HTTP/{version}\r\nHost: x.test\r\n{line}\r\n".encode())
    assert (request.http_version, request.keep_alive) == (version, KEEP_ALIVE[version, connection])


LENIENT = {
    "no Host in HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", (), b""),
    "an empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", (("Host", ""),), b""),
    "spaces around a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \t b c \t\r\n\r\n", (("Host", "x"), ("A", "b c")), b""),
    "a colon in a value": (b"GET / HTTP/1.1\r\nHost: x:80\r\nA::b\r\n\r\n", (("Host", "x:80"), ("A", ":b")), b""),
    "a value of spaces": (b"GET / HTTP/1.1\r\nHost: x\r\nA:   \r\n\r\n", (("Host", "x"), ("A", "")), b""),
    "the same length twice": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2, 2\r\n\r\nab",
        (("Host", "x"), ("Content-Length", "2"), ("Content-Length", "2, 2")),
        b"ab",
    ),
    "a length with zeros before it": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 002\r\n\r\nab",
        (("Host", "x"), ("Content-Length", "002")),
        b"ab",
    ),
    "a coding in capitals": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n000\r\n\r\n",
        (("Host", "x"), ("Transfer-Encoding", "Chunked")),
        b"ab",
    ),
    "a size in capitals, a space before its extension": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0A ;x=y\r\n0123456789\r\n0\r\n\r\n",
        (("Host", "x"), ("Transfer-Encoding", "chunked")),
        b"0123456789",
    ),
}


@pytest.mark.parametrize("name", LENIENT)
def test_what_can_be_read_in_one_way_only_is_read(name):
    data, fields, body = LENIENT[name]
    request = parse(data)
    assert (request.headers.fields, request.body) == (fields, body)


def test_a_line_that_http_client_folds_is_read_as_one():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = http.client.HTTPConnection("x.test")
        connection.sock = theirs
        connection.putrequest("GET", "/", skip_accept_encoding=True)
        connection.putheader("X-Folded", "one", "two")
        connection.endheaders()
        request = parse(ours.recv(4096))
    assert request.headers["x-folded"] == "one two"


# --------------------------------------------------------------------------------------------------- 100-continue, end

EXPECTS = b"PUT / HTTP/1.1\r\nHost: x.test\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n"


def test_a_client_waits_for_continue_from_the_end_of_the_head_to_the_first_body_byte():
    parser, h11_server = RequestParser(), h11.Connection(h11.SERVER)
    seen, theirs = [], []
    for i in range(len(EXPECTS) + 5):
        byte = (EXPECTS + b"hello")[i : i + 1]
        parser.feed(byte)
        h11_server.receive_data(byte)
        request = parser.next_request()
        while h11_server.next_event() is not h11.NEED_DATA and h11_server.their_state is not h11.DONE:
            pass
        seen.append(parser.wants_continue)
        theirs.append(h11_server.they_are_waiting_for_100_continue)
    assert seen == theirs == [i == len(EXPECTS) - 1 for i in range(len(seen))]
    assert request is not None
    assert request.body == b"hello"


def test_a_client_that_was_told_to_continue_waits_no_more_and_the_next_one_does():
    parser = RequestParser()
    for _ in range(2):
        parser.feed(EXPECTS)
        assert parser.next_request() is None
        assert parser.wants_continue
        parser.told_continue()
        assert not parser.wants_continue
        parser.feed(b"hello")
        assert parser.next_request() is not None
        assert not parser.wants_continue


NO_CONTINUE = {
    "HTTP/1.0 does not know it": EXPECTS.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "another expectation": EXPECTS.replace(b"100-Continue", b"a-miracle"),
    "no expectation": EXPECTS.replace(b"Expect", b"X-Expect"),
    "the body came along": EXPECTS + b"hel",
    "no body is to come": EXPECTS.replace(b"Content-Length: 5", b"Content-Length: 0"),
}


@pytest.mark.parametrize("name", NO_CONTINUE)
def test_no_continue_is_due(name):
    parser = RequestParser()
    parser.feed(NO_CONTINUE[name])
    parser.next_request()
    assert not parser.wants_continue


ENDS = {
    b"": "",
    b"\r\n": "",
    GET: "",
    GET.replace(b"Accept: */*", b"Connection: close") + b"more": "",
    GET + b"GE": "after 2 bytes of the head",
    GET[:-1]: f"after {len(GET) - 1} bytes of the head",
    POST[:-2]: "after 3 of 5 body bytes",
    CHUNKED[:-1]: "in a chunked body, before its last chunk",
}


@pytest.mark.parametrize("data", ENDS)
def test_the_clients_end_is_an_error_in_the_middle_of_a_request_only(data):
    parser = RequestParser()
    parser.feed(data)
    while parser.next_request() is not None:
        pass
    if not ENDS[data]:
        parser.eof()
        return
    assert not parser.idle
    with pytest.raises(MalformedRequest) as caught:
        parser.eof()
    assert caught.value.status == 400
    assert ENDS[data] in caught.value.reason


def test_a_connection_is_idle_between_requests():
    parser = RequestParser()
    assert parser.idle
    parser.feed(POST[:-1])
    assert not parser.idle
    parser.next_request()
    assert not parser.idle
    parser.feed(POST[-1:])
    parser.next_request()
    assert parser.idle
    parser.feed(b"\r\n")
    assert parser.idle


# ------------------------------------------------------------------------------------------------------ to a Request

TARGET_URLS = {
    ("GET", "/a/../b?x=%7e"): "https://x.test:8443/b?x=~",
    ("GET", "http://Other.test:80/p?q"): "http://other.test/p?q",
    ("OPTIONS", "*"): "https://x.test:8443/",
    ("CONNECT", "tunnel.test:443"): "https://tunnel.test/",
    ("CONNECT", "[::1]:8080"): "https://[::1]:8080/",
    ("get", "/caf\xe9"): "https://x.test:8443/caf%E9",
    ("GET", "//x//y"): "https://x.test:8443//x//y",
}


@pytest.mark.parametrize(("method", "target"), TARGET_URLS)
def test_every_form_of_target_means_one_url(method, target):
    parsed = parse(f"{method} {target} HTTP/1.1\r\nHost: ignored.test\r\n\r\n".encode("latin-1"))
    request = parsed.to_request("https", "X.test", 8443, "curl 8")
    assert str(request.url) == TARGET_URLS[method, target]
    assert (request.method, request.raw_target, request.client) == (method.upper(), target, "curl 8")


def test_a_request_keeps_what_was_sent():
    request = parse(CHUNKED).to_request("http", "x.test", None)
    assert (request.body, request.http_version, request.path_params) == (b"hello world!", "1.1", {})
    assert request.headers.fields == (("Host", "x.test"), ("Transfer-Encoding", "chunked"))
    assert request.trailers == Headers([("x-sum", "12"), ("x-sum", "13")])


# ------------------------------------------------------------------------------------------------------ large, in drops


def drops(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


LARGE = {
    "a body": drops(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n" + b"x" * (1 << 24), 1024),
    "one chunk": drops(
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n"
        + b"x" * (1 << 24)
        + b"\r\n0\r\n\r\n",
        1024,
    ),
    "many chunks": drops(
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"8\r\n01234567\r\n" * 50_000
        + b"0\r\n\r\n",
        1024,
    ),
    "a head": drops(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 8000 + b"\r\n", 1),
    "trailers": drops(
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 8000 + b"\r\n", 1
    ),
    "a value of spaces": [b"GET / HTTP/1.1\r\nHost: x\r\nA:" + b" " * 60_000 + b"\r\n\r\n"],
    "a value of tabs that folds": [b"GET / HTTP/1.1\r\nHost: x\r\nA: b" + b"\t" * 60_000 + b"\r\n c\r\n\r\n"],
    "pipelined requests": [GET * 20_000],
}


@pytest.mark.parametrize("name", LARGE)
def test_the_cost_of_a_large_request_grows_with_its_bytes_not_with_its_pieces(name):
    started = time.perf_counter()
    assert parse_all(LARGE[name])
    # Linear: 0.05 to 0.5 s. Quadratic: minutes.
    assert time.perf_counter() - started < 10
