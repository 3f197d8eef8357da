"""Real servers on the loopback: for what passes through, and for what the real wire does."""

from __future__ import annotations

import http.server
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from typing_extensions import Self

from netdouble import Fault, Response
from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelled_faults import spell_fault
from netdouble._codec.spelling import spell

Act = Callable[[socket.socket, threading.Event], None]


class Loopback:
    """A keep-alive HTTP/1.1 server on 127.0.0.1 that answers everything with `real: METHOD PATH BODY`.

    Attributes:
        url: without a slash at the end. seen: `METHOD PATH` of each request. connections: how many were made.
    """

    def __init__(self) -> None:
        outer = self
        self.seen: list[str] = []
        self.connections = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = f"real: {self.command} {self.path} {self.rfile.read(length).decode()}".rstrip().encode()
                outer.seen.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("X-Real", "yes")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer  # noqa: N815  # http.server's names

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _heard(act: Act) -> Act:
    """`act`, the request being read."""

    def after(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        act(connection, over)

    return after


def _arrived(act: Act) -> Act:
    """`act`, the request being there and not being read."""

    def after(connection: socket.socket, over: threading.Event) -> None:
        select.select([connection], [], [], 5)
        over.wait(0.05)  # what else the client sends at once
        act(connection, over)

    return after


def _half_heard(act: Act) -> Act:
    """`act`, the request's head and a part of its body being read."""

    def after(connection: socket.socket, over: threading.Event) -> None:
        heard = b""
        while len(heard.partition(b"\r\n\r\n")[2]) < 1000:
            heard += connection.recv(1000)
        over.wait(0.05)
        act(connection, over)

    return after


def _wait(connection: socket.socket, over: threading.Event) -> None:
    over.wait(5)


def _play(script: Script) -> Act:
    """What the codec says, said on a real connection."""

    def act(connection: socket.socket, over: threading.Event) -> None:
        data = b""
        for step in script.steps():
            if isinstance(step, bytes):
                data += step
            else:
                connection.sendall(data)
                data = b""
                over.wait(step.seconds)
        connection.sendall(data)
        if script.ending is Ending.STALL:
            over.wait(5)
        elif script.ending is Ending.RESET:
            if data:
                over.wait(0.05)  # a reset overtakes what was not read yet
            _reset(connection)
        elif script.ending is Ending.KEEP_ALIVE:
            select.select([connection], [], [], 5)

    return act


# In the handshake, the ClientHello being read. The alert is handshake_failure (RFC 8446 section 6).
_IN_THE_HANDSHAKE: dict[Fault, Act] = {
    Fault.TLS: lambda connection, over: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"),
    Fault.CLOSE_IN_HANDSHAKE: lambda connection, over: None,
    Fault.RESET_IN_HANDSHAKE: lambda connection, over: _reset(connection),
    Fault.HANDSHAKE_TIMEOUT: _wait,
    Fault.GARBAGE_IN_HANDSHAKE: lambda connection, over: connection.sendall(b"this is not TLS\r\n\r\n"),
}

# What a real peer does for the faults that need one.
ON_THE_WIRE: dict[Fault, Act] = {
    **{fault: _heard(act) for fault, act in _IN_THE_HANDSHAKE.items()},
    Fault.CLOSE_BEFORE_REQUEST: _arrived(lambda connection, over: None),
    Fault.RESET_BEFORE_REQUEST: _arrived(lambda connection, over: _reset(connection)),
    Fault.STALL_BEFORE_REQUEST: _arrived(_wait),
    Fault.CLOSE_IN_REQUEST: _half_heard(lambda connection, over: None),
    Fault.RESET_IN_REQUEST: _half_heard(lambda connection, over: _reset(connection)),
    Fault.WRITE_TIMEOUT: _half_heard(_wait),
    **{
        fault: _heard(_play(spell_fault(fault, method="GET")))
        for fault in Fault
        if fault.position.startswith(("response", "after"))
    },
}


@contextmanager
def real_fault(fault: Fault) -> Iterator[str]:
    """The URL of a loopback server on which `fault` really happens."""
    with suppress(OSError), socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        scheme = "https" if fault.position == "handshake" else "http"
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/users/7"
        if fault is Fault.CONNECT_REFUSED:
            yield url  # bound, but nobody listens
            return
        listener.listen(0 if fault is Fault.CONNECT_TIMEOUT else 5)
        if fault is Fault.CONNECT_TIMEOUT:
            with _full(listener):
                yield url
            return
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, ON_THE_WIRE[fault], over), daemon=True)
        thread.start()
        try:
            yield url
        finally:
            over.set()
            thread.join(5)


@contextmanager
def real_reply(response: Response) -> Iterator[str]:
    """The URL of a loopback server that answers a GET with `response`."""
    with suppress(OSError), socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        over = threading.Event()
        act = _heard(_play(spell(response, method="GET")))
        thread = threading.Thread(target=_serve, args=(listener, act, over), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/users/7"
        finally:
            over.set()
            thread.join(5)


@contextmanager
def _full(listener: socket.socket) -> Iterator[None]:
    """Fill the queue of a listener that accepts nothing: the next connect gets no answer."""
    waiting = []
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        waiting.append(client)
    try:
        yield
    finally:
        for client in waiting:
            client.close()


def _serve(listener: socket.socket, act: Act, over: threading.Event) -> None:
    listener.settimeout(5)
    with suppress(OSError):
        while not over.is_set():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                act(connection, over)
            listener.settimeout(0.1)
