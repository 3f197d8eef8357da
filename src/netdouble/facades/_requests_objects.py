"""requests' own objects, for the facades of its test doubles: the request as they know it, responses as they do.

Rule: a request of another client is shown as requests would have prepared it, so that one matcher serves all clients.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import requests.adapters
import urllib3
from urllib3._collections import HTTPHeaderDict

from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Verbatim

LIBRARY = "requests"


def objects_of(request: Request) -> ClientObjects:
    """The request in requests' own objects; made up when another client sent it."""
    native = request.native
    if isinstance(native, ClientObjects) and native.library == LIBRARY:
        return native
    known: ClientObjects | None = request._memo.get("as requests")
    if known is None:
        prepared = requests.Request(request.method, str(request.url)).prepare()
        prepared.headers.clear()
        for name, value in request.headers.fields:
            prepared.headers[name] = value
        prepared.body = request.body or None
        known = ClientObjects(LIBRARY, prepared, requests.adapters.HTTPAdapter(), {})
        request._memo["as requests"] = known
    return known


def query_of(url: str) -> dict[str, Any]:
    """The query as a mapping; a name that comes several times has the list of its values."""
    if "?" not in url:
        return {}
    pairs = sorted(parse_qsl(urlsplit(url).query, keep_blank_values=True), key=lambda pair: pair[0])
    grouped = {name: [value for _, value in of_name] for name, of_name in groupby(pairs, key=lambda pair: pair[0])}
    return {name: values[0] if len(values) == 1 else values for name, values in grouped.items()}


class Body(io.BytesIO):
    """A body that is closed, for urllib3, when it has been read: so is one that came over a connection."""

    def isclosed(self) -> bool:
        """Nothing is left to read."""
        return self.closed or self.tell() >= self.getbuffer().nbytes


def place_of(body: Any) -> int | None:
    """Where a file stands; None for what is none, or can't be set back."""
    return int(body.tell()) if hasattr(body, "seekable") and body.seekable() else None


def rewound(body: Any, place: int | None) -> Any:
    """What is in a file from `place` on, so that it answers again, and nobody closes it; else the body itself."""
    if place is None or not hasattr(body, "read") or body.closed:
        return body
    body.seek(place)
    return body.read()


class Headers:
    """What the session's cookie jar asks of the http.client response behind a urllib3 response.

    It is false where no cookie is set: then requests does not ask its jars, which is slow
    (`requests/cookies.py`, `extract_cookies_to_jar`).
    """

    def __init__(self, headers: HTTPHeaderDict) -> None:
        self.msg = self.headers = headers

    def __bool__(self) -> bool:
        return "set-cookie" in self.headers or "set-cookie2" in self.headers

    def isclosed(self) -> bool:
        """Nothing is left to read on a connection, for there is none."""
        return True

    def close(self) -> None:
        """Nothing to close."""


def raw_response(
    status: int, reason: str | None, headers: Iterable[tuple[str, str]] | HTTPHeaderDict, body: Any, method: str
) -> urllib3.HTTPResponse:
    """A urllib3 response with exactly these headers; `body` is bytes, text or a file."""
    if body is None or isinstance(body, (str, bytes, bytearray)):
        body = Body(body.encode() if isinstance(body, str) else body or b"")
    fields = headers if isinstance(headers, HTTPHeaderDict) else HTTPHeaderDict(headers)
    shim: Any = Headers(fields)
    return urllib3.HTTPResponse(
        body=body, headers=fields, status=status,
        reason=reason, preload_content=False, original_response=shim, request_method=method)  # fmt: skip


# Lines that told of the body as it was on the wire.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def verbatim(response: requests.Response) -> Verbatim:
    """What a route answers with a response of requests' own; its body is known when it was read."""
    read = response._content
    body = read if isinstance(read, bytes) else b""
    raw: Any = getattr(response.raw, "headers", None) or response.headers
    lines = raw.iteritems() if isinstance(raw, HTTPHeaderDict) else raw.items()
    fields = tuple([(str(name), str(value)) for name, value in lines if name.lower() not in _OF_THE_WIRE])
    neutral = Response.of_parts(response.status_code, fields, body, reason=response.reason)
    return Verbatim(response, LIBRARY, neutral, whole=isinstance(read, bytes))
