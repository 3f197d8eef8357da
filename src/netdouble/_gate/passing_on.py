"""A request that came over the wire and is let through: said again to the real service, whose bytes come back.

Rule: on a connection of its own, which ends with the response; `Connection: close` is the only thing that is changed.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from netdouble._active import admitted, passing
from netdouble._codec.http1 import connection_options
from netdouble._codec.received import received
from netdouble._codec.scripts import Ending
from netdouble._core.calls import Call
from netdouble._core.streams import Pause
from netdouble._far_end import Act, Origin

# Seconds without a byte from the real service. The client's own patience is what counts, and it is shorter.
_PATIENCE = 300.0
_PIECE = 1 << 16


def passed_on(call: Call, said: bytes, origin: Origin) -> Iterator[Act]:
    """What the real service answers to `said`; closes the call."""
    yield Pause(0)  # from here on it waits for others, which it must not do in the client's event loop
    tape = bytearray()
    try:
        with passing(), admitted(origin.host, origin.port), _connected(origin) as real:
            real.sendall(_closing(call, said))
            while piece := real.recv(_PIECE):
                tape += piece
                if len(piece) < _PIECE and not call.closed:
                    # Whoever has read the last byte finds the call told of it.
                    response = received(bytes(tape), call.request.method, over=False)
                    if response is not None:
                        call.close(response=response)
                yield piece
    except OSError as error:
        call.close(error=error)
        yield Ending.RESET
    else:
        call.close(response=received(bytes(tape), call.request.method, over=True))
        yield Ending.CLOSE


def _closing(call: Call, said: bytes) -> bytes:
    """The request, after which the service closes the connection: its end is then the response's."""
    head, blank, body = said.partition(b"\r\n\r\n")
    if "close" in connection_options(call.request.headers):
        return said
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + blank + body


def _connected(origin: Origin) -> Any:
    sock = socket.create_connection((origin.host, origin.port), _PATIENCE)
    if origin.scheme != "https":
        return sock
    import ssl

    try:
        return ssl.create_default_context().wrap_socket(sock, server_hostname=origin.host)
    except BaseException:
        sock.close()
        raise
