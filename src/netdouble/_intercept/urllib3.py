"""urllib3, 1.26 and 2: connections are made in memory; its pool, retries, redirects and decoding are its own.

Seams: `HTTPConnection.connect` and `HTTPSConnection.connect` (bytes); `HTTPConnectionPool._make_request` when the
setting `fast` is on (a response object; urllib3 2 only); `Retry` for its waits.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import urllib3
import urllib3.exceptions
from urllib3.util import SKIP_HEADER
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import resolve_cert_reqs

from netdouble import _active, _asking
from netdouble._active import Scope
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.urls import join_url
from netdouble._intercept.layers import Dialect, speaker, spoken_by
from netdouble._intercept.memory_socket import Door, is_answered, target_of
from netdouble._intercept.object_seam import answered, bare_response, fast_scope, of_the_wire, read_timeout
from netdouble._intercept.seams import seam
from netdouble._patch import Undo, UndoStack
from netdouble._stepping_aside import announced, is_on_wire
from netdouble.errors import DeclarationError

VERSION: str = vars(urllib3)["__version__"]  # not exported, say its types
DIALECT = Dialect(f"urllib3 {VERSION}", "urllib3")
# The object seam is there since 2.0: 1.26 builds its response elsewhere, and stays at bytes.
IS_SECOND = int(VERSION.partition(".")[0]) >= 2


def install(module: ModuleType) -> Undo:
    """Attach to urllib3.

    Raises:
        ClientNotSupported: a seam is missing.
    """
    kinds = ((module.connection.HTTPConnection, "http"), (module.connection.HTTPSConnection, "https"))
    if not all(issubclass(kind, http.client.HTTPConnection) for kind, _ in kinds):
        # urllib3-future, which comes with niquests, goes by the same name; the wire answers it as it stands.
        return UndoStack().undo
    doors = [(kind, scheme, seam(kind, "connect", ("self",), client=DIALECT.client)) for kind, scheme in kinds]
    pool = module.connectionpool.HTTPConnectionPool
    urlopen = seam(pool, "urlopen", ("self", "method", "url", "body", "headers"), client=DIALECT.client)
    request = seam(pool, "_make_request", ("self", "conn", "method", "url"), client=DIALECT.client)
    backoff = seam(Retry, "_sleep_backoff", ("self",), client=DIALECT.client)
    retry_after = seam(Retry, "sleep_for_retry", ("self", "response"), client=DIALECT.client)

    undo = UndoStack()
    for kind, scheme, connect in doors:
        undo.replace(kind, "connect", _connect(Door(DIALECT, connect, connect_error), scheme, _is_in_memory))
    undo.replace(pool, "urlopen", spoken_by(DIALECT, _announcing_tunnel(urlopen)))
    undo.replace(pool, "_make_request", _announcing(request, _make_request(request) if IS_SECOND else request))
    undo.replace(Retry, "_sleep_backoff", _waited(backoff, lambda retry: None))  # noqa: ARG005  # the original's argument
    undo.replace(Retry, "sleep_for_retry", _waited(retry_after, _would_wait))
    return undo.undo


# The byte seam


def connect_error(connection: Any, error: OSError, fault: Fault) -> BaseException:
    """What `HTTPConnection._new_conn` makes of an error of the operating system; OpenSSL's are wrapped further up.

    In the handshake it is `HTTPConnectionPool._make_request` and `urlopen` that do: they look for it while connecting,
    and it is raised while sending.
    """
    if fault is Fault.HANDSHAKE_TIMEOUT:
        pool = urllib3.HTTPSConnectionPool(connection.host, connection.port)
        return urllib3.exceptions.ReadTimeoutError(pool, "", f"Read timed out. (read timeout={connection.timeout})")
    if fault is Fault.RESET_IN_HANDSHAKE:
        return urllib3.exceptions.ProtocolError("Connection aborted.", error)
    if isinstance(error, ssl.SSLError):
        return error
    if isinstance(error, socket.gaierror) and hasattr(urllib3.exceptions, "NameResolutionError"):
        return urllib3.exceptions.NameResolutionError(connection.host, connection, error)
    if isinstance(error, TimeoutError):
        return urllib3.exceptions.ConnectTimeoutError(
            connection, f"Connection to {connection.host} timed out. (connect timeout={connection.timeout})"
        )
    return urllib3.exceptions.NewConnectionError(connection, f"Failed to establish a new connection: {error}")


def _is_in_memory(connection: Any) -> bool:
    return is_answered() and not is_on_wire(*target_of(connection))


def _connect(door: Door, scheme: str, is_ours: Callable[[Any], bool]) -> Callable[[Any], None]:
    def connect(self: Any) -> None:
        if not is_ours(self):
            door.connect(self)
            return
        door.attach(self, scheme)
        if scheme == "https":  # as after a handshake: an unverified one is warned of
            verified = resolve_cert_reqs(self.cert_reqs) == ssl.CERT_REQUIRED or bool(self.assert_fingerprint)
            self.is_verified = verified
        if IS_SECOND and self.proxy:
            self._has_connected_to_proxy, self.proxy_is_verified = True, False

    return connect


def _announcing(original: Callable[..., Any], fast: Callable[..., Any]) -> Callable[..., Any]:
    """`original`, `_make_request`, whose request is known before a connection for it is made; `fast` in its place."""

    def _make_request(self: Any, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        send = fast if _active.any_fast() else original
        # Over a connection that is open already nothing has to be announced.
        if getattr(conn, "sock", None) is not None or not is_on_wire(self.host, self.port):
            return send(self, conn, method, url, *args, **kwargs)
        with announced(_neutral(self, method, url, kwargs.get("body"), kwargs.get("headers"))):
            return send(self, conn, method, url, *args, **kwargs)

    return _make_request


def _announcing_tunnel(original: Callable[..., Any]) -> Callable[..., Any]:
    """`original`, `urlopen`: it opens a tunnel through a proxy before it calls `_make_request` (connectionpool.py)."""

    def urlopen(self: Any, method: str, url: str, body: Any = None, headers: Any = None,
                *args: Any, **kwargs: Any) -> Any:  # fmt: skip
        if self.proxy is None or self.scheme != "https" or not is_on_wire(self.host, self.port):
            return original(self, method, url, body, headers, *args, **kwargs)
        with announced(_neutral(self, method, url, body, headers)):
            return original(self, method, url, body, headers, *args, **kwargs)

    return urlopen


def _neutral(pool: Any, method: str, url: str, body: Any, headers: Any) -> Request:
    where = join_url(pool.scheme, pool.host, pool.port, url)
    data = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    return Request(method.upper(), where, Headers(_fields(headers)), data, (speaker() or DIALECT).client,
                   raw_target=url)  # fmt: skip


# The object seam


def _make_request(original: Callable[..., Any]) -> Callable[..., Any]:
    def _make_request(self: Any, conn: Any, method: str, url: str, body: Any = None, headers: Any = None,
                      retries: Any = None, timeout: Any = urllib3.Timeout.DEFAULT_TIMEOUT, chunked: bool = False,
                      response_conn: Any = None, preload_content: bool = True, decode_content: bool = True,
                      enforce_content_length: bool = True) -> Any:  # fmt: skip
        options = {"preload_content": preload_content, "decode_content": decode_content,
                   "enforce_content_length": enforce_content_length}  # fmt: skip

        def send() -> Any:
            return original(self, conn, method, url, body=body, headers=headers, retries=retries, timeout=timeout,
                            chunked=chunked, response_conn=response_conn, **options)  # fmt: skip

        if isinstance(self, _Mounted) or (scope := fast_scope(body)) is None:
            return send()

        def build(response: Response) -> Any:
            self.num_requests += 1
            return bare_response(urllib3, response, method.upper(), request_url=url, retries=retries, pool=self,
                                 connection=response_conn, **options)  # fmt: skip

        request = _neutral(self, method, url, body, headers)
        return answered(scope, request, build, send, read_timeout(self._get_timeout(timeout)))

    return _make_request


def _fields(headers: Any) -> list[tuple[str, str]]:
    """Header lines, as far as they are text: urllib3 takes bytes too, and has a mark for "leave this one out"."""
    pairs = () if headers is None else headers.items()
    fields = [(_text(name), _text(value)) for name, value in pairs]
    return [(name, value) for name, value in fields if value != SKIP_HEADER]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# Retries


def _waited(original: Callable[..., Any], skipped: Callable[..., Any],
            clock: Callable[[], float] = time.monotonic) -> Callable[..., Any]:  # fmt: skip
    """`original`, a wait of `Retry`: left out when the setting says so, else counted for the report.

    The clock is bound here: freezegun replaces it in modules.
    """

    def wait(self: Retry, *args: Any) -> Any:
        scope = _active.captured()
        if scope is None:
            return original(self, *args)
        if scope.settings.retry_wait == "skip":
            return skipped(self, *args)
        begun = clock()
        try:
            return original(self, *args)
        finally:
            scope.retry_seconds += clock() - begun

    return wait


def _would_wait(retry: Retry, response: Any) -> bool:
    return bool(retry.get_retry_after(response))


# Without patching


class _Mounted:
    """The pools of a manager that is mounted: they have a scope of their own, and stay at bytes."""


def mount(manager: urllib3.PoolManager, scope_of: Callable[[], Scope]) -> None:
    """Make every pool that `manager` opens from now on connect in memory, to be answered by `scope_of()`."""
    pools = manager.pool_classes_by_scheme.items()
    manager.pool_classes_by_scheme = {scheme: _mounted(kind, scheme, scope_of) for scheme, kind in pools}


def _mounted(pool: Any, scheme: str, scope_of: Callable[[], Scope]) -> Any:
    beneath = pool.ConnectionCls

    def open_real(connection: Any) -> None:
        beneath.connect(connection)  # looked up now: it may be patched by then

    door = Door(DIALECT, open_real, connect_error, lambda request: _asking.ask(scope_of(), request), lambda: True)
    connect = _connect(door, scheme, lambda connection: not _active.is_passing())  # noqa: ARG005  # as `_is_in_memory`
    connection = type(beneath.__name__, (beneath,), {"connect": connect})

    def urlopen(self: Any, *args: Any, **kwargs: Any) -> Any:
        return pool.urlopen(self, *args, **kwargs)

    return type(pool.__name__, (_Mounted, pool), {"ConnectionCls": connection, "urlopen": spoken_by(DIALECT, urlopen)})


def urllib3_pool_manager(scope_of: Callable[[], Scope]) -> urllib3.PoolManager:
    """A pool manager whose requests are answered by `scope_of()`, asked at each of them; nothing is patched."""
    manager = urllib3.PoolManager()
    mount(manager, scope_of)
    return manager


# Native objects


def to_native(response: Response, request: Request | None, library: str) -> Any:  # noqa: ARG001  # the doors' signature
    """`response` as a `urllib3.HTTPResponse` that is not read yet."""
    method = request.method if request is not None else "GET"
    return bare_response(urllib3, response, method, preload_content=False)


def from_native(native: Any) -> Response:
    """The response in a `urllib3.HTTPResponse`; it is read, and can be read again through `.data`.

    Raises:
        DeclarationError: it was read in part, so what it said is lost.
    """
    if native._body is None and native.tell():
        raise DeclarationError(
            "this urllib3 response was partly read already, so its body is not complete any more; reply with "
            "Response(status, content=...), or pass the object before reading from it"
        )
    body = native.data
    gone = of_the_wire(decoded=native.decode_content and native._decoder is not None)
    pairs = [(name, value) for name, value in native.headers.items() if name.lower() not in gone]
    return Response.of_parts(native.status, pairs, body, reason=native.reason)
