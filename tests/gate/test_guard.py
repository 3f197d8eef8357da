"""The guard: nothing leaves the machine that no door took and nothing allows, and the error says what to do."""

from __future__ import annotations

import asyncio
import http.server
import pickle
import smtplib
import socket
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import trio

from netdouble import Network, NetworkBlocked, NetworkWarning, UnmetExpectation, _active, guard
from netdouble._gate import guard as gate
from netdouble._gate import ledger
from netdouble._gate.policy import Policy
from netdouble._gate.sockets import Socket

Saved = socket.socket


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def patient() -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    return sock


class Own(socket.socket):
    pass


async def datagram():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("192.0.2.1", 53))


async def sock_connect():
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("192.0.2.1", 80))


async def happy_eyeballs():
    await asyncio.get_running_loop().create_connection(asyncio.Protocol, "api.test", 80, happy_eyeballs_delay=0.01)


def in_a_pool():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(socket.create_connection, ("192.0.2.1", 80)).result()


def tls():
    with socket.socket() as sock:
        ssl.create_default_context().wrap_socket(sock, server_hostname="api.test").connect(("192.0.2.1", 443))


def using(make, act):
    def way():
        with make() as sock:
            act(sock)

    return way


# how the code under test may try to leave -> what the error names
WAYS_OUT = {
    "create_connection by name": (lambda: socket.create_connection(("api.test", 443)), "api.test:443"),
    "create_connection by address": (lambda: socket.create_connection(("192.0.2.1", 80)), "192.0.2.1:80"),
    "connect": (using(socket.socket, lambda s: s.connect(("192.0.2.1", 80))), "192.0.2.1:80"),
    "connect by name": (using(socket.socket, lambda s: s.connect(("api.test", 80))), "api.test:80"),
    "connect by bytes": (using(socket.socket, lambda s: s.connect((b"api.test", 80))), "api.test:80"),
    "connect_ex": (using(socket.socket, lambda s: s.connect_ex(("192.0.2.1", 80))), "192.0.2.1:80"),
    "a class kept from before": (using(Saved, lambda s: s.connect(("192.0.2.1", 80))), "192.0.2.1:80"),
    "a subclass": (using(Own, lambda s: s.connect(("192.0.2.1", 80))), "192.0.2.1:80"),
    "without blocking": (using(patient, lambda s: s.connect(("192.0.2.1", 80))), "192.0.2.1:80"),
    "broadcast": (using(udp, lambda s: s.sendto(b"x", ("<broadcast>", 9))), "<broadcast>:9"),
    "sendto": (using(udp, lambda s: s.sendto(b"x", ("192.0.2.1", 53))), "192.0.2.1:53"),
    "sendto with flags": (using(udp, lambda s: s.sendto(b"x", 0, ("192.0.2.1", 53))), "192.0.2.1:53"),
    "sendmsg": (using(udp, lambda s: s.sendmsg([b"x"], [], 0, ("192.0.2.1", 53))), "192.0.2.1:53"),
    "udp connect": (using(udp, lambda s: s.connect(("192.0.2.1", 53))), "192.0.2.1:53"),
    "tls": (tls, "192.0.2.1:443"),
    "getaddrinfo": (lambda: socket.getaddrinfo("api.test", 443), "api.test:443"),
    "getaddrinfo by keyword": (lambda: socket.getaddrinfo(host="api.test", port="https"), "api.test:443"),
    "getaddrinfo of bytes": (lambda: socket.getaddrinfo(b"api.test", None), "api.test"),
    "getaddrinfo, international": (lambda: socket.getaddrinfo("bücher.test", 80), "xn--bcher-kva.test:80"),
    "gethostbyname": (lambda: socket.gethostbyname("api.test"), "api.test"),
    "gethostbyname_ex": (lambda: socket.gethostbyname_ex("api.test"), "api.test"),
    "gethostbyaddr of a name": (lambda: socket.gethostbyaddr("api.test"), "api.test"),
    "gethostbyaddr of an address": (lambda: socket.gethostbyaddr("192.0.2.1"), "192.0.2.1"),
    "getfqdn": (lambda: socket.getfqdn("api.test"), "api.test"),
    "getnameinfo": (lambda: socket.getnameinfo(("192.0.2.1", 80), 0), "192.0.2.1"),
    "smtplib": (lambda: smtplib.SMTP("api.test", 25), "api.test:25"),
    "asyncio by name": (lambda: asyncio.run(asyncio.open_connection("api.test", 80)), "api.test:80"),
    "asyncio by address": (lambda: asyncio.run(asyncio.open_connection("192.0.2.1", 80)), "192.0.2.1:80"),
    "asyncio happy eyeballs": (lambda: asyncio.run(happy_eyeballs()), "api.test:80"),
    "asyncio datagram": (lambda: asyncio.run(datagram()), "192.0.2.1:53"),
    "asyncio sock_connect": (lambda: asyncio.run(sock_connect()), "192.0.2.1:80"),
    "trio": (lambda: trio.run(trio.open_tcp_stream, "api.test", 80), "api.test:80"),
    "a thread pool": (in_a_pool, "192.0.2.1:80"),
}  # fmt: skip

if socket.has_ipv6:
    WAYS_OUT["connect by IPv6"] = (
        using(lambda: socket.socket(socket.AF_INET6), lambda s: s.connect(("2001:db8::1", 80))), "[2001:db8::1]:80",
    )  # fmt: skip


@pytest.mark.parametrize(("way", "target"), WAYS_OUT.values(), ids=WAYS_OUT.keys())
def test_every_way_out_is_refused_before_anything_is_sent(wire, way, target):
    with Network(), pytest.raises(NetworkBlocked) as caught:
        way()
    assert caught.value.target == target
    assert wire.sent == []


def loopback_server(family=socket.AF_INET, address="127.0.0.1"):
    server = socket.socket(family)
    server.bind((address, 0))
    server.listen()
    return server


def tcp(host="127.0.0.1"):
    with loopback_server() as server, socket.create_connection((host, server.getsockname()[1])) as client:
        client.sendall(b"x")


def udp_to_itself():
    with udp() as one:
        one.bind(("127.0.0.1", 0))
        one.sendto(b"x", one.getsockname())
        assert one.recv(9) == b"x"
        one.connect(one.getsockname())
        one.send(b"y")
        one.sendmsg([b"z"])
        assert one.recv(9) + one.recv(9) == b"yz"


def socket_pair():
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"x")
        assert other.recv(9) == b"x"


async def asyncio_server():
    async def echo(reader, writer):
        writer.write(await reader.read(9))
        writer.close()

    server = await asyncio.start_server(echo, "localhost", 0, family=socket.AF_INET)
    async with server:
        reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        writer.write(b"x")
        writer.write_eof()
        assert await reader.read() == b"x"
        writer.close()


def http_server(host):
    http.server.HTTPServer((host, 0), http.server.BaseHTTPRequestHandler).server_close()


def refused_by_socket_itself(error, way):
    def refused():
        with pytest.raises(error):
            way()

    return refused


def netlink():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        sock.connect((0, 0))


STAYING = {
    "tcp by address": tcp,
    "tcp by name": lambda: tcp("localhost"),
    "tcp to the unspecified address": lambda: tcp("0.0.0.0"),
    "udp": udp_to_itself,
    "socketpair": socket_pair,
    "asyncio server": lambda: asyncio.run(asyncio_server()),
    "http.server on loopback": lambda: http_server("127.0.0.1"),
    "http.server everywhere": lambda: http_server(""),
    "the address of an address": lambda: socket.getaddrinfo("192.0.2.1", 80),
    "a numeric lookup": refused_by_socket_itself(
        socket.gaierror, lambda: socket.getaddrinfo("not.an.address", 80, 0, 0, 0, socket.AI_NUMERICHOST)
    ),
    "the name of a number": lambda: socket.getnameinfo(
        ("192.0.2.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    ),
    "no host": lambda: socket.getaddrinfo(None, 80),
    "what is no address": refused_by_socket_itself(TypeError, using(socket.socket, lambda s: s.connect("192.0.2.1"))),
    "nothing": refused_by_socket_itself(TypeError, using(socket.socket, lambda s: s.connect())),
}  # fmt: skip
if sys.platform == "linux":
    STAYING["netlink"] = netlink


@pytest.mark.parametrize("way", STAYING.values(), ids=STAYING.keys())
def test_what_stays_on_this_machine_passes(wire, way):
    with Network():
        way()
    assert wire.sent == []


def test_unix_sockets_pass(wire, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # such a path must be short
    with Network(), socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("s")
        server.listen()
        client.connect("s")


def test_the_error_says_who_asked_for_what_and_both_ways_out(wire):
    with Network(allow="db.test:5432"), pytest.raises(NetworkBlocked) as caught:
        socket.create_connection(("api.test", 443))
    line = caught.traceback[0].lineno + 1
    assert str(caught.value) == (
        "a real name lookup was refused before anything was sent\n"
        f"    lookup api.test:443        called from tests/gate/test_guard.py:{line} in {caught.traceback[0].name}\n"
        f"    in tests/gate/test_guard.py::{caught.traceback[0].name} (call)\n"
        f"Refused by: guard=block of the network of tests/gate/test_guard.py::{caught.traceback[0].name}. "
        "Allowed: loopback, own, db.test:5432\n"
        'To answer it:  net.any("https://api.test/{path:path}").reply(200)\n'
        "               (no client that netdouble answers made it: `netdouble doctor` lists those)\n"
        'To allow it:   @pytest.mark.net("api.test:443"), or net_allow in the pytest settings, or '
        'Network(allow="api.test:443")'
    )
    assert caught.value.caller == f"tests/gate/test_guard.py:{line} in {caught.traceback[0].name}"


STUBS = [
    (80, 'net.any("http://api.test/{path:path}")'),
    (443, 'net.any("https://api.test/{path:path}")'),
    (8080, 'net.any("http://api.test:8080/{path:path}")'),
    (8443, 'net.any("https://api.test:8443/{path:path}")'),
    (5432, None),
]


@pytest.mark.parametrize(("port", "stub"), STUBS)
def test_a_stub_is_offered_where_the_port_speaks_http(wire, port, stub):
    with Network(), pytest.raises(NetworkBlocked) as caught:
        socket.create_connection(("api.test", port))
    said = str(caught.value)
    assert f"To answer it:  {stub}.reply(200)\n" in said if stub else "To answer it" not in said


def test_the_error_survives_pickling(wire):
    with Network(), pytest.raises(NetworkBlocked) as caught:
        socket.gethostbyname("api.test")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.target, copy.test, copy.caller) == (
        str(caught.value), caught.value.target, caught.value.test, caught.value.caller,
    )  # fmt: skip


def test_the_socket_is_closed_first(wire):
    sock = socket.socket()
    with Network(), pytest.raises(NetworkBlocked):
        sock.connect(("192.0.2.1", 80))
    assert sock.fileno() == -1


# What is allowed


def test_an_allowed_name_is_looked_up_and_reached_at_the_addresses_it_has(wire):
    with Network(allow="api.test:443"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("api.test", 443))
        assert wire.sent == [("lookup", "api.test"), ("connect", ("192.0.2.7", 443))]
        with pytest.raises(NetworkBlocked, match=r"connect api\.test:80 \(tcp, asked for as 192\.0\.2\.7:80\)"):
            socket.create_connection(("192.0.2.7", 80))
        with pytest.raises(NetworkBlocked, match=r"cdn\.test"):
            socket.create_connection(("cdn.test", 443))
    assert len(wire.sent) == 2


def test_every_address_of_an_allowed_name_is_tried(wire):
    with Network(allow="db.test"), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("db.test", 5432))
    assert [what for what, _ in wire.sent] == ["lookup", "connect", "connect"]


def test_an_address_that_an_allowed_name_had_is_refused_where_the_name_is_not_allowed(wire):
    with Network(allow="api.test"):
        socket.gethostbyname("api.test")
    with Network(), pytest.raises(NetworkBlocked):
        socket.create_connection(("192.0.2.7", 443))
    assert wire.sent == [("lookup", "api.test")]


def test_entries_of_nested_networks_add_up(wire):
    with Network(allow="192.0.2.1"), Network(allow="192.0.2.2"):
        for last in (1, 2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((f"192.0.2.{last}", 80))
        with pytest.raises(NetworkBlocked):
            socket.create_connection(("192.0.2.3", 80))


def test_the_mode_of_the_innermost_network_holds(wire):
    with Network(), Network(guard="off"), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("192.0.2.1", 80))
    with Network(guard="off"), Network(), pytest.raises(NetworkBlocked):
        socket.create_connection(("192.0.2.1", 80))


def test_guard_allow_opens_it_for_a_while_and_for_the_threads_that_it_starts(wire):
    with Network():
        with guard.allow("192.0.2.0/24:80"):
            with pytest.raises(ConnectionRefusedError):
                in_a_pool()
            with pytest.raises(NetworkBlocked):
                socket.create_connection(("192.0.2.1", 81))
        with pytest.raises(NetworkBlocked):
            in_a_pool()


def test_guard_allow_refuses_what_it_cannot_read():
    with pytest.raises(ValueError, match=r"write api\.test:443"), guard.allow("https://api.test"):
        pytest.fail("the guard was opened")


def test_a_pass_through_opens_it_for_its_host_and_port_only(wire):
    with Network():
        with _active.admitted("api.test", 443):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("api.test", 443))
            with pytest.raises(NetworkBlocked):
                socket.create_connection(("192.0.2.7", 80))
            with pytest.raises(NetworkBlocked):
                socket.create_connection(("db.test", 443))
        with pytest.raises(NetworkBlocked):
            socket.create_connection(("api.test", 443))


# Modes, and where no network is open


def test_a_closed_network_leaves_no_guard_behind(wire):
    methods = [Socket.__dict__["connect"], socket.getaddrinfo]
    with Network():
        pass
    assert [Socket.__dict__["connect"], socket.getaddrinfo] == methods
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("api.test", 443))


def test_what_a_peer_put_back_is_guarded_again_by_the_next_network(wire):
    real = Socket.__dict__["connect"]
    with Network():
        socket.socket.connect = real  # as pytest-socket does after each test
        with Network(), pytest.raises(NetworkBlocked):
            socket.create_connection(("192.0.2.1", 80))
    assert Socket.__dict__["connect"] is real


def test_mode_warn_lets_it_pass_and_warns(wire):
    with Network(guard="warn"):
        with pytest.warns(NetworkWarning, match=r"lookup to api\.test:443"), pytest.raises(ConnectionRefusedError):
            socket.create_connection(("api.test", 443))
        assert [(a.target, a.count, a.refused) for a in guard.attempts()] == [("api.test:443", 1, False)]


def test_outside_every_network_the_sessions_rule_holds(wire, monkeypatch):
    gate.attach()
    try:
        monkeypatch.setattr(
            gate, "elsewhere", gate.Rule("block", Policy(["192.0.2.1"]), "net_guard=block of pytest.ini")
        )
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("192.0.2.1", 80))
        with pytest.raises(
            NetworkBlocked, match=r"net_guard=block of pytest\.ini\. Allowed: loopback, own, 192\.0\.2\.1"
        ):
            socket.create_connection(("192.0.2.2", 80))
        assert [error.target for error in ledger.taken(ledger.now.outside)] == ["192.0.2.2:80"]
        assert ledger.now.unclaimed == ledger.now.outside == []
    finally:
        gate.detach()


# Swallowing


def swallow():
    with suppress(Exception):
        socket.create_connection(("192.0.2.1", 80))


def test_a_swallowed_refusal_fails_at_the_end(wire):
    with pytest.raises(UnmetExpectation) as caught, Network():
        swallow()
        swallow()
    assert "a refused connection was swallowed 2 times" in str(caught.value)
    assert "connect 192.0.2.1:80" in str(caught.value)


def test_swallowed_warn_warns(wire):
    with pytest.warns(NetworkWarning, match="a refused connection was swallowed"), Network(swallowed="warn"):
        swallow()


def test_the_guard_is_told_apart_by_threads_and_contexts(wire):
    # The thread belongs to a network that has closed: it is refused in its name, whatever is open now.
    go, seen = threading.Event(), []

    def late():
        go.wait(5)
        try:
            socket.create_connection(("192.0.2.1", 80))
        except NetworkBlocked as error:
            seen.append(error)

    with Network():
        first = _active.current().label
        thread = threading.Thread(target=late)
        thread.start()
    with Network(guard="off"):
        go.set()
        thread.join()
    assert "which is closed: a thread or task that was started in it is left over" in str(seen[0])
    assert first in str(seen[0])


def test_many_threads_and_networks_at_once_are_judged_each_by_its_own(wire):
    outcomes = []

    def work(number):
        with Network(allow=f"192.0.2.{number}"):
            for last in (number, number + 100):
                try:
                    socket.create_connection((f"192.0.2.{last}", 80))
                except ConnectionRefusedError:
                    outcomes.append((number, "passed", last))
                except NetworkBlocked:
                    outcomes.append((number, "refused", last))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [(n, word, n + more) for n in range(1, 9) for word, more in (("passed", 0), ("refused", 100))]
    assert sorted(outcomes) == sorted(expected)


def test_the_same_attempt_of_one_test_is_one_row_with_a_count(wire):
    with Network():
        for _ in range(3):
            with pytest.raises(NetworkBlocked):
                socket.create_connection(("192.0.2.1", 80))
    (row,) = guard.attempts()
    assert (row.target, row.count, row.refused) == ("192.0.2.1:80", 3, True)
    assert "test_the_same_attempt" in row.test
    assert "in test_the_same_attempt" in row.caller
