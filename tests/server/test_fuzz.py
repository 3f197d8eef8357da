"""Whatever bytes come, the server answers or hangs up, tells how it read them, and is there for the next one."""

from __future__ import annotations

import re
import socket
import ssl
from itertools import pairwise

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.server.speaking import connected, get, heard

import netdouble
from netdouble._codec.http1 import MalformedRequest
from netdouble.server import tls

LONG = b"<long>"  # stands for what is longer than a head may be
PIECES = [
    b"GET ", b"POST /a ", b"/", b" HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"\0", b"Host: x", b"Host: y\r\n",
    b"Content-Length: ", b"5", b"-1", b"99999999999999999999", b"Transfer-Encoding: chunked", b"\r\n\r\n", b"0\r\n\r\n",
    b"5\r\nhello\r\n", b"ZZ\r\n", b"Connection: close", b"Connection: keep-alive", b"Expect: 100-continue",
    b"Upgrade: websocket", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\n", b"\x16\x03\x01", b"\xff",
    b": ", LONG, get("/"), get("/"), b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
]  # fmt: skip

said_by_anybody = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=8).map(b"".join)
bounded = hypothesis.settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def server():
    with netdouble.serve(unused="off", swallowed="warn") as server:
        server.any(re.compile("")).reply(text="hello")
        yield server
        server._owner.scope.misses.clear()


def exchanged(server, *pieces: bytes) -> bytes:
    """What the server says to these bytes, until it hangs up."""
    pieces = tuple(piece.replace(LONG, b"a" * 70_000) for piece in pieces)
    with connected(server) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
            return heard(sock)
        except TimeoutError:  # the server hangs
            raise
        except OSError:  # it hung up while it was still spoken to
            return b"(reset)"


def is_there(server) -> None:
    assert exchanged(server, get("/", "Connection: close")).endswith(b"hello")


@bounded
@hypothesis.given(said_by_anybody)
def test_any_bytes_have_an_end_and_harm_nobody_else(server, said):
    exchanged(server, said)
    is_there(server)


@bounded
@hypothesis.given(said_by_anybody, st.data())
def test_the_pieces_in_which_they_come_change_nothing(server, said, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(said)), max_size=6)) | {0, len(said)})
    once, pieces = len(server.calls), [said[begin:end] for begin, end in pairwise(cuts)]
    whole = exchanged(server, said)
    twice = len(server.calls)
    cut = exchanged(server, *pieces)
    if b"(reset)" not in {whole, cut}:  # a reset overtakes what was said before it
        assert _answers(cut) == _answers(whole)
    assert [_read(call) for call in server.calls[twice:]] == [_read(call) for call in server.calls[once:twice]]


def _answers(said: bytes) -> bytes:
    """What was said to requests that could be read."""
    return said.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"").partition(b"HTTP/1.1 4")[0].partition(b"HTTP/1.1 5")[0]


def _read(call):
    """How a request was read; of one that could not be only that, as it is refused at the first byte that shows it."""
    return "malformed" if isinstance(call.error, MalformedRequest) else (call.request.method, call.raw)


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="asked-for.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HELLO = client_hello()


@bounded
@hypothesis.given(st.integers(0, len(HELLO) - 1), st.binary(max_size=8))
def test_a_damaged_handshake_is_told_so_and_harms_nobody_else(server, at, damage):
    exchanged(server, HELLO[:at] + damage + HELLO[at + len(damage) :])
    is_there(server)


@bounded
@hypothesis.given(st.integers(0, len(HELLO)), st.binary(max_size=300))
def test_the_name_asked_for_is_read_from_whatever_comes(at, rest):
    assert tls.asked_name(HELLO) == "asked-for.test"
    if at < len(HELLO):
        assert tls.asked_name(HELLO[:at]) is tls._NOT_YET
    tls.asked_name(HELLO[:at] + rest)
    tls.asked_name(rest)
