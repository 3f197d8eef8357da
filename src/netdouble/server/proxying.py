"""The intercepting proxy: a network's stubs for any program that can be told of a proxy.

Rule 1: a host that a route could answer is answered here, TLS included; what no route answers there is a 501 with the
report, and fails the test.
Rule 2: another host is tunnelled when the guard's policy allows it. When it does not, nothing may leave: on a port of
HTTP the tunnel is opened and the report told inside, for a client shows little of a CONNECT that is refused; on any
other port its client may wait for ever for the server to speak first, so the CONNECT is refused with the report.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.calls import Call
from netdouble._core.messages import Request, Response
from netdouble._core.replies import PASS_THROUGH
from netdouble._core.url_patterns import SplitUrl
from netdouble._core.urls import URL
from netdouble._far_end import Origin, Tunnel
from netdouble._stepping_aside import HTTP_PORTS
from netdouble.server.address import Address
from netdouble.server.environment import proxy_variables
from netdouble.server.hosting import RoutesHost
from netdouble.server.listening import Visit
from netdouble.server.originals import Thread
from netdouble.server.running import Owner, Running
from netdouble.server.tls import Line
from netdouble.server.waiting import Waiters

if TYPE_CHECKING:
    import ssl

_PIECE = 64 * 1024
_TIMEOUT = 30.0


class Proxy(Running):
    """A proxy that answers with a network's routes, plain requests and those in a CONNECT. Made by `net.proxy()`.

    It starts when its address is first asked for. A context manager, also `async with`.

    Example:
        >>> net.get("https://api.example.com/users/7").reply(json={"id": 7})
        >>> subprocess.run(["node", "fetch_user.js"], env=net.proxy().env, check=True)
    """

    def __init__(self, owner: Owner, address: Address) -> None:
        waiters = Waiters()
        super().__init__(owner, address, waiters, ProxyHost(owner, address, waiters))

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that lead a program here: `HTTP_PROXY`, `SSL_CERT_FILE` and others like them.

        Raises:
            MissingExtra: there is nothing to make certificates with.
        """
        from netdouble._authority import authority

        return proxy_variables(self.url, self.ca_file, authority().bundle_file)

    @property
    def env(self) -> dict[str, str]:
        """This process's environment with `variables`: for `subprocess.run(..., env=proxy.env)`."""
        return {**os.environ, **self.variables}

    def __repr__(self) -> str:
        return f"<Proxy {self.url if self.is_running else 'not listening'}, {self.count} calls>"


class ProxyHost(RoutesHost):
    """Answers for every host that routes could answer."""

    def __init__(self, owner: Owner, address: Address, waiters: Waiters) -> None:
        super().__init__(owner._scope, waiters, shares=True)
        self._address = address

    @property
    def came_to(self) -> str:
        """It is on its way elsewhere: what no route answers may pass, where the guard allows it."""
        return ""

    def origin(self, sni: str | None) -> Origin:  # noqa: ARG002  # a request in absolute form names its own
        """The proxy itself, for a request that names nobody."""
        return Origin(self._address.scheme, self._address.name, self.own_port)

    def context(self, name: str | None) -> ssl.SSLContext:
        """By the name asked for."""
        return self._address.context(name)

    def grants(self, host: str, port: int) -> bool:
        """What is carried on, or answered inside of the tunnel; not what a route for CONNECT answers."""
        scope = self._scope()
        if any(route.method == "CONNECT" for each in scope.chain() for route in each.router.routes_at(host, port)):
            return False
        is_told_inside = port in HTTP_PORTS or _could_answer(scope, host, port)
        return is_told_inside or (host, port) in _active.own_servers or scope.reaches(host, port)

    def tunnels(self, tunnel: Tunnel, visit: Visit, line: Line) -> bool:
        """Carry a tunnel to a host that is allowed and that no route could answer."""
        host, port = tunnel.host, tunnel.port
        scope = self._scope()
        is_own = (host, port) in _active.own_servers
        if not is_own and (_could_answer(scope, host, port) or not scope.reaches(host, port)):
            return False
        if not is_own:
            request = Request("CONNECT", URL("https", host, port, "/", ""), raw_target=f"{host}:{port}")
            call = Call(request, None, PASS_THROUGH)
            call.scope = scope
            for each in scope.chain():
                each.router.record(call)
            call.close(Response(200))
        with _active.passing(), _active.admitted(host, port):
            far = socket.create_connection((host, port), _TIMEOUT)
        far.settimeout(None)
        _carry(visit, line, far, tunnel.unread)
        return True


def _could_answer(scope: Scope, host: str, port: int) -> bool:
    """Some route names that host, or none at all: a regex, or any URL."""
    return any(
        each.router.names_host(host, port)
        or any(not isinstance(route.pattern, SplitUrl) or route.pattern.host is None for route in each.router.routes)
        for each in scope.chain()
    )


def _carry(visit: Visit, line: Line, far: socket.socket, first: bytes) -> None:
    """Bytes both ways, until both sides have ended."""

    def back() -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(_PIECE):
                line.sendall(data)
            visit.sock.shutdown(socket.SHUT_WR)

    returning = Thread(target=back, name="netdouble proxy, back", daemon=True)
    returning.start()
    try:
        with contextlib.suppress(OSError):
            if first:
                far.sendall(first)
            while data := line.recv(_PIECE):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        if visit.over.is_set():
            _cut(far)
        returning.join()
    finally:
        _cut(far)
        far.close()
        returning.join()


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
