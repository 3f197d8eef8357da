"""`netdouble serve` and `netdouble proxy`: the routes of a Python file, on a server or behind a proxy, from a shell.

Rule: every call is a line, every request that nothing answers its report; the exit status tells whether there was one.
"""

from __future__ import annotations

import argparse
import inspect
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from netdouble._core.calls import Call
from netdouble.errors import DeclarationError, NetdoubleError
from netdouble.server.address import Address
from netdouble.server.origins import only_origin, read_origin
from netdouble.server.proxying import Proxy
from netdouble.server.running import Running
from netdouble.server.serving import Server
from netdouble.standalone import ServerNetwork

# How long to wait for a call before looking again, in seconds: for ever, but an event takes no more than this.
_LONG = 86_400.0


def run_serve(chosen: argparse.Namespace) -> int:
    """Carry out `netdouble serve`; the exit status."""

    def make(network: ServerNetwork) -> Running:
        address = Address(chosen.host, chosen.port, chosen.tls, chosen.http2)
        if chosen.origin:
            return Server(network, read_origin(chosen.origin), address, shares=True)
        try:
            only_origin(network.routes)
        except DeclarationError as error:
            raise DeclarationError(f"{error}\n(In a shell: --origin, and `netdouble proxy {chosen.file}`)") from None
        return Server(network, None, address, shares=True)

    return _run("serve", chosen.file, {}, make, lambda door: _until_interrupted(door, tls=chosen.tls))


def run_proxy(chosen: argparse.Namespace) -> int:
    """Carry out `netdouble proxy`; the exit status."""

    def make(network: ServerNetwork) -> Running:
        return Proxy(network, Address(chosen.host, chosen.port, http2=chosen.http2))

    def work(door: Running) -> int:
        return _command(door, chosen.words) if chosen.words else _until_interrupted(door, tls=True)

    return _run("proxy", chosen.file, {"allow": ",".join(chosen.allow)}, make, work)


def _run(name: str, file: str, settings: Any, make: Callable[[ServerNetwork], Running],
         work: Callable[[Running], int]) -> int:  # fmt: skip
    try:
        network = ServerNetwork(unused="off", **settings)
        _routes_of(file)(network)
        with make(network) as door:
            status = work(door)
    except (NetdoubleError, OSError) as error:
        print(f"netdouble {name}: {error}", file=sys.stderr)
        return 2
    for miss in network.scope.misses:
        print(f"\n{miss}", file=sys.stderr)
    return status or int(bool(network.scope.misses))


def _routes_of(file: str) -> Callable[[ServerNetwork], object]:
    """The function that declares them; an error in the file itself is shown where it is."""
    if os.path.isdir(file):
        raise DeclarationError(f"{file} is a folder; give the Python file with a function routes(net)")
    function: Callable[[ServerNetwork], object] | None = runpy.run_path(file).get("routes")
    if not callable(function):
        raise DeclarationError(f"{file} has no function routes(net), which declares the routes")
    try:
        inspect.signature(function).bind("net")
    except TypeError:
        raise DeclarationError(f"{file}: routes() takes one argument, the network: def routes(net): ...") from None
    if inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{file}: routes(net) is async; declaring needs no await: make it a plain function")
    return function


def _until_interrupted(door: Running, *, tls: bool) -> int:
    print(f"{door.url}{f'   authority: {door.ca_file}' if tls else ''}", flush=True)
    told: list[Call] = []
    try:
        while True:
            door.wait_until(lambda: door.count > len(told), _LONG)
            for call in door.calls[len(told) :]:
                print(call, flush=True)
                told.append(call)
    except KeyboardInterrupt:
        return 0


def _command(door: Running, words: Sequence[str]) -> int:
    env = door.env if isinstance(door, Proxy) else None
    status = subprocess.run(words, env=env, check=False).returncode  # noqa: S603  # the user's own command
    print(door.calls, file=sys.stderr)
    return status
