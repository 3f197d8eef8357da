"""How a server begins and ends: lazily, quickly, with nothing left behind."""

from __future__ import annotations

import errno
import re
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests
from freezegun import freeze_time
from tests.server.speaking import TIMEOUT, connected, get, heard

import netdouble
from netdouble import Network, _active, _authority

HOSTS = ["127.0.0.1", "::1", "localhost", "127.0.0.2"]


def test_nothing_listens_before_the_address_is_asked_for():
    with Network() as net:
        net.get("https://api.test/").reply().optional()
        server = net.serve()
        assert not server.is_running
        assert repr(server) == "<Server not listening, 1 route, 0 calls>"
        assert threading.active_count() == len(threading.enumerate())
        assert server.url.startswith("http://127.0.0.1:")
        assert server.is_running


def test_it_ends_with_the_entry_of_the_network_in_which_it_was_made():
    net = Network()
    with net:
        server = net.serve("https://api.test")
        url = server.url
    assert not server.is_running
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
    with pytest.raises(RuntimeError, match="the server was stopped"):
        _ = server.url


def test_one_made_before_the_network_opens_lives_on():
    net = Network()
    net.get("https://api.test/").reply(text="hello")
    with net.serve() as server:
        for _ in range(2):
            with net:
                assert requests.get(server.url, timeout=5).text == "hello"
                assert net.count == 1
        assert server.is_running


def test_it_may_be_stopped_twice_and_started_again():
    server = netdouble.serve(unused="off")
    server.get("/").reply(text="hello")
    for _ in range(3):
        server.start()
        assert requests.get(server.url, timeout=5).text == "hello"
        server.stop()
        server.stop()
    assert server.count == 3


@pytest.mark.parametrize("host", HOSTS)
def test_it_listens_on_any_address_of_this_machine(host):
    with netdouble.serve(host=host) as server:
        server.get("/").reply(text="hello")
        assert requests.get(server.url, timeout=5).text == "hello"
        assert server.host == host
        assert (f"[{host}]" if ":" in host else host) in server.url


def test_it_listens_on_a_unix_socket(tmp_path):
    path = tmp_path / "api.sock"
    with netdouble.serve(host=f"unix:{path}") as server:
        server.get("/").reply(text="hello")
        assert server.socket_path == str(path)
        assert (server.url, server.port) == ("http://localhost", 0)
        with connected(server) as sock:
            sock.sendall(get("/"))
            assert heard(sock, b"hello")
    assert not path.exists()


def test_a_port_that_is_taken_is_the_systems_own_error_with_its_address():
    with netdouble.serve() as server, pytest.raises(OSError, match="in use") as told:
        port = server.port
        netdouble.serve(port=port).start()
    assert told.value.errno == errno.EADDRINUSE
    assert f"no server can listen at 127.0.0.1:{port}: " in str(told.value)


@pytest.mark.parametrize(("path", "why"), [("{}/no/such", "No such file"), ("{}/" + "long" * 40, "too long")])
def test_a_unix_socket_that_can_not_be_is_told_with_its_path(tmp_path, path, why):
    path = path.format(tmp_path)
    with pytest.raises(OSError, match=f"no server can listen at unix:{re.escape(path)}: .*{why}"):
        netdouble.serve(host=f"unix:{path}").start()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"port": 70000}, "port=70000 is no port"),
        ({"port": True}, "port=True is no port"),
        ({"host": ""}, "host='' is no host"),
        ({"host": "unix:"}, "host='unix:' is no host"),
        ({"tls": True, "certificate": "old"}, "certificate='old' is not one of valid, expired"),
    ],
)
def test_what_can_not_work_is_an_error_where_it_is_given(options, why):
    for serve in (netdouble.serve, Network().serve):
        with pytest.raises(netdouble.DeclarationError, match=why):
            serve(**options)


def test_a_stop_waits_for_a_function_at_work_and_its_answer_goes_out():
    begun, gate = threading.Event(), threading.Event()

    def answer(request):
        begun.set()
        gate.wait(TIMEOUT)
        return 200

    server = netdouble.serve()
    server.get("/quick").reply(204)
    route = server.get("/").reply(answer)
    with connected(server) as sock, connected(server) as idle, ThreadPoolExecutor(1) as pool:
        idle.sendall(get("/quick"))
        assert heard(idle, b"\r\n\r\n").startswith(b"HTTP/1.1 204 ")
        sock.sendall(get("/"))
        assert begun.wait(TIMEOUT)
        stopping = pool.submit(server.stop)
        assert idle.recv(1) == b""  # cut off at once
        assert not stopping.done()
        gate.set()
        stopping.result(TIMEOUT)
        assert heard(sock).startswith(b"HTTP/1.1 200 ")
    assert route.last.status == 200


def test_a_function_may_stop_its_own_server():
    server = netdouble.serve()

    def answer(request):
        server.stop()
        return 204

    server.get("/").reply(answer)
    with connected(server) as sock:
        sock.sendall(get("/"))
        assert heard(sock).startswith(b"HTTP/1.1 204 ")
    for thread in threading.enumerate():
        if thread.name.startswith("netdouble server"):
            thread.join(TIMEOUT)


def test_a_stop_ends_every_connection_that_waits():
    server = netdouble.serve(unused="off")
    server.get("/").reply(delay=600)
    with connected(server) as idle, connected(server) as halfway, connected(server) as waiting:
        halfway.sendall(get("/")[:9])
        waiting.sendall(get("/"))
        while not server.count:
            time.sleep(0.001)
        server.stop()
        assert [heard(sock) for sock in (idle, waiting)] == [b"", b""]
        heard(halfway)


def test_many_servers_begin_and_end():
    for _ in range(100):
        with netdouble.serve() as server:
            server.get("/").reply()
            with connected(server) as sock:
                sock.sendall(get("/"))
                assert heard(sock, b"\r\n\r\n")
    assert _active.own_servers == set()


@pytest.mark.parametrize("answer", [204, lambda request: 204], ids=["at once", "by a thread"])
def test_connections_that_ended_are_forgotten(answer):
    with netdouble.serve(unused="off") as server:
        server.get("/").reply(answer)
        for _ in range(200):
            with connected(server) as sock:
                sock.sendall(get("/", "Connection: close"))
                heard(sock)
        assert len(server._listener._visits) + len(server._listener._selector.get_map()) < 150
        assert server.calls.last.connection.index == 199


def test_sixty_four_connections_at_once():
    with netdouble.serve() as server:
        route = server.get("/{n:int}").reply(lambda request: netdouble.Response(json=request.path_params["n"]))
        everybody = threading.Barrier(64)

        def client(number):
            with connected(server) as sock:
                everybody.wait(TIMEOUT)
                for n in range(20):
                    sock.sendall(get(f"/{number * 100 + n}"))
                    assert heard(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")

        with ThreadPoolExecutor(64) as pool:
            list(pool.map(client, range(64)))
        assert route.count == 64 * 20
        paths = {call.request.path for call in route.calls}
        assert len(paths) == 64 * 20


# What others replace


def test_frozen_time_changes_nothing():
    with freeze_time("2001-01-01"), netdouble.serve() as server:
        server.get("/").reply(delay=0.02)
        with connected(server) as sock:
            sock.sendall(get("/"))
            assert heard(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_guard_that_replaces_the_socket_class_changes_nothing(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        real_connect = socket.create_connection

        class Guarded(socket.socket):
            def __new__(cls, *args, **kwargs):
                raise RuntimeError("sockets are off")

        monkeypatch.setattr(socket, "socket", Guarded)
        server = netdouble.serve().start()
        monkeypatch.undo()
        assert real_connect is socket.create_connection
        assert elsewhere.getsockname()
    server.get("/").reply()
    with connected(server) as sock:
        monkeypatch.setattr(socket, "socket", Guarded)
        sock.sendall(get("/"))
        assert heard(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        monkeypatch.undo()
    server.stop()


def test_without_the_extra_tls_says_which_to_install(monkeypatch):
    monkeypatch.setattr(_authority, "_authority", None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(netdouble.MissingExtra, match=r"netdouble\[wire\]"):
        netdouble.serve(tls=True)
    with (
        pytest.raises(netdouble.UnmetExpectation, match=r"netdouble\[wire\]"),
        netdouble.serve() as server,
        connected(server) as sock,
        suppress(ConnectionResetError),
    ):
        sock.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        heard(sock)
