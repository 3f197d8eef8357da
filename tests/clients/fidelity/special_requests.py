"""What only requests does: hooks, adapters that retry, auth, streams, uploads, pickles."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, HTTPDigestAuth
from tests.clients.fidelity.oracle import At
from tests.clients.fidelity.showing import Shown, Special, jar, plain, told

from netdouble import Fault, Response

CHUNKS = Response(stream=[b"one\n", b"two\nthr", b"ee\n"], headers={"Content-Type": "text/plain; charset=utf-8"})
DIGEST = Response(401, text="who?", headers={
    "WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5, opaque="o"'})  # fmt: skip
BASIC = Response(401, headers={"WWW-Authenticate": 'Basic realm="r"'})


def summary(response: Any) -> Any:
    """What a response was, and what led to it."""
    hops = [(hop.status_code, hop.url, dict(hop.request.headers)) for hop in response.history]
    retries = response.raw.retries
    return plain((response.status_code, response.text, response.url, dict(response.request.headers), hops,
                  [tuple(entry) for entry in retries.history] if retries else None))  # fmt: skip


def special(name: str, site: Any, send: Callable[[requests.Session, At], Any]) -> Special:
    """A row: what `send` gives, or raises."""

    def look(client: Any, at: At) -> Shown:
        try:
            return {"shown": send(client.session, at)}
        except Exception as error:
            return {"error": told(error)}

    return Special(name, site if callable(site) else lambda at: site, look)


def _retrying(session: requests.Session, at: At, **options: Any) -> Any:
    options = {"total": 3, "backoff_factor": 0, "status_forcelist": [503], **options}
    session.mount("http://", HTTPAdapter(max_retries=urllib3.Retry(**options)))
    return summary(session.get(at("/x"), timeout=0.5))


def _pieces(response: Any, ask: Callable[[Any], Any]) -> list[Any]:
    """The pieces of a body, and the error that ends it."""
    pieces: list[Any] = []
    try:
        pieces += map(plain, ask(response))
    except Exception as error:
        pieces.append(told(error))
    return pieces


def _hooks(session: requests.Session, at: At) -> Any:
    seen: list[Any] = []

    def hook(response: Any, *args: Any, **kwargs: Any) -> None:
        seen.append((response.status_code, response.url, sorted(kwargs), response.content, len(response.history)))

    session.hooks["response"].append(hook)
    session.get(at("/x"), hooks={"response": [hook]})
    return plain(seen)


def _two_at_once(session: requests.Session, at: At) -> Any:
    first, second = session.get(at("/x"), stream=True), session.get(at("/x"), stream=True)
    begun = next(first.iter_content(2)), next(second.iter_content(2))
    first.close()
    return begun, second.content, session.get(at("/x")).content


def _open_and_leave(session: requests.Session, at: At) -> Any:
    with session.get(at("/x"), stream=True) as response:
        before = response.raw.closed, response.raw.tell()
    return before, response.raw.closed, session.get(at("/x")).content


def _prepared(session: requests.Session, at: At) -> Any:
    request = requests.Request("PUT", at("/x"), data=b"x", headers={"A": "1"}, cookies={"c": "1"}, params={"q": "ü"})
    prepared = session.prepare_request(request)
    del prepared.headers["User-Agent"]
    prepared.headers["Content-Length"] = "1"
    return summary(session.send(prepared))


def _cookies(session: requests.Session, at: At) -> Any:
    session.cookies.set("mine", "1", domain="a.test", path="/")
    session.get(at("/x"), cookies={"once": "2"})
    session.get(at("/x"))
    return jar(session.cookies)


def _next(session: requests.Session, at: At) -> Any:
    response = session.post(at("/x"), data={"a": "1"}, allow_redirects=False)
    assert response.next is not None
    return summary(session.send(response.next))


def _digest_again(session: requests.Session, at: At) -> Any:
    session.auth = HTTPDigestAuth("user", "pass")
    return [summary(session.post(at("/x"), data=b"body")) for _ in range(2)]


def _netrc(session: requests.Session, at: At) -> Any:
    import os
    import tempfile
    from unittest import mock

    with tempfile.NamedTemporaryFile("w", suffix="netrc") as file:
        file.write("machine a.test login me password secret\n")
        file.flush()
        with mock.patch.dict(os.environ, {"NETRC": file.name}):
            return summary(session.get(at("/x")))


def _limited(session: requests.Session, at: At) -> Any:
    session.max_redirects = 3
    return summary(session.get(at("/x")))


PLAIN = {"/x": [Response(text="x")]}
ON_TO_Y = {"/x": [Response(302, headers={"Location": "/y"})], "/y": [Response(text="y")]}
STREAMED = {"/x": [CHUNKS]}

SPECIALS = (
    special("hooks on the way", ON_TO_Y, _hooks),
    special("retries after a status", {"/x": [Response(503), Response(503, text="no"), Response(text="x")]}, _retrying),
    special("retries that run out", {"/x": [Response(503, text="no")]}, _retrying),
    special("retries that give the last response back", {"/x": [Response(503, text="no")]},
            lambda session, at: _retrying(session, at, raise_on_status=False)),
    special("retries after Retry-After", {"/x": [Response(503, headers={"Retry-After": "0"}), Response(text="x")]},
            _retrying),
    special("retries after hang-ups", {"/x": [Fault.EMPTY_RESPONSE, Fault.RESET, Fault.MALFORMED_RESPONSE,
            Response(text="x")]}, _retrying),
    special("retries after timeouts that run out", {"/x": [Fault.READ_TIMEOUT]},
            lambda session, at: _retrying(session, at, read=1)),
    special("no retries of a POST", {"/x": [Fault.EMPTY_RESPONSE, Response()]},
            lambda session, at: (session.mount("http://", HTTPAdapter(max_retries=2)), session.post(at("/x")))),
    special("basic auth", PLAIN, lambda session, at: summary(session.get(at("/x"), auth=("me", "pässword")))),
    special("basic auth in the URL", PLAIN,
            lambda session, at: summary(session.get(at("/x").replace("a.test", "me:p%40ss@a.test")))),
    special("auth from netrc", PLAIN, _netrc),
    special("digest auth", {"/x": [DIGEST, Response(text="welcome")]},
            lambda session, at: summary(session.get(at("/x"), auth=HTTPDigestAuth("user", "pass")))),
    special("digest auth again", {"/x": [DIGEST, Response(text="one"), Response(text="two")]}, _digest_again),
    special("digest auth refused", {"/x": [DIGEST]},
            lambda session, at: summary(session.get(at("/x"), auth=HTTPDigestAuth("user", "wrong")))),
    special("auth and another host", lambda at: {"/x": [Response(302, headers={"Location": at("//b.test/y")})],
            "//b.test/y": [Response(text="y")]},
            lambda session, at: summary(session.get(at("/x"), auth=HTTPBasicAuth("me", "pass")))),
    special("pieces as they come", STREAMED,
            lambda session, at: _pieces(session.get(at("/x"), stream=True), lambda r: r.iter_content(None))),
    special("pieces of three", STREAMED,
            lambda session, at: _pieces(session.get(at("/x"), stream=True), lambda r: r.iter_content(3))),
    special("lines", STREAMED, lambda session, at: _pieces(
        session.get(at("/x"), stream=True), lambda r: r.iter_lines(decode_unicode=True))),
    special("raw reads", STREAMED, lambda session, at: _pieces(
        session.get(at("/x"), stream=True), lambda r: [r.raw.read(2), r.raw.read(), r.raw.read(), r.raw.closed])),
    *(special(f"pieces until {fault.value}", {"/x": [fault]}, lambda session, at: _pieces(
        session.get(at("/x"), stream=True, timeout=0.15), lambda r: r.iter_content(10)))
      for fault in (Fault.TRUNCATED_BODY, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT_IN_BODY)),
    special("two streams at once", STREAMED, _two_at_once),
    special("a stream that is left", STREAMED, _open_and_leave),
    special("uploads", PLAIN, lambda session, at: [
        summary(session.post(at("/x"), **body)) for body in (
            {"json": {"a": "ü"}}, {"data": {"a": ["1", "ü"]}}, {"data": "text ü"}, {"data": io.BytesIO(b"file")},
            {"data": io.StringIO("text")}, {"data": iter([b"a", b"b"])}, {"data": b""},
            {"files": {"f": ("n.txt", b"x", "text/plain")}, "data": {"a": "1"}})]),
    special("a prepared request", PLAIN, _prepared),
    special("parameters", PLAIN, lambda session, at: summary(
        session.get(at("/x?a=1"), params={"b": ["2", "ü"], "c": None, "d e": "f&g"}))),
    special("cookies of session and request", PLAIN, _cookies),
    special("a redirect by hand", ON_TO_Y, _next),
    special("too many redirects", lambda at: {"/x": [Response(302, headers={"Location": "/x"})]}, _limited),
    special("a pickled response", PLAIN, lambda session, at: plain(vars(pickle.loads(pickle.dumps(
        session.get(at("/x"))))) | {"elapsed": None})),
    special("through a proxy", PLAIN, lambda session, at: summary(
        session.get(at("/x"), proxies={"http": at("//me:pass@proxy.test")}))),
    special("functions of the module", PLAIN, lambda session, at: [
        summary(send(at("/x"))) for send in (requests.get, requests.options, requests.delete, requests.head)]),
)  # fmt: skip
