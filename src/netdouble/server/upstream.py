"""Let a request through to the real service, from the server's own thread.

Rule: the guard and the doors let exactly this exchange go by; certificates are checked as any client does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from netdouble import _active
from netdouble._codec.spelling import spell
from netdouble._core.calls import Call
from netdouble._core.headers import Headers
from netdouble._core.messages import Response

if TYPE_CHECKING:
    import http.client

    from netdouble._far_end import Act

# Of one connection only (RFC 9110 section 7.6.1); the framing is made anew.
_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length", "host", "expect",
})  # fmt: skip
_TIMEOUT = 30.0


def passed_on(call: Call, said: bytes) -> Iterator[Act]:  # noqa: ARG001  # a PassedOn's signature
    """Send the request of `call` where it is meant for, and say what came back.

    Raises:
        OSError: the real service can't be reached.
    """
    response = _exchanged(call)
    call.close(response=response)
    request = call.request
    version = "1.0" if request.http_version == "1.0" else "1.1"
    yield from spell(response, method=request.method, http_version=version).steps()


def _exchanged(call: Call) -> Response:
    request, url = call.request, call.request.url
    with _active.passing(), _active.admitted(url.host, url.port):
        connection = _connection(url.scheme, url.host, url.port)
        try:
            connection.putrequest(request.method, url.target, skip_host=True, skip_accept_encoding=True)
            default = 443 if url.scheme == "https" else 80
            host = f"[{url.host}]" if ":" in url.host else url.host
            connection.putheader("Host", host if url.port == default else f"{host}:{url.port}")
            for name, value in _kept(request.headers):
                connection.putheader(name, value)
            if request.body or request.method in {"POST", "PUT", "PATCH"}:
                connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body or None)
            answer = connection.getresponse()
            body = answer.read()
            fields = _kept(Headers(answer.getheaders()))
            return Response.of_parts(answer.status, fields, body, reason=answer.reason)
        finally:
            connection.close()


def _connection(scheme: str, host: str, port: int) -> http.client.HTTPConnection:
    import http.client

    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=_TIMEOUT)


def _kept(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.fields if name.lower() not in _HOP_BY_HOP]
