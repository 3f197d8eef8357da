"""The guard beside stubs: a stubbed host is never just refused, and a pass-through opens it for its call alone."""

from __future__ import annotations

import re
import socket
import threading

import pytest

from netdouble import Network, NetworkBlocked, _active, guard
from netdouble._gate.refusals import Case, text_of, way_out


def datagram(host, port):
    """As QUIC begins: to a stubbed host, but over no client that a stub could answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (host, port))


def test_a_stubbed_host_is_refused_with_its_routes_and_the_way_to_them(wire):
    with Network() as net, pytest.raises(NetworkBlocked) as caught:
        route = net.get("https://api.test/users/{id}").reply().optional()
        for number in range(4):
            net.post(f"https://api.test/{number}").reply().optional()
        net.get("https://other.test/").reply().optional()
        datagram("api.test", 443)
    text = str(caught.value)
    assert (
        "The network has 5 routes for api.test, but this connection did not come through a client it answers:" in text
    )
    shown = re.search(r"\n  1\. GET https://api\.test/users/\{id\} +(\S+)\n", text)
    assert shown is not None
    assert shown[1] == route.declared_at
    assert "  ... and 2 more\n" in text
    assert "other.test" not in text
    assert "To answer it:  stubs answer TCP and this is a datagram: make the client speak HTTP/1.1 or HTTP/2" in text
    assert wire.sent == []


def test_the_routes_of_outer_networks_count_and_those_of_other_ports_do_not(wire):
    with Network() as outer, Network():
        outer.get("https://api.test/").reply().optional()
        with pytest.raises(NetworkBlocked, match=r"a route for api\.test"):
            datagram("api.test", 443)
        with pytest.raises(NetworkBlocked) as caught:
            datagram("api.test", 5432)
    assert "The network has" not in str(caught.value)


@pytest.mark.parametrize(
    ("client", "layer", "text"),
    [
        (
            "curl_cffi 0.17",
            "transport",
            'curl_cffi opens connections in native code, where no layer stands: with net.native("curl_cffi"): ...',
        ),
        (
            "httplib2 0.22",
            "transport",
            "httplib2 is not covered at the transport layer: use layer='wire' or net.proxy()",
        ),
        ("", "transport", "this client is not covered at the transport layer: use layer='wire' or net.proxy()"),
        (
            "pycares 5.0",
            "wire",
            "pycares opens connections past the sockets of Python, where no layer stands: use net.proxy()",
        ),
    ],
)
def test_a_client_that_is_not_covered_is_named_with_the_way_out(client, layer, text):
    with Network(layer=layer):
        assert way_out(client, _active.captured()) == text


def test_without_a_scope_the_stub_is_offered():
    case = Case("connect", ("api.test",), 443, None, "a test", "tcp")
    text = text_of(case, rule="guard=block", caller="app.py:1 in f", client="pycurl 7", thread="worker", phase="call")
    assert text.splitlines()[:5] == [
        "a real connection was refused before anything was sent",
        "    connect api.test:443 (tcp)        called from app.py:1 in f",
        "    in a test (call), thread worker, through pycurl 7",
        "Refused by: guard=block",
        'To answer it:  net.any("https://api.test/{path:path}").reply(200)',
    ]


def test_a_pass_through_of_another_thread_opens_nothing_here(wire):
    entered, leave = threading.Event(), threading.Event()

    def passing():
        with _active.admitted("api.test", 443):
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=passing)
    thread.start()
    entered.wait(30)
    try:
        with Network(), guard.expect_blocked("api.test"):
            socket.create_connection(("api.test", 443))
    finally:
        leave.set()
        thread.join()
    assert wire.sent == []


def test_a_family_of_sockets_is_refused_and_allowed_by_its_name(wire):
    if not hasattr(socket, "AF_VSOCK"):
        return  # the kernel has none; test_policy.py reads the entry everywhere

    def dial():
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as sock:
            sock.connect((1, 9))  # the local CID: this machine

    with Network(), pytest.raises(NetworkBlocked, match=r'Network\(allow="vsock"\)'):
        dial()
    with Network(allow="vsock"), pytest.raises(OSError, match=r"."):
        dial()
