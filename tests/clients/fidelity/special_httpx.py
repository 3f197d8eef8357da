"""What only httpx and httpx2 do: hooks, auth flows, streams in pieces, uploads; sync, on asyncio, on trio."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from tests.clients.conformance.driver_httpx import Httpx
from tests.clients.fidelity.oracle import At
from tests.clients.fidelity.showing import Shown, Special, plain, told
from tests.clients.fidelity.special_requests import BASIC, CHUNKS, DIGEST, ON_TO_Y

from netdouble import Fault, Response


class Both:
    """One way to use a sync client and an async one; what it gives is plain."""

    def __init__(self, client: Any) -> None:
        self.client, self.module, self.session = client, client.module, client.session
        self.is_async = not isinstance(client, Httpx)

    def get(self, url: str, **options: Any) -> Any:
        """A response that was read."""
        return self.request("GET", url, **options)

    def request(self, method: str, url: str, **options: Any) -> Any:
        """A response that was read."""
        if not self.is_async:
            return self.session.request(method, url, **options)

        async def work() -> Any:
            return await self.session.request(method, url, **options)

        return self.client.run(work)

    def send(self, request: Any, **options: Any) -> Any:
        """As `client.send`."""
        if not self.is_async:
            return self.session.send(request, **options)

        async def work() -> Any:
            return await self.session.send(request, **options)

        return self.client.run(work)

    def pieces(self, url: str, ask: str, *arguments: Any, most: int = 99, **options: Any) -> list[Any]:
        """The pieces of a streamed body, how much was downloaded by then, and the error that ends it."""
        seen: list[Any] = []

        def note(response: Any, piece: Any) -> bool:
            seen.append((piece, response.num_bytes_downloaded, response.is_stream_consumed, response.is_closed))
            return len(seen) >= most

        def sync() -> None:
            with self.session.stream("GET", url, **options) as response:
                for piece in getattr(response, f"iter_{ask}")(*arguments):
                    if note(response, piece):
                        break
            note(response, "end")

        async def work() -> None:
            async with self.session.stream("GET", url, **options) as response:
                async for piece in getattr(response, f"aiter_{ask}")(*arguments):
                    if note(response, piece):
                        break
            note(response, "end")

        try:
            self.client.run(work) if self.is_async else sync()
        except Exception as error:
            seen.append(told(error))
        return seen


def special(name: str, site: Any, look: Callable[[Both, At], Any]) -> Special:
    """A row: what `look` gives, or raises."""

    def shown(client: Any, at: At) -> Shown:
        try:
            return {"shown": plain(look(Both(client), at))}
        except Exception as error:
            return {"error": told(error)}

    return Special(name, site if callable(site) else lambda at: site, shown)


def summary(response: Any) -> Any:
    """What a response was, and what led to it."""
    return (response.status_code, response.text, response.url, response.request.headers.raw,
            [(hop.status_code, hop.url, hop.request.headers.raw) for hop in response.history])  # fmt: skip


def _hooks(both: Both, at: At) -> Any:
    seen: list[Any] = []

    def note(thing: Any) -> None:
        seen.append((repr(thing), getattr(thing, "is_closed", None), getattr(thing, "is_stream_consumed", None)))

    async def anote(thing: Any) -> None:
        note(thing)

    hook = anote if both.is_async else note
    both.session.event_hooks = {"request": [hook], "response": [hook]}
    return summary(both.get(at("/x"), follow_redirects=True)), seen


def _raising_hook(both: Both, at: At) -> Any:
    async def check(response: Any) -> None:
        response.raise_for_status()

    hook = check if both.is_async else lambda response: response.raise_for_status()
    both.session.event_hooks = {"response": [hook]}
    return both.get(at("/x"))


def _flow(both: Both, at: At) -> Any:
    seen: list[Any] = []

    class Token(both.module.Auth):  # type: ignore[misc, name-defined]
        requires_response_body = True

        def auth_flow(self, request: Any) -> Any:
            response = yield request
            seen.append((response.status_code, response.text, response.request.headers.raw))
            request.headers["Authorization"] = f"Token {response.text}"
            yield request

    return summary(both.request("POST", at("/x"), auth=Token(), content=b"hi")), seen


def _next(both: Both, at: At) -> Any:
    response = both.request("POST", at("/x"), data={"a": "1"})
    return response.has_redirect_location, summary(both.send(response.next_request))


def _built(both: Both, at: At) -> Any:
    both.session.base_url, both.session.params = at("/"), {"all": "1"}
    both.session.headers["X-All"] = "1"
    request = both.session.build_request("PUT", "x", params={"q": "ü"}, json={"a": 1}, cookies={"c": "1"})
    return summary(both.send(request))


def _late(both: Both, at: At) -> Any:
    return both.get(at("/x"), timeout=both.module.Timeout(5, read=0.1))


def _digest(both: Both, at: At) -> Any:
    both.session.auth = both.module.DigestAuth("user", "pass")
    return [summary(both.request("POST", at("/x"), content=b"body")) for _ in range(2)]


def _encoding(both: Both, at: At) -> Any:
    both.session._default_encoding = lambda content: "latin-1"
    response = both.get(at("/x"))
    return response.text, response.encoding, response.charset_encoding


def _unread(both: Both, at: At) -> Any:
    response = both.send(both.session.build_request("GET", at("/x")), stream=True)
    return [_failing(lambda: response.content), _failing(lambda: response.text), response.is_closed]


def _failing(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Exception as error:
        return told(error)


PLAIN = {"/x": [Response(text="x")]}
STREAMED = {"/x": [CHUNKS]}

SPECIALS = (
    special("hooks on the way", ON_TO_Y, _hooks),
    special("a hook that raises", {"/x": [Response(503, text="no")]}, _raising_hook),
    special("basic auth", {"/x": [BASIC]}, lambda both, at: summary(both.get(at("/x"), auth=("me", "pässword")))),
    special("basic auth in the URL", PLAIN,
            lambda both, at: summary(both.get(at("/x").replace("a.test", "me:p%40ss@a.test")))),
    special("digest auth", {"/x": [DIGEST, Response(text="one"), Response(text="two")]}, _digest),
    special("digest auth refused", {"/x": [DIGEST]}, _digest),
    special("an auth flow of one's own", {"/x": [Response(401, text="secret"), Response(text="in")]}, _flow),
    special("auth and another host", lambda at: {"/x": [Response(302, headers={"Location": at("//b.test/y")})],
            "//b.test/y": [Response(text="y")]},
            lambda both, at: summary(both.get(at("/x"), auth=("me", "pass"), follow_redirects=True))),
    *(special(f"pieces by iter_{ask}{arguments}", STREAMED,
              lambda both, at, ask=ask, arguments=arguments: both.pieces(at("/x"), ask, *arguments))
      for ask, arguments in (("raw", ()), ("raw", (2,)), ("bytes", ()), ("bytes", (4,)), ("text", ()), ("lines", ()))),
    special("pieces of 200 kB", {"/x": [Response(content=b"0123456789" * 20_000)]},
            lambda both, at: sum(len(piece) for piece, *_ in both.pieces(at("/x"), "bytes", 1000, most=300))),
    special("a stream that is left", STREAMED,
            lambda both, at: (both.pieces(at("/x"), "bytes", most=1), summary(both.get(at("/x"))))),
    special("a stream that is not read", STREAMED, _unread),
    *(special(f"pieces until {fault.value}", {"/x": [fault]},
              lambda both, at: both.pieces(at("/x"), "bytes", timeout=0.15))
      for fault in (Fault.TRUNCATED_BODY, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT_IN_BODY)),
    special("uploads", PLAIN, lambda both, at: [summary(both.request("POST", at("/x"), **body)) for body in (
        {"json": {"a": "ü"}}, {"data": {"a": ["1", "ü"]}}, {"content": "text ü"}, {"content": b""},
        {"files": {"f": ("n.txt", io.BytesIO(b"x"), "text/plain")}, "data": {"a": "1"}})]),
    special("parameters", PLAIN,
            lambda both, at: summary(both.get(at("/x?a=1"), params={"b": ["2", "ü"], "d e": "f&g"}))),
    special("a redirect by hand", ON_TO_Y, _next),
    special("too many redirects", lambda at: {"/x": [Response(302, headers={"Location": "/x"})]},
            lambda both, at: both.get(at("/x"), follow_redirects=True)),
    special("a request that is built", PLAIN, _built),
    special("a read timeout of its own", {"/x": [Response(delay=0.3)]}, _late),
    special("an encoding by default", {"/x": [Response(content="ü".encode("latin-1"))]}, _encoding),
)  # fmt: skip
