"""A response as a real server sent it, from its bytes: for the log, when a request was let through."""

from __future__ import annotations

import io
from typing import Any

from netdouble._core.messages import Response


class _Tape:
    """Bytes that http.client reads as if from a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def received(data: bytes, method: str, *, over: bool) -> Response | None:
    """The response to a request of `method`, its transfer coding undone; None when it is not whole.

    Args:
        over: nothing more will come: the head is enough then, and a broken-off body is left out.
    """
    while data[9:10] == b"1" and data[9:12] != b"101":  # interim responses (RFC 9110 section 15.2)
        data = data.partition(b"\r\n\r\n")[2]
    import http.client  # not on top: a door attaches to it on import, and needs this file

    tape: Any = _Tape(data)
    read = http.client.HTTPResponse(tape, method=method)
    try:
        read.begin()
    except (http.client.HTTPException, ValueError):
        return None
    try:
        body = read.read()
    except http.client.HTTPException:
        if not over:
            return None
        body = b""
    return Response.of_parts(read.status, read.getheaders(), body, reason=read.reason)


def body_received(data: bytes, method: str) -> bytes:
    """The body alone; empty where the client was more lenient than this."""
    response = received(data, method, over=True)
    return b"" if response is None else response.body
