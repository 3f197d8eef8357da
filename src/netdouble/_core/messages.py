"""Request and Response: frozen, and the same whichever client sent the one or is handed the other.

Rule 1: a message never changes. What a client handed in is copied; a body is bytes, or a factory that can make its
chunks again.
Rule 2: nothing here knows a client library. `Response.as_requests()` and its like are looked up by name (`native.py`).
"""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from netdouble._core import native
from netdouble._core.arrivals import Arrival
from netdouble._core.contents import encode_body
from netdouble._core.delays import Delay, Distribution, split_delay
from netdouble._core.events import EventInput
from netdouble._core.headers import Headers, HeadersInput, charset_of, checked_headers, is_token, parse_cookies
from netdouble._core.keywords import named_keywords
from netdouble._core.response_checks import (
    check_pace,
    check_status,
    check_status_line,
    check_trailers,
    cookie_lines,
    is_bodiless,
)
from netdouble._core.streams import Stream, StreamInput
from netdouble._core.urls import URL, parse_pairs, parse_url
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    # For the return types of `as_*()` alone: the one place outside a client's own file that names it.
    import aiohttp
    import httpx
    import httpx2
    import requests
    import urllib3
    from typing_extensions import Self

_NO_HEADERS = Headers()
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Request:
    """What a client sent, in one spelling for every client.

    Attributes:
        method: upper case. url: normalised. headers: as really sent, where the client tells. body: the whole body,
        transfer coding undone. client: library and version, as `"httpx 0.28.1"`. http_version: as `"1.1"`.
        raw_target: the request target as sent, before normalisation. path_params: what the answering route's
        template captured. trailers: trailer fields of a chunked body. proxy: the URL of the proxy that it would be
        sent through, where the client tells.
    """

    method: str
    url: URL
    headers: Headers
    body: bytes
    client: str
    http_version: str
    raw_target: str
    path_params: Mapping[str, Any]
    trailers: Headers
    _memo: dict[str, Any] = field(repr=False)
    # How it came, for `Call.raw` and its like; None where only an object was handed over.
    _arrival: Arrival | None = field(repr=False)
    proxy: str

    def __new__(cls, method: str, url: URL, headers: Headers = _NO_HEADERS, body: bytes = b"", client: str = "",
                http_version: str = "1.1", raw_target: str = "", path_params: Mapping[str, Any] | None = None,
                trailers: Headers = _NO_HEADERS, _memo: dict[str, Any] | None = None,
                _arrival: Arrival | None = None, proxy: str = "") -> Self:  # fmt: skip
        # One is made for every call, and to set twelve fields of a frozen object takes four times as long.
        draft: Any = _Draft()
        draft.method = method
        draft.url = url
        draft.headers = headers
        draft.body = body
        draft.client = client
        draft.http_version = http_version
        draft.raw_target = raw_target
        draft.path_params = {} if path_params is None else path_params
        draft.trailers = trailers
        draft._memo = {} if _memo is None else _memo
        draft._arrival = _arrival
        draft.proxy = proxy
        draft.__class__ = cls
        made: Self = draft
        return made

    @classmethod
    def to(cls, method: str, url: str | URL, *, headers: HeadersInput = (), body: bytes = b"", client: str = "",
           http_version: str = "1.1") -> Request:  # fmt: skip
        """A request to an absolute URL; the method in any case.

        Raises:
            DeclarationError: a part of it can't stand in a request. ValueError: the URL is not absolute.

        Example:
            >>> M(headers={"Accept": "text/css"}).mismatches(Request.to("GET", "https://api.example.com/"))
        """
        given: object = body
        if not is_token(method):
            raise DeclarationError(f"Request.to(method, url): a method is a word such as GET, not {method!r:.60}")
        if not isinstance(given, bytes):
            raise DeclarationError(f"Request.to(body=) is bytes, not {given!r:.60}")
        where = url if isinstance(url, URL) else parse_url(url)
        lines = headers if isinstance(headers, Headers) else checked_headers(headers, "headers")
        return cls(method.upper(), where, lines, body, client, http_version, where.target)

    @property
    def host(self) -> str:
        """The host that is asked, normalised."""
        return self.url.host

    @property
    def path(self) -> str:
        """The escaped path."""
        return self.url.path

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Decoded keys and values of the query, in order."""
        return self.url.query_pairs

    @property
    def text(self) -> str:
        """The body as text: by the Content-Type's charset, else UTF-8; undecodable bytes become U+FFFD."""
        return self.body.decode(charset_of(self.headers.get("content-type", "")), "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        if "json" not in self._memo:
            self._memo["json"] = jsonlib.loads(self.body)
        return self._memo["json"]

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        """Keys and values of an urlencoded body, decoded, in order."""
        return parse_pairs(self.body.decode("utf-8", "replace"))

    @property
    def cookies(self) -> Mapping[str, str]:
        """The Cookie header as a mapping (RFC 6265 section 4.2); the first of equal names counts."""
        if "cookies" not in self._memo:
            self._memo["cookies"] = parse_cookies(self.headers.get_all("cookie"))
        cookies: Mapping[str, str] = self._memo["cookies"]
        return cookies

    @property
    def native(self) -> Any:
        """The request in its client's own objects (`ClientObjects`), where its door carried them along; else None."""
        return self._memo.get("native")

    def with_path_params(self, path_params: Mapping[str, Any]) -> Request:
        """The same request, knowing what the answering route's template captured."""
        return Request(self.method, self.url, self.headers, self.body, self.client, self.http_version,
                       self.raw_target, path_params, self.trailers, self._memo, self._arrival, self.proxy)  # fmt: skip

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), tuple([getattr(self, part.name) for part in fields(self)])

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class _Draft:
    """A Request while it is made: the same slots, which can be written."""

    __slots__ = tuple(part.name for part in fields(Request))


class Response:
    """What a route answers: a value that can be sent any number of times.

    At most one of the body arguments may be given; each but `content` and `stream` also sets a Content-Type, unless
    `headers` has one.

    Args:
        status: 200 to 599, or 101; 100 to 199 for one of `informational`.
        json: anything `json.dumps` takes. text, html: str. content: bytes. form: a mapping or pairs, urlencoded.
        file: path of a file that is read now. sse: events, each a str (its data) or a dict of `event`, `data`, `id`,
            `retry` (data that is not a str is sent as JSON; WHATWG HTML section 9.2), or an `Event`, which may have a
            delay. stream: a list of chunks, or a function that makes them; a `Pause` may stand between them.
        headers: a mapping (a list as value repeats the name) or pairs. cookies: name to value, sent as Set-Cookie
            with `Path=/`.
        delay: seconds before the answer; or a distribution, such as `LogNormal(0.02, 0.1, seed=1)`, from which each
            call's delay is taken. throttle: bytes per second at which the body comes. dribble: `(pieces, seconds)`:
            the body comes in so many pieces, the first at once, the last after so many seconds.
        informational: what is sent before it, as `[Response(103, headers={"Link": "</a>; rel=preload"})]`; `delay` is
            then the time between them and the answer (RFC 9110 section 15.2).
        http_version: as `"1.1"`. trailers: trailer fields after a chunked body. reason: the reason phrase; by default
            the status' own.

    Attributes:
        delays: the distribution that was given; `delay` has the seconds of the call at hand. body: empty when the body
        is a `stream`.

    Raises:
        DeclarationError: the arguments can't make a response.

    Example:
        >>> Response(201, json={"id": 7}).headers["content-type"]
        'application/json'
    """

    __slots__ = ("body", "delay", "delays", "dribble", "headers", "http_version", "informational", "is_at_once",
                 "is_paced", "reason", "status", "stream", "throttle", "trailers", "wire")  # fmt: skip

    status: int
    reason: str
    headers: Headers
    body: bytes
    stream: Stream | None
    delay: float
    delays: Distribution | None
    http_version: str
    trailers: Headers
    throttle: float | None
    dribble: tuple[int, float] | None
    informational: tuple[Response, ...]
    # Its body comes in a time of its own; all of it can be handed over at once: body and nothing before it, and no
    # line that a client's parser might refuse.
    is_paced: bool
    is_at_once: bool
    # A door may keep this response's spelling here (bytes of HTTP/1.1): a value is spelled once.
    wire: Any

    @named_keywords
    def __init__(
        self,
        status: int = 200,
        *,
        json: Any = ...,
        text: str | None = None,
        html: str | None = None,
        content: bytes | None = None,
        form: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        file: str | os.PathLike[str] | None = None,
        sse: Iterable[EventInput] | None = None,
        stream: StreamInput | None = None,
        headers: HeadersInput | None = None,
        cookies: Mapping[str, str] | None = None,
        delay: Delay = 0.0,
        throttle: float | None = None,
        dribble: tuple[int, float] | None = None,
        informational: Iterable[Response] | None = None,
        http_version: str = "1.1",
        trailers: HeadersInput | None = None,
        reason: str | None = None,
    ) -> None:
        check_status(status)
        given = {"json": json, "text": text, "html": html, "content": content, "form": form, "file": file,
                 "sse": sse, "stream": stream}  # fmt: skip
        named = [name for name, value in given.items() if value is not (... if name == "json" else None)]
        if len(named) > 1:
            raise DeclarationError(f"a body is given twice: {' and '.join(f'{n}=' for n in named)}; keep one of them")
        kind, body, chunks = encode_body(named[0], given[named[0]]) if named else ("", b"", None)
        if is_bodiless(status) and (body or chunks is not None):
            raise DeclarationError(
                f"a {status} response has no body (RFC 9110 section 6.4.1), but {named[0]}= gives one; "
                "drop it or use another status"
            )
        check_pace(throttle, dribble, has_stream=chunks is not None)
        fields = list(checked_headers(headers or (), "headers").fields)
        if kind and not any(name.lower() == "content-type" for name, _ in fields):
            fields.append(("Content-Type", kind))
        fields += cookie_lines(cookies)
        trailing = checked_headers(trailers or (), "trailers")
        check_trailers(trailing, fields)
        check_status_line(http_version, reason)
        seconds, delays = split_delay(delay)
        self._put({
            "status": status, "reason": _REASONS.get(status, "") if reason is None else reason,
            "headers": Headers(fields), "body": body, "stream": chunks, "delay": seconds, "delays": delays,
            "http_version": http_version, "trailers": trailing, "throttle": throttle, "dribble": dribble,
            "informational": _checked_informational(informational),
        })  # fmt: skip

    @classmethod
    def of_parts(cls, status: int, headers: HeadersInput = (), body: bytes | Stream = b"", *, reason: str | None = None,
                 http_version: str = "1.1", delay: float = 0.0, trailers: HeadersInput = ()) -> Response:  # fmt: skip
        """A response from its parts as they are, unchecked: what a recording or another library's object holds."""
        made = cls.__new__(cls)
        content, chunks = (b"", body) if isinstance(body, Stream) else (body, None)
        made._put({
            "status": status, "reason": _REASONS.get(status, "") if reason is None else reason,
            "headers": Headers(headers), "body": content, "stream": chunks, "delay": delay, "delays": None,
            "http_version": http_version, "trailers": Headers(trailers) if trailers else _NO_HEADERS,
            "throttle": None, "dribble": None, "informational": (),
        })  # fmt: skip
        return made

    def replaced(self, **parts: Any) -> Response:
        """The same but for the attributes that are given, unchecked."""
        made = type(self).__new__(type(self))
        made._put({name: getattr(self, name) for name in _PARTS} | parts)
        return made

    def _put(self, parts: Mapping[str, Any]) -> None:
        put = object.__setattr__
        for name, value in parts.items():
            put(self, name, value)
        put(self, "is_paced", self.throttle is not None or self.dribble is not None)
        is_plain = self.stream is None and not self.is_paced and not self.informational
        put(self, "is_at_once", is_plain and not [1 for _, value in self.headers.fields if len(value) >= _LONG])
        put(self, "wire", None)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "wire":
            raise AttributeError(f"a Response can't be changed: {name}; make a new one")
        object.__setattr__(self, name, value)

    # A genuine response object of a client, for a hand-made monkeypatch. `request` is what it answers: by default a GET
    # of http://netdouble.test/.

    def as_requests(self, request: Request | None = None) -> requests.Response:
        """This response as a `requests.Response`: status, headers, `.json()`, `raise_for_status()` are real.

        Raises:
            MissingExtra: requests is not installed.

        Example:
            >>> monkeypatch.setattr("app.client.requests.get", lambda url: Response(json={"id": 7}).as_requests())
        """
        made: requests.Response = self._as("requests", request)
        return made

    def _as(self, client: str, request: object) -> Any:
        if request is not None and not isinstance(request, Request):
            raise DeclarationError(
                f'as_{client}() takes the netdouble.Request that it answers, such as Request.to("GET", "https://..."), '
                f"not {request!r:.60}"
            )
        return native.from_response(self, client, request)

    def as_urllib3(self, request: Request | None = None) -> urllib3.HTTPResponse:
        """This response as a `urllib3.HTTPResponse`. Raises MissingExtra when urllib3 is not installed."""
        made: urllib3.HTTPResponse = self._as("urllib3", request)
        return made

    def as_httpx(self, request: Request | None = None) -> httpx.Response:
        """This response as an `httpx.Response`, with its `request`. Raises MissingExtra when httpx is not installed."""
        made: httpx.Response = self._as("httpx", request)
        return made

    def as_httpx2(self, request: Request | None = None) -> httpx2.Response:
        """This response as an `httpx2.Response`, with its `request`. Raises MissingExtra when httpx2 is missing."""
        made: httpx2.Response = self._as("httpx2", request)
        return made

    def as_aiohttp(self, request: Request | None = None) -> aiohttp.ClientResponse:
        """This response as an `aiohttp.ClientResponse`. Raises MissingExtra when aiohttp is not installed."""
        made: aiohttp.ClientResponse = self._as("aiohttp", request)
        return made

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        return jsonlib.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text: by the Content-Type's charset, else UTF-8."""
        return self.body.decode(charset_of(self.headers.get("content-type", "")), "replace")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Response):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _PARTS)

    def __hash__(self) -> int:
        return hash((self.status, self.headers, self.body, self.delay))

    def __repr__(self) -> str:
        body = "stream" if self.stream is not None else f"{len(self.body)} bytes"
        said = [f"{self.status} {self.headers.get('content-type', '')} {body}".replace("  ", " ")]
        said += [f"after {[x.status for x in self.informational]}"] if self.informational else []
        said += [f"delay={self.delays or self.delay}"] if self.delays or self.delay else []
        said += [f"{name}={getattr(self, name)}" for name in ("throttle", "dribble") if getattr(self, name) is not None]
        return f"<Response {', '.join(said)}>"


def _checked_informational(given: Any) -> tuple[Response, ...]:
    if given is None:
        return ()
    responses: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    for response in responses:
        is_listed = isinstance(response, Response) and response is not given
        if not is_listed or not 100 <= response.status < 200 or response.status == 101:
            raise DeclarationError(
                f"informational= is a list of responses from 100 to 199, such as Response(103), not {response!r:.60}"
            )
    return tuple(responses)


# http.client refuses lines of more than 64 kB (its client.py, _MAXLINE).
_LONG = 60_000

# What makes a response; the rest is made of it.
_PARTS = ("status", "reason", "headers", "body", "stream", "delay", "delays", "http_version", "trailers", "throttle",
          "dribble", "informational")  # fmt: skip
