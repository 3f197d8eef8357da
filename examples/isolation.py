"""Counts what Python itself reports of lookups and connections while pytest runs: the demo's proof of isolation.

Loaded by `pytest -p isolation` alone. Audit events are raised below every HTTP client and below netdouble.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest

seen: Counter[str] = Counter()


def _count(event: str, _arguments: tuple[object, ...]) -> None:
    if event in {"socket.getaddrinfo", "socket.connect"}:
        seen[event] += 1


sys.addaudithook(_count)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line at the end."""
    looked_up, connected = seen["socket.getaddrinfo"], seen["socket.connect"]
    terminalreporter.write_line(f"Names looked up: {looked_up}. Connections opened: {connected}.")
