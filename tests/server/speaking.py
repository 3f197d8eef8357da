"""A client that says exactly what it is told to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from netdouble import Proxy, Server

TIMEOUT = 20.0


@contextmanager
def connected(server: Server | Proxy) -> Iterator[socket.socket]:
    """A connection to `server`, by whatever family it listens on."""
    if server.socket_path:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(TIMEOUT)
            sock.connect(server.socket_path)
            yield sock
        return
    with socket.create_connection((server.host, server.port), TIMEOUT) as sock:
        yield sock


def heard(sock: socket.socket, until: bytes = b"") -> bytes:
    """What the server says, to the end of the connection, or until that was said."""
    said = b""
    while not (until and until in said):
        piece = sock.recv(65536)
        if not piece:
            break
        said += piece
    return said


def get(target: str, *lines: str) -> bytes:
    """The bytes of a GET."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: x.test", *lines, "", ""]).encode()


def trusting(server: Server) -> ssl.SSLContext:
    """A client's context that trusts the server's authority, and nobody else."""
    return ssl.create_default_context(cafile=server.ca_file)


def secure(sock: socket.socket, server: Server, name: str = "127.0.0.1") -> ssl.SSLSocket:
    """The client's side of TLS over `sock`."""
    return trusting(server).wrap_socket(sock, server_hostname=name)
