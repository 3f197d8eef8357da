"""requests' own objects, for the facades of its test doubles: the request as they know it, responses as they do.

Rule: a request of another client is shown as requests would have prepared it, so that one matcher serves all clients.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from netdouble import _asking
from netdouble._active import Scope
from netdouble._answering import settle_for
from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Answer, Verbatim
from netdouble.errors import MissingExtra

try:
    import requests
    import requests.adapters
    import urllib3
    from urllib3._collections import HTTPHeaderDict
except ImportError as error:
    raise MissingExtra("the facade needs requests, which is not installed: pip install requests") from error

from netdouble._intercept.requests import neutral

LIBRARY = "requests"
_MADE_UP = "as requests"


def objects_of(request: Request) -> ClientObjects:
    """The request in requests' own objects; made up when another client sent it."""
    native = request.native
    if isinstance(native, ClientObjects) and native.library == LIBRARY:
        return native
    known: ClientObjects | None = request._memo.get(_MADE_UP)
    if known is None:
        prepared = requests.Request(request.method, str(request.url)).prepare()
        prepared.headers.clear()
        for name, value in request.headers.fields:
            prepared.headers[name] = value
        prepared.body = request.body or None
        known = ClientObjects(LIBRARY, prepared, requests.adapters.HTTPAdapter(), {})
        request._memo[_MADE_UP] = known
    return known


def answered(scope: Scope, objects: ClientObjects) -> tuple[Request, Answer | Verbatim]:
    """A request that a sender of the peer's own was called with, past the doors: it, and what `scope` answers."""
    asked = neutral(objects.request)
    asked._memo["native"] = objects
    call = _asking.ask(scope, asked)
    try:
        answer = settle_for(LIBRARY, call)
    except BaseException as error:
        call.close(error=error)
        raise
    if isinstance(answer, Verbatim):
        call.close(response=answer.neutral)
    return asked, answer


def is_made_up(request: Request) -> bool:
    """Another client sent it: its objects were made up, and its response is to be said in our words."""
    return _MADE_UP in request._memo


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


class Behind:
    """What stands behind a urllib3 response, in the place of http.client's: the session's cookie jar asks its headers.

    It is false where no cookie is set: then requests does not ask its jars, which is slow
    (`requests/cookies.py`, `extract_cookies_to_jar`).

    Args:
        body: of a response whose body lies here whole; see `read_at_once`.
    """

    __slots__ = ("body", "headers", "msg")

    def __init__(self, headers: HTTPHeaderDict, body: Body | None = None) -> None:
        self.msg = self.headers = headers
        self.body = body

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
    behind: Any = Behind(fields, body if type(body) is Body else None)
    return urllib3.HTTPResponse(
        body=body, headers=fields, status=status,
        reason=reason, preload_content=False, original_response=behind, request_method=method)  # fmt: skip


def read_at_once(response: requests.Response) -> bool:
    """Read the body, if it lies here as it is to be read: nothing to decode, and no length to hold it to.

    What a session does anyway, without urllib3's reader, which takes 25 us of the 450 that all of the call does.
    """
    raw: Any = response.raw
    behind = getattr(raw, "_original_response", None)
    body = behind.body if type(behind) is Behind else None
    if body is None or body.closed or body.tell():
        return False
    if raw.length_remaining is not None or raw.chunked or "content-encoding" in raw.headers:
        return False
    response._content = body.getvalue()
    response._content_consumed = True  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # not in its types
    body.close()
    return True


# Lines that told of the body as it was on the wire.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class _Told(Response):
    """A response of requests' own in our words: the body at once, the rest when somebody looks at it."""

    __slots__ = ("_said",)

    _said: tuple[int, tuple[tuple[Any, Any], ...], str | None]

    def __getattr__(self, name: str) -> Any:
        if name not in Response.__slots__:
            raise AttributeError(name)
        status, lines, reason = self._said
        fields = [(str(name), str(value)) for name, value in lines if name.lower() not in _OF_THE_WIRE]
        told = Response.of_parts(status, fields, self.body, reason=reason)
        for part in Response.__slots__:
            object.__setattr__(self, part, getattr(told, part))
        return getattr(told, name)


def verbatim(response: requests.Response) -> Verbatim:
    """What a route answers with a response of requests' own; its body is known when it was read."""
    read = response._content
    is_read = isinstance(read, bytes)
    behind = getattr(response.raw, "_original_response", None)  # has the cookies too
    raw: Any = getattr(behind if type(behind) is Behind else response.raw, "headers", None) or response.headers
    lines = tuple(raw.iteritems() if isinstance(raw, HTTPHeaderDict) else raw.items())
    told = _Told.__new__(_Told)
    object.__setattr__(told, "body", read if is_read else b"")
    object.__setattr__(told, "_said", (response.status_code, lines, response.reason))
    return Verbatim(response, LIBRARY, told, whole=is_read)
