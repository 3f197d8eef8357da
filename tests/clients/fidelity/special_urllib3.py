"""What only urllib3 and http.client do: retries told by the response, reading in pieces, tunnels, headers by hand."""

from __future__ import annotations

import gc
import http.client
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import urllib3
from tests.clients.fidelity.look_urllib3 import raw_response
from tests.clients.fidelity.oracle import At
from tests.clients.fidelity.showing import Shown, Special, plain, told
from tests.clients.fidelity.special_requests import BASIC, CHUNKS, DIGEST

from netdouble import Fault, Response


def steps(*asked: Callable[[], Any]) -> list[Any]:
    """What each step gives or raises."""
    seen: list[Any] = []
    for step in asked:
        try:
            seen.append(plain(step()))
        except Exception as error:
            seen.append(told(error))
    return seen


def special(name: str, site: Any, look: Callable[[Any, At], Any], **more: Any) -> Special:
    """A row: what `look` gives, or raises."""

    def shown(client: Any, at: At) -> Shown:
        return {"shown": steps(lambda: look(client, at))}

    return Special(name, site if callable(site) else lambda at: site, shown, **more)


PLAIN = {"/x": [Response(text="x")]}
STREAMED = {"/x": [CHUNKS]}
UNAVAILABLE = Response(503, text="no")


def _retrying(**options: Any) -> Callable[[Any, At], Any]:
    retry = urllib3.Retry(**{"total": 3, "backoff_factor": 0, "status_forcelist": [503], **options})
    return lambda client, at: raw_response(client.pool.request("GET", at("/x"), retries=retry, timeout=0.5))


def _streamed(client: Any, at: At, **options: Any) -> Any:
    return client.pool.request("GET", at("/x"), preload_content=False, **options)


def _read_by_pieces(client: Any, at: At) -> Any:
    response = _streamed(client, at)
    return steps(lambda: response.read(2), response.tell, lambda: response.read(3), response.read,
                 response.read, lambda: response.closed, response.release_conn)  # fmt: skip


def _wrapped(client: Any, at: At) -> Any:
    response = _streamed(client, at)
    response.auto_close = False
    return steps(lambda: list(io.TextIOWrapper(response)), lambda: response.closed)


def _drained(client: Any, at: At) -> Any:
    response = _streamed(client, at)
    return steps(response.drain_conn, response.release_conn, lambda: client.pool.request("GET", at("/x")).data)


def _one_host(client: Any, at: At) -> Any:
    pool = urllib3.connection_from_url(at("/"))
    return [(pool.request("GET", "/x").data, pool.num_connections, pool.num_requests) for _ in range(2)]


URLLIB3 = (
    special("retries after a status", {"/x": [UNAVAILABLE, UNAVAILABLE, Response(text="x")]}, _retrying()),
    special("retries that run out", {"/x": [UNAVAILABLE]}, _retrying()),
    special("retries that give the last response back", {"/x": [UNAVAILABLE]}, _retrying(raise_on_status=False)),
    special("retries of reads", {"/x": [Fault.RESET, Fault.EMPTY_RESPONSE, Fault.READ_TIMEOUT, Response(text="x")]},
            _retrying()),
    special("retries of reads that run out", {"/x": [Fault.MALFORMED_RESPONSE]}, _retrying(read=1)),
    special("retries and redirects", lambda at: {"/x": [Response(302, headers={"Location": "/y"})],
            "/y": [UNAVAILABLE, Response(text="y")]}, _retrying()),
    special("too many redirects", {"/x": [Response(302, headers={"Location": "/x"})]}, _retrying(redirect=2)),
    special("a body in pieces", STREAMED, _read_by_pieces),
    special("a body as a stream", STREAMED, lambda client, at: list(_streamed(client, at).stream(3))),
    special("chunks as they were sent", STREAMED, lambda client, at: list(_streamed(client, at).read_chunked())),
    special("no chunks to read", PLAIN, lambda client, at: list(_streamed(client, at).read_chunked())),
    special("a body as a file", STREAMED, _wrapped),
    special("a body that is drained", STREAMED, _drained),
    *(special(f"pieces until {fault.value}", {"/x": [fault]},
              lambda client, at: list(_streamed(client, at, timeout=0.15, retries=False).stream(7)))
      for fault in (Fault.TRUNCATED_BODY, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT_IN_BODY)),
    special("a length that is not enforced", {"/x": [Fault.TRUNCATED_BODY]},
            lambda client, at: client.pool.request("GET", at("/x"), enforce_content_length=False).data),
    special("a body that is not decoded", {"/x": [Response(content=b"zzz", headers={"Content-Encoding": "gzip"})]},
            lambda client, at: client.pool.request("GET", at("/x"), decode_content=False).data),
    special("uploads", PLAIN, lambda client, at: [client.pool.request("POST", at("/x"), **body).status for body in (
        {"fields": {"a": "1"}, "encode_multipart": False}, {"body": io.BytesIO(b"file")}, {"body": "ü"},
        {"fields": {"f": ("n.txt", b"x")}, "multipart_boundary": "BOUND"}, {"body": iter([b"a", b""])})]),
    special("through a proxy", PLAIN, lambda client, at: raw_response(
        urllib3.ProxyManager(at("//proxy.test"), headers={"X-P": "1"}).request("GET", at("/x")))),
    special("a pool of one host", PLAIN, _one_host),
    special("a total timeout", {"/x": [Response(delay=0.3)]}, lambda client, at: client.pool.request(
        "GET", at("/x"), timeout=urllib3.Timeout(total=0.1), retries=False)),
)  # fmt: skip


def _connection(at: At, timeout: float = 5) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(at("/")).netloc, timeout=timeout)


def _got(at: At, method: str = "GET", timeout: float = 5) -> http.client.HTTPResponse:
    connection = _connection(at, timeout)
    connection.request(method, "/x")
    return connection.getresponse()


def _by_hand(client: Any, at: At) -> Any:
    connection = _connection(at)
    connection.putrequest("POST", "/x", skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", "a.test")
    connection.putheader("x-many", "one", b"two", 3)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders([b"a", b"bc"], encode_chunked=True)
    response = connection.getresponse()
    return response.read(), response.isclosed(), connection.sock is not None


def _tunnelled(client: Any, at: At) -> Any:
    connection = _connection(lambda path: at(f"//proxy.test{path}"))
    connection.set_tunnel("a.test", urlsplit(at("/")).port, {"X-P": "1"})
    connection.request("GET", "/x")
    return connection.getresponse().read(), connection.host, connection._tunnel_host


def _out_of_turn(client: Any, at: At) -> Any:
    connection = _connection(at)
    connection.request("GET", "/x")
    seen = steps(lambda: connection.request("GET", "/x"))
    response = connection.getresponse()
    seen += steps(lambda: connection.request("GET", "/x"), connection.getresponse, response.read,
                  lambda: connection.request("GET", "/x"), lambda: connection.getresponse().read())  # fmt: skip
    connection.close()
    connection.auto_open = 0
    return seen + steps(lambda: connection.request("GET", "/x"))


def _pieces(client: Any, at: At) -> Any:
    response, other, lines = _got(at), _got(at), _got(at)
    buffer = bytearray(5)
    return (
        steps(
            lambda: response.read(3), response.read1, lambda: response.readinto(buffer), lambda: buffer, response.read
        )
        + steps(lambda: other.peek(2)[:2], other.readline, lambda: other.read1(2), other.readlines)
        + steps(lambda: list(lines), lambda: lines.closed, lambda: lines.getheader("x", "none"))
    )


HTTP_CLIENT = (
    special("headers by hand", PLAIN, _by_hand),
    special("a tunnel", PLAIN, _tunnelled, layers=("transport", "wire")),  # a server is no proxy
    special("calls out of turn", PLAIN, _out_of_turn),
    special("a body in pieces", STREAMED, _pieces),
    special("a body of known length in pieces", PLAIN, _pieces),
    special("HEAD in pieces", STREAMED, lambda client, at: steps(*[_got(at, "HEAD").read] * 2)),
    special("a file sent", PLAIN, lambda client, at: [
        (connection.request("PUT", "/x", io.BytesIO(b"file")), connection.getresponse().status)
        for connection in [_connection(at)]]),
    *(special(f"pieces until {fault.value}", {"/x": [fault]}, lambda client, at: [
        (got := _got(at, timeout=0.15)), *steps(lambda: got.read(10), lambda: got.read(70), got.read)][1:])
      for fault in (Fault.TRUNCATED_BODY, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT_IN_BODY)),
)  # fmt: skip


def _opened(at: At, *handlers: Any, request: Any = None) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
    try:
        response = opener.open(request or at("/x"), timeout=1)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        shown = response.status, response.read(), response.url, response.headers.items()
    gc.collect()  # the handlers close no response that they refused; the warnings of it belong here
    return shown


def _passwords(at: At) -> Any:
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, at("/"), "me", "secret")
    return manager


URLLIB_REQUEST = (
    special("basic auth", {"/x": [BASIC, Response(text="in")]},
            lambda client, at: _opened(at, urllib.request.HTTPBasicAuthHandler(_passwords(at)))),
    special("basic auth refused", {"/x": [BASIC]},
            lambda client, at: _opened(at, urllib.request.HTTPBasicAuthHandler(_passwords(at)))),
    special("digest auth", {"/x": [DIGEST, Response(text="in")]},
            lambda client, at: _opened(at, urllib.request.HTTPDigestAuthHandler(_passwords(at)))),
    special("digest auth refused", {"/x": [DIGEST]},
            lambda client, at: _opened(at, urllib.request.HTTPDigestAuthHandler(_passwords(at)))),
    special("through a proxy", PLAIN,
            lambda client, at: _opened(at, urllib.request.ProxyHandler({"http": at("//me:pass@proxy.test")}))),
    special("a form", PLAIN, lambda client, at: _opened(at, request=urllib.request.Request(at("/x"), b"a=1"))),
    special("urlopen", PLAIN, lambda client, at: urllib.request.urlopen(at("/x"), timeout=1).read()),
)  # fmt: skip
