"""Counts what Python itself reports of lookups and connections while pytest runs: the demo's proof of isolation.

Loaded by `pytest -p isolation` alone. Audit events are raised below every HTTP client and below netdouble.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest

seen: Counter[str] = Counter()


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        seen["lookups here" if _is_here(arguments[0]) else "lookups"] += 1
    elif event == "socket.connect":
        address = arguments[1]
        seen["connects here" if not isinstance(address, tuple) or _is_here(address[0]) else "connects"] += 1


def _is_here(host: object) -> bool:
    return host in {None, "localhost", "::1"} or str(host).startswith("127.")


sys.addaudithook(_count)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line at the end."""
    terminalreporter.write_line(
        f"Left this machine: {seen['lookups']} lookups, {seen['connects']} connections. "
        f"On its loopback, for the layers wire and server: {seen['connects here']} connections."
    )
