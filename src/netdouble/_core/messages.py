"""Request and Response: frozen, and the same whichever client sent the one or is handed the other.

Rule 1: a message never changes. What a client handed in is copied; a body is bytes, or a factory that can make its
chunks again.
Rule 2: nothing here knows a client library. `Response.as_requests()` and its like are looked up by name (`native.py`).
"""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, Union
from urllib.parse import unquote, urlencode

from netdouble._core import native
from netdouble._core.urls import URL, parse_pairs, parse_url
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    # For the return types of `as_*()` alone: the one place outside a client's own file that names it.
    import aiohttp
    import httpx
    import httpx2
    import requests
    import urllib3

HeadersInput: TypeAlias = "Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]"
Chunk: TypeAlias = Union[bytes, str]
StreamInput: TypeAlias = "Sequence[Chunk] | Callable[[], Iterable[Chunk] | AsyncIterable[Chunk]]"

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Headers(Mapping[str, str]):
    """Header fields in the order sent, repeats kept; names are case-free (RFC 9110 section 5.1).

    As a mapping, `headers["accept"]` is every line of that name joined by `", "` (RFC 9110 section 5.3).
    `fields` has the lines as they are.

    Example:
        >>> h = Headers([("Via", "a"), ("via", "b")])
        >>> h["VIA"], h.get_all("via")
        ('a, b', ['a', 'b'])
    """

    __slots__ = ("_lines", "fields")

    fields: tuple[tuple[str, str], ...]

    def __init__(self, headers: HeadersInput = ()) -> None:
        if isinstance(headers, Headers):
            self.fields = headers.fields
        elif isinstance(headers, Mapping):
            self.fields = tuple(
                (name, line)
                for name, value in headers.items()
                for line in ((value,) if isinstance(value, str) else value)
            )
        else:
            self.fields = tuple(headers)
        self._lines: dict[str, list[str]] | None = None

    def _by_name(self) -> dict[str, list[str]]:
        lines = self._lines
        if lines is None:
            lines = {}
            for name, value in self.fields:
                lines.setdefault(name.lower(), []).append(value)
            self._lines = lines
        return lines

    def get_all(self, name: str) -> list[str]:
        """Every line of that name, in order; empty when there is none."""
        return list(self._by_name().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._by_name()[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._by_name())

    def __eq__(self, other: object) -> bool:
        """Equal when every name has the same lines in the same order; the case of names does not count."""
        if isinstance(other, Headers):
            return self._by_name() == other._by_name()
        if isinstance(other, Mapping):
            return self._by_name() == Headers(other)._by_name()
        return NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset((name, tuple(lines)) for name, lines in self._by_name().items()))

    def __repr__(self) -> str:
        return f"Headers({list(self.fields)!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a client sent, in one spelling for every client.

    Attributes:
        method: upper case. url: normalised. headers: as really sent, where the client tells. body: the whole body,
        transfer coding undone. client: library and version, as `"httpx 0.28.1"`. http_version: as `"1.1"`.
        raw_target: the request target as sent, before normalisation. path_params: what the answering route's
        template captured. trailers: trailer fields of a chunked body.
    """

    method: str
    url: URL
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    client: str = ""
    http_version: str = "1.1"
    raw_target: str = ""
    path_params: Mapping[str, Any] = field(default_factory=dict)
    trailers: Headers = field(default_factory=Headers)
    _memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def to(cls, method: str, url: str | URL, *, headers: HeadersInput = (), body: bytes = b"", client: str = "",
           http_version: str = "1.1") -> Request:  # fmt: skip
        """A request to an absolute URL; the method in any case.

        Raises:
            ValueError: the URL is not absolute.
        """
        where = url if isinstance(url, URL) else parse_url(url)
        return cls(method.upper(), where, Headers(headers), body, client, http_version, where.target)

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

    def with_path_params(self, path_params: Mapping[str, Any]) -> Request:
        """The same request, knowing what the answering route's template captured."""
        return Request(self.method, self.url, self.headers, self.body, self.client, self.http_version,
                       self.raw_target, path_params, self.trailers, self._memo)  # fmt: skip

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class Stream:
    """A body in chunks that can be made again: each call of `chunks` or `achunks` starts from the first chunk.

    Attributes:
        is_async: the factory gives an async iterable; only `achunks` works then.
    """

    __slots__ = ("_factory", "is_async")

    def __init__(self, source: StreamInput) -> None:
        if isinstance(source, Callable):  # type: ignore[arg-type]
            self._factory: Callable[[], Any] = source  # type: ignore[assignment]
        elif isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
            kept = tuple(source)
            self._factory = lambda: kept
        else:
            raise DeclarationError(
                f"stream= must be a list of chunks or a function that makes them, not {type(source).__name__}: "
                "a generator is used up by the first call. Pass the generator function itself: stream=chunks, "
                "not stream=chunks()"
            )
        self.is_async = _is_async_factory(self._factory)

    def chunks(self) -> Iterator[bytes]:
        """The chunks, from the first; text is encoded in UTF-8, empty chunks are left out."""
        for chunk in self._factory():
            data = _chunk_bytes(chunk)
            if data:
                yield data

    async def achunks(self) -> AsyncIterator[bytes]:
        """The chunks of an async factory, or of a sync one."""
        made = self._factory()
        if hasattr(made, "__aiter__"):
            async for chunk in made:
                data = _chunk_bytes(chunk)
                if data:
                    yield data
        else:
            for chunk in made:
                data = _chunk_bytes(chunk)
                if data:
                    yield data


def _is_async_factory(factory: Callable[[], Any]) -> bool:
    # inspect would cost an import of 10 ms; the flag is CPython's CO_ASYNC_GENERATOR (0x200).
    code = getattr(getattr(factory, "__func__", factory), "__code__", None)
    return bool(code is not None and code.co_flags & 0x200)


def _chunk_bytes(chunk: Any) -> bytes:
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise DeclarationError(f"a chunk of a stream must be bytes or str, not {type(chunk).__name__}: {chunk!r:.80}")


class Response:
    """What a route answers: a value that can be sent any number of times.

    At most one of the body arguments may be given; each but `content` and `stream` also sets a Content-Type, unless
    `headers` has one.

    Args:
        status: 200 to 599, or 101.
        json: anything `json.dumps` takes. text, html: str. content: bytes. form: a mapping or pairs, urlencoded.
        file: path of a file that is read now. sse: events, each a str (its data) or a dict of `event`, `data`, `id`,
            `retry` (data that is not a str is sent as JSON; WHATWG HTML section 9.2). stream: a list of chunks, or a
            function that makes them.
        headers: a mapping (a list as value repeats the name) or pairs. cookies: name to value, sent as Set-Cookie
            with `Path=/`.
        delay: seconds before the answer. http_version: as `"1.1"`. trailers: trailer fields after a chunked body.
        reason: the reason phrase; by default the status' own.

    Raises:
        DeclarationError: the arguments can't make a response.

    Example:
        >>> Response(201, json={"id": 7}).headers["content-type"]
        'application/json'
    """

    __slots__ = ("_stream", "body", "delay", "headers", "http_version", "reason", "status", "trailers", "wire")

    status: int
    reason: str
    headers: Headers
    body: bytes
    delay: float
    http_version: str
    trailers: Headers
    # A door may keep this response's spelling here (bytes of HTTP/1.1): a value is spelled once.
    wire: Any

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
        sse: Iterable[str | Mapping[str, Any]] | None = None,
        stream: StreamInput | None = None,
        headers: HeadersInput | None = None,
        cookies: Mapping[str, str] | None = None,
        delay: float = 0.0,
        http_version: str = "1.1",
        trailers: HeadersInput | None = None,
        reason: str | None = None,
    ) -> None:
        _check_status(status)
        given = {"json": json, "text": text, "html": html, "content": content, "form": form, "file": file,
                 "sse": sse, "stream": stream}  # fmt: skip
        named = [name for name, value in given.items() if value is not (... if name == "json" else None)]
        if len(named) > 1:
            raise DeclarationError(f"a body is given twice: {' and '.join(f'{n}=' for n in named)}; keep one of them")
        if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not 0 <= delay < float("inf"):
            raise DeclarationError(f"delay= is seconds, zero or more, not {delay!r}")
        kind, body, chunks = encode_body(named[0], given[named[0]]) if named else ("", b"", None)
        if status in {204, 304} and (body or chunks is not None):
            raise DeclarationError(
                f"a {status} response has no body (RFC 9110 section 6.4.1), but {named[0]}= gives one; "
                "drop it or use another status"
            )
        fields = list(checked_headers(headers or (), "headers").fields)
        if kind and not any(name.lower() == "content-type" for name, _ in fields):
            fields.append(("Content-Type", kind))
        for name, value in (cookies or {}).items():
            fields.append(("Set-Cookie", f"{name}={value}; Path=/"))
        self._put(status, _REASONS.get(status, "") if reason is None else reason, Headers(fields), body, chunks,
                  float(delay), http_version, checked_headers(trailers or (), "trailers"))  # fmt: skip

    @classmethod
    def of_parts(cls, status: int, headers: HeadersInput = (), body: bytes | Stream = b"", *, reason: str | None = None,
                 http_version: str = "1.1", delay: float = 0.0, trailers: HeadersInput = ()) -> Response:  # fmt: skip
        """A response from its parts as they are, unchecked: what a recording or another library's object holds."""
        made = cls.__new__(cls)
        content, chunks = (b"", body) if isinstance(body, Stream) else (body, None)
        made._put(status, _REASONS.get(status, "") if reason is None else reason, Headers(headers), content, chunks,
                  delay, http_version, Headers(trailers))  # fmt: skip
        return made

    def _put(self, status: int, reason: str, headers: Headers, body: bytes, chunks: Stream | None, delay: float,
             http_version: str, trailers: Headers) -> None:  # fmt: skip
        put = object.__setattr__
        put(self, "status", status)
        put(self, "reason", reason)
        put(self, "headers", headers)
        put(self, "body", body)
        put(self, "_stream", chunks)
        put(self, "delay", delay)
        put(self, "http_version", http_version)
        put(self, "trailers", trailers)
        put(self, "wire", None)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "wire":
            raise AttributeError(f"a Response can't be changed: {name}; make a new one")
        object.__setattr__(self, name, value)

    @property
    def stream(self) -> Stream | None:
        """The body as chunks, when it was given as a stream; `body` is empty then."""
        return self._stream  # type: ignore[has-type,no-any-return]

    # A genuine response object of a client, for a hand-made monkeypatch. `request` is what it answers: by default a GET
    # of http://netdouble.test/.

    def as_requests(self, request: Request | None = None) -> requests.Response:
        """This response as a `requests.Response`: status, headers, `.json()`, `raise_for_status()` are real.

        Raises:
            MissingExtra: requests is not installed.

        Example:
            >>> monkeypatch.setattr("app.client.requests.get", lambda url: Response(json={"id": 7}).as_requests())
        """
        made: requests.Response = native.from_response(self, "requests", request)
        return made

    def as_urllib3(self, request: Request | None = None) -> urllib3.HTTPResponse:
        """This response as a `urllib3.HTTPResponse`. Raises MissingExtra when urllib3 is not installed."""
        made: urllib3.HTTPResponse = native.from_response(self, "urllib3", request)
        return made

    def as_httpx(self, request: Request | None = None) -> httpx.Response:
        """This response as an `httpx.Response`, with its `request`. Raises MissingExtra when httpx is not installed."""
        made: httpx.Response = native.from_response(self, "httpx", request)
        return made

    def as_httpx2(self, request: Request | None = None) -> httpx2.Response:
        """This response as an `httpx2.Response`, with its `request`. Raises MissingExtra when httpx2 is missing."""
        made: httpx2.Response = native.from_response(self, "httpx2", request)
        return made

    def as_aiohttp(self, request: Request | None = None) -> aiohttp.ClientResponse:
        """This response as an `aiohttp.ClientResponse`. Raises MissingExtra when aiohttp is not installed."""
        made: aiohttp.ClientResponse = native.from_response(self, "aiohttp", request)
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
        return (self.status, self.reason, self.headers, self.body, self.stream, self.delay, self.http_version,
                self.trailers) == (other.status, other.reason, other.headers, other.body, other.stream, other.delay,
                                   other.http_version, other.trailers)  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.status, self.headers, self.body))

    def __repr__(self) -> str:
        body = "stream" if self.stream is not None else f"{len(self.body)} bytes"
        return f"<Response {self.status} {self.headers.get('content-type', '')} {body}>".replace("  ", " ")


def _check_status(status: object) -> None:
    if isinstance(status, bool) or not isinstance(status, int):
        raise DeclarationError(f"status must be a number such as 200, not {status!r}")
    if status != 101 and not 200 <= status <= 599:
        raise DeclarationError(
            f"status {int(status)} can't be answered: a final status is 200 to 599, or 101 (RFC 9110 section 15)"
        )


def encode_body(name: str, value: Any) -> tuple[str, bytes, Stream | None]:
    """Content-Type (or ""), bytes and stream of one body argument.

    Raises:
        DeclarationError: the value can't be sent as that kind of body.
    """
    if name == "json":
        try:
            return "application/json", jsonlib.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), None
        except (TypeError, ValueError) as error:
            raise DeclarationError(f"json= can't be written as JSON: {error}") from None
    if name in {"text", "html"}:
        if not isinstance(value, str):
            raise DeclarationError(f"{name}= must be str, not {type(value).__name__}; bytes go into content=")
        return f"text/{'plain' if name == 'text' else 'html'}; charset=utf-8", value.encode(), None
    if name == "content":
        if isinstance(value, (bytes, bytearray, memoryview)):
            return "", bytes(value), None
        if isinstance(value, str):
            raise DeclarationError("content= must be bytes; a str goes into text=")
        raise DeclarationError(
            f"content= must be bytes, not {type(value).__name__}: a body that is read once could not be sent again. "
            "Chunks go into stream= as a list or as the function that makes them"
        )
    if name == "form":
        return "application/x-www-form-urlencoded", urlencode(value, doseq=True).encode(), None
    if name == "file":
        try:
            with open(value, "rb") as opened:
                data = opened.read()
        except OSError as error:
            raise DeclarationError(f"file= can't be read: {error}") from None
        import mimetypes  # reads the system's tables: 3 ms that only file= pays

        return mimetypes.guess_type(os.fspath(value))[0] or "application/octet-stream", data, None
    if name == "sse":
        if isinstance(value, (str, bytes, Mapping)):
            raise DeclarationError(f"sse= is a list of events, not one {type(value).__name__}: write sse=[...]")
        return "text/event-stream", b"", Stream([sse_event(event) for event in value])
    return "", b"", Stream(value)


def sse_event(event: str | Mapping[str, Any]) -> bytes:
    """One server-sent event as bytes (WHATWG HTML section 9.2.6)."""
    if isinstance(event, str):
        event = {"data": event}
    if not isinstance(event, Mapping):
        raise DeclarationError(f"an event of sse= is a str or a dict, not {type(event).__name__}")
    unknown = set(event) - {"event", "data", "id", "retry", "comment"}
    if unknown:
        raise DeclarationError(
            f"an event of sse= has event, data, id, retry and comment; not {', '.join(sorted(map(str, unknown)))}. "
            "For an event whose data is that object write {'data': {...}}"
        )
    lines = []
    for name in ("comment", "event", "id", "retry", "data"):
        if name in event:
            value = event[name]
            text = value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"))
            lines += [f"{'' if name == 'comment' else name}: {line}" for line in text.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def checked_headers(headers: HeadersInput, argument: str) -> Headers:
    """`headers` as Headers, when every name and value can stand in a message (RFC 9110 section 5)."""
    if isinstance(headers, (str, bytes)):
        raise DeclarationError(f"{argument}= is a mapping or pairs, not {type(headers).__name__}")
    try:
        made = Headers(headers)
    except (TypeError, ValueError):
        raise DeclarationError(f"{argument}= is a mapping of str to str (or a list of str), or pairs of them") from None
    for line in made.fields:
        if len(line) != 2 or not isinstance(line[0], str) or not isinstance(line[1], str):
            raise DeclarationError(f"{argument}= has {line!r}: name and value must be str")
        name, value = line
        if not name or any(c in name for c in " :\r\n\t\0") or any(c in value for c in "\r\n\0"):
            raise DeclarationError(f"{argument}= has a line that can't be sent: {name!r}: {value!r}")
    return made


def charset_of(content_type: str) -> str:
    """The charset parameter of a Content-Type, when Python knows it; else UTF-8."""
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == "charset":
            try:
                b"".decode(value.strip(" \"'"))
            except LookupError:
                return "utf-8"
            return value.strip(" \"'")
    return "utf-8"


def parse_cookies(lines: Iterable[str]) -> Mapping[str, str]:
    """Cookie header lines as a mapping (RFC 6265 section 4.2.1)."""
    found: dict[str, str] = {}
    for line in lines:
        for pair in line.split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals:
                found.setdefault(name, unquote(value.strip('"')) if "%" in value else value.strip('"'))
    return found
