"""What is said on one connection, byte by byte: order, slowness, mistakes, TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import nullcontext, suppress

import pytest
from tests.server.speaking import TIMEOUT, connected, get, heard, secure, trusting

import netdouble
from netdouble import Fault, Response
from netdouble._codec.http1 import MalformedRequest

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server():
    with netdouble.serve(unused="off") as server:
        server.get("/hello").reply(text="hello")
        yield server


def test_head_and_body_go_out_in_one_piece(server):
    with connected(server) as sock:
        sock.sendall(get("/hello"))
        assert sock.recv(65536).endswith(b"\r\n\r\nhello")


def test_a_connection_is_kept_for_the_next_request(server):
    with connected(server) as sock:
        for _ in range(3):
            sock.sendall(get("/hello"))
            assert heard(sock, b"hello").startswith(OK)
    assert [(call.connection.index, call.exchange) for call in server.calls] == [(0, 0), (0, 1), (0, 2)]


def test_pipelined_requests_are_answered_in_order(server):
    for n in range(20):
        server.get(f"/{n}").reply(text=f"<{n}>")
    with connected(server) as sock:
        sock.sendall(b"".join(get(f"/{n}") for n in range(19)) + get("/19", "Connection: close"))
        said = heard(sock)
    assert [said.index(b"<%d>" % n) for n in range(20)] == sorted(said.index(b"<%d>" % n) for n in range(20))
    assert [call.request.path for call in server.calls] == [f"/{n}" for n in range(20)]


def test_the_journal_has_the_bytes_the_target_and_the_headers_as_they_came(server):
    route = server.any("/a%2Fb").reply(204)
    raw = b"POST /a%2Fb HTTP/1.1\r\nhOsT: X.test\r\nx-A: 1\r\nX-a: 2\r\nContent-Length: 2\r\n\r\nhi"
    with connected(server) as sock:
        sock.sendall(raw)
        heard(sock, b"\r\n\r\n")
        peer = sock.getsockname()
    call = server.wait_for(route)
    assert call.raw == raw
    assert call.request.raw_target == "/a%2Fb"
    assert call.request.headers.fields[:3] == (("hOsT", "X.test"), ("x-A", "1"), ("X-a", "2"))
    assert call.connection.peer == peer


def test_slow_and_silent_peers_block_nobody(server):
    with connected(server) as silent, connected(server) as slow, connected(server) as quick:
        slow.sendall(get("/hello")[:10])
        quick.sendall(get("/hello", "Connection: close"))
        assert heard(quick).startswith(OK)
        for byte in get("/hello", "Connection: close")[10:]:
            slow.sendall(bytes([byte]))
        assert heard(slow).startswith(OK)
        silent.sendall(get("/hello", "Connection: close"))
        assert heard(silent).startswith(OK)


def test_a_peer_that_never_reads_blocks_nobody_and_no_stop():
    with netdouble.serve(unused="off") as server:
        server.get("/large").reply(content=b"x" * 50_000_000)
        server.get("/hello").reply(text="hello")
        with connected(server) as deaf, connected(server) as other:
            deaf.sendall(get("/large"))
            assert deaf.recv(1)
            other.sendall(get("/hello", "Connection: close"))
            assert heard(other).startswith(OK)
            server.stop()


MALFORMED = {
    "no request at all": b"\x00\x01\x02 nonsense\r\n\r\n",
    "a bare LF": b"GET / HTTP/1.1\nHost: x\n\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
}


@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_told_400_and_is_in_the_journal_with_its_bytes(server, said):
    with connected(server) as sock:
        sock.sendall(said)
        assert heard(sock).startswith(b"HTTP/1.1 400 ")
    call = server.calls.last
    assert (call.raw, call.status, type(call.error)) == (said, 400, MalformedRequest)


def test_a_request_that_breaks_off_is_told_so_and_logged(server):
    with connected(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        sock.shutdown(socket.SHUT_WR)
        assert heard(sock).startswith(b"HTTP/1.1 400 ")
    assert "3 of 9 body bytes" in str(server.calls.last.error)


def test_a_refused_body_that_is_still_on_its_way_does_not_destroy_the_answer(server):
    with connected(server) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 1_000_000)
        assert heard(sock).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_waits_for_100_continue_is_told(server):
    server.post("/upload").reply(text="taken")
    with connected(server) as sock:
        sock.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert heard(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hi")
        assert heard(sock, b"taken").startswith(OK)


# Faults

FAULTS = {
    Fault.RESET: (b"", ConnectionResetError),
    Fault.EMPTY_RESPONSE: (b"", None),
    Fault.TRUNCATED_BODY: (OK, None),
    Fault.RESET_IN_BODY: (OK, ConnectionResetError),
    Fault.MALFORMED_RESPONSE: (b"this is not HTTP", None),
    Fault.READ_TIMEOUT: (b"", TimeoutError),
    Fault.READ_TIMEOUT_IN_BODY: (OK, TimeoutError),
}


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_what_the_wire_makes_of_it(server, fault, secured):
    begins, error = FAULTS[fault]
    route = server.get("/fault").fail(fault)
    with connected(server) as plain, secure(plain, server) if secured else plain as sock:
        sock.settimeout(1.0 if error is TimeoutError else TIMEOUT)
        sock.sendall(get("/fault"))
        said: list[bytes] = []
        with _ended_by(error, secured):
            while piece := sock.recv(65536):
                said.append(piece)
        assert b"".join(said).startswith(begins)
        assert bool(said) == bool(begins)
    assert route.count == 1


def _ended_by(error, secured):
    if error is ConnectionResetError and secured:
        return suppress(error)  # ssl.SSLSocket takes a reset for an end, since CPython 3.10 calls SSL_read_ex
    return pytest.raises(error) if error else nullcontext()


def test_a_delay_is_waited_and_a_stop_does_not_wait_for_it():
    with netdouble.serve(unused="off") as server:
        server.get("/soon").reply(text="soon", delay=0.05)
        server.get("/late").reply(text="late", delay=600)
        with connected(server) as sock, connected(server) as other:
            begun = time.monotonic()
            sock.sendall(get("/soon"))
            assert heard(sock, b"soon")
            assert time.monotonic() - begun >= 0.05
            other.sendall(get("/late"))
            while server.count < 2:
                time.sleep(0.001)
            server.stop()


def test_a_client_that_gives_up_while_it_waits_is_noticed(server):
    route = server.get("/late").reply(text="late", delay=600)
    with connected(server) as sock:
        sock.sendall(get("/late"))
        while not route.count:
            time.sleep(0.001)
    assert isinstance(server.wait_for(route, TIMEOUT).error, ConnectionAbortedError)


def test_a_stream_goes_out_chunk_by_chunk(server):
    gate = threading.Event()

    def chunks():
        yield b"first"
        gate.wait(TIMEOUT)
        yield b"second"

    server.get("/stream").reply(stream=chunks)
    with connected(server) as sock:
        sock.sendall(get("/stream"))
        assert heard(sock, b"first")
        gate.set()
        assert heard(sock, b"0\r\n\r\n").endswith(b"second\r\n0\r\n\r\n")


# Functions that answer


def test_a_function_that_raises_is_a_500_and_an_error_of_the_test(server):
    def answer(request):
        raise LookupError("no such user")

    with pytest.raises(netdouble.UnmetExpectation, match="LookupError: no such user"), netdouble.serve() as other:
        route = other.get("/it").reply(answer)
        with connected(other) as sock:
            sock.sendall(get("/it", "Connection: close"))
            said = heard(sock)
        assert said.startswith(b"HTTP/1.1 500 ")
        assert b"LookupError: no such user" in said
        assert isinstance(route.last.error, LookupError)


def test_a_stream_that_raises_resets_the_connection(server):
    def chunks():
        yield b"half"
        raise LookupError("broken")

    with pytest.raises(netdouble.UnmetExpectation, match="LookupError: broken"), netdouble.serve() as other:
        other.get("/it").reply(stream=chunks)
        with connected(other) as sock:
            sock.sendall(get("/it"))
            assert heard(sock, b"half")
            with pytest.raises(ConnectionResetError):
                heard(sock)


def test_a_function_sees_the_request_as_it_came(server):
    seen = []

    def answer(request):
        seen.append((request.method, request.raw_target, request.headers.fields[0], request.body))
        return Response(201)

    server.any("/it").reply(answer)
    with connected(server) as sock:
        sock.sendall(b"PUT /it?b=2&a HTTP/1.1\r\nHOST: x\r\nContent-Length: 2\r\n\r\nhi")
        assert heard(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 201 ")
    assert seen == [("PUT", "/it?b=2&a", ("HOST", "x"), b"hi")]


# TLS


def test_tls_is_answered_on_the_same_port_by_the_name_asked_for(server):
    route = server.get(server.url + "/hello").reply(text="by address")
    with connected(server) as plain, secure(plain, server) as sock:
        sock.sendall(get("/hello"))
        assert heard(sock, b"address")
        connection = route.last.connection
    assert connection.tls_version == sock.version() or connection.tls_version.startswith("TLSv1.")
    assert connection.sni is None  # an address is no name (RFC 6066 section 3)


def test_the_certificate_is_for_the_name_that_the_client_asks_for():
    with netdouble.Network() as net:
        for name in ("one.test", "two.test"):
            net.get(f"https://{name}/").reply(text=name)
        server = net.serve("https://one.test")
        for name in ("one.test", "two.test"):
            with connected(server) as plain, secure(plain, server, name) as sock:
                assert ("DNS", name) in sock.getpeercert()["subjectAltName"]
                sock.sendall(get("/"))
                assert heard(sock, name.encode())
                assert net.calls.last.connection.sni == name


@pytest.mark.parametrize(
    ("certificate", "why"),
    [("expired", "expired"), ("self-signed", "self"), ("wrong-host", "match"), ("unknown-issuer", "issuer|verify")],
)
def test_a_bad_certificate_is_refused_by_the_client_for_its_own_reason(certificate, why):
    with (
        netdouble.serve(tls=True, certificate=certificate) as server,
        connected(server) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match=why),
    ):
        trusting(server).wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_client_that_refuses_the_certificate_is_told_of_by_the_server():
    with netdouble.serve(tls=True) as server:
        with connected(server) as plain, pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
        hook = server.get("/hook").reply().optional()
        with pytest.raises(netdouble.UnmetExpectation, match=r"A TLS handshake failed: .*unknown ca"):
            server.wait_for(hook, 0.2)
        assert server.handshake_errors


def test_a_client_certificate_is_demanded():
    with netdouble.serve(tls=True, client_cert=True) as server:
        server.get("/hello").reply(text="hello")
        context = trusting(server)
        with (
            connected(server) as plain,
            pytest.raises(ssl.SSLError),  # with TLS 1.3 the client learns of it when it reads
            context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
        ):
            sock.sendall(get("/hello"))
            heard(sock)
        context.load_cert_chain(server.client_cert_file)
        with connected(server) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            sock.sendall(get("/hello"))
            assert heard(sock, b"hello").startswith(OK)


def test_a_context_of_the_users_own_is_used_as_it_is():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with netdouble.serve(tls=context) as server:
        server.get("/hello").reply(text="hello")
        assert server.url.startswith("https://")
        from netdouble._authority import authority

        context.load_cert_chain(_written(authority().chain("127.0.0.1")))  # after it was started
        with connected(server) as plain, secure(plain, server) as sock:
            sock.sendall(get("/hello"))
            assert heard(sock, b"hello")


def _written(pem: bytes) -> str:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(pem)
    return file.name


def test_a_client_hello_in_many_pieces_is_understood(server):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = trusting(server)
    client = context.wrap_bio(incoming, outgoing, server_hostname="in-pieces.test")
    with connected(server) as sock:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    sock.sendall(bytes([byte]))
                incoming.write(sock.recv(65536))
        assert ("DNS", "in-pieces.test") in client.getpeercert()["subjectAltName"]


def test_a_tls_peer_that_says_nothing_more_blocks_nobody(server):
    with connected(server) as silent, connected(server) as other:
        silent.sendall(b"\x16\x03\x01\x02\x00\x01")  # a ClientHello that does not go on
        other.sendall(get("/hello", "Connection: close"))
        assert heard(other).startswith(OK)
