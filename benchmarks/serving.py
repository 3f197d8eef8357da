"""A server in a process of its own, whose processor time is asked for: `python -m benchmarks.serving KIND`.

It tells its port in a line. For each line it is sent it answers with the seconds of processor time used so far.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

BODY = json.dumps({"id": 12345, "name": "example", "tags": ["a", "b", "c"], "padding": "x" * 30}).encode()
ROUTES = 20
REQUEST = b"GET /bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
CONNECTIONS = 16


def echo() -> int:
    """The floor: a thread for each connection that answers whatever comes with the same bytes."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while sock.recv(65536):
            sock.sendall(answer)

    def accept() -> None:
        while True:
            threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def netdouble_server() -> int:
    """Ours."""
    import netdouble

    server = netdouble.serve(unused="off")
    for n in range(ROUTES):
        server.get(f"/r{n}").reply(text="x")
    server.get("/bench").reply(content=BODY, headers={"Content-Type": "application/json"})
    return server.port


def pytest_httpserver() -> int:
    """The peer."""
    from pytest_httpserver import HTTPServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = HTTPServer(host="127.0.0.1")
    for n in range(ROUTES):
        server.expect_request(f"/r{n}").respond_with_data("x")
    server.expect_request("/bench").respond_with_data(BODY, content_type="application/json")
    server.start()
    return server.port


KINDS = {"TCP echo": echo, "netdouble": netdouble_server, "pytest-httpserver": pytest_httpserver}


def has_peer() -> bool:
    """pytest-httpserver is there to be compared with."""
    return importlib.util.find_spec("pytest_httpserver") is not None


class Served:
    """A server in another process."""

    def __init__(self, kind: str) -> None:
        command = [sys.executable, "-m", "benchmarks.serving", kind]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._said())

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def seconds(self) -> float:
        """Its processor time so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._said())

    def end(self) -> None:
        """End it."""
        self._process.communicate()


@contextmanager
def served(kind: str) -> Iterator[Served]:
    """For a while a server of that kind runs in another process."""
    server = Served(kind)
    try:
        yield server
    finally:
        server.end()


def send(port: int, rounds: int) -> int:
    """Send requests over 16 connections at once, `rounds` over each; how many were answered.

    A connection that the server closes is made again.
    """
    answered = 0
    open_ones = [_connected(port) for _ in range(CONNECTIONS)]
    for _ in range(rounds):
        for sock in open_ones:
            sock.sendall(REQUEST)
        for place, sock in enumerate(open_ones):
            head = _answer(sock)
            answered += 1
            if b"connection: close" in head.lower() or head.startswith(b"HTTP/1.0"):
                sock.close()
                open_ones[place] = _connected(port)
    for sock in open_ones:
        sock.close()
    return answered


def _connected(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _answer(sock: socket.socket) -> bytes:
    said = b""
    while True:
        head, end, body = said.partition(b"\r\n\r\n")
        if end and len(body) >= len(BODY):
            return head
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError(f"no whole answer: {said!r}")
        said += piece


if __name__ == "__main__":
    print(KINDS[sys.argv[1]](), flush=True)
    for _ in sys.stdin:
        print(time.process_time(), flush=True)
