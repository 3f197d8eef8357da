"""Requests and responses of httpx and httpx2: ours from theirs, theirs from ours.

Rule 1: one source for both; which of the two an object belongs to is read off its class.
Rule 2: what is handed to a client is genuine: built by the library's own constructors, its body still to be read.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, NamedTuple

from netdouble import _answering
from netdouble._active import Scope, wants_objects
from netdouble._codec.http1 import scheme_of_upgrade
from netdouble._core.calls import Call
from netdouble._core.client_objects import ClientObjects
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Answer
from netdouble._core.streams import Pause, Remembered, Stream
from netdouble._core.urls import join_url
from netdouble._intercept.conversing import AnyStream, begun
from netdouble._intercept.exchange import Exchange, asleep, event_loop, late, wait
from netdouble._intercept.httpcore_failures import broken
from netdouble._intercept.network_stream import AsyncMemoryBackend, MemoryBackend, NoTls, Unconnected
from netdouble._intercept.watched_bodies import WatchedBody, pass_noted, sent_pairs, text_pairs
from netdouble.errors import DeclarationError

# What httpcore reads from a socket at once, and so the largest chunk that `iter_raw` gives.
_READ_SIZE = 64 * 1024


class Library:
    """What the door needs of httpx or of httpx2.

    Attributes:
        client: name and version. transports: its own classes of those. retried: what its `retries=` tries again after.
    """

    def __init__(self, module: ModuleType) -> None:
        self.module: Any = module
        self.client = f"{module.__name__} {self.module.__version__}"
        self.transports = (self.module.HTTPTransport, self.module.AsyncHTTPTransport)
        self.retried = (self.module.ConnectError, self.module.ConnectTimeout)
        bases = (WatchedBody, self.module.SyncByteStream, self.module.AsyncByteStream)
        self._body: Any = type("Body", bases, {})

    def neutral(self, request: Any, body: bytes, transport: Any = None) -> Request:
        """The request in our form; headers as they are sent. `transport`: what was to send it."""
        url = request.url
        target = request.extensions.get("target", url.raw_path).decode("latin-1")
        headers = _sent_headers(tuple(request.headers.raw))
        scheme = scheme_of_upgrade(url.scheme, request.method, headers) if headers.upgrades else url.scheme
        where = join_url(scheme, url.raw_host.decode("ascii"), url.port, target)
        pool = getattr(transport, "_pool", None)
        if hasattr(pool, "_proxy_url"):
            made = Request(request.method, where, headers, body, self.client, "1.1", target, proxy=_proxy_of(pool))
        else:
            made = Request(request.method, where, headers, body, self.client, "1.1", target)
        if wants_objects():
            made._memo["native"] = ClientObjects(self.module.__name__, request, transport, request.extensions)
        return made

    def content_of(self, request: Any) -> bytes | None:
        """The body, if it is known already: not of a stream."""
        try:
            content: bytes = request.content
        except self.module.RequestNotRead:
            return None
        return content

    @contextmanager
    def sending(self, request: Any, body: bytes) -> Iterator[None]:
        """While the request is sent on, its body can be read again; a generator that we read stays used up after."""
        stream = request.stream
        request.stream = self.module.ByteStream(body)
        try:
            yield
        finally:
            request.stream = stream

    # A reply without a connection

    def plain_head(self, answer: Response, neutral: Request, request: Any) -> _Head | None:
        """Its head, if it can be handed over as it is: in time, and with no word about its framing that might lie."""
        if answer.delay and late(answer.delay, _patience(request)):
            return None
        headers = neutral.headers
        if type(headers) is _SentHeaders and headers.closes:
            return None
        head = _head(answer)
        return head if head.plain else None

    def handed_over(self, answer: Response, head: _Head, neutral: Request, call: Call, request: Any) -> Any:
        """The library's own response to its `request`, its body still to be read."""
        call.close(answer)
        headers = head.made.get(self.client)
        if headers is None:
            headers = head.made[self.client] = self.module.Headers(head.lines)
        extensions = head.extensions  # each response makes a dict of its own of them
        if not head.is_given:
            extensions = {**extensions, "network_stream": _unconnected(neutral.url.port)}
        stream = self._stream(answer, head, neutral, call, request)
        return self.module.Response(answer.status, headers=headers, stream=stream, extensions=extensions)

    def _stream(self, answer: Response, head: _Head, neutral: Request, call: Call, request: Any) -> Any:
        stream, body = answer.stream, answer.body
        if (neutral.method == "HEAD" or answer.status in _BODILESS) and not head.is_given:
            return self.module.ByteStream(b"")
        if stream is None:
            if len(body) <= _READ_SIZE:
                return self.module.ByteStream(body)
            stream = Stream([body[at : at + _READ_SIZE] for at in range(0, len(body), _READ_SIZE)])
        timed = _Timed(self, stream, neutral, _patience(request))
        return self._body(call, timed.chunks, timed.achunks)

    def read_again(self, call: Call, stream: Stream) -> Any:
        """A stream that `call` was answered with, for who looks at it later: without its pauses."""
        return self._body.around(_answering.Unhurried(stream), call)

    def conversing(self, call: Call, request: Any, kind: AnyStream) -> Any:
        """The answer to a WebSocket handshake, with the stream over which the library then talks."""
        response, talk = begun(call, Headers(sent_pairs(request.headers.raw)))
        head = _head(response)
        extensions = dict(head.extensions)
        if talk is not None:
            extensions["network_stream"] = kind(talk, _core(self.module.__name__))
        stream = self.module.ByteStream(response.body)
        return self.module.Response(response.status, headers=head.lines, stream=stream, extensions=extensions)

    # Everything else

    def exchange(self, scope: Scope, neutral: Request, call: Call, answer: Answer) -> Exchange:
        """What the library's httpcore is to meet."""
        core = _core(self.module.__name__)
        return Exchange(core, self.client, scope, neutral, own=(self.module.__name__,)).given(call, answer)

    def over_memory(self, exchange: Exchange) -> Any:
        """A transport whose only connection is the exchange's, closed with the response."""
        made = object.__new__(self.module.HTTPTransport)
        made._pool = exchange.core.ConnectionPool(
            ssl_context=NoTls(), network_backend=MemoryBackend(exchange), max_keepalive_connections=0
        )
        return made

    def over_async_memory(self, exchange: Exchange) -> Any:
        """As `over_memory`."""
        made = object.__new__(self.module.AsyncHTTPTransport)
        made._pool = exchange.core.AsyncConnectionPool(
            ssl_context=NoTls(), network_backend=AsyncMemoryBackend(exchange), max_keepalive_connections=0
        )
        return made

    def watched(self, native: Any, exchange: Exchange) -> Any:
        """The response, the call being told when its body breaks."""
        exchange.close()
        native.stream = self._body.around(native.stream, exchange.call)
        return native

    def passed(self, native: Any, call: Call) -> Any:
        """The response of the real service."""
        whole = pass_noted(call, native.status_code, native.headers.raw)
        native.stream = self._body.around(native.stream, call, whole)
        return native


_BODILESS = frozenset({204, 304})
_unconnected = lru_cache(maxsize=256)(Unconnected)


def _patience(request: Any) -> float | None:
    """Seconds for which the client waits for the next byte; None: for ever."""
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


class _Timed:
    """A stream as it comes in time: its pauses are waited for, or the client's read timeout is raised."""

    def __init__(self, library: Library, stream: Stream, neutral: Request, patience: float | None) -> None:
        self._library, self._stream, self._url, self._patience = library, stream, neutral.url, patience
        self._silence = 0.0  # seconds since the last byte

    def chunks(self) -> Iterator[bytes]:
        for step in _answering.steps_of(self._stream):
            if isinstance(step, Pause):
                wait(self._seconds(step, "sync"))
            else:
                self._silence = 0.0
                yield step

    async def achunks(self) -> AsyncIterator[bytes]:
        async with aclosing(self._stream.asteps()) as steps:
            async for step in steps:
                if isinstance(step, Pause):
                    await asleep(self._seconds(step, event_loop()))
                else:
                    self._silence = 0.0
                    yield step

    def _seconds(self, pause: Pause, kind_of_io: str) -> float:
        """How long to wait. Raises what httpcore would, in the library's words, when that is too long."""
        self._silence += pause.seconds
        if not late(self._silence, self._patience):
            return pause.seconds
        module, url = self._library.module, self._url
        core = _core(module.__name__)
        below = broken(core, Fault.READ_TIMEOUT, url.host, url.port, kind_of_io, tls=url.scheme == "https")
        raise module.ReadTimeout(str(below)) from below


class _SentHeaders(Headers):
    """The lines of a request, and what every call looks for in them.

    Attributes:
        upgrades: there is an Upgrade. closes: some value is `close`, as of a Connection header, which is answered.
    """

    __slots__ = ("closes", "upgrades")

    def __init__(self, raw: tuple[tuple[bytes, bytes], ...]) -> None:
        super().__init__(sent_pairs(raw))
        self.upgrades = "upgrade" in self
        self.closes = any(value == b"close" for _, value in raw)


# One value for all requests with the same lines.
_sent_headers = lru_cache(maxsize=256)(_SentHeaders)


def _proxy_of(pool: Any) -> str:
    """The URL of the proxy of an httpcore pool, with the user and password that it was given."""
    url = pool._proxy_url
    told = dict(getattr(pool, "_proxy_headers", ()) or ()).get(b"Proxy-Authorization", b"")
    login = b64decode(told[6:]).decode("latin-1") + "@" if told.startswith(b"Basic ") else ""
    port = "" if url.port is None else f":{url.port}"
    host = url.host.decode("ascii")
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme.decode('ascii')}://{login}{shown}{port}{url.target.decode('latin-1')}"


@cache
def library_in(module: ModuleType) -> Library:
    """The library that `module` is."""
    return Library(module)


def library_of(thing: Any) -> Library:
    """The library whose class (or a subclass of it) this is an instance of."""
    kind: Any = type(thing)
    return _library_of_kind(kind)


@cache
def _library_of_kind(kind: Any) -> Library:
    roots = [ancestor.__module__.partition(".")[0] for ancestor in kind.__mro__]
    return library_in(sys.modules[next(root for root in roots if root in {"httpx", "httpx2"})])


def named(library: str) -> ModuleType:
    """The module of that name."""
    if library == "httpx2":
        import httpx2

        return httpx2
    import httpx

    return httpx


def _core(library: str) -> ModuleType:
    """The library's own httpcore. After `alias_httpx()` both names are httpx2's."""
    if library == "httpx2":
        import httpcore2

        return httpcore2
    import httpcore

    return httpcore


class _Head(NamedTuple):
    """A response's head in the form in which the libraries take it.

    Attributes:
        plain: what it says of its framing is true. lines: the header lines as a server sends them. extensions: what
        httpcore tells besides. made: the lines as `Headers` of each library, which a response takes a copy of.
        is_given: they are those of a response object of the user's, nothing is added.
    """

    plain: bool
    lines: list[tuple[bytes, bytes]]
    extensions: dict[str, Any]
    made: dict[str, Any]
    is_given: bool = False


def _head(answer: Response) -> _Head:
    """Made once for each response; it is kept beside the codec's spellings."""
    if answer.wire is None:
        answer.wire = {}
    head: _Head | None = answer.wire.get("httpx")
    if head is None:
        plain = answer.status != 101 and answer.http_version != "1.0" and _is_true(answer)
        plain = plain and not answer.is_paced and not answer.informational
        lines = _lines(answer)
        extensions = {"http_version": b"HTTP/" + _raw(answer.http_version), "reason_phrase": _raw(answer.reason)}
        if sum(len(name) + len(value) + 4 for name, value in lines) > _READ_SIZE:
            plain = False  # h11 refuses a head of more than 100 kB (httpcore 1.0.9, _sync/http11.py)
        head = answer.wire["httpx"] = _Head(plain, lines, extensions, {})
    return head


def _is_true(answer: Response) -> bool:
    """Any length that was declared is the body's."""
    if "transfer-encoding" in answer.headers:
        return False
    length = str(len(answer.body)) if answer.stream is None else ""
    return answer.headers.get_all("content-length") in ([], [length])


def _lines(answer: Response) -> list[tuple[bytes, bytes]]:
    """The headers and what says how long the body is, as `_codec.spelling` adds it."""
    lines = [(_raw(name), _raw(value)) for name, value in answer.headers.fields]
    if answer.status in _BODILESS or "content-length" in answer.headers:
        return lines
    if answer.stream is not None or answer.trailers:
        lines.append((b"Transfer-Encoding", b"chunked"))
    else:
        lines.append((b"Content-Length", str(len(answer.body)).encode("ascii")))
    return lines


def _raw(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def to_native(response: Response, request: Request | None, library: str) -> Any:
    """`response` as a Response of httpx or httpx2 that was read, the answer to `request`."""
    module: Any = named(library)
    asked = request or Request.to("GET", "http://netdouble.test/")
    native_request = module.Request(
        asked.method, str(asked.url), headers=list(asked.headers.fields), content=asked.body
    )
    at_once = response
    if response.stream is not None:  # its pauses are nobody's to wait for
        at_once = Response.of_parts(
            response.status, response.headers, Stream([_answering.whole(response.stream)]), reason=response.reason,
            http_version=response.http_version, trailers=response.trailers)  # fmt: skip
    made = library_in(module).handed_over(at_once, _head(at_once), asked, Call(asked, None, response), native_request)
    made.request = native_request
    made.stream = module.ByteStream(b"".join(made.stream))
    made.read()
    return made


def kept(native: Any) -> Response:
    """A Response of httpx or httpx2 that a client of either is handed as it stands: header lines, extensions, stream.

    Its stream is read when a client reads it, once, and remembered; another client gets what `from_native` gives.
    """
    lines = list(native.headers.raw)
    body: bytes | Stream
    if type(native.stream) is library_of(native).module.ByteStream:
        body = b"".join(native.stream)  # as it was given, Content-Encoding and all
    elif hasattr(native, "_content"):
        body = native.content
        lines = [(name, value) for name, value in lines if name.decode("latin-1").lower() not in _OF_THE_WIRE]
    else:
        body = Stream(Remembered(native.stream))
    made = Response.of_parts(native.status_code, text_pairs(lines), body, reason=native.reason_phrase,
                             http_version=_version_of(native))  # fmt: skip
    made.wire = {"httpx": _Head(plain=True, lines=lines, extensions=native.extensions, made={}, is_given=True)}
    return made


def recorded(call: Call, request: Any) -> Any:
    """The Response that `request` of httpx or httpx2 was answered with, for the log: read, unless it is a stream."""
    library, answer = library_of(request), call.response
    if answer is None:
        return None
    head, stream = _head(answer), answer.stream
    body = library.module.ByteStream(answer.body) if stream is None else library.read_again(call, stream)
    made = library.module.Response(answer.status, headers=head.lines, stream=body, request=request,
                                   extensions=dict(head.extensions))  # fmt: skip
    if stream is None:
        with suppress(library.module.DecodingError):
            made.read()
    return made


def _version_of(native: Any) -> str:
    version: bytes = native.extensions.get("http_version", b"HTTP/1.1")
    return version.decode("ascii", "replace").removeprefix("HTTP/")


def from_native(native: Any) -> Response:
    """The neutral form of a Response of httpx or httpx2.

    Raises:
        DeclarationError: its body is a stream that was not read, and can't be read here.
    """
    module = library_of(native).module
    pairs = text_pairs(native.headers.raw)
    if type(native.stream) is module.ByteStream:
        body = b"".join(native.stream)  # as it was given, Content-Encoding and all
    else:
        body = _read(native, module)
        # What read() gives is decoded and whole: these lines told of the body as it was on the wire.
        pairs = [(name, value) for name, value in pairs if name.lower() not in _OF_THE_WIRE]
    return Response.of_parts(native.status_code, pairs, body, reason=native.reason_phrase,
                             http_version=_version_of(native))  # fmt: skip


_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def _read(native: Any, module: Any) -> bytes:
    try:
        body: bytes = native.read()
    except (module.StreamError, RuntimeError) as error:
        raise DeclarationError(
            f"the body of this {type(native).__module__.partition('.')[0]} response can't be read here ({error}); read "
            "it first (response.read(), await response.aread()), or give the chunks to reply(stream=chunks)"
        ) from None
    return body
