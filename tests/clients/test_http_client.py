"""http.client and urllib.request, beyond the table: the protocol by hand, tunnels, files, what a socket is asked."""

from __future__ import annotations

import http.client
import io
import select
import socket
import threading
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Iterator

import pytest
from tests.clients.conformance.servers import Loopback

from netdouble import Fault, Network, Response, UnmatchedRequest
from netdouble._codec.http1 import MalformedRequest


@pytest.fixture
def net() -> Iterator[Network]:
    with Network() as opened:
        yield opened


@pytest.fixture
def connection(net: Network) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("api.test", timeout=5)
    yield opened
    opened.close()


def test_a_request_by_hand_is_decided_when_its_last_byte_is_sent(net, connection):
    route = net.put("http://api.test/x").reply(201)
    connection.putrequest("PUT", "/x")
    connection.putheader("Content-Length", "4")
    connection.endheaders()
    connection.send(b"ab")
    assert route.count == 0
    connection.send(memoryview(b"cd"))
    assert route.last.request.body == b"abcd"
    assert connection.getresponse().status == 201


@pytest.mark.parametrize(
    "body", [io.BytesIO(b"abcd"), iter([b"ab", b"cd"]), bytearray(b"abcd"), "abcd", [b"abcd"]], ids=type
)
def test_every_kind_of_body_arrives(net, connection, body):
    route = net.post("http://api.test/x").reply(content=b"ok")
    connection.request("POST", "/x", body)
    assert connection.getresponse().read() == b"ok"
    assert route.last.request.body == b"abcd"


def test_what_can_not_be_sent_is_a_type_error_as_on_a_socket(net, connection):
    net.post("http://api.test/x").reply().optional()
    with pytest.raises(TypeError, match="bytes-like"):
        connection.request("POST", "/x", 5)


def test_a_connection_is_kept_as_the_response_says(net, connection):
    net.get("http://api.test/x").reply(text="a").then(text="b").then(text="c", headers={"Connection": "close"})
    sockets = []
    for expected in (b"a", b"b", b"c"):
        connection.request("GET", "/x")
        sockets.append(connection.sock)
        assert connection.getresponse().read() == expected
    assert sockets[0] is sockets[1] is sockets[2]
    assert connection.sock is None


def test_the_response_can_be_read_in_every_way(net, connection):
    net.get("http://api.test/x").reply(stream=[b"one\ntw", b"o\nthree\n"])
    net.get("http://api.test/y").reply(text="one\ntwo\n")

    def response(path: str) -> http.client.HTTPResponse:
        connection.close()
        connection.request("GET", path)
        return connection.getresponse()

    assert list(response("/x")) == [b"one\n", b"two\n", b"three\n"]
    assert list(response("/y")) == [b"one\n", b"two\n"]
    assert response("/x").read(5) == b"one\nt"
    assert response("/x").read1() == b"one\ntw"
    buffer = bytearray(100)
    read = response("/y")
    assert (read.readinto(buffer), bytes(buffer[:8])) == (8, b"one\ntwo\n")


def test_a_streamed_answer_is_made_while_it_is_read(net, connection):
    made = []

    def chunks() -> Iterator[bytes]:
        for n in range(3):
            made.append(n)
            yield b"x%d" % n

    net.get("http://api.test/x").reply(stream=chunks)
    connection.request("GET", "/x")
    response = connection.getresponse()
    assert made == []
    assert response.read(2) == b"x0"
    assert made == [0]
    assert response.read() == b"x1x2"


def test_expect_100_continue_is_answered_before_the_body_comes(net, connection):
    net.put("http://api.test/x").reply(201)
    connection.putrequest("PUT", "/x")
    connection.putheader("Content-Length", "2")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert select.select([connection.sock], [], [], 0)[0]
    with connection.sock.makefile("rb", 0) as file:
        assert [file.readline(), file.readline()] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
    assert not select.select([connection.sock], [], [], 0)[0]
    connection.send(b"ab")
    assert connection.getresponse().status == 201


def test_waiting_for_an_answer_to_half_a_request_times_out_at_once(net, connection):
    connection.putrequest("PUT", "/x")
    connection.putheader("Content-Length", "2")
    connection.endheaders()
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        connection.getresponse()


def test_what_is_no_request_is_refused_with_the_reason(net, connection):
    connection.putrequest("GET", "/x", skip_host=True)
    with pytest.raises(MalformedRequest, match="no Host lines"):
        connection.endheaders()


def test_a_connection_answers_what_is_asked_of_a_socket(net, connection):
    connection.connect()
    sock = connection.sock
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert sock.getpeername() == ("127.0.0.1", 80)
    assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
    assert sock.gettimeout() == 5
    assert sock.getpeercert() == {}
    assert sock.fileno() >= 0
    assert not select.select([sock], [], [], 0)[0], "an idle connection is not readable"
    with pytest.raises(AttributeError, match="in memory has no 'getsockopt'"):
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    connection.close()
    assert sock.fileno() == -1


def test_the_timeout_may_change_between_sending_and_reading(net, connection):
    net.get("http://api.test/x").reply(delay=3)
    connection.request("GET", "/x")
    connection.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        connection.getresponse()


def test_the_default_timeout_of_sockets_counts(net):
    net.get("http://api.test/x").reply(delay=3)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(1)
    try:
        connection = http.client.HTTPConnection("api.test")
        connection.request("GET", "/x")
        with pytest.raises(TimeoutError):
            connection.getresponse()
    finally:
        socket.setdefaulttimeout(before)


def test_a_tls_timeout_has_the_text_of_the_ssl_module(net):
    net.get("https://api.test/x").fail(Fault.READ_TIMEOUT)
    connection = http.client.HTTPSConnection("api.test")
    connection.request("GET", "/x")
    with pytest.raises(TimeoutError, match=r"^The read operation timed out$"):
        connection.getresponse()


@pytest.mark.parametrize(
    ("kind", "url"),
    [(http.client.HTTPConnection, "http://api.test/x"), (http.client.HTTPSConnection, "https://api.test/x")],
)
def test_a_request_in_a_tunnel_matches_by_its_target(net, kind, url):
    net.get(url).reply(text="x")
    connection = kind("proxy.test", 3128)
    connection.set_tunnel("api.test")
    connection.request("GET", "/x")
    assert connection.getresponse().read() == b"x"


def test_a_request_through_a_proxy_matches_by_its_target(net):
    net.get("http://api.test/x").reply(text="x")
    connection = http.client.HTTPConnection("proxy.test", 3128)
    connection.request("GET", "http://api.test/x", headers={"Host": "api.test"})
    assert connection.getresponse().read() == b"x"


def test_an_exception_of_http_client_reaches_the_caller_as_it_was_declared(net, connection):
    net.get("http://api.test/x").fail(http.client.BadStatusLine("mine"))
    connection.request("GET", "/x")
    with pytest.raises(http.client.BadStatusLine, match=r"^mine$"):
        connection.getresponse()


def test_another_clients_exception_is_translated_to_what_it_stands_for(net, connection):
    import requests

    net.get("http://api.test/x").fail(requests.ReadTimeout("theirs"))
    connection.request("GET", "/x")
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        connection.getresponse()


def test_a_refused_connection_is_given_up_as_a_real_one(net, connection):
    net.get("http://api.test/x").fail(Fault.CONNECT_REFUSED).then(text="x")
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/x")
    assert connection.sock is None
    connection.close()
    connection.request("GET", "/x")
    assert connection.getresponse().read() == b"x"


def test_the_delay_of_a_connect_fault_counts_against_the_timeout(net, connection):
    net.get("http://api.test/x").fail(Fault.CONNECT_REFUSED, delay=30)
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        connection.request("GET", "/x")


def test_after_the_scope_a_kept_connection_carries_on_to_the_real_server():
    with Loopback() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        with Network() as net:
            net.get(f"{server.url}/x").reply(text="stub")
            connection.request("GET", "/x")
            assert connection.getresponse().read() == b"stub"
        connection.request("GET", "/y")
        assert connection.getresponse().read() == b"real: GET /y"
        connection.close()


def test_an_upgraded_real_connection_belongs_to_its_two_ends(net):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n")
                peer.sendall(b"> " + peer.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
        connection.request("GET", "/", headers={"Upgrade": "echo", "Connection": "upgrade"})
        assert connection.getresponse().status == 101
        connection.sock.sendall(b"GET me /not HTTP")
        assert connection.sock.recv(100) == b"> GET me /not HTTP"
        connection.close()
        thread.join(5)


def test_a_pass_through_that_is_refused_raises_as_without_us(net):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        connection = http.client.HTTPConnection("127.0.0.1", unheard.getsockname()[1], timeout=5)
        with pytest.raises(ConnectionRefusedError):
            connection.request("GET", "/")
        assert isinstance(net.calls.last.error, ConnectionRefusedError)


def test_the_seams_are_put_back_when_the_last_network_closes():
    before = (http.client.HTTPConnection.connect, http.client.HTTPConnection.putrequest)
    outer, inner = Network(), Network()
    outer.start()
    inner.start()
    assert http.client.HTTPConnection.connect is not before[0]
    outer.stop()
    assert http.client.HTTPConnection.connect is not before[0]
    inner.stop()
    assert before == (http.client.HTTPConnection.connect, http.client.HTTPConnection.putrequest)


# urllib.request, and what else stands on http.client


def test_urlopen_raises_its_own_error_for_a_status(net):
    net.get("https://api.test/x").reply(404, json={"why": "gone"})
    with pytest.raises(urllib.error.HTTPError, match="HTTP Error 404: Not Found") as caught:
        urllib.request.urlopen("https://api.test/x")
    with caught.value as error:
        assert error.read() == b'{"why":"gone"}'


def test_urlopen_sends_what_it_is_given(net):
    route = net.post("https://api.test/x", form={"a": "1"}, headers={"x-one": "1"}).reply(text="ok")
    request = urllib.request.Request("https://api.test/x", b"a=1", {"X-One": "1"})
    with urllib.request.urlopen(request) as response:
        assert response.read() == b"ok"
        assert response.geturl() == "https://api.test/x"
    assert route.last.request.headers["user-agent"].startswith("Python-urllib/")


def test_an_error_of_urllib_reaches_the_caller_as_it_was_declared(net):
    net.get("https://api.test/x").fail(urllib.error.URLError("mine"))
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen("https://api.test/x")
    assert caught.value.reason == "mine"


@pytest.mark.parametrize("url", ["http://api.test/x", "https://api.test/x"])
def test_urlopen_behind_a_proxy_variable_matches_by_the_target(net, monkeypatch, url):
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    net.get(url).reply(text="x")
    with urllib.request.build_opener().open(url) as response:
        assert response.read() == b"x"


def test_an_unmatched_request_is_told_with_the_client_and_the_line(net):
    with pytest.raises(UnmatchedRequest) as caught:
        urllib.request.urlopen("https://api.test/x")
    assert caught.value.client.startswith("urllib.request 3.")
    assert "test_http_client.py" in caught.value.caller


def test_xmlrpc_comes_along(net):
    answer = xmlrpc.client.dumps((7,), methodresponse=True)
    net.post("http://api.test/RPC2").reply(Response(content=answer.encode(), headers={"Content-Type": "text/xml"}))
    with xmlrpc.client.ServerProxy("http://api.test/RPC2") as proxy:
        assert proxy.add(3, 4) == 7


@pytest.mark.parametrize("fault", [Fault.EMPTY_RESPONSE, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT])
def test_a_fault_on_a_connection_that_carried_a_real_request(fault):
    with Loopback() as server, Network() as net:
        net.any().pass_through().optional()
        net.get(f"{server.url}/bad").fail(fault)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/x")
        assert connection.getresponse().read() == b"real: GET /x"
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.request("GET", "/bad")
            connection.getresponse().read()
        connection.close()
        assert server.seen == ["GET /x"]


def test_a_stream_that_never_ends_can_be_given_up_without_waiting(net, connection):
    asked = []

    def endless() -> Iterator[bytes]:
        while True:
            asked.append(1)
            yield b"x" * 100

    net.get("http://api.test/x").reply(stream=endless)
    connection.request("GET", "/x")
    response = connection.getresponse()
    response.read(10)
    response.close()
    connection.close()
    assert len(asked) == 1
