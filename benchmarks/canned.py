"""A far side that answers whatever comes over TLS with the same bytes: a client's floor on the wire.

Rule: as on the wire, it answers within the client's own `send()`, with no thread; but it reads nothing in what comes.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from netdouble._authority import authority

_HOST = "127.0.0.1"


class _FarSide:
    """One connection, whose handshake runs in a thread."""

    def __init__(self, listener: socket.socket, answer: bytes) -> None:
        self._listener, self._answer = listener, answer
        self._sock: socket.socket | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = authority().context(_HOST).wrap_bio(self._in, self._out, server_side=True)
        self._thread = threading.Thread(target=self._shake_hands, daemon=True)
        self._thread.start()

    def _shake_hands(self) -> None:
        self._sock = sock = self._listener.accept()[0]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shaken = False
        while not shaken:
            self._in.write(sock.recv(65536))
            try:
                self._tls.do_handshake()
                shaken = True
            except ssl.SSLWantReadError:
                pass
            sock.sendall(self._out.read())

    def answer(self) -> None:
        """Take what has come, and answer it."""
        self._thread.join()
        assert self._sock is not None
        if not self._in.pending:  # else it came together with the end of the handshake
            self._in.write(self._sock.recv(65536))
        self._tls.read(65536)
        self._tls.write(self._answer)
        self._sock.sendall(self._out.read())

    def close(self) -> None:
        """Close it."""
        if self._sock is not None:
            self._sock.close()


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """For a while `https://127.0.0.1:port` answers the one connection that is made to it; `authority().file` signs."""
    send: Any = ssl.SSLSocket.send
    with socket.create_server((_HOST, 0)) as listener:
        far = _FarSide(listener, answer)

        def send_and_be_answered(self: ssl.SSLSocket, data: Any, flags: int = 0) -> int:
            sent = int(send(self, data, flags))
            far.answer()
            return sent

        with mock.patch.object(ssl.SSLSocket, "send", send_and_be_answered):
            yield f"https://{_HOST}:{listener.getsockname()[1]}"
        far.close()
