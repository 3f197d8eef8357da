"""Which fault of the network an exception stands for: the clients' own exceptions and Python's, as tables of names.

Rule: names only. Nothing of a client is imported to know its exceptions.
"""

from __future__ import annotations

import copy

from netdouble._core.faults import Fault

# The top-level packages whose exceptions belong to an HTTP client.
CLIENT_PACKAGES = frozenset(
    {"aiohttp", "botocore", "http", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)

# Class names of exceptions, most special first on a class's own line of ancestors, and what they stand for.
FAULTS = {
    # requests, urllib3
    "ConnectTimeout": Fault.CONNECT_TIMEOUT,
    "ConnectTimeoutError": Fault.CONNECT_TIMEOUT,
    "ReadTimeout": Fault.READ_TIMEOUT,
    "ReadTimeoutError": Fault.READ_TIMEOUT,
    "Timeout": Fault.READ_TIMEOUT,
    "SSLError": Fault.TLS,
    "NameResolutionError": Fault.DNS,
    "NewConnectionError": Fault.CONNECT_REFUSED,
    "ChunkedEncodingError": Fault.TRUNCATED_BODY,
    "IncompleteRead": Fault.TRUNCATED_BODY,
    "ProtocolError": Fault.RESET,
    "ConnectionError": Fault.CONNECT_REFUSED,
    # httpx, httpx2, httpcore
    "ConnectError": Fault.CONNECT_REFUSED,
    "ReadError": Fault.RESET,
    "WriteError": Fault.RESET,
    "CloseError": Fault.RESET,
    "RemoteProtocolError": Fault.EMPTY_RESPONSE,
    "PoolTimeout": Fault.CONNECT_TIMEOUT,
    "WriteTimeout": Fault.READ_TIMEOUT,
    "TimeoutException": Fault.READ_TIMEOUT,
    # aiohttp
    "ClientConnectorDNSError": Fault.DNS,
    "ClientConnectorSSLError": Fault.TLS,
    "ClientConnectorCertificateError": Fault.TLS,
    "ClientConnectorError": Fault.CONNECT_REFUSED,
    "ConnectionTimeoutError": Fault.CONNECT_TIMEOUT,
    "SocketTimeoutError": Fault.READ_TIMEOUT,
    "ServerTimeoutError": Fault.READ_TIMEOUT,
    "ServerDisconnectedError": Fault.EMPTY_RESPONSE,
    "ClientOSError": Fault.RESET,
    "ClientPayloadError": Fault.TRUNCATED_BODY,
    "ClientConnectionError": Fault.CONNECT_REFUSED,
    # http.client, botocore
    "RemoteDisconnected": Fault.EMPTY_RESPONSE,
    "BadStatusLine": Fault.MALFORMED_RESPONSE,
    "EndpointConnectionError": Fault.CONNECT_REFUSED,
    "ConnectionClosedError": Fault.EMPTY_RESPONSE,
}

# Python's own, which every client turns into its own exceptions when the network raises them.
BUILTIN_FAULTS = {
    "socket.gaierror": Fault.DNS,
    "ssl.SSLError": Fault.TLS,
    "builtins.ConnectionRefusedError": Fault.CONNECT_REFUSED,
    "builtins.ConnectionResetError": Fault.RESET,
    "builtins.ConnectionAbortedError": Fault.RESET,
    "builtins.BrokenPipeError": Fault.RESET,
    "builtins.TimeoutError": Fault.READ_TIMEOUT,
    "socket.timeout": Fault.READ_TIMEOUT,
}


_PYTHONS_OWN = frozenset({"builtins", "socket", "ssl"})


def clients_fault(kind: type[BaseException]) -> Fault | None:
    """What a client's exception stands for; None: for no fault of the network, or it is no client's."""
    for ancestor in kind.__mro__:
        if ancestor.__module__.partition(".")[0] in CLIENT_PACKAGES and ancestor.__name__ in FAULTS:
            return FAULTS[ancestor.__name__]
    return None


def pythons_fault(kind: type[BaseException]) -> Fault | None:
    """What an exception of Python's own stands for; an application's subclass of it is the application's."""
    for ancestor in kind.__mro__ if kind.__module__.partition(".")[0] in _PYTHONS_OWN else ():
        fault = BUILTIN_FAULTS.get(f"{ancestor.__module__}.{ancestor.__qualname__}")
        if fault is not None:
            return fault
    return None


def nearest_fault(error: BaseException) -> Fault | None:
    """What happens on the wire where `error` is wanted; None: nothing on a wire makes a client raise it.

    Example:
        >>> nearest_fault(ConnectionResetError())
        <Fault.RESET: 'reset'>
    """
    kind = type(error)
    return clients_fault(kind) if kind.__module__.partition(".")[0] in CLIENT_PACKAGES else pythons_fault(kind)


def fresh(error: BaseException) -> BaseException:
    """The declared exception without the traceback and context of an earlier call.

    A copy where the class can be copied: two threads may raise the same route's error at once.
    """
    try:
        made = copy.copy(error)
    except Exception:  # noqa: BLE001  # a class with its own idea of __reduce__: the instance itself will do
        made = error
    if type(made) is not type(error) or made.args != error.args:
        made = error
    made.__traceback__ = None
    made.__context__ = made.__cause__ = None
    return made
