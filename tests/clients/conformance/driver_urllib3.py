"""The drivers of http.client, urllib.request, urllib3, requests and botocore."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.exceptions
import botocore.httpsession
import botocore.response
import requests
import urllib3
from tests.clients.conformance.drivers import Raises, Seen, Send, completed

from netdouble import Fault

_UNKNOWN_NAME = r"\[Errno -2\] Name or service not known"
_REFUSED = r"\[Errno 111\] Connection refused"
_RESET = r"\[Errno 104\] Connection reset by peer"
_TLS = "handshake failure"
_EOF = "EOF occurred in violation of protocol"
_LATE = "The handshake operation timed out"
_NO_TLS = "wrong version number"
_CLOSED = "Remote end closed connection without response"


def _lower(pairs: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in pairs)


class HttpClient:
    """One connection a host, as code that uses http.client directly keeps them."""

    name, client = "http.client", "http.client 3."
    looks_first = False  # whether the peer has hung up, before it sends on a kept connection
    follows = decodes = keeps_cookies = False
    pools = True
    raises: ClassVar = completed(
        {
            Fault.DNS: Raises(socket.gaierror, _UNKNOWN_NAME),
            Fault.CONNECT_REFUSED: Raises(ConnectionRefusedError, _REFUSED),
            Fault.CONNECT_TIMEOUT: Raises(TimeoutError, "^timed out$"),
            Fault.TLS: Raises(ssl.SSLError, _TLS),
            Fault.RESET: Raises(ConnectionResetError, _RESET),
            Fault.RESET_IN_HEADERS: Raises(ConnectionResetError, _RESET),
            Fault.RESET_IN_BODY: Raises(ConnectionResetError, _RESET),
            Fault.EMPTY_RESPONSE: Raises(http.client.RemoteDisconnected, _CLOSED),
            Fault.TRUNCATED_BODY: Raises(http.client.IncompleteRead, "50 bytes read, 50 more expected"),
            Fault.READ_TIMEOUT: Raises(TimeoutError, "timed out$"),
            Fault.READ_TIMEOUT_IN_BODY: Raises(TimeoutError, "timed out$"),
            Fault.MALFORMED_RESPONSE: Raises(http.client.BadStatusLine, "this is not HTTP"),
            Fault.CLOSE_IN_HANDSHAKE: Raises(ssl.SSLEOFError, _EOF),
            Fault.RESET_IN_HANDSHAKE: Raises(ConnectionResetError, _RESET),
            Fault.HANDSHAKE_TIMEOUT: Raises(TimeoutError, _LATE),
            Fault.GARBAGE_IN_HANDSHAKE: Raises(ssl.SSLError, _NO_TLS),
            Fault.CLOSE_IN_REQUEST: Raises(ConnectionResetError, _RESET),
            Fault.RESET_IN_REQUEST: Raises(ConnectionResetError, _RESET),
            Fault.WRITE_TIMEOUT: Raises(TimeoutError, "timed out$"),
            Fault.BAD_CHUNK: Raises(http.client.IncompleteRead, "0 bytes read"),
        }
    )

    @contextmanager
    def open(self) -> Iterator[HttpClient]:
        opened = HttpClient()
        opened.connections = {}
        yield opened
        for connection in opened.connections.values():
            connection.close()

    def send(self, send: Send) -> Seen:
        parts = urlsplit(send.url)
        connection = self.connections.get(parts[:2])
        if connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            connection = self.connections[parts[:2]] = kind(parts.hostname, parts.port, timeout=send.timeout)
        elif connection.sock is not None:
            connection.sock.settimeout(send.timeout)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = iter(send.content) if isinstance(send.content, tuple) else send.content
        try:
            connection.request(send.method, target, body, dict(send.headers), encode_chunked=body is not send.content)
            response = connection.getresponse()
            return Seen(response.status, _lower(response.getheaders()), response.read())
        except BaseException:
            connection.close()
            raise


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


class UrllibRequest:
    """urllib.request, with an opener of its own."""

    name, client = "urllib.request", "urllib.request 3."
    follows = keeps_cookies = True
    decodes = pools = sends_bodies_again = False
    raises: ClassVar = {
        **HttpClient.raises,
        Fault.DNS: Raises(urllib.error.URLError, _UNKNOWN_NAME),
        Fault.CONNECT_REFUSED: Raises(urllib.error.URLError, _REFUSED),
        Fault.CONNECT_TIMEOUT: Raises(urllib.error.URLError, "timed out"),
        Fault.TLS: Raises(urllib.error.URLError, _TLS),
        Fault.CLOSE_IN_HANDSHAKE: Raises(urllib.error.URLError, _EOF),
        Fault.RESET_IN_HANDSHAKE: Raises(urllib.error.URLError, _RESET),
        Fault.HANDSHAKE_TIMEOUT: Raises(urllib.error.URLError, _LATE),
        Fault.GARBAGE_IN_HANDSHAKE: Raises(urllib.error.URLError, _NO_TLS),
        Fault.CLOSE_IN_REQUEST: Raises(urllib.error.URLError, _RESET),
        Fault.RESET_IN_REQUEST: Raises(urllib.error.URLError, _RESET),
        Fault.WRITE_TIMEOUT: Raises(urllib.error.URLError, "timed out>$"),
    }

    @contextmanager
    def open(self) -> Iterator[UrllibRequest]:
        opened = UrllibRequest()
        opened.jar = urllib.request.HTTPCookieProcessor()
        yield opened

    def send(self, send: Send) -> Seen:
        redirects = [] if send.follow else [_NoRedirect]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), self.jar, *redirects)
        body = iter(send.content) if isinstance(send.content, tuple) else send.content
        request = urllib.request.Request(send.url, body, dict(send.headers), method=send.method)
        if isinstance(send.content, tuple):
            request.add_header("Transfer-Encoding", "chunked")
        try:
            response = opener.open(request, timeout=send.timeout)
        except urllib.error.HTTPError as error:
            response = error
        with closing(response):
            return Seen(response.status, _lower(response.headers.items()), response.read())


class Urllib3:
    """A pool manager without retries."""

    name, client = "urllib3", "urllib3 "
    follows = decodes = pools = has_object_seam = True
    keeps_cookies = False
    raises: ClassVar = completed({
        Fault.DNS: Raises(getattr(urllib3.exceptions, "NameResolutionError", urllib3.exceptions.NewConnectionError),
                          _UNKNOWN_NAME),
        Fault.CONNECT_REFUSED: Raises(urllib3.exceptions.NewConnectionError,
                                      f"Failed to establish a new connection: {_REFUSED}"),
        Fault.CONNECT_TIMEOUT: Raises(urllib3.exceptions.ConnectTimeoutError,
                                      r"Connection to api\.test timed out\. \(connect timeout=5\.0\)"),
        Fault.TLS: Raises(urllib3.exceptions.SSLError, _TLS),
        Fault.RESET: Raises(urllib3.exceptions.ProtocolError, "Connection aborted"),
        Fault.RESET_IN_HEADERS: Raises(urllib3.exceptions.ProtocolError, "Connection aborted"),
        Fault.RESET_IN_BODY: Raises(urllib3.exceptions.ProtocolError, "Connection broken: ConnectionResetError"),
        Fault.EMPTY_RESPONSE: Raises(urllib3.exceptions.ProtocolError, _CLOSED),
        Fault.TRUNCATED_BODY: Raises(urllib3.exceptions.ProtocolError, "Connection broken: IncompleteRead"),
        Fault.READ_TIMEOUT: Raises(urllib3.exceptions.ReadTimeoutError, r"Read timed out\. \(read timeout=5\.0\)"),
        Fault.READ_TIMEOUT_IN_BODY: Raises(urllib3.exceptions.ReadTimeoutError, r"Read timed out\."),
        Fault.MALFORMED_RESPONSE: Raises(urllib3.exceptions.ProtocolError, "BadStatusLine"),
        Fault.CLOSE_IN_HANDSHAKE: Raises(urllib3.exceptions.SSLError, _EOF),
        Fault.RESET_IN_HANDSHAKE: Raises(urllib3.exceptions.ProtocolError, "Connection aborted"),
        Fault.HANDSHAKE_TIMEOUT: Raises(urllib3.exceptions.ReadTimeoutError, r"Read timed out\. \(read timeout=5\.0\)"),
        Fault.GARBAGE_IN_HANDSHAKE: Raises(urllib3.exceptions.SSLError, _NO_TLS),
        Fault.CLOSE_IN_REQUEST: Raises(urllib3.exceptions.ProtocolError, "Connection aborted"),
        Fault.RESET_IN_REQUEST: Raises(urllib3.exceptions.ProtocolError, "Connection aborted"),
        Fault.WRITE_TIMEOUT: Raises(urllib3.exceptions.ProtocolError, "Connection aborted.*timed out"),
        Fault.CONFLICTING_LENGTHS: Raises(urllib3.exceptions.InvalidHeader, "multiple unmatching values"),
        Fault.BAD_CHUNK: Raises(urllib3.exceptions.ProtocolError, "Connection broken"),
        Fault.BAD_GZIP: Raises(urllib3.exceptions.DecodeError, "failed to decode it"),
    })  # fmt: skip

    @contextmanager
    def open(self) -> Iterator[Urllib3]:
        opened = Urllib3()
        opened.pool = urllib3.PoolManager(retries=False)
        yield opened
        opened.pool.clear()

    def send(self, send: Send) -> Seen:
        body = iter(send.content) if isinstance(send.content, tuple) else send.content
        response = self.pool.request(
            send.method, send.url, body=body, headers=dict(send.headers), timeout=send.timeout, redirect=send.follow,
            retries=urllib3.Retry(None, connect=False, read=False, redirect=5) if send.follow else False)  # fmt: skip
        return Seen(response.status, _lower(response.headers.items()), response.data)


class Requests:
    """A session."""

    name, client = "requests", "requests "
    follows = decodes = pools = keeps_cookies = has_object_seam = True
    raises: ClassVar = completed(
        {
            Fault.DNS: Raises(requests.ConnectionError, rf"Max retries exceeded with url: /users/7 .*{_UNKNOWN_NAME}"),
            Fault.CONNECT_REFUSED: Raises(requests.ConnectionError, f"Max retries exceeded .*{_REFUSED}"),
            Fault.CONNECT_TIMEOUT: Raises(requests.ConnectTimeout, r"Max retries exceeded .*\(connect timeout=5\.0\)"),
            Fault.TLS: Raises(requests.exceptions.SSLError, f"Max retries exceeded .*{_TLS}"),
            Fault.RESET: Raises(requests.ConnectionError, "Connection aborted.*Connection reset by peer"),
            Fault.RESET_IN_HEADERS: Raises(requests.ConnectionError, "Connection aborted.*Connection reset by peer"),
            Fault.RESET_IN_BODY: Raises(requests.exceptions.ChunkedEncodingError, "broken: ConnectionResetError"),
            Fault.EMPTY_RESPONSE: Raises(requests.ConnectionError, _CLOSED),
            # Before urllib3 2, requests does not notice.
            Fault.TRUNCATED_BODY: Raises(requests.exceptions.ChunkedEncodingError, "Connection broken: IncompleteRead")
            if urllib3.__version__ >= "2"
            else Raises(type(None)),
            Fault.READ_TIMEOUT: Raises(requests.ReadTimeout, r"Read timed out\. \(read timeout=5\.0\)"),
            # requests does so on the wire too (servers.md 3.5): its iter_content knows no other class for it.
            Fault.READ_TIMEOUT_IN_BODY: Raises(requests.ConnectionError, r"Read timed out\."),
            Fault.MALFORMED_RESPONSE: Raises(requests.ConnectionError, "BadStatusLine"),
            Fault.CLOSE_IN_HANDSHAKE: Raises(requests.exceptions.SSLError, _EOF),
            Fault.RESET_IN_HANDSHAKE: Raises(requests.exceptions.ConnectionError, "Connection aborted"),
            Fault.HANDSHAKE_TIMEOUT: Raises(requests.exceptions.ReadTimeout, r"Read timed out\. \(read timeout=5\.0\)"),
            Fault.GARBAGE_IN_HANDSHAKE: Raises(requests.exceptions.SSLError, _NO_TLS),
            Fault.CLOSE_IN_REQUEST: Raises(requests.exceptions.ConnectionError, "Connection aborted"),
            Fault.RESET_IN_REQUEST: Raises(requests.exceptions.ConnectionError, "Connection aborted"),
            Fault.WRITE_TIMEOUT: Raises(requests.exceptions.ConnectionError, "Connection aborted.*timed out"),
            Fault.CONFLICTING_LENGTHS: Raises(requests.exceptions.InvalidHeader, "multiple unmatching values"),
            Fault.BAD_CHUNK: Raises(requests.exceptions.ChunkedEncodingError, "InvalidChunkLength"),
            Fault.BAD_GZIP: Raises(requests.exceptions.ContentDecodingError, "failed to decode it"),
        }
    )

    @contextmanager
    def open(self) -> Iterator[Requests]:
        opened = Requests()
        with requests.Session() as opened.session:
            yield opened

    def send(self, send: Send) -> Seen:
        body = iter(send.content) if isinstance(send.content, tuple) else send.content
        response = self.session.request(send.method, send.url, data=body, headers=dict(send.headers),
                                        timeout=send.timeout, allow_redirects=send.follow)  # fmt: skip
        return Seen(response.status_code, _lower(response.raw.headers.items()), response.content)


class Botocore:
    """botocore's own HTTP session, below its retries; the body is read as that of an S3 object is."""

    name, client = "botocore", "botocore "
    pools = True
    follows = decodes = keeps_cookies = False
    raises: ClassVar = completed(
        {
            Fault.DNS: Raises(botocore.exceptions.EndpointConnectionError, "Could not connect to the endpoint"),
            Fault.CONNECT_REFUSED: Raises(botocore.exceptions.EndpointConnectionError, "Could not connect"),
            Fault.CONNECT_TIMEOUT: Raises(botocore.exceptions.ConnectTimeoutError, "Connect timeout on endpoint URL"),
            Fault.TLS: Raises(botocore.exceptions.SSLError, _TLS),
            Fault.RESET: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.RESET_IN_HEADERS: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.RESET_IN_BODY: Raises(botocore.exceptions.ResponseStreamingError, "broken: ConnectionResetError"),
            Fault.EMPTY_RESPONSE: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.TRUNCATED_BODY: Raises(
                botocore.exceptions.ResponseStreamingError, "Connection broken: IncompleteRead"
            ),
            Fault.READ_TIMEOUT: Raises(botocore.exceptions.ReadTimeoutError, "Read timeout on endpoint URL"),
            Fault.READ_TIMEOUT_IN_BODY: Raises(botocore.exceptions.ReadTimeoutError, "Read timeout on endpoint URL"),
            Fault.MALFORMED_RESPONSE: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.CLOSE_IN_HANDSHAKE: Raises(botocore.exceptions.SSLError, _EOF),
            Fault.RESET_IN_HANDSHAKE: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.HANDSHAKE_TIMEOUT: Raises(botocore.exceptions.ReadTimeoutError, "Read timeout on endpoint URL"),
            Fault.GARBAGE_IN_HANDSHAKE: Raises(botocore.exceptions.SSLError, _NO_TLS),
            Fault.CLOSE_IN_REQUEST: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.RESET_IN_REQUEST: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.WRITE_TIMEOUT: Raises(botocore.exceptions.ConnectionClosedError, "Connection was closed"),
            Fault.CONFLICTING_LENGTHS: Raises(botocore.exceptions.HTTPClientError, "multiple unmatching values"),
            Fault.BAD_CHUNK: Raises(botocore.exceptions.ResponseStreamingError, "Connection broken"),
        }
    )

    @contextmanager
    def open(self) -> Iterator[Botocore]:
        opened = Botocore()
        opened.sessions = {}
        yield opened
        for session in opened.sessions.values():
            session.close()

    def send(self, send: Send) -> Seen:
        body = b"".join(send.content) if isinstance(send.content, tuple) else send.content
        headers = dict(send.headers)
        if isinstance(send.content, tuple):
            headers["Transfer-Encoding"] = "chunked"
        request = botocore.awsrequest.AWSRequest(send.method, send.url, headers=headers, data=body)
        if send.timeout not in self.sessions:  # the timeout is the session's
            self.sessions[send.timeout] = botocore.httpsession.URLLib3Session(timeout=send.timeout)
        prepared = request.prepare()
        prepared.stream_output = True
        response = self.sessions[send.timeout].send(prepared)
        length = None if send.method == "HEAD" else response.headers.get("content-length")
        body = botocore.response.StreamingBody(response.raw, length)
        return Seen(response.status_code, _lower(response.raw.headers.items()), body.read())


DRIVERS = (HttpClient(), UrllibRequest(), Urllib3(), Requests(), Botocore())
