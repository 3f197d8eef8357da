"""What is no request is refused with the status that a server answers, whole or in drops, and with the reason."""

from __future__ import annotations

import pickle

import pytest

from netdouble._codec.http1 import Limits, MalformedRequest, RequestParser
from netdouble._codec.scripts import Ending
from netdouble._codec.spelling import spell


def head(*lines: str) -> bytes:
    return "\r\n".join(["PUT / HTTP/1.1", "Host: x.test", *lines, "", ""]).encode("latin-1")


def chunks(body: bytes) -> bytes:
    return head("Transfer-Encoding: chunked") + body


# What is sent: the status, and a word of the reason.
MALFORMED = {
    # the request line (RFC 9112 section 3)
    b"GET / \r\n\r\n": (400, "request line"),
    b"GET /\r\n\r\n": (400, "request line"),
    b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n": (400, "request line"),
    b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n": (400, "request line"),
    b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n": (400, "request line"),
    b"GET / http/1.1\r\nHost: x\r\n\r\n": (400, "request line"),
    b"GET / HTTP/1.10\r\nHost: x\r\n\r\n": (400, "request line"),
    b"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n": (400, "request line"),
    b"G(T / HTTP/1.1\r\nHost: x\r\n\r\n": (400, "request line"),
    b" GET / HTTP/1.1\r\nHost: x\r\n\r\n": (400, ""),
    b"\rGET / HTTP/1.1\r\nHost: x\r\n\r\n": (400, ""),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc": (400, "TLS"),
    b"\x05\x01\x00": (400, "can't begin"),
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n": (505, "HTTP/2.0"),
    b"PRI * HTTP/2.0\r\n\r\n": (505, "HTTP/2.0"),
    b"GET / HTTP/0.9\r\n\r\n": (505, "HTTP/0.9"),
    # its target (section 3.2)
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for GET"),
    b"GET x.test/a HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for GET"),
    b"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for GET"),
    b"GET http://x:99999/ HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for GET"),
    b"CONNECT x.test HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for CONNECT"),
    b"CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for CONNECT"),
    b"CONNECT x:99999 HTTP/1.1\r\nHost: x\r\n\r\n": (400, "target for CONNECT"),
    # line ends (section 2.2)
    b"GET / HTTP/1.1\nHost: x\n\n": (400, "LF alone"),
    b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n": (400, ""),
    b"GET / HTTP/1.1\r\nHost: x\r\n\n": (400, "LF alone"),
    b"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n": (400, ""),
    head("A: b\rC: d"): (400, "field line"),
    head("A: b\r\r"): (400, "field line"),
    head("A: \r"): (400, "field line"),
    # field lines (section 5)
    head("A : b"): (400, "'A : b'"),
    head("A"): (400, "'A'"),
    head(": b"): (400, "': b'"),
    head("A\x00: b"): (400, "field line"),
    head("A: b\x00c"): (400, "field line"),
    head("A: \x00"): (400, "field line"),
    head("\xe9: b"): (400, "field line"),
    head("A(b): c"): (400, "field line"),
    b"GET / HTTP/1.1\r\n Host: x\r\n\r\n": (400, "field line"),
    b"GET / HTTP/1.1\r\n\tHost: x\r\nA: b\r\n\r\n": (400, "field line"),
    # Host (section 3.2)
    b"GET / HTTP/1.1\r\n\r\n": (400, "Host"),
    b"GET / HTTP/1.1\r\nHosts: x\r\n\r\n": (400, "Host"),
    head("Host: x.test"): (400, "2 Host lines"),
    b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n": (400, "2 Host lines"),
    b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n": (400, "host and port"),
    b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n": (400, "host and port"),
    # the length of the body (section 6)
    head("Content-Length: 1", "Transfer-Encoding: chunked"): (400, "both"),
    head("Transfer-Encoding: chunked", "content-length: 0"): (400, "both"),
    head("Content-Length: 1", "Content-Length: 2"): (400, "Content-Length"),
    head("Content-Length: 1, 2"): (400, "Content-Length"),
    head("Content-Length: 1,"): (400, "Content-Length"),
    head("Content-Length: -1"): (400, "Content-Length"),
    head("Content-Length: +1"): (400, "Content-Length"),
    head("Content-Length: 0x1"): (400, "Content-Length"),
    head("Content-Length: 1_0"): (400, "Content-Length"),
    head("Content-Length: 1 0"): (400, "Content-Length"),
    head("Content-Length:"): (400, "Content-Length"),
    head("Content-Length: \xb2"): (400, "Content-Length"),
    head("Content-Length: " + "9" * 5000): (413, "body"),
    head("Transfer-Encoding: gzip"): (400, "chunked must be the last"),
    head("Transfer-Encoding: identity"): (400, "chunked must be the last"),
    head("Transfer-Encoding:"): (400, "chunked must be the last"),
    head("Transfer-Encoding: chunked, gzip"): (400, "chunked must be the last"),
    head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"): (400, "chunked must be the last"),
    head("Transfer-Encoding: \x0bchunked"): (400, "field line"),
    head("Transfer-Encoding: xchunked"): (400, "chunked must be the last"),
    head("Transfer-Encoding: gzip, chunked"): (501, "'gzip'"),
    b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n": (400, "HTTP/1.0"),
    # chunks (section 7.1)
    chunks(b"5\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"5 \r\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b" 5\r\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"0x5\r\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"+5\r\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"-1\r\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n"): (400, "chunk size"),
    chunks(b"5\r\nhello!\r\n0\r\n\r\n"): (400, "longer than its size"),
    chunks(b"5\r\nhello\n0\r\n\r\n"): (400, "longer than its size"),
    chunks(b"5\r\nhello\r0\r\n\r\n"): (400, "longer than its size"),
    chunks(b"5\r\nhello\rX0\r\n\r\n"): (400, "longer than its size"),
    chunks(b"0" * 17 + b"\r\n\r\n"): (400, "chunk size"),
    chunks(b"F" * 16 + b"\r\n"): (413, "chunked body"),
    chunks(b"5;" + b"x" * 5000): (400, "chunk size"),
    chunks(b"0\r\nA: b\n\r\n"): (400, "LF alone"),
    chunks(b"0\r\nA : b\r\n\r\n"): (400, "field line"),
    chunks(b"0\r\n A: b\r\n\r\n"): (400, "field line"),
}


def refused(pieces: list[bytes], limits: Limits) -> MalformedRequest:
    parser = RequestParser(limits)
    with pytest.raises(MalformedRequest) as caught:
        for piece in pieces:
            parser.feed(piece)
            while parser.next_request() is not None:
                pass
    with pytest.raises(MalformedRequest, match=r"^\d{3}: "):
        parser.next_request()
    return caught.value


def check(data: bytes, limits: Limits, status: int, word: str) -> None:
    error = refused([data], limits)
    assert error.status == status
    assert word in error.reason
    assert refused([data[i : i + 1] for i in range(len(data))], limits).status == status


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: ascii(data[:60]))
def test_what_is_no_request_is_refused(data):
    check(data, Limits(), *MALFORMED[data])


@pytest.mark.parametrize("data", [x for x in MALFORMED if x.startswith((b"GET", b"PUT"))], ids=lambda x: ascii(x[:60]))
def test_a_refusal_after_a_good_request_keeps_the_good_one(data):
    good = b"GET /good HTTP/1.1\r\nHost: x.test\r\n\r\n"
    parser = RequestParser()
    parser.feed(good + data)
    first = parser.next_request()
    assert first is not None
    assert first.raw == good
    with pytest.raises(MalformedRequest):
        parser.next_request()


SMALL = Limits(head=60, body=10)
LIMITED = {
    b"GET /" + b"a" * 60: (414, "request line"),
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 60: (431, "head"),
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 60 + b"\r\n\r\n": (431, "head"),
    b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n": (413, "11 bytes"),
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n": (413, "10 bytes"),
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n2\r\n": (413, "10 bytes"),
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 11: (431, "trailers"),
}


@pytest.mark.parametrize("data", LIMITED, ids=lambda data: ascii(data[:60]))
def test_what_is_too_large_is_refused_before_all_of_it_came(data):
    check(data, SMALL, *LIMITED[data])


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: x\r\nA: ", chunks(b"0\r\nA: ")], ids=["head", "trailers"])
def test_what_can_no_longer_fit_is_refused_at_that_byte(start):
    limits = Limits(head=len(chunks(b"")))
    begin = 0 if start.startswith(b"GET") else len(chunks(b"0\r\n"))
    data = start.ljust(begin + limits.head + 4, b"b")
    parser = RequestParser(limits)
    parser.feed(data[:-1])
    assert parser.next_request() is None
    parser.feed(data[-1:])
    with pytest.raises(MalformedRequest, match=r"^431: "):
        parser.next_request()


ALLOWED = [
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 32 + b"\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789",
    b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"9\r\n012345678\r\n1\r\n9\r\n0\r\n" + b"A: b\r\n" * 10 + b"\r\n",
]


@pytest.mark.parametrize("data", ALLOWED, ids=lambda data: ascii(data[:60]))
def test_what_just_fits_is_read(data):
    parser = RequestParser(SMALL)
    for i in range(len(data)):
        parser.feed(data[i : i + 1])
        request = parser.next_request()
        assert (request is None) is (i < len(data) - 1)


def test_a_limit_bounds_one_request_not_the_connection():
    parser = RequestParser(SMALL)
    parser.feed(ALLOWED[0] * 50)
    assert all(parser.next_request() is not None for _ in range(50))
    assert parser.idle


@pytest.mark.parametrize("status", [400, 413, 414, 431, 501, 505])
def test_a_refusal_knows_its_answer(status):
    error = MalformedRequest(status, "why")
    script = spell(error.to_response(), method="GET")
    assert script.pieces[0].startswith(b"HTTP/1.1 %d " % status)
    assert script.pieces[0].endswith(b"\r\n\r\nwhy\n")
    assert script.ending is Ending.CLOSE


def test_a_refusal_survives_pickling():
    error = pickle.loads(pickle.dumps(MalformedRequest(400, "why")))
    assert (error.status, error.reason, str(error)) == (400, "why", "400: why")
