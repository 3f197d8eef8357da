"""The command line: `netdouble doctor` tells which clients are installed and where each one is covered."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from netdouble import __version__
from netdouble._intercept.catalog import CLIENTS, Client, client_version, install
from netdouble.errors import ClientNotSupported


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor found about one client: `covered`, `absent` or `not covered`, and why."""

    client: Client
    version: str
    verdict: str
    reason: str = ""


def examine(client: Client) -> Finding:
    """Import one client and try its seam."""
    if find_spec(client.trigger.partition(".")[0]) is None:
        return Finding(client, "", "absent")
    try:
        install(client, import_module(client.trigger))()
    except ClientNotSupported as error:
        return Finding(client, client_version(client), "not covered", str(error))
    except ImportError as error:
        return Finding(client, client_version(client), "not covered", f"it can't be imported: {error}")
    return Finding(client, client_version(client), "covered")


def doctor() -> int:
    """Print the table; 1 when an installed client is not covered."""
    findings = [examine(client) for client in CLIENTS if client.depth]
    print(f"netdouble {__version__}, Python {platform.python_version()}\n")
    name = max(len(found.client.name) for found in findings)
    print(f"{'client':<{name}} {'version':<10} {'':<12} {'answered with':<14} seam")
    for found in findings:
        client = found.client
        print(f"{client.name:<{name}} {found.version or '-':<10} {found.verdict:<12} {client.depth:<14} {client.seam}")
    for found in findings:
        if found.reason:
            print(f"\n{found.client.name}: {found.reason}")
    return int(any(found.verdict == "not covered" for found in findings))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="netdouble", description="Network test doubles for Python.")
    parser.add_argument("--version", action="version", version=f"netdouble {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("doctor", help="which clients are installed, which are covered, and at which seam")
    chosen = parser.parse_args(arguments)
    if chosen.command == "doctor":
        return doctor()
    parser.print_help()
    return 2


if __name__ == "__main__":
    sys.exit(main())
