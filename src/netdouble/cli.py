"""The command line: `netdouble doctor` tells which clients are covered, `netdouble run` runs a command under guard.

`netdouble serve` and `netdouble proxy` answer other programs with the routes of a file.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from netdouble import __version__
from netdouble._core.native_clients import NATIVE_CLIENTS, ways_in
from netdouble._gate.sealed import native
from netdouble._intercept.catalog import CLIENTS, Client, client_version, install
from netdouble._intercept.native.opening import led
from netdouble.errors import ClientNotSupported, DeclarationError


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor found about one client: `covered`, `absent` or `not covered`, and why."""

    client: Client
    version: str
    verdict: str
    reason: str = ""


def examine(client: Client) -> Finding:
    """Import one client and try its seam."""

    def attempt() -> None:
        install(client, import_module(client.trigger))()

    return _tried(client, attempt)


def examine_native(name: str) -> Finding:
    """As `examine`, for a client that `net.native()` leads."""

    def attempt() -> None:
        with led([name], "http://127.0.0.1:9", os.devnull, os.devnull):
            pass

    file = f"netdouble._intercept.native.{name}"
    return _tried(Client(name, name, file, ways_in([name]), "net.native()", name), attempt)


def _tried(client: Client, attempt: Callable[[], None]) -> Finding:
    if find_spec(client.trigger.partition(".")[0]) is None:
        return Finding(client, "", "absent")
    try:
        attempt()
    except (ClientNotSupported, DeclarationError) as error:
        return Finding(client, client_version(client), "not covered", str(error))
    except ImportError as error:
        return Finding(client, client_version(client), "not covered", f"it can't be imported: {error}")
    return Finding(client, client_version(client), "covered")


def doctor() -> int:
    """Print the table; 1 when an installed client is not covered."""
    findings = [examine(client) for client in CLIENTS if client.depth]
    findings += [examine_native(name) for name in NATIVE_CLIENTS]
    print(f"netdouble {__version__}, Python {platform.python_version()}\n")
    name = max(len(found.client.name) for found in findings)
    print(f"{'client':<{name}} {'version':<10} {'':<12} {'answered with':<14} seam")
    for found in findings:
        client = found.client
        print(f"{client.name:<{name}} {found.version or '-':<10} {found.verdict:<12} {client.depth:<14} {client.seam}")
    for found in findings:
        if found.reason:
            print(f"\n{found.client.name}: {found.reason}")
    others = _others()
    if others:
        print(f"\nnot answered, since they open their connections in native code: {', '.join(others)}")
        print("    sealed mode guards them; what speaks HTTP and takes a proxy can be led to net.proxy()")
    print(f"\nsealed mode: {_sealed()}")
    return int(any(found.verdict == "not covered" for found in findings))


def _others() -> list[str]:
    """The further packages of this environment that reach the network past Python's sockets, and are no client here."""
    known = {*NATIVE_CLIENTS, "uvloop"}  # that one's connects pass the gate
    return [
        f"{name} {metadata.version(name)}"
        for name in sorted(set(native.CLIENTS.values()) - known)
        if any(True for _ in metadata.distributions(name=name))
    ]


def _sealed() -> str:
    from netdouble._gate.sealed.obstacles import obstacle

    why_not = obstacle()
    return f"not possible here: {why_not}" if why_not else "possible here (net_sealed, netdouble run --sealed)"


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="run a command under the kernel's guard (Linux)",
        usage="netdouble run --sealed[=auto|require|netns] [--allow ENTRY,...] -- COMMAND ...",
        description="The exit status is the command's; 1 where it succeeded although something was refused.",
    )
    run.add_argument("--sealed", nargs="?", const="require", choices=("auto", "require", "netns"), required=True,
                     help="the kernel judges every connection of the command and its children: require (the default), "
                     "auto (say so and go on where that can't be), netns (a network of its own)")  # fmt: skip
    run.add_argument("--allow", action="append", default=[], metavar="ENTRY,...", help="what may be reached as well")
    run.add_argument("--loopback", choices=("open", "own"), default="open",
                     help="on this machine everything, or only what the command itself listens at")  # fmt: skip
    run.add_argument("--swallowed", choices=("fail", "warn"), default="fail",
                     help="of a command that succeeded although something was refused: status 1, or 0")  # fmt: skip
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND ...")


def _run(chosen: argparse.Namespace) -> int:
    from netdouble._gate.sealed.running import run

    allow = [entry.strip() for given in chosen.allow for entry in given.split(",") if entry.strip()]
    words = chosen.words[1:] if chosen.words[:1] == ["--"] else chosen.words
    try:
        return run(words, mode=chosen.sealed, allow=allow, loopback=chosen.loopback, swallowed=chosen.swallowed)
    except DeclarationError as error:
        print(f"netdouble run: {error}", file=sys.stderr)
        return 2


def _add_doors(commands: Any) -> None:
    serve = commands.add_parser(
        "serve",
        help="answer with the routes of a Python file, on a server of this machine",
        description="FILE has a function `routes(net)` that declares them, by path or by URL. Ends with Ctrl-C; the "
        "exit status is 1 when a request came that nothing answers.",
    )
    proxy = commands.add_parser(
        "proxy",
        help="the same for whatever a program asks through a proxy",
        usage="netdouble proxy FILE [--port PORT] [--allow ENTRY,...] [-- COMMAND ...]",
        description="With a command: run it in an environment that leads it to the proxy, and end with it; the exit "
        "status is the command's, or 1 where it succeeded although a request came that nothing answers.",
    )
    for parser in (serve, proxy):
        parser.add_argument("file", metavar="FILE", help="a Python file with a function routes(net)")
        parser.add_argument("--host", default="127.0.0.1", help="an address of this machine, or unix:/path")
        parser.add_argument("--port", type=int, default=0, help="0, the default, for a free one")
        parser.add_argument("--http2", action="store_true", help="offer HTTP/2 in the TLS handshake")
    serve.add_argument("--origin", help='whom the program believes it talks to, as "https://api.example.com"')
    serve.add_argument("--tls", action="store_true", help="the URL is https; the authority's file is printed as well")
    proxy.add_argument("--allow", action="append", default=[], metavar="ENTRY,...", help="what may be reached for real")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="netdouble", description="Network test doubles for Python.")
    parser.add_argument("--version", action="version", version=f"netdouble {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("doctor", help="which clients are installed, which are covered, and at which seam")
    _add_run(commands)
    _add_doors(commands)
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if given[:1] == ["proxy"] and "--" in given else len(given)
    chosen = parser.parse_args(given[:end])
    if chosen.command == "doctor":
        return doctor()
    if chosen.command == "run":
        return _run(chosen)
    if chosen.command in {"serve", "proxy"}:
        from netdouble import _serving_command

        chosen.words = given[end + 1 :]
        return _serving_command.run_serve(chosen) if chosen.command == "serve" else _serving_command.run_proxy(chosen)
    parser.print_help()
    return 2


if __name__ == "__main__":
    sys.exit(main())
