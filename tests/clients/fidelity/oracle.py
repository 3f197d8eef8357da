"""The oracle: a real server on the loopback that answers as it is declared, as a site.

It hears with h11, not with our parser, and sends the bytes that the codec spells for the same `Response`, so whatever a
client shows differently of a stub is the door's doing.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from netdouble import Fault, Pause, Response
from netdouble._authority import authority
from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelled_faults import spell_fault
from netdouble._codec.spelling import spell

# `At` makes a URL of this world: "/x" is on a.test, "//b.test/x" on another host.
At = Callable[[str], str]
# What each path (or //host/path) answers, first to last; the last one repeats.
Site = Mapping[str, Sequence["Response | Fault"]]

HOME = "a.test"
# Where nobody listens, and where connects are not answered.
REFUSING, FULL = "127.0.0.3", "127.0.0.4"
# Seconds between the pieces of a body; the later ones for a machine on which it did not do.
PAUSES = (0.02, 0.05, 0.15)
UNKNOWN = Response(404, text="no such path in the site")


@dataclass(frozen=True)
class Heard:
    """A request as the far end got it."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Oracle:
    """A server that answers with a site; one thread a connection.

    Attributes:
        port: on 127.0.0.1. heard: the requests since `stage`. connections: how many were ever made.
        pause: seconds between the pieces of a body.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[Heard] = []
        self.connections = 0
        self.pause = PAUSES[0]
        self._left: dict[str, list[Response | Fault]] = {}
        self._open: list[socket.socket] = []
        self._busy = 0
        self._changed = threading.Condition()
        self._over = threading.Event()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        self._secure = socket.create_server(("127.0.0.1", 0))
        self._secure_port: int = self._secure.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._secure, "a.test"), daemon=True).start()
        # One more address whose queue is full: a connect to it gets no answer.
        self._full = socket.create_server((FULL, self.port), backlog=0)
        self._waiting = [socket.socket() for _ in range(3)]
        for waiting in self._waiting:
            waiting.setblocking(False)
            waiting.connect_ex((FULL, self.port))

    def at(self, path: str) -> str:
        """The URL of a path; of `https:/x`, one over TLS."""
        secure, host, path = re.fullmatch(r"(https:)?(?://([^/]+))?(.*)", path).groups()
        return f"{secure or 'http:'}//{host or HOME}:{self._secure_port if secure else self.port}{path}"

    def stage(self, site: Site) -> None:
        """Answer with `site` from now on, from its first answers."""
        self.heard = []
        self._left = {key.removeprefix("https:"): list(answers) for key, answers in site.items()}

    def rest(self) -> None:
        """Wait until every answer was sent, and its connection closed where that belongs to it.

        Else what a client sees of a connection that it uses again would depend on who is faster.
        """
        with self._changed:
            assert self._changed.wait_for(lambda: not self._busy, 5)

    def _count(self, step: int) -> None:
        with self._changed:
            self._busy += step
            self._changed.notify_all()

    def close(self) -> None:
        """Stop serving; connections that are still open are closed."""
        self._over.set()
        for each in (self._listener, self._secure, self._full, *self._waiting):
            each.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, secure: str = "") -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection, secure), daemon=True).start()

    def _serve(self, connection: socket.socket, secure: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            context = authority().context(secure, alpn=("http/1.1",))
            try:
                connection = context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        unread = b""
        while unread is not None:
            asked = None
            with suppress(OSError, h11.RemoteProtocolError):
                asked = self._hear(connection, unread)
            unread = None
            if asked is not None:
                self._count(+1)
                with suppress(OSError):
                    unread = self._answer(connection, *asked)
            if unread is None:
                if isinstance(connection, ssl.SSLSocket):
                    connection.setblocking(False)
                    with suppress(OSError):  # which says that it does not wait for the client's answer
                        connection.unwrap()
                connection.close()
            if asked is not None:
                self._count(-1)

    def _hear(self, connection: socket.socket, unread: bytes) -> tuple[Heard, bool, bytes] | None:
        """One request, whether the client would keep the connection, and what came after it; None at the end."""
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
        if unread:
            parser.receive_data(unread)
        head, body = None, b""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue:
                    told = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    connection.sendall(parser.send(told))
                parser.receive_data(connection.recv(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                break
            else:
                return None
        method, target, version = (part.decode("latin-1") for part in (head.method, head.target, head.http_version))
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items())
        keep_alive = parser.their_state is not h11.MUST_CLOSE
        if version == "1.0":  # h11 closes after any such request
            keep_alive = any(name.lower() == "connection" and "keep-alive" in value.lower() for name, value in fields)
        return Heard(method, target, version, fields, body), keep_alive, parser.trailing_data[0]

    def _answer(self, connection: socket.socket, heard: Heard, keep_alive: bool, unread: bytes) -> bytes | None:
        """Answer one request; what is to be read next, or None when the connection is over."""
        if heard.method == "CONNECT":
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return unread
        self.heard.append(heard)
        return unread if self._play(self._script(heard, keep_alive=keep_alive), connection) else None

    def _script(self, heard: Heard, *, keep_alive: bool) -> Script:
        url = urlsplit(heard.target)
        host = url.hostname or {name.lower(): value for name, value in heard.headers}["host"].partition(":")[0]
        answers = self._left.get(url.path if host == HOME else f"//{host}{url.path}", [UNKNOWN])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Fault):
            return spell_fault(answer, method=heard.method, http_version=heard.version)
        return spell(answer, method=heard.method, http_version=heard.version, keep_alive=keep_alive)

    def _play(self, script: Script, connection: socket.socket) -> bool:
        self._over.wait(script.delay)
        for n, step in enumerate(script.steps()):
            if isinstance(step, Pause):
                self._over.wait(step.seconds)
                continue
            if n:
                self._over.wait(self.pause)  # so that the client reads each piece by itself
            connection.sendall(step)
        if script.ending is Ending.RESET:
            self._over.wait(self.pause)  # a reset overtakes what was not read yet
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif script.ending is Ending.STALL:
            self._count(-1)
            select.select([connection], [], [], 30)  # until the client gives up
            self._count(+1)
        return script.ending is Ending.KEEP_ALIVE
