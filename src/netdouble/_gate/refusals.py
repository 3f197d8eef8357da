"""What a refusal says: what was tried, by whom, what refused it, how to answer it, how to allow it.

Rule: words only. Nothing is decided here, and no name is looked up.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdouble._active import Scope
from netdouble._core.native_clients import NATIVE_CLIENTS, ways_in
from netdouble._gate.entries import RESOLVER_PORTS, is_daemon, is_loopback
from netdouble._gate.proxies import variable_naming

if TYPE_CHECKING:
    from netdouble._core.routes import Route

_SCHEMES = {80: "http", 443: "https", 8000: "http", 8080: "http", 8443: "https"}
_PROTOCOLS = {"SOCK_STREAM": "tcp", "SOCK_DGRAM": "udp", "SOCK_RAW": "raw"}
_ROUTES = 3


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: an address under each of its names.

    Attributes:
        names: as it was asked for, then the names that were looked up and gave it. protocol: `tcp`, `udp` or the like.
        test: the test, scope or phase.
    """

    action: str
    names: tuple[str, ...]
    port: int | None
    scope: Scope | None
    test: str = ""
    protocol: str = ""

    @property
    def host(self) -> str:
        """The best name that it has."""
        return self.names[-1]

    @property
    def entry(self) -> str:
        """As it would stand in `allow`."""
        if self.host.startswith("AF_"):
            return self.host[3:].lower()
        return with_port(self.host, self.port)


def protocol_of(sock: socket.socket | None) -> str:
    """`tcp`, `udp`, ..., or `""` when there is no socket."""
    if sock is None:
        return ""
    name = getattr(socket.SocketKind(sock.type), "name", "") if sock.type in _KINDS else ""
    return _PROTOCOLS.get(name, "") if sock.family in _IP else ""


_KINDS = {kind.value for kind in socket.SocketKind}
_IP = {socket.AF_INET, socket.AF_INET6}


def text_of(case: Case, *, rule: str, caller: str, client: str, thread: str, phase: str) -> str:
    """The whole report.

    Args:
        phase: of the test, as `call`. rule: which policy refused it, and where that was said.
    """
    kind = {"lookup": "name lookup", "start": "child process"}.get(case.action, "connection")
    done = "started" if case.action == "start" else "sent"
    lines = [f"a real {kind} was refused before anything was {done}", f"    {case.action} {_what(case)}"]
    if caller:
        lines[-1] += f"        called from {caller}"
    during = f" ({phase})" if phase else ""
    other = thread if thread != "MainThread" else ""
    about = [f"in {case.test}{during}" if case.test else "", f"thread {other}" if other else "",
             f"through {client}" if client and client != "socket" else ""]  # fmt: skip
    if any(about):
        lines.append(f"    {', '.join(filter(None, about))}")
    lines.append(f"Refused by: {'children=refuse, beside ' if case.action == 'start' else ''}{rule}")
    lines += _why_here(case)
    lines += _stubs(case, client)
    lines += _ways_out(case)
    return "\n".join(lines)


def _what(case: Case) -> str:
    notes = [case.protocol] if case.protocol else []
    if len(case.names) > 1:
        notes.append(f"asked for as {with_port(case.names[0], case.port)}")
    return f"{case.entry} ({', '.join(notes)})" if notes else case.entry


def _why_here(case: Case) -> list[str]:
    """Why something on this machine was refused."""
    if case.host.startswith("unix:"):
        if is_daemon(case.host[5:]):
            return ["Behind that socket stands a resolver, a message bus or a container engine: it reaches the network"]
        return ["Open are unix sockets that this run made itself"]
    if not is_loopback(case.names[0]):
        return []
    variable = variable_naming(case.names[0], case.port)
    if variable:
        return [f"{variable} names it as a proxy: what is sent there leaves the machine"]
    if case.port in RESOLVER_PORTS:
        return ["A resolver on this machine asks the network"]
    return ["Open are listeners of this process (loopback=own)"]


# How to answer it


def routes_of(host: str, port: int | None, scope: Scope | None) -> list[Route]:
    """The routes that were declared for that host, in the scopes that would be asked, the nearest scope first."""
    ports = (port,) if port is not None else (443, 80)
    chain = scope.chain() if scope is not None else ()
    return [
        route
        for each in chain
        for route in each.router.routes
        if any(route.pattern.names_host(host, number) for number in ports)
    ]


def _stubs(case: Case, client: str) -> list[str]:
    routes = [route for name in case.names for route in routes_of(name, case.port, case.scope)]
    if routes:
        return _past_the_stubs(case, routes, client)
    scheme = _SCHEMES.get(case.port or 0)
    if scheme is None or is_loopback(case.names[0]):
        return []
    authority = with_port(case.host, case.port if case.port not in (80, 443) else None)
    lines = [f'To answer it:  net.any("{scheme}://{authority}/{{path:path}}").reply(200)']
    if case.scope is not None:
        lines.append("               (no client that netdouble answers made it: `netdouble doctor` lists those)")
    return lines


def _past_the_stubs(case: Case, routes: Sequence[Route], client: str) -> list[str]:
    count = f"{len(routes)} routes" if len(routes) > 1 else "a route"
    lines = [f"The network has {count} for {case.host}, but this connection did not come through a client it answers:"]
    lines += [
        f"  {n}. {str(route)[:58]:<58} {route.declared_at}".rstrip() for n, route in enumerate(routes[:_ROUTES], 1)
    ]
    if len(routes) > _ROUTES:
        lines.append(f"  ... and {len(routes) - _ROUTES} more")
    if case.protocol == "udp":
        lines.append("To answer it:  stubs answer TCP and this is a datagram: make the client speak HTTP/1.1 or HTTP/2")
    else:
        lines.append(f"To answer it:  {way_out(client, case.scope)}")
    return lines


def way_out(client: str, scope: Scope | None) -> str:
    """How a client that no interceptor covers comes to the stubs after all."""
    name = client.partition(" ")[0] if client and client != "socket" else "this client"
    if name in NATIVE_CLIENTS:
        return f"{name} opens connections in native code, where no layer stands: {ways_in([name])}"
    if scope is not None and scope.settings.layer == "wire":
        return f"{name} opens connections past the sockets of Python, where no layer stands: use net.proxy()"
    return f"{name} is not covered at the transport layer: use layer='wire' or net.proxy()"


# How to allow it


def _ways_out(case: Case) -> list[str]:
    in_pytest = "pytest" in sys.modules or "PYTEST_CURRENT_TEST" in os.environ
    if case.action == "start":
        places = 'guard.install(children="guard")' if case.scope is None else 'Network(children="guard")'
        if in_pytest:
            places = '@pytest.mark.net(children="guard"), or net_children in the pytest settings'
        return [f'To allow it:   {places}: it inherits the guard then ("allow": it is left alone)']
    if case.host.startswith("family "):
        return ['To allow it:   no entry stands for such sockets; guard="off" lets everything through']
    places = f'Network(allow="{case.entry}")'
    if in_pytest:
        places = f'@pytest.mark.net("{case.entry}"), or net_allow in the pytest settings, or {places}'
    elif case.scope is None:
        places = f'with guard.allow("{case.entry}"): ..., or allow= of guard.install'
    return [f"To allow it:   {places}"]


def with_port(host: str, port: int | None) -> str:
    """`host:port`, an IPv6 address in brackets; `host` alone without a port."""
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
