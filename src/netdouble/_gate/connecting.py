"""Faults of the connecting phase: a name that does not resolve, a connection refused, one that is never made, an alert.

They come before the request, so they are decided before it: for the request that a door has announced; else for the
host, when everything that could answer there fails to connect.

Rule: the call is opened when the fault happens, and closed with what the operating system says.
"""

from __future__ import annotations

import _socket
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from netdouble import _asking
from netdouble._active import Scope
from netdouble._codec.socket_errors import CONNECT_ERRORS
from netdouble._core import router
from netdouble._core.calls import Call
from netdouble._core.failures import nearest_fault
from netdouble._core.faults import Fault
from netdouble._core.messages import Request
from netdouble._core.replies import Fail, Reply
from netdouble._core.urls import DEFAULT_PORTS
from netdouble._gate import originals
from netdouble._gate.sockets import unjudged
from netdouble._stepping_aside import coming


@dataclass(frozen=True, slots=True)
class Failing:
    """A connection that is going to fail.

    Attributes:
        fault: how. delay: seconds before it does. open: opens the call that it answers.
    """

    fault: Fault
    delay: float
    open: Callable[[], Call]

    def happens(self) -> OSError:
        """Note it in the log; the error that the operating system would give."""
        error = CONNECT_ERRORS[self.fault]()
        self.open().close(error=error)
        return error


def failing(scope: Scope, host: str, port: int | None) -> Failing | None:
    """How a connection to `host` is going to fail; None: it is not."""
    request = coming.get()
    if request is not None and request.url.host == host and port in {request.url.port, None}:
        return _of_request(scope, request)
    return _of_host(scope, host, port) if port is not None else None


def fails_to_resolve(scope: Scope, host: str, port: int | None) -> None:
    """Raise the resolver's error, if that is what happens."""
    failed = failing(scope, host, port)
    if failed is not None and failed.fault is Fault.DNS:
        if failed.delay:
            originals.sleep(failed.delay)
        raise failed.happens()


def _of_request(scope: Scope, request: Request) -> Failing | None:
    reply = _asking.preview_in(scope, request)
    if reply is None and scope.settings.unmatched == "outage":
        return Failing(Fault.CONNECT_REFUSED, 0.0, lambda: _asking.ask(scope, request))
    fault = _fault_of(reply)
    if fault is None:
        return None
    return Failing(fault, reply.delay if isinstance(reply, Fail) else 0.0, lambda: _asking.ask(scope, request))


def _of_host(scope: Scope, host: str, port: int) -> Failing | None:
    for each in (inner.router for inner in scope.chain()):
        left = [route for route in each.routes_at(host, port) if not each.spent(route)]
        replies = [route.answer(len(each.calls_of(route))) for route in left]
        faults = [_fault_of(reply) for reply in replies]
        if None in faults:
            return None
        for route, reply, fault in zip(left, replies, faults, strict=True):
            if fault is not None and isinstance(reply, Fail):
                asked = _first_request(route, host, port)
                return Failing(fault, reply.delay, partial(_opened, scope, each, route, asked))
    return None


def _opened(scope: Scope, at: router.Router, route: Any, request: Request) -> Call:
    call = at.open_as(route, request)
    call.scope = scope
    return call


def _first_request(route: Any, host: str, port: int) -> Request:
    """What `route` would have answered, as far as it says: no request came."""
    text = route.pattern.text
    scheme = next((scheme for scheme, usual in DEFAULT_PORTS.items() if usual == port), "http")
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with suppress(ValueError):
        if "{" not in text and "*" not in text and "://" in text:
            return Request.to(route.method or "GET", text)
    return Request.to(route.method or "GET", f"{scheme}://{authority}/")


def _fault_of(reply: Reply | None) -> Fault | None:
    """The fault of the connecting phase that `reply` is."""
    if not isinstance(reply, Fail):
        return None
    fault = reply.fault or (nearest_fault(reply.error) if reply.error is not None else None)
    return fault if fault is not None and fault.before_request else None


class Nowhere:
    """Ports of this machine to which no connection is ever made."""

    def __init__(self) -> None:
        self._sockets: list[_socket.socket] = []
        self._ports: dict[Fault, int] = {}

    def port(self, fault: Fault) -> int:
        """One that refuses, or never answers."""
        if fault not in self._ports:
            held = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._sockets.append(held)
            unjudged(held.bind, ("127.0.0.1", 0))
            self._ports[fault] = held.getsockname()[1]
            if fault is Fault.CONNECT_TIMEOUT:  # a full queue: whoever knocks is not answered (Linux, listen(2))
                held.listen(0)
                self._fill(self._ports[fault])
        return self._ports[fault]

    def _fill(self, port: int) -> None:
        for _ in range(3):
            waiting = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            waiting.setblocking(False)
            unjudged(waiting.connect_ex, ("127.0.0.1", port))
            self._sockets.append(waiting)

    def close(self) -> None:
        """Give them up."""
        for held in self._sockets:
            held.close()
        self._sockets.clear()
        self._ports.clear()
