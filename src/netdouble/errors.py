"""Every exception that netdouble raises: its fields, and the text built from them.

Rule 1: nothing of ours is imported here.
Rule 2: every error survives pickling (pytest-xdist sends them between processes).
Rule 3: a text says what happened, the nearest thing to it, and the next step.
"""

from __future__ import annotations

__all__ = [
    "AmbiguousScope",
    "BodyReleased",
    "ClientNotSupported",
    "DeclarationError",
    "HandlerFailed",
    "MissingExtra",
    "NetdoubleError",
    "NetworkBlocked",
    "NetworkWarning",
    "ScopeClosed",
    "UnansweredRoute",
    "UnmatchedRequest",
    "UnmetExpectation",
    "WebSocketClosed",
]


class NetdoubleError(Exception):
    """The base of every error of netdouble. `str()` of it is the whole message."""

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(kind: type[NetdoubleError], args: tuple[object, ...], fields: dict[str, object]) -> NetdoubleError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class DeclarationError(NetdoubleError, ValueError):
    """A route, reply or setting was declared in a way that can't work; the text carries the repair."""


class UnmatchedRequest(NetdoubleError, RuntimeError):
    """No route answers a request.

    A `RuntimeError` on purpose: no client takes it for an outage, so nothing retries or wraps it.

    Attributes:
        method: the request's method.
        url: the request's normalised URL, secrets masked.
        client: the client library and its version, as `"requests 2.34.2"`.
        caller: `"FILE:LINE in FUNCTION"` of the first frame outside libraries, or `""`.
        server: the URL of the server of ours that it came to; `""` where a client was answered in its own process.
    """

    def __init__(self, message: str, *, method: str = "", url: str = "", client: str = "", caller: str = "",
                 server: str = "") -> None:  # fmt: skip
        super().__init__(message)
        self.method, self.url, self.client, self.caller, self.server = method, url, client, caller, server


class UnansweredRoute(NetdoubleError, RuntimeError):
    """A route matched, but was never told what to answer."""


class HandlerFailed(NetdoubleError, RuntimeError):
    """A function that answers a request of a server raised an error: the client was told 500, and the test fails."""


class BodyReleased(NetdoubleError, RuntimeError):
    """The body of a logged message was released, because newer ones filled the budget of the setting `bodies`."""


class ScopeClosed(NetdoubleError, RuntimeError):
    """A request came from a thread or task whose network is closed: left over from an earlier test."""


class AmbiguousScope(NetdoubleError, RuntimeError):
    """Two unrelated networks are open and nothing says which one the request belongs to."""


class NetworkBlocked(NetdoubleError, RuntimeError):
    """The guard refused a real connection or name lookup.

    A `RuntimeError` on purpose: no client takes it for an outage, so nothing retries or wraps it.

    Attributes:
        target: what was refused, as `"example.com:443"`.
        test: the test or phase it happened in, or `""`.
        caller: `"FILE:LINE in FUNCTION"` of the first frame outside libraries, or `""`.
        action: `connect`, `send`, `lookup`, `bind` or `start`. host, port: what was asked for; no port in a lookup.
        protocol: `tcp`, `udp`, ... or `""`. thread: its name. client: the library that was called, or `""`.
        pid: the process. reached_python: it was raised in its caller; False for what sealed mode refused, whose caller
            got an error of the system (EPERM).
    """

    reached_python: bool = True

    def __init__(self, message: str, *, target: str = "", test: str = "", caller: str = "", action: str = "",
                 host: str = "", port: int | None = None, protocol: str = "", thread: str = "", client: str = "",
                 pid: int = 0) -> None:  # fmt: skip
        super().__init__(message)
        self.target, self.test, self.caller = target, test, caller
        self.action, self.host, self.port, self.protocol = action, host, port, protocol
        self.thread, self.client, self.pid = thread, client, pid


class UnmetExpectation(NetdoubleError, AssertionError):
    """Something that was expected of the calls did not happen: an unused route, a wrong count or order."""


class ClientNotSupported(NetdoubleError, RuntimeError):
    """A client library no longer has the seam at which netdouble attaches.

    Attributes:
        client: the library's name. version: its version. seam: the dotted name that is missing or has changed.
    """

    def __init__(self, message: str, *, client: str = "", version: str = "", seam: str = "") -> None:
        super().__init__(message)
        self.client, self.version, self.seam = client, version, seam


class WebSocketClosed(NetdoubleError, ConnectionError):
    """The client of a WebSocket is gone: raised in the function that is its peer.

    Attributes:
        code: as the client said it; 1005 where it said none, 1006 where the connection ended without a word (RFC 6455
            section 7.4.1). reason: its text.
    """

    def __init__(self, message: str, *, code: int = 1006, reason: str = "") -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class NetworkWarning(UserWarning):
    """What would fail the test, where a setting says `warn`."""


class MissingExtra(NetdoubleError, ImportError):
    """A feature needs a package that is not installed; the text names the extra to install."""


for _name in __all__:
    globals()[_name].__module__ = "netdouble"  # where users import them from; a traceback shows it
