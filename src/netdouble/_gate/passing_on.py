"""A request that came over the wire and is let through: said again to the real service, whose bytes come back.

Rule: byte for byte, on a connection of its own that ends with the response.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

from netdouble._active import admitted, passing
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
            real.sendall(said)
            while piece := real.recv(_PIECE):
                tape += piece
                if _is_whole(tape, call.request.method):
                    # Whoever has read the last byte finds the call told of it.
                    call.close(response=received(bytes(tape), call.request.method, over=True))
                    yield piece
                    return
                yield piece
    except OSError as error:
        call.close(error=error)
        yield Ending.RESET
    else:
        call.close(response=received(bytes(tape), call.request.method, over=True))
        yield Ending.CLOSE


def _is_whole(tape: bytearray, method: str) -> bool:
    """The response is complete, and says so itself (RFC 9112 section 6.3)."""
    head, blank, _ = bytes(tape[:_PIECE]).partition(b"\r\n\r\n")
    if not blank or (head[9:10] == b"1" and head[9:12] != b"101"):
        return bool(blank) and len(tape) > len(head) + 4 and _is_whole(tape[len(head) + 4 :], method)
    if method == "HEAD" or head[9:12] in {b"204", b"304"}:
        return True
    fields = head.lower() + b"\r\n"
    if b"\r\ntransfer-encoding:" in fields:
        return tape.endswith(b"\r\n\r\n") and received(bytes(tape), method, over=False) is not None
    length = re.search(rb"\r\ncontent-length:[ \t]*(\d+)", fields)
    return length is not None and len(tape) - len(head) - 4 >= int(length[1])


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
