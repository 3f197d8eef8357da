"""A connection that is reset over TLS: CPython's ssl hid that for a while, and netdouble does not."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading

import pytest

from netdouble import Fault, Network
from netdouble._authority import authority


def _answered_with_a_reset(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with authority().context("127.0.0.1", alpn=("http/1.1",)).wrap_socket(connection, server_side=True) as tls:
        tls.recv(65536)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _error(host: str, port: int) -> BaseException:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, context=trusting, timeout=30)
    try:
        connection.request("GET", "/")
        with pytest.raises(OSError) as caught:
            connection.getresponse()
    finally:
        connection.close()
    return caught.value


def test_http_client_raises_for_a_reset_over_tls_what_it_raises_on_the_wire(request: pytest.FixtureRequest):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answered_with_a_reset, args=(listener,))
        thread.start()
        real = _error("127.0.0.1", listener.getsockname()[1])
        thread.join()
    if isinstance(real, http.client.RemoteDisconnected):
        reason = "this Python's ssl takes a reset for an end while reading (gh-115627); netdouble raises the reset"
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    with Network() as net:
        net.any("https://api.test/").fail(Fault.RESET)
        assert type(_error("api.test", 443)) is type(real)
