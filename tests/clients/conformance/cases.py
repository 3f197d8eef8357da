"""The table: what is declared, what is sent, what every client must be told. One table for all clients.

A row says nothing of a client. Where clients differ on the wire too (some decode gzip, some follow redirects), the
driver says so and `test_conformance.py` asks for the one or the other.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.clients.conformance.drivers import URL, Send

from netdouble import Fault, Network, Request, Response, UnansweredRoute, UnmatchedRequest

BIG = bytes(range(256)) * 4 * 5120  # 5 MB
TEXT = "Grüße, 世界"


@dataclass(frozen=True)
class Expect:
    """What one request must bring.

    Attributes:
        status: of the response; 0 when none is to come. body: None: whatever. headers: name to all its lines.
        gzipped: what `body` is on the wire, for clients that don't decode.
        error: the exact class of the exception; a Fault stands for what the driver's client makes of it.
        asked: what the recorded request must say: attribute of `Request` to value.
        sent: header to lines, as the recorded request has them.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, list[str]] = field(default_factory=dict)
    gzipped: bytes | None = None
    error: type[BaseException] | Fault | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    sent: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        declare: declares routes on the network. sends: the requests in order, on one client; expects: what each
        brings. needs: attributes of the driver that must not be false, or the row means nothing to it.
        calls: how many calls are recorded; None: as many as requests were sent. settings: of the network.
        layers: where the row holds; a row that is not of all of them says why.
    """

    name: str
    declare: Callable[[Network], object]
    sends: tuple[Send, ...] = (Send(),)
    expects: tuple[Expect, ...] = (Expect(),)
    needs: tuple[str, ...] = ()
    calls: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[str, ...] = ("transport", "wire", "server")


def one(name: str, declare: Callable[[Network], object], expect: Expect, send: Send | None = None, **more: Any) -> Case:
    """A row of one request."""
    return Case(name, declare, (send or Send(),), (expect,), **more)


def _answer_later(net: Network) -> object:
    async def answer(request: Request) -> dict[str, Any]:
        return Response(json={"path": request.path})

    return net.get(URL).reply(answer)


def _wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("202 Accepted", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode(), b" ", environ["PATH_INFO"].encode()]


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["method"].encode() + b" " + body})


GZIPPED = gzip.compress(b"unpacked", mtime=0)

REPLIES = [
    one("a bare status", lambda net: net.get(URL).reply(204), Expect(204, b"")),
    one("a status without a name", lambda net: net.get(URL).reply(299), Expect(299, b"")),
    one("an error status", lambda net: net.get(URL).reply(503, text="down"), Expect(503, b"down")),
    one("json", lambda net: net.get(URL).reply(json={"id": 7}),
        Expect(body=b'{"id":7}', headers={"content-type": ["application/json"], "content-length": ["8"]})),
    one("text that is not ASCII", lambda net: net.get(URL).reply(text=TEXT),
        Expect(body=TEXT.encode(), headers={"content-type": ["text/plain; charset=utf-8"]})),
    one("html", lambda net: net.get(URL).reply(html="<p>"), Expect(body=b"<p>")),
    one("content", lambda net: net.get(URL).reply(content=b"\x00\xff"), Expect(body=b"\x00\xff")),
    one("form", lambda net: net.get(URL).reply(form={"a": "1"}), Expect(body=b"a=1")),
    one("5 MB", lambda net: net.get(URL).reply(content=BIG), Expect(body=BIG)),
    one("a stream is chunked", lambda net: net.get(URL).reply(stream=[b"one ", b"two ", b"three"]),
        Expect(body=b"one two three", headers={"transfer-encoding": ["chunked"], "content-length": []})),
    one("an empty stream", lambda net: net.get(URL).reply(stream=[]), Expect(body=b"")),
    one("a stream with a length", lambda net: net.get(URL).reply(stream=[b"ab", b"c"], headers={"Content-Length": "3"}),
        Expect(body=b"abc", headers={"content-length": ["3"]})),
    one("server-sent events", lambda net: net.get(URL).reply(sse=["hi", {"event": "end", "data": {"n": 1}}]),
        Expect(body=b'data: hi\n\nevent: end\ndata: {"n":1}\n\n', headers={"content-type": ["text/event-stream"]})),
    one("gzip", lambda net: net.get(URL).reply(content=GZIPPED, headers={"Content-Encoding": "gzip"}),
        Expect(body=b"unpacked", gzipped=GZIPPED)),
    one("HTTP/1.0 ends with the connection",
        lambda net: net.get(URL).reply(stream=[b"a", b"b"], http_version="1.0"), Expect(body=b"ab")),
    one("trailers", lambda net: net.get(URL).reply(text="x", trailers={"X-Sum": "1"}), Expect(body=b"x")),
    one("repeated headers", lambda net: net.get(URL).reply(headers=[("X-Many", "1"), ("X-Many", "2")]),
        Expect(headers={"x-many": ["1", "2"]})),
    one("cookies", lambda net: net.get(URL).reply(cookies={"a": "1", "b": "2"}),
        Expect(headers={"set-cookie": ["a=1; Path=/", "b=2; Path=/"]})),
    one("a function", lambda net: net.get(URL).reply(lambda request: Response(201, text=request.path)),
        Expect(201, b"/users/7")),
    one("an async function", _answer_later, Expect(body=b'{"path":"/users/7"}')),
    one("a WSGI app", lambda net: net.get(URL).reply(_wsgi), Expect(202, b"GET /users/7")),
    one("an ASGI app", lambda net: net.post(URL).reply(_asgi), Expect(202, b"POST hi"), Send("POST", content=b"hi")),
    one("a template", lambda net: net.get("https://api.test/users/{id:int}").reply(text="x"),
        Expect(body=b"x", asked={"path_params": {"id": 7}})),
]  # fmt: skip

NO_BODY = [
    one("HEAD", lambda net: net.head(URL).reply(text="four"), Expect(body=b"", headers={"content-length": ["4"]}),
        Send("HEAD")),
    Case("HEAD, then GET on the same connection", lambda net: net.any(URL).reply(text="four"),
         (Send("HEAD"), Send()), (Expect(body=b""), Expect(body=b"four"))),
    one("204", lambda net: net.get(URL).reply(204), Expect(204, b"", {"content-length": []})),
    one("304", lambda net: net.get(URL).reply(304, headers={"ETag": '"x"'}), Expect(304, b"", {"etag": ['"x"']})),
    Case("204, then 200 on the same connection", lambda net: net.get(URL).reply(204).then(text="x"),
         (Send(), Send()), (Expect(204, b""), Expect(200, b"x"))),
]  # fmt: skip

TIME = [
    one("a delay that is waited for", lambda net: net.get(URL).reply(text="x", delay=0.02), Expect(body=b"x")),
    one("a delay longer than the timeout raises it at once", lambda net: net.get(URL).reply(text="x", delay=30),
        Expect(0, error=Fault.READ_TIMEOUT), Send(timeout=20), layers=("transport",)),  # time is real on a wire
    one("a delay longer than the timeout", lambda net: net.get(URL).reply(text="x", delay=30),
        Expect(0, error=Fault.READ_TIMEOUT), Send(timeout=0.2)),
    one("a delay without a timeout", lambda net: net.get(URL).reply(text="x", delay=0.02), Expect(body=b"x"),
        Send(timeout=None)),
]  # fmt: skip

SEQUENCES = [
    Case("answers in order, the last one repeats", lambda net: net.get(URL).reply(503).then(text="x"),
         (Send(), Send(), Send()), (Expect(503), Expect(body=b"x"), Expect(body=b"x"))),
    Case("a fault, then an answer", lambda net: net.get(URL).fail(Fault.EMPTY_RESPONSE).then(text="x"),
         (Send(), Send()), (Expect(0, error=Fault.EMPTY_RESPONSE), Expect(body=b"x"))),
    Case("a budget", lambda net: net.get(URL).reply(text="x").once(), (Send(), Send()),
         (Expect(body=b"x"), Expect(0, error=UnmatchedRequest))),
    Case("Connection: close, then a new connection",
         lambda net: net.get(URL).reply(text="x", headers={"Connection": "close"}),
         (Send(), Send()), (Expect(body=b"x"), Expect(body=b"x"))),
]  # fmt: skip

REDIRECTS = [
    one("a redirect that is not followed", lambda net: net.get(URL).reply(302, headers={"Location": "/users/8"}),
        Expect(302, headers={"location": ["/users/8"]})),
    one("a redirect that is followed",
        lambda net: (net.get(URL).reply(302, headers={"Location": "http://other.test/x"}),
                     net.get("http://other.test/x").reply(text="there")),
        Expect(200, b"there"), Send(follow=True), needs=("follows",), calls=2),
    one("307 keeps method and body",
        lambda net: (net.post(URL).reply(307, headers={"Location": "/users/8"}),
                     net.post("https://api.test/users/8", content=b"hi").reply(201)),
        Expect(201), Send("POST", content=b"hi", follow=True), needs=("follows", "sends_bodies_again"), calls=2),
    Case("a cookie comes back",
         lambda net: (net.get(URL).reply(cookies={"sid": "1"}), net.get(URL, cookies={"sid": "1"}).reply(201)),
         (Send(), Send()), (Expect(200), Expect(201)), needs=("keeps_cookies",)),
]  # fmt: skip

REQUESTS = [
    one("the request as it was sent", lambda net: net.get(URL).reply(), Expect(asked={
        "method": "GET", "url": URL, "body": b"", "http_version": "1.1", "raw_target": "/users/7",
        "path": "/users/7", "host": "api.test"}, sent={"host": ["api.test"]})),
    one("a header", lambda net: net.get(URL, headers={"x-one": "1"}).reply(), Expect(sent={"x-one": ["1"]}),
        Send(headers=(("X-One", "1"),))),
    one("a body", lambda net: net.post(URL, content=b"a=1").reply(),
        Expect(asked={"body": b"a=1"}, sent={"content-length": ["3"]}), Send("POST", content=b"a=1")),
    one("a streamed body", lambda net: net.post(URL).reply(),
        Expect(asked={"body": b"onetwo"}, sent={"transfer-encoding": ["chunked"], "content-length": []}),
        Send("POST", content=(b"one", b"two"))),
    one("a body of 5 MB", lambda net: net.put(URL, content=BIG).reply(), Expect(asked={"body": BIG}),
        Send("PUT", content=BIG)),
    one("a method of one's own", lambda net: net.route("PURGE", URL).reply(), Expect(asked={"method": "PURGE"}),
        Send("PURGE")),
    one("a port", lambda net: net.get("http://api.test:8080/x").reply(),
        Expect(asked={"url": "http://api.test:8080/x"}, sent={"host": ["api.test:8080"]}),
        Send(url="http://api.test:8080/x")),
    one("a default port", lambda net: net.get("http://api.test/x").reply(), Expect(asked={"url": "http://api.test/x"}),
        Send(url="http://api.test:80/x")),
    one("an upper-case host", lambda net: net.get(URL).reply(), Expect(asked={"host": "api.test"}),
        Send(url="https://API.test/users/7")),
    one("a query", lambda net: net.get(URL, query={"a": "1", "b": "x y"}).reply(),
        Expect(asked={"query": (("a", "1"), ("b", "x y"))}), Send(url=URL + "?a=1&b=x%20y")),
    one("escapes in one spelling", lambda net: net.get("https://api.test/a~b/%C3%A9").reply(),
        Expect(asked={"path": "/a~b/%C3%A9"}), Send(url="https://api.test/a%7Eb/%c3%a9")),
    one("an escaped slash stays", lambda net: net.get("https://api.test/files/{name}").reply(),
        Expect(asked={"path_params": {"name": "a/b"}}), Send(url="https://api.test/files/a%2Fb")),
    one("no path", lambda net: net.get("https://api.test").reply(), Expect(asked={"path": "/"}),
        Send(url="https://api.test/")),
    one("an IPv6 host", lambda net: net.get("http://[::2]:81/").reply(), Expect(asked={"host": "::2"}),
        Send(url="http://[::2]:81/")),
]  # fmt: skip

REFUSED = [
    one("no route", lambda net: None, Expect(0, error=UnmatchedRequest)),
    one("another path", lambda net: net.get("https://api.test/other").reply().optional(),
        Expect(0, error=UnmatchedRequest)),
    one("a route without an answer", lambda net: net.get(URL), Expect(0, error=UnansweredRoute)),
    one("an outage instead", lambda net: None, Expect(0, error=Fault.CONNECT_REFUSED),
        settings={"unmatched": "outage"}),
]  # fmt: skip

CASES = [*REPLIES, *NO_BODY, *TIME, *SEQUENCES, *REDIRECTS, *REQUESTS, *REFUSED]
