"""The table: what the far end answers, and what every client sends. What each client then shows is not said here.

The oracle says it: the same client, the same requests, the same answers over a real connection.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.oracle import At, Site

from netdouble import Fault, Response


@dataclass(frozen=True)
class Scene:
    """One row.

    Attributes:
        site: what is answered. sends: the requests in order, on one client; their URLs are paths of the site.
        needs: attributes of the driver that must be true, or the row means nothing to it. layers: where it means
        something.
    """

    name: str
    site: Callable[[At], Site]
    sends: tuple[Send, ...]
    needs: str = ""
    layers: tuple[str, ...] = ("transport", "wire", "server")


def answer(
    name: str, *responses: Response | Fault, sends: Sequence[Send] = (Send(url="/x"),), needs: str = ""
) -> Scene:
    """A row with one path."""
    return Scene(name, lambda at: {"/x": responses}, tuple(sends), needs)


def answers(name: str, *responses: Response, method: str = "GET") -> Scene:
    """A row with a path for each response, asked one after another on one client."""
    site = {f"/{n}": [response] for n, response in enumerate(responses)}
    return Scene(name, lambda at: site, tuple(Send(method, path) for path in site))


GET = Send(url="/x")
FOLLOW = Send(url="/x", follow=True)
QUICK = Send(url="/x", timeout=0.1)
HELLO = b"hello, hello, hello"


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _encoded(coding: str, body: bytes, **more: object) -> Response:
    return Response(content=body, headers={"Content-Type": "text/plain", "Content-Encoding": coding}, **more)


STATUS = [
    answers("statuses", *(Response(status, text=f"{status}") for status in (
        200, 201, 206, 299, 300, 400, 401, 403, 404, 407, 408, 413, 418, 429, 500, 502, 503, 504, 599))),
    answers("statuses without a body", *(Response(status) for status in (202, 204, 205, 304))),
    answers("reasons", Response(200, reason="Fine, thanks"), Response(200, reason=""), Response(404, reason="schön")),
    answer("HTTP/1.0", Response(200, text="x", http_version="1.0"), sends=[GET, GET]),
    answer("HTTP/1.0 with keep-alive", Response(text="x", http_version="1.0", headers={"Connection": "keep-alive"}),
           sends=[GET, GET]),
    answer("HTTP/1.0 until close", Response(stream=["a", "b"], http_version="1.0"), sends=[GET, GET]),
    answer("Connection: close", Response(text="x", headers={"Connection": "close"}), sends=[GET, GET]),
    answer("Keep-Alive", Response(text="x", headers={"Connection": "keep-alive", "Keep-Alive": "timeout=5, max=3"}),
           sends=[GET, GET]),
]  # fmt: skip

HEADERS = [
    answers("headers",
            Response(headers=[("X-Many", "1"), ("x-many", "2"), ("X-MANY", "3"), ("Link", "<a>")]),
            Response(headers=[("zZ", "1"), ("Aa", "2"), ("mM", "3"), ("aA", "4")]),
            Response(headers={"X-Empty": "", "X-Tab": "a\tb"}),
            Response(headers={"X-Latin-1": "Müller"}),
            Response(headers={"X-UTF-8": "世界"}),
            Response(headers={"X-Long": "x" * 7000}),
            Response(headers=[(f"X-{n}", "1") for n in range(98)]),
            Response(headers={"Link": '</2>; rel="next"; title="two", <http://b.test/9>; rel=last'}),
            Response(text="x", headers={
                "Date": "Mon, 01 Jan 2024 00:00:00 GMT", "Server": "nginx", "Vary": "Accept", "ETag": '"1"'}),
            Response(text="x", headers={"Content-Disposition": "attachment; filename*=UTF-8''na%C3%AFve.txt"}),
            Response(503, text="later", headers={"Retry-After": "1"}),
            Response(401, text="who?", headers={"WWW-Authenticate": 'Basic realm="r"'})),
    answer("a header too long for some", Response(headers={"X-Long": "x" * 9000})),
    answer("a header too long for most", Response(headers={"X-Long": "x" * 70000})),
    answer("a head too long for all", Response(headers=[(f"X-{n}", "x" * 3000) for n in range(60)])),
    answer("more than 100 headers", Response(headers=[(f"X-{n}", "1") for n in range(105)])),
]  # fmt: skip


def typed(kind: str | None, body: bytes) -> Response:
    """Bytes, and what they are said to be."""
    return Response(content=body, headers={} if kind is None else {"Content-Type": kind})


BODIES = [
    answers("kinds of bodies",
            typed(None, "Grüße".encode()),
            typed("text/plain; charset=utf-8", "Grüße".encode()),
            typed("text/plain; charset=ISO-8859-1", "Grüße".encode("latin-1")),
            typed("text/plain", "Grüße".encode()),
            typed("text/plain; charset=utf-8", "Grüße".encode("latin-1")),
            typed("text/plain; charset=klingon", b"nuq"),
            typed('text/html; charset="utf-16"', "Grüße".encode("utf-16")),
            typed("text/html", "<meta charset=utf-8>Grüße".encode()),
            typed("application/json", b'{"a": [1, 2.5, null, "\\u00fc"]}'),
            typed("application/json", b'\xef\xbb\xbf{"a": 1}'),
            typed("application/json", '{"a": 1}'.encode("utf-16-le")),
            typed("application/json", b'{"a": '),
            typed("text/html", b'{"a": 1}'),
            typed("application/problem+json", b'{"a": 1}'),
            typed("nonsense; ;=; charset", b"x"),
            typed("application/json", b""),
            typed("text/plain", "a\nb\r\nc\rd\x0be\u2028f".encode()),
            typed("application/octet-stream", bytes(range(256)) * 300)),
    answer("chunks", Response(stream=[b"one", b"two", b"three"], headers={"Content-Type": "text/plain"}),
           sends=[GET, GET]),
    answer("no chunks", Response(stream=[])),
    answer("chunks with a length", Response(stream=[b"one", b"two"], headers={"Content-Length": "6"}),
           sends=[GET, GET]),
    answer("trailers", Response(text="x", trailers={"X-Sum": "1"}), sends=[GET, GET]),
    answer("server-sent events", Response(sse=["hi", {"event": "end", "data": {"n": 1}, "id": "7"}])),
    answer("a length that is too long", Response(content=b"short", headers={"Content-Length": "9"}), sends=[GET, GET]),
    answer("a length that is too short", Response(content=b"too long", headers={"Content-Length": "3"}),
           sends=[GET, GET]),
    answer("a length that is no number", Response(content=b"x", headers={"Content-Length": "many"})),
    answer("two lengths", Response(content=b"four", headers=[("Content-Length", "4"), ("Content-Length", "3")])),
    answer("a transfer coding in front", Response(content=b"x", headers={"Transfer-Encoding": "identity"})),
    answer("HEAD", Response(text="four"), sends=[Send("HEAD", "/x"), GET, Send("HEAD", "/x")]),
    answer("HEAD of chunks", Response(stream=["a"]), sends=[Send("HEAD", "/x"), GET]),
    answer("HEAD of gzip", _encoded("gzip", gzip.compress(HELLO, mtime=0)), sends=[Send("HEAD", "/x")]),
    answer("HEAD of an error", Response(404, text="no"), sends=[Send("HEAD", "/x")]),
    answer("304 with a length", Response(304, headers={"Content-Length": "10", "ETag": '"1"'}), sends=[GET, GET]),
    answer("204 with a type", Response(204, headers={"Content-Type": "application/json"}), sends=[GET, GET]),
    answer("OPTIONS", Response(204, headers={"Allow": "GET, HEAD"}), sends=[Send("OPTIONS", "/x")]),
]  # fmt: skip

CODINGS = [
    answer("gzip", _encoded("gzip", gzip.compress(HELLO, mtime=0)), sends=[GET, GET]),
    answers("codings",
            _encoded("x-gzip", gzip.compress(HELLO, mtime=0)),
            _encoded("GZIP", gzip.compress(HELLO, mtime=0)),
            _encoded("gzip", gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)),
            _encoded("deflate", zlib.compress(HELLO)),
            _encoded("deflate", _raw_deflate(HELLO)),
            _encoded("deflate, gzip", gzip.compress(zlib.compress(HELLO), mtime=0)),
            _encoded("identity", HELLO),
            _encoded("klingon", HELLO)),
    answer("brotli, which may not be installed", _encoded("br", b"\x0b\x02\x80hello\x03")),
    answer("broken gzip", _encoded("gzip", b"this is not gzip"), sends=[GET, GET]),
    answer("gzip that breaks off", _encoded("gzip", gzip.compress(HELLO, mtime=0)[:-12])),
    answer("no bytes of gzip", _encoded("gzip", b"")),
    answer("gzip in chunks", Response(
        stream=[gzip.compress(HELLO, mtime=0)[:9], gzip.compress(HELLO, mtime=0)[9:]],
        headers={"Content-Encoding": "gzip"})),
    answer("gzip on a 404", Response(404, content=gzip.compress(HELLO, mtime=0),
                                     headers={"Content-Encoding": "gzip"})),
]  # fmt: skip


def _cookies(*lines: str) -> Response:
    return Response(headers=[("Set-Cookie", line) for line in lines])


COOKIES = [
    answer("cookies", _cookies("a=1", "b=2; Path=/", "a=3"), sends=[GET, GET], needs="keeps_cookies"),
    answer("cookies of all kinds", _cookies(
        "p=1; Path=/x", "q=1; Path=/other", "s=1; Secure", "h=1; HttpOnly; SameSite=Lax", "m=1; Max-Age=100",
        "e=1; Expires=Wed, 01 Jan 2098 00:00:00 GMT", "old=1; Expires=Thu, 01 Jan 1990 00:00:00 GMT",
        'quoted="a b"; Path=/', "empty=", "novalue", "d=1; Domain=a.test", "foreign=1; Domain=b.test", "x=ü"),
        sends=[GET, GET, Send(url="/x")], needs="keeps_cookies"),
    answer("a cookie that is taken back", _cookies("a=1; Path=/"), _cookies("a=; Path=/; Max-Age=0"), Response(),
           sends=[GET, GET, GET], needs="keeps_cookies"),
    Scene("cookies of hosts and paths", lambda at: {
        "/x": [_cookies("home=1; Path=/", "deep=1")], "/x/y": [Response()], "//b.test/x": [_cookies("b=1")],
        "//sub.a.test/x": [Response()]},
        (GET, Send(url="/x/y"), Send(url="//b.test/x"), Send(url="//sub.a.test/x"), Send(url="//b.test/x")),
        "keeps_cookies"),
    Scene("cookies for subdomains", lambda at: {"/x": [_cookies("a=1; Domain=a.test; Path=/")],
                                                "//sub.a.test/x": [Response()]},
          (GET, Send(url="//sub.a.test/x")), "keeps_cookies"),
    Scene("cookies on the way", lambda at: {
        "/x": [Response(302, headers=[("Location", "/y"), ("Set-Cookie", "a=1; Path=/")])],
        "/y": [Response(302, headers=[("Location", at("//b.test/z")), ("Set-Cookie", "c=1; Path=/")])],
        "//b.test/z": [_cookies("b=1")]},
        (FOLLOW, GET), "follows keeps_cookies"),
    answer("a Cookie header of one's own", _cookies("a=1; Path=/"),
           sends=[Send(url="/x", headers=(("Cookie", "mine=1"),))] * 2, needs="keeps_cookies"),
]  # fmt: skip


def hop(status: int, location: str, **more: object) -> Response:
    """A redirect with a body, as servers send it."""
    return Response(status, text="over there", headers={"Location": location}, **more)


THERE = Response(text="there")
SECRETS = (("Authorization", "Bearer t"), ("Cookie", "sid=1"), ("X-Keep", "1"), ("Content-Type", "text/plain"))

REDIRECTS = [
    *(Scene(f"redirected by {status}", lambda at, status=status: {"/x": [hop(status, "/y")], "/y": [THERE]},
            (FOLLOW, Send("HEAD", "/x", follow=True), Send("PUT", "/x", content=b"hi", follow=True),
             Send("POST", "/x", content=b"hi", headers=SECRETS, follow=True),
             Send("DELETE", "/x", headers=SECRETS, follow=True)), "follows")
      for status in (301, 302, 303, 307, 308)),
    Scene("to another host", lambda at: {"/x": [hop(302, at("//b.test/y"))], "//b.test/y": [Response(text="y")]},
          (Send(url="/x", headers=SECRETS, follow=True),), "follows"),
    Scene("to another host and back", lambda at: {
        "/x": [hop(307, at("//b.test/y"))], "//b.test/y": [hop(307, at("/z"))], "/z": [Response(text="z")]},
        (Send("POST", "/x", headers=SECRETS, content=b"hi", follow=True),), "follows"),
    Scene("a chain", lambda at: {"/x": [hop(301, "/a/b")], "/a/b": [hop(302, "../c?q=1")], "/c": [hop(303, "?r=2"),
                                 Response(text="end")]}, (FOLLOW,), "follows"),
    Scene("not followed", lambda at: {"/x": [hop(302, "/y")]}, (GET, GET)),
    Scene("a fragment", lambda at: {"/x": [hop(302, "/y#there")], "/y": [hop(302, "/z")], "/z": [Response()]},
          (FOLLOW,), "follows"),
    Scene("without a scheme", lambda at: {"/x": [hop(302, at("//b.test/y").removeprefix("http:"))],
                                          "//b.test/y": [Response()]}, (FOLLOW,), "follows"),
    Scene("spaces and umlauts", lambda at: {"/x": [hop(302, "/y z/ü?q=ü b")], "/y%20z/%C3%BC": [Response()]},
          (FOLLOW,), "follows"),
    Scene("a loop", lambda at: {"/x": [hop(302, "/x")]}, (FOLLOW,), "follows"),
    Scene("without a Location", lambda at: {"/x": [Response(302, text="where?")]}, (FOLLOW,),
          "follows"),
    Scene("an empty Location", lambda at: {"/x": [hop(302, ""), Response()]}, (FOLLOW,), "follows"),
    Scene("to another protocol", lambda at: {"/x": [hop(302, "gopher://a.test/y")]}, (FOLLOW,),
          "follows"),
    Scene("to no URL", lambda at: {"/x": [hop(302, "http://[::1/y")]}, (FOLLOW,), "follows"),
    Scene("a Location with a 201", lambda at: {"/x": [hop(201, "/y")]}, (FOLLOW,), "follows"),
    Scene("a stream that would be sent again", lambda at: {"/x": [hop(307, "/y")], "/y": [Response(text="y")]},
          (Send("POST", "/x", content=(b"one", b"two"), follow=True),), "follows"),
    Scene("a fault after a redirect", lambda at: {"/x": [hop(302, "/y")], "/y": [Fault.TRUNCATED_BODY]},
          (FOLLOW,), "follows"),
]  # fmt: skip

CLOSE = Send(url="/x", headers=(("Connection", "close"),))

REQUESTS = [
    answer("methods", Response(text="ok"), sends=[
        Send(method, "/x", content=content)
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE") for content in (None, b"a=1")]),
    answer("chunks sent", Response(), sends=[Send("POST", "/x", content=(b"one", b"two", b"three"))] * 2),
    answer("an empty body", Response(), sends=[Send("POST", "/x", content=b"")]),
    answer("an empty stream sent", Response(), sends=[Send("POST", "/x", content=())]),
    answer("100 kB sent", Response(), sends=[Send("PUT", "/x", content=b"x" * 100_000)]),
    answer("headers of one's own", Response(), sends=[Send(url="/x", headers=(
        ("zZ-Last", "1"), ("accept", "text/plain"), ("User-Agent", "mine"), ("AA-First", "1"), ("X-Empty", "")))]),
    answer("a Host of one's own", Response(), sends=[Send(url="/x", headers=(("Host", "a.test"),))]),
    answer("Connection: close sent", Response(text="x"), sends=[CLOSE, GET]),
    answer("Accept-Encoding of one's own", _encoded("gzip", gzip.compress(HELLO, mtime=0)),
           sends=[Send(url="/x", headers=(("Accept-Encoding", "identity"),))]),
    answer("a length of one's own", Response(), sends=[
        Send("POST", "/x", headers=(("Content-Length", "3"),), content=b"abc")]),
    answer("Range", Response(206, content=b"bc", headers={"Content-Range": "bytes 1-2/4"}),
           sends=[Send(url="/x", headers=(("Range", "bytes=1-2"),))]),
    Scene("queries and escapes", lambda at: dict.fromkeys(("/x", "/a%2Fb/%C3%A9", "/~a/b;c=d"), (Response(),)),
          (Send(url="/x?a=1&b=x%20y&b=x+y&c="), Send(url="/x?"), Send(url="/a%2Fb/%C3%A9?q=%2f"),
           Send(url="/~a/b;c=d?a[]=1"))),
]  # fmt: skip

# The grid as far as one connection of HTTP/1.1 shows it: connects have rows of their own, and how far a client is with
# a body when that goes wrong is chance (conformance/test_faults.py has those, too).
ON_A_CONNECTION = [
    (fault, QUICK if fault.effect == "stall" else GET)
    for fault in Fault
    if not fault.before_request and fault.position != "request body" and fault.on("http") is fault
]

FAILURES = [
    *(answer(f"{fault.value}, on a fresh connection and on a kept one", fault, Response(text="x"), fault,
             Response(text="y"), Response(text="z"), sends=[send, GET, send, GET, GET])
      for fault, send in ON_A_CONNECTION),
    answer("a reply later than the timeout", Response(text="x", delay=0.3), Response(text="y"), sends=[QUICK, GET]),
    answer("a reply sooner than the timeout", Response(text="x", delay=0.05), sends=[Send(url="/x", timeout=5.0)]),
    answer("a late error status", Response(503, delay=0.3), sends=[QUICK]),
]  # fmt: skip

# The oracle's part is that of its addresses and names (`worlds.py`). A server that is there can't do these, and at the
# default layer nothing is resolved or tried: there conformance/test_faults.py compares the exceptions and their texts.
CONNECTS = [
    Scene(name, lambda at, host=host, fault=fault: {f"//{host}/x": [fault], "/x": [Response(text="x")]},
          (Send(url=f"//{host}/x", timeout=timeout), GET), layers=("wire",))
    for name, host, fault, timeout in (
        ("nobody listens", "refused.test", Fault.CONNECT_REFUSED, 5.0),
        ("a connect in vain", "full.test", Fault.CONNECT_TIMEOUT, 0.2),
        ("an unknown name", "unknown.test", Fault.DNS, 5.0),
    )
]  # fmt: skip

# At the default layer there is no handshake, and a server of ours has another port for TLS.
SECURE = [
    Scene("over TLS", lambda at: {"https:/x": [_cookies("a=1; Secure; Path=/")]}, (Send(url="https:/x"),) * 2,
          layers=("wire",)),
    Scene("over TLS, closed", lambda at: {"https:/x": [Response(text="x", headers={"Connection": "close"})]},
          (Send(url="https:/x"),) * 2, layers=("wire",)),
    Scene("from TLS to none", lambda at: {"https:/x": [hop(302, at("/y"))], "/y": [THERE]},
          (Send(url="https:/x", headers=SECRETS, follow=True),), "follows", layers=("wire",)),
    Scene("over TLS, broken off", lambda at: {"https:/x": [
        Fault.EMPTY_RESPONSE, Response(text="x"), Fault.TRUNCATED_BODY, Response(text="y")]},
        (Send(url="https:/x"),) * 4, layers=("wire",)),
    Scene("over TLS, too late", lambda at: {"https:/x": [Fault.READ_TIMEOUT]},
          (Send(url="https:/x", timeout=0.3),), layers=("wire",)),
]  # fmt: skip

SCENES: list[Scene] = [
    *STATUS, *HEADERS, *BODIES, *CODINGS, *COOKIES, *REDIRECTS, *REQUESTS, *FAILURES, *CONNECTS, *SECURE,
]  # fmt: skip
