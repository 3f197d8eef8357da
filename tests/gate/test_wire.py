"""The wire, seen by clients that have no adapter: sockets, asyncio streams, tornado; on asyncio's loop and uvloop."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import freezegun
import pytest
import time_machine
import tornado.simple_httpclient

from netdouble import DeclarationError, Fault, Network, NetworkBlocked, NetworkWarning, Response, UnmatchedRequest
from netdouble._gate import wire

if sys.platform != "win32":
    import uvloop

GET = b"GET /x HTTP/1.1\r\nHost: api.test\r\n\r\n"
BIG = bytes(range(256)) * 4 * 5120  # 5 MB


def network(**settings) -> Network:
    return Network(**{"unused": "off", "swallowed": "warn", **settings})


def opened(host: str = "api.test", port: int = 80, timeout: float | None = 20) -> socket.socket:
    return socket.create_connection((host, port), timeout)


def secured(host: str = "api.test", port: int = 443, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    context = context or ssl.create_default_context()
    return context.wrap_socket(opened(host, port), server_hostname=host)


def answer(sock: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one response with a Content-Length."""
    file = sock.makefile("rb")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += file.readline() or pytest.fail("the connection ended")
    length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))[15:])
    return head, file.read(length)


def get(sock: socket.socket, request: bytes = GET) -> bytes:
    sock.sendall(request)
    return answer(sock)[1]


# Sockets


def test_a_plain_socket_is_answered_in_the_callers_thread():
    seen = []
    with network() as net:
        net.get("http://api.test/x").reply(lambda request: (seen.append(threading.get_ident()), Response(text="hi"))[1])
        with opened() as sock:
            assert get(sock) == b"hi"
        assert seen == [threading.get_ident()]
        assert net.count == 1
        assert net.calls.last.raw == GET


def test_tls_is_real_and_verified():
    with network() as net:
        net.get("https://api.test/x").reply(text="hi")
        with secured() as sock:
            assert get(sock) == b"hi"
            assert sock.version() == "TLSv1.3"
            assert sock.getpeercert()["subjectAltName"] == (("DNS", "api.test"),)
        connection = net.calls.last.connection
        assert (connection.sni, connection.tls_version) == ("api.test", "TLSv1.3")


def test_tls_1_2_works_as_well_and_so_does_its_farewell():
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with network() as net:
        net.get("https://api.test/x").reply(text="hi")
        with secured(context=context) as sock:
            assert get(sock) == b"hi"
            sock.unwrap().close()


REFUSED = {
    "expired": "certificate has expired",
    "self-signed": "self.signed certificate",
    "wrong-host": "Hostname mismatch",
    "unknown-issuer": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("certificate", REFUSED)
def test_a_wrong_certificate_is_refused_as_in_production(certificate):
    with network() as net:
        net.get("https://api.test/x").reply(text="hi")
        net.tls("https://api.test", certificate=certificate)
        with pytest.raises(ssl.SSLCertVerificationError, match=REFUSED[certificate]):
            secured()
        assert net.count == 0


def test_a_name_that_is_not_the_hosts_is_refused_by_the_client():
    with network() as net:
        net.get("https://api.test/x").reply(text="hi")
        with opened(port=443) as sock, pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            ssl.create_default_context().wrap_socket(sock, server_hostname="other.test")


def test_a_client_certificate_is_demanded():
    with network() as net:
        net.get("https://api.test/x").reply(text="hi")
        net.tls("https://api.test", demands_client=True)
        context = ssl.create_default_context(cafile=net.ca_file)
        context.load_cert_chain(net.client_certificate("ada"))
        with secured(context=context) as sock:
            assert get(sock) == b"hi"
        with secured() as sock, pytest.raises(OSError):  # TLS 1.3 tells a client that it is not welcome while it reads
            get(sock)


MISTAKES = [
    (("http://api.test",), {}, "write https://"),
    (("https://api.test",), {"certificate": "revoked"}, "'revoked' is not one of valid, expired"),
    (("//",), {}, r"tls\(\) takes a URL such as"),
]


@pytest.mark.parametrize(("args", "options", "text"), MISTAKES)
def test_a_mistake_in_what_a_host_shows_is_told_where_it_is_made(args, options, text):
    with pytest.raises(DeclarationError, match=text):
        Network().tls(*args, **options)


def test_an_unmatched_request_raises_where_it_is_sent_and_names_its_caller():
    with network() as net, opened_after(net) as sock:
        with pytest.raises(UnmatchedRequest, match=r"called from .*test_wire\.py:\d+ in test_an_unmatched"):
            sock.sendall(b"GET /y HTTP/1.1\r\nHost: api.test\r\n\r\n")
        assert sock.recv(100) == b""
        assert isinstance(net.calls.last.error, UnmatchedRequest)


def opened_after(net: Network) -> socket.socket:
    net.get("http://api.test/x").reply(text="hi")
    return opened()


def test_what_a_function_raises_is_raised_where_the_request_is_sent():
    def broken(request):
        raise LookupError("mine")

    with network() as net:
        net.get("http://api.test/x").reply(broken)
        with opened() as sock, pytest.raises(LookupError, match=r"^'?mine"):
            sock.sendall(GET)


def test_requests_may_come_in_pieces_together_and_one_after_another():
    with network() as net, opened_after(net) as sock:
        sock.sendall(GET[:10])
        assert sock.send(GET[10:]) == len(GET) - 10
        assert answer(sock)[1] == b"hi"
        sock.sendall(GET + GET)
        file = sock.makefile("rb").read1
        heard = b""
        while heard.count(b"HTTP/1.1 200") < 2 or not heard.endswith(b"hi"):
            heard += file(65536)
        assert net.count == 3
        assert [call.exchange for call in net.calls] == [0, 1, 2]


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("connect", [opened, secured], ids=["plain", "tls"])
def test_bodies_of_any_size_go_both_ways(connect, timeout):
    with network() as net:
        net.post(f"http{'s' * (connect is secured)}://api.test/x").reply(content=BIG)
        with connect() as sock:
            sock.settimeout(timeout)
            head = b"POST /x HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n" % len(BIG)
            assert get(sock, head + BIG) == BIG
        assert net.calls.last.request.body == BIG


@pytest.mark.parametrize("timeout", [None, 20])
def test_a_file_of_any_size_is_sent_by_the_system(tmp_path, timeout):
    sent = tmp_path / "sent"
    sent.write_bytes(BIG)
    with network() as net:
        upload = net.put("http://api.test/x").reply(text="stored")
        with opened(timeout=timeout) as sock, sent.open("rb") as file:
            sock.sendall(b"PUT /x HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n" % len(BIG))
            assert sock.sendfile(file) == len(BIG)
            assert answer(sock)[1] == b"stored"
        assert upload.last.request.body == BIG


def test_a_connection_lives_as_long_as_one_of_its_duplicates():
    with network() as net:
        net.get("http://api.test/x").reply(text="hi")
        first = opened()
        with first.dup() as second:
            first.close()
            second.settimeout(20)
            assert get(second) == b"hi"
            assert get(second) == b"hi"
        assert not wire._listener.lines


def test_a_delay_takes_its_time_and_leaves_no_thread():
    with network() as net:
        net.get("http://api.test/x").reply(text="hi", delay=0.1)
        with opened() as sock:
            begun = time.monotonic()
            sock.sendall(GET)
            assert time.monotonic() - begun < 5
            assert answer(sock)[1] == b"hi"
            assert time.monotonic() - begun > 0.09
            sock.settimeout(0.03)
            sock.sendall(GET)
            with pytest.raises(TimeoutError):
                sock.recv(100)
    assert lines() == []


def test_a_closed_scope_ends_what_is_still_delayed():
    with network() as net:
        net.get("http://api.test/x").reply(text="hi", delay=50)
        sock = opened()
        sock.sendall(GET)
        call = net.calls.last
    assert lines() == []
    assert sock.recv(100) == b""
    sock.close()
    assert isinstance(call.error, ConnectionAbortedError)


def lines() -> list[str]:
    """Threads of the wire."""
    return [thread.name for thread in threading.enumerate() if "netdouble" in thread.name]


def test_sockets_of_another_family_and_connect_ex_are_answered_too():
    with network() as net:
        net.get("http://api.test/x").reply(text="hi")
        family, kind, proto, _, address = socket.getaddrinfo("api.test", 80, socket.AF_INET6, socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as sock:
            assert sock.connect_ex(address) == 0
            assert get(sock) == b"hi"
        assert socket.gethostbyname("api.test").startswith("127.")
        with socket.socket() as sock:
            sock.connect(("api.test", 80))
            assert get(sock) == b"hi"


def test_an_address_is_stubbed_by_its_own_name_and_localhost_by_its_port():
    with network() as net, socket.create_server(("127.0.0.1", 0)) as other:
        net.get("http://127.0.0.1:81/x").reply(text="address")
        net.get("http://localhost:82/x").reply(text="localhost")
        with opened("127.0.0.1", 81) as sock:
            assert get(sock) == b"address"
        with opened("localhost", 82) as sock:
            assert get(sock) == b"localhost"
        with socket.create_connection(("127.0.0.1", other.getsockname()[1]), 5) as sock:
            accepted, peer = other.accept()
            assert peer == sock.getsockname()
            accepted.close()


# What is not stubbed


def test_another_port_of_a_stubbed_host_is_the_guards():
    with network() as net, pytest.raises(NetworkBlocked, match=r"api\.test:5432"):
        net.get("http://api.test/x").reply(text="hi")
        opened(port=5432)


def test_a_name_that_was_looked_up_and_is_stubbed_no_more_is_the_guards():
    with network() as net:
        net.get("http://api.test/x").reply(text="hi")
        address = socket.getaddrinfo("api.test", 80)[0][4]
    with network(), socket.socket() as sock, pytest.raises(NetworkBlocked, match=r"api\.test:80"):
        sock.connect(address)


def test_a_regex_answers_whom_nobody_may_reach_and_nobody_else():
    import re

    with network() as net, socket.create_server(("127.0.0.1", 0)) as real:
        net.get(re.compile("/x$")).reply(text="hi")
        with opened("whoever.test") as sock:
            assert get(sock, GET) == b"hi"
        with socket.create_connection(real.getsockname(), 5):
            assert net.count == 1
        with pytest.raises(NetworkBlocked):
            opened("whoever.test", 25)  # a server that speaks first would be waited for


def test_a_request_that_is_let_through_reaches_the_real_server():
    with socket.create_server(("127.0.0.1", 0)) as real, network() as net:
        port = real.getsockname()[1]
        net.get(f"http://127.0.0.1:{port}/x").pass_through()
        heard = []

        def serve():
            connection, _ = real.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal")

        thread = threading.Thread(target=serve)
        thread.start()
        with opened("127.0.0.1", port) as sock:
            assert get(sock) == b"real"
        thread.join()
        assert heard == [GET]
        assert net.calls.last.passed_through
        assert net.calls.last.response.body == b"real"


# Scopes


def test_a_connection_of_a_closed_scope_is_never_answered_by_the_next():
    with network() as net:
        sock = opened_after(net)
        assert get(sock) == b"hi"
    with network() as net, sock:
        net.get("http://api.test/x").reply(text="the next test's")
        with suppress(OSError):  # the first write may be lost, as on any connection that the peer has closed
            sock.sendall(GET)
            assert sock.recv(100) == b""
        assert net.count == 0


def test_nothing_is_left_when_the_last_scope_closes():
    names = ("send", "sendall", "sendmsg", "shutdown", "_real_close", "do_handshake", "write", "unwrap")

    def patched() -> list:
        return [vars(owner).get(name) for owner in (socket.socket, ssl.SSLSocket) for name in names]

    before = patched()
    kept = []
    with network() as net:  # once, for what any first use of TLS opens
        net.get("https://api.test/x").reply(text="hi")
        secured().close()
    descriptors = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for _ in range(3):
        with network() as net:
            net.get("https://api.test/x").reply(text="hi").then(content=BIG).then(text="late", delay=20)
            for _ in range(3):
                kept.append(secured())
                kept[-1].sendall(GET)
    assert patched() == before
    assert lines() == []
    for sock in kept:
        sock.close()
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) == descriptors
    assert wire._listener is None


def test_an_inner_scope_is_asked_first_on_a_connection_of_the_outer_one():
    with network() as outer, opened_after(outer) as sock:
        with network() as inner:
            inner.get("http://api.test/x").reply(text="inner")
            assert get(sock) == b"inner"
        assert get(sock) == b"hi"


def test_a_stranger_at_our_port_is_sent_away():
    with network() as net, opened_after(net) as sock:
        address = wire._listener._address
        with socket.create_connection(address, 5) as stranger, opened() as other:
            assert get(other) == get(sock) == b"hi"
            assert stranger.recv(10) == b""


CLOCKS = {
    "freezegun": lambda: freezegun.freeze_time("1999-01-01"),
    "time-machine": lambda: time_machine.travel("2050-01-01", tick=False),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_what_a_test_does_to_time_and_threads_changes_nothing(monkeypatch, clock):
    with CLOCKS[clock](), network() as net:
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("slept"))
        monkeypatch.setattr(threading, "Thread", None)
        net.get("https://api.test/x").reply(text="hi", delay=0.01)
        with secured() as sock:
            assert get(sock) == b"hi"


def test_it_works_where_nothing_else_is_loaded():
    code = """
        import socket
        from netdouble import Network
        with Network() as net:
            net.get("http://api.test/x").reply(text="hi")
            with socket.create_connection(("api.test", 80), 20) as sock:
                sock.sendall(b"GET /x HTTP/1.1\\r\\nHost: api.test\\r\\n\\r\\n")
                print(sock.recv(1000).decode().splitlines()[-1])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("hi\n", "")


def test_a_thousand_networks_leave_nothing_behind_in_thread_pools():
    with network():
        pass
    code = inspect.unwrap(ThreadPoolExecutor.submit)
    for _ in range(3):
        with network():
            depth = _depth(ThreadPoolExecutor.submit)
    with network():
        assert _depth(ThreadPoolExecutor.submit) == depth
    assert inspect.unwrap(ThreadPoolExecutor.submit) is code


def _depth(function) -> int:
    return 1 + _depth(function.__wrapped__) if hasattr(function, "__wrapped__") else 0


# Faults of the connecting phase, which come before any request


def test_a_host_whose_routes_all_fail_to_connect_does_so():
    with network() as net:
        route = net.get("http://api.test/x").fail(Fault.DNS).then(Fault.CONNECT_REFUSED).then(Fault.CONNECT_TIMEOUT)
        route.then(Fault.TLS).then(text="at last")
        with pytest.raises(socket.gaierror, match="Name or service not known"):
            opened()
        with pytest.raises(ConnectionRefusedError):
            opened()
        with pytest.raises(TimeoutError):
            opened(timeout=0.1)
        with opened() as sock, pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
            ssl.create_default_context().wrap_socket(sock, server_hostname="api.test")
        with opened() as sock:
            assert get(sock) == b"at last"
        assert route.count == 5
        assert [type(call.error).__name__ for call in route.calls] == [
            "gaierror", "ConnectionRefusedError", "TimeoutError", "SSLError", "NoneType"]  # fmt: skip


def test_a_host_where_something_else_answers_is_connected_to():
    with network() as net:
        net.get("http://api.test/x").reply(text="hi")
        net.get("http://api.test/y").fail(Fault.CONNECT_REFUSED)
        with opened() as sock:
            assert get(sock) == b"hi"
            with pytest.raises(ConnectionResetError):
                get(sock, GET.replace(b"/x", b"/y"))


# Asynchronous clients without an adapter

LOOPS = {"asyncio": asyncio.new_event_loop}
if sys.platform != "win32":
    LOOPS["uvloop"] = uvloop.new_event_loop
every_loop = pytest.mark.parametrize("loop", LOOPS)
every_scheme = pytest.mark.parametrize("scheme", ["http", "https"])


def run(loop: str, work) -> object:
    made = LOOPS[loop]()
    try:
        return made.run_until_complete(asyncio.wait_for(work, 30))
    finally:
        made.run_until_complete(made.shutdown_default_executor())
        made.close()


async def streamed(scheme: str, request: bytes = GET) -> bytes:
    port = 443 if scheme == "https" else 80
    reader, writer = await asyncio.open_connection("api.test", port, ssl=scheme == "https" or None)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await reader.readexactly(length)
    finally:
        writer.close()
        with suppress(Exception):  # the error of a miss, once more
            await writer.wait_closed()


@every_loop
@every_scheme
def test_asyncio_streams_are_answered(loop, scheme):
    with network() as net:
        net.get(f"{scheme}://api.test/x").reply(text="hi")
        assert run(loop, streamed(scheme)) == b"hi"
        assert net.count == 1


@every_loop
@every_scheme
def test_asyncio_streams_carry_5_mb_both_ways(loop, scheme):
    with network() as net:
        net.post(f"{scheme}://api.test/x").reply(content=BIG)
        head = b"POST /x HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n" % len(BIG)
        assert run(loop, streamed(scheme, head + BIG)) == BIG
        assert net.calls.last.request.body == BIG


@every_loop
def test_asyncio_streams_are_told_of_a_miss(loop):
    async def work():
        loop_ = asyncio.get_running_loop()
        loop_.set_exception_handler(lambda loop, context: None)  # asyncio logs what a write raises
        return await streamed("http", GET.replace(b"/x", b"/y"))

    with warnings.catch_warnings(), network() as net:
        warnings.simplefilter("ignore", NetworkWarning)
        net.get("http://api.test/x").reply(text="hi")
        if loop == "asyncio":
            with pytest.raises(UnmatchedRequest):
                run(loop, work())
        else:
            assert run(loop, work()).startswith(b"UnmatchedRequest: no route answers")
        assert isinstance(net.calls.last.error, UnmatchedRequest)


@every_loop
def test_asyncio_streams_fail_to_connect(loop):
    with network() as net:
        net.get("http://api.test/x").fail(Fault.DNS).then(Fault.CONNECT_REFUSED).then(Fault.CONNECT_TIMEOUT)
        with pytest.raises(socket.gaierror):
            run(loop, streamed("http"))
        with pytest.raises(ConnectionRefusedError):
            run(loop, streamed("http"))
        with pytest.raises(asyncio.TimeoutError):
            run(loop, asyncio.wait_for(streamed("http"), 0.2))
        assert net.count == 3


@every_loop
@every_scheme
def test_tornado_is_answered(loop, scheme):
    async def work():
        client = tornado.simple_httpclient.SimpleAsyncHTTPClient(force_instance=True)
        try:
            return (await client.fetch(f"{scheme}://api.test/x")).body
        finally:
            client.close()

    with network() as net:
        net.get(f"{scheme}://api.test/x").reply(text="hi")
        assert run(loop, work()) == b"hi"
        assert net.count == 1
