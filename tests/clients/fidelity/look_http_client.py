"""What http.client and urllib.request show."""

from __future__ import annotations

import contextlib
import http.client
import io
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from tests.clients.conformance.driver_urllib3 import HttpClient, UrllibRequest
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.showing import Look, Shown, ask, jar, plain, prefixed, public, told
from tests.clients.fidelity.special_urllib3 import HTTP_CLIENT, URLLIB_REQUEST


def _response(response: Any) -> Shown:
    """A response, its body still to be read."""
    besides = "fp file msg headers"
    before = public(response, "isclosed getheaders info geturl getcode readable seekable writable", besides)
    read = ask(read=response.read)
    after = public(response, "isclosed read", besides)
    message = ask(message=lambda: type(response.headers).__name__, keys=response.headers.keys,
                  values=response.headers.values, kind=response.headers.get_content_type,
                  charset=response.headers.get_content_charset)  # fmt: skip
    return before | read | prefixed("after.", after) | message


def look(client: Any, send: Send) -> Shown:
    """Send one request, on the connection of its host, as a program does that looks at what went over it."""
    parts = urlsplit(send.url)
    connection = client.connections.get(parts.netloc)
    if connection is None:
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = client.connections[parts.netloc] = kind(parts.hostname, parts.port, timeout=send.timeout)
        connection.set_debuglevel(1)
    if connection.sock is not None:
        connection.sock.settimeout(send.timeout)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    body = iter(send.content) if isinstance(send.content, tuple) else send.content
    shown: Shown = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            connection.request(send.method, target, body, dict(send.headers), encode_chunked=body is not send.content)
            shown = _response(connection.getresponse())
        except Exception as error:
            shown = prefixed("error.", told(error))
            connection.close()
    return {
        **shown,
        "printed": plain(printed.getvalue()),
        "open": connection.sock is not None,
        "state": connection.__dict__["_HTTPConnection__state"],
    }


class _Follow(urllib.request.HTTPRedirectHandler):
    """Tells of each redirect what the handler is given."""

    def __init__(self, *, follow: bool) -> None:
        self.follow, self.seen = follow, []

    def redirect_request(self, request: Any, response: Any, code: int, text: str, headers: Any, url: str) -> Any:
        self.seen.append((request.full_url, code, text, headers.items(), url, response.read()))
        return super().redirect_request(request, response, code, text, headers, url) if self.follow else None


def look_urllib(client: Any, send: Send) -> Shown:
    """Send one request through an opener."""
    follow = _Follow(follow=send.follow)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), client.jar, follow)
    body = iter(send.content) if isinstance(send.content, tuple) else send.content
    request = urllib.request.Request(send.url, body, dict(send.headers), method=send.method)
    try:
        response = opener.open(request, timeout=send.timeout)
    except urllib.error.HTTPError as error:
        shown = prefixed("error.", told(error)) | _response(error)
    except Exception as error:
        shown = prefixed("error.", told(error))
    else:
        shown = _response(response)
    asked = public(request, "get_full_url header_items has_header get_method has_proxy", besides="data")
    return shown | {"hops": follow.seen} | prefixed("request.", asked)


LOOKS = [
    Look(HttpClient(), look, specials=HTTP_CLIENT),
    Look(UrllibRequest(), look_urllib, lambda client: ask(jar=lambda: jar(client.jar.cookiejar)), (), URLLIB_REQUEST),
]
