"""What only aiohttp does: pieces of a stream, auth, uploads, limits, timeouts of several kinds, its own second try."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import Callable
from typing import Any

import aiohttp
from tests.clients.fidelity.look_aiohttp import Traced, shown_by
from tests.clients.fidelity.oracle import At
from tests.clients.fidelity.showing import Shown, Special, plain, told
from tests.clients.fidelity.special_requests import BASIC, CHUNKS, DIGEST

from netdouble import Fault, Response


def special(name: str, site: Any, work: Callable[[aiohttp.ClientSession, At], Any], *, in_order: bool = True,
            **session: Any) -> Special:  # fmt: skip
    """A row: what `work` gives or raises, with a session of its own and a trace; of several tasks in any order."""

    async def run(at: At) -> Shown:
        traced = Traced()
        options = {name: value() if callable(value) else value for name, value in session.items()}
        shown: Shown = {}
        async with aiohttp.ClientSession(trace_configs=[traced.config], **options) as opened:
            try:
                shown["shown"] = plain(await work(opened, at))
            except Exception as error:
                shown["error"] = told(error)
        return shown | {"trace": traced.events if in_order else sorted(traced.events)}

    def look(client: Any, at: At) -> Shown:
        shown: Shown = client.loop.run_until_complete(run(at))
        return shown

    return Special(name, site if callable(site) else lambda at: site, look)


async def summary(sent: Any) -> Any:
    """What came of a request."""
    async with sent as response:
        return await shown_by(response)


async def _pieces(session: Any, at: At, ask: Callable[[Any], Any], **options: Any) -> list[Any]:
    """The pieces of a body, and the error that ends it."""
    seen: list[Any] = []
    async with session.get(at("/x"), **options) as response:
        try:
            async for piece in ask(response.content):
                seen.append((piece, response.content.total_bytes, response.content.at_eof()))  # noqa: PERF401  # then breaks
        except Exception as error:
            seen.append(told(error))
        return [*seen, response.closed, response.connection is None]


def pieces(name: str, ask: Callable[[Any], Any], answer: Response | Fault = CHUNKS) -> Special:
    """A row about a body that is read in pieces."""
    return special(name, {"/x": [answer]}, lambda session, at: _pieces(
        session, at, ask, timeout=aiohttp.ClientTimeout(sock_read=0.15)))  # fmt: skip


async def _by_amounts(session: Any, at: At) -> Any:
    async with session.get(at("/x")) as response:
        content = response.content
        seen = [await content.read(2), await content.readline(), await content.readexactly(3)]
        return [*seen, await content.readuntil(b"e"), await content.read(), await content.read(), content.at_eof()]


async def _uploads(session: Any, at: At) -> Any:
    form = aiohttp.FormData({"a": "ü"})
    parts = aiohttp.MultipartWriter("mixed", boundary="BOUND")
    parts.append("text")
    bodies = ({"json": {"a": "ü"}}, {"data": form}, {"data": {"a": "1"}}, {"data": "text ü"},
              {"data": io.BytesIO(b"file")}, {"data": parts}, {"data": b"x" * 100, "compress": "deflate"},
              {"data": b"x", "chunked": True}, {"data": b""},
              {"data": b"", "skip_auto_headers": ["User-Agent", "Content-Type"]})  # fmt: skip
    return [await summary(session.post(at("/x"), **body)) for body in bodies]


async def _expect(session: Any, at: At) -> Any:
    return await summary(session.post(at("/x"), data=b"body", expect100=True))


async def _left(session: Any, at: At) -> Any:
    async with session.get(at("/x")) as response:
        first = await response.content.readany()
    return first, response.closed, await summary(session.get(at("/x")))


async def _released(session: Any, at: At) -> Any:
    response = await session.get(at("/x"))
    response.release()
    other = await session.get(at("/x"))
    other.close()
    return await summary(session.get(at("/x")))


async def _one_place(session: Any, at: At) -> Any:
    return await asyncio.gather(*[summary(session.get(at("/x"))) for _ in range(3)])


async def _twice(session: Any, at: At, method: str = "GET") -> Any:
    return [await summary(session.get(at("/x"))), await summary(session.request(method, at("/x")))]


async def _cookies(session: Any, at: At) -> Any:
    session.cookie_jar.update_cookies({"mine": "1"})
    return [await summary(session.get(at("/x"), cookies={"once": "a b"})), await summary(session.get(at("/x")))]


async def _checked(session: Any, at: At) -> Any:
    return await summary(session.get(at("/x")))


def _late(**timeout: float) -> Callable[[Any, At], Any]:
    return lambda session, at: summary(session.get(at("/x"), timeout=aiohttp.ClientTimeout(**timeout)))


PLAIN = {"/x": [Response(text="x")]}
STREAMED = {"/x": [CHUNKS]}
LATE = {"/x": [Response(text="x", delay=0.3)]}
LOOP = {"/x": [Response(302, headers={"Location": "/x"})]}

SPECIALS = [
    pieces("pieces as they come", lambda content: content.iter_any()),
    pieces("pieces with the ends of chunks", lambda content: content.iter_chunks()),
    pieces("pieces of four", lambda content: content.iter_chunked(4)),
    pieces("lines", lambda content: content),
    *(pieces(f"pieces until {fault.value}", lambda content: content.iter_any(), fault)
      for fault in (Fault.TRUNCATED_BODY, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT_IN_BODY)),
    special("reads of several kinds", STREAMED, _by_amounts),
    special("a stream that is left", STREAMED, _left),
    special("released and closed", STREAMED, _released),
    special("uploads", PLAIN, _uploads),
    special("100-continue", PLAIN, _expect),
    special("basic auth", {"/x": [BASIC]}, _checked, auth=lambda: aiohttp.BasicAuth("me", "secret")),
    special("basic auth in the URL", PLAIN,
            lambda session, at: summary(session.get(at("/x").replace("a.test", "me:p%40ss@a.test")))),
    special("auth and another host", lambda at: {"/x": [Response(302, headers={"Location": at("//b.test/y")})],
            "//b.test/y": [Response(text="y")]},
            lambda session, at: summary(session.get(at("/x"), auth=aiohttp.BasicAuth("me", "secret")))),
    special("checked statuses", {"/x": [Response(404, text="no")]}, _checked, raise_for_status=True),
    special("too many redirects", LOOP, lambda session, at: summary(session.get(at("/x"), max_redirects=2))),
    special("bytes as they were sent", {"/x": [Response(content=gzip.compress(b"x", mtime=0),
            headers={"Content-Encoding": "gzip"})]}, _checked, auto_decompress=False),
    special("one connection for three", PLAIN, _one_place, in_order=False,
            connector=lambda: aiohttp.TCPConnector(limit=1)),
    special("no names kept", PLAIN, _twice,
            connector=lambda: aiohttp.TCPConnector(use_dns_cache=False, force_close=True)),
    special("a connection that is not kept", PLAIN, _twice, connector=lambda: aiohttp.TCPConnector(force_close=True)),
    special("a second try of its own", {"/x": [Response(text="x"), Fault.EMPTY_RESPONSE, Response(text="y")]}, _twice),
    special("a second try after a reset", {"/x": [Response(text="x"), Fault.RESET, Response(text="y")]}, _twice),
    special("no second try of a POST", {"/x": [Response(text="x"), Fault.EMPTY_RESPONSE, Response(text="y")]},
            lambda session, at: _twice(session, at, "POST")),
    special("parameters", PLAIN,
            lambda session, at: summary(session.get(at("/x?a=1"), params={"b": "ü", "d e": "f&g"}))),
    special("cookies of session and request", PLAIN, _cookies),
    special("cookies not quoted", PLAIN, _cookies, cookie_jar=lambda: aiohttp.CookieJar(quote_cookie=False)),
    special("a total time", LATE, _late(total=0.1)),
    special("a time between reads", LATE, _late(sock_read=0.1)),
    special("HTTP/1.0 spoken", PLAIN, _checked, version=aiohttp.HttpVersion10),
    special("headers too long", {"/x": [Response(headers={"X-Long": "x" * 200})]},
            lambda session, at: summary(session.get(at("/x"), max_field_size=100))),
    special("through a proxy", PLAIN, lambda session, at: summary(
        session.get(at("/x"), proxy=at("//proxy.test"), proxy_auth=aiohttp.BasicAuth("me", "pass")))),
]  # fmt: skip

if hasattr(aiohttp, "DigestAuthMiddleware"):  # since 3.12.8
    SPECIALS += [
        special(name, {"/x": answers}, _twice, middlewares=lambda: [aiohttp.DigestAuthMiddleware("user", "pass")])
        for name, answers in (("digest auth", [DIGEST, Response(text="in")]), ("digest auth refused", [DIGEST]))
    ]
