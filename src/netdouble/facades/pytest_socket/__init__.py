"""The facade of pytest-socket 0.8.1: its options, markers, fixtures and functions, on netdouble's gate.

It is the plugin itself, as pytest-socket's one module is. What is different: saved classes, subclasses, `connect_ex`,
datagrams and the other lookups are refused too; `allow_hosts` takes a tuple, a set or several arguments, and its names
are looked up where sockets are disabled too; items that know no fixtures are restricted; `-W error` hides no refusal.

Rule 1: a test's restrictions begin with its setup and end before its fixtures are torn down, as with pytest-socket.
Rule 2: setup adds to what a conftest's hook or an earlier caller restricted, and lifts nothing of it unasked.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from netdouble.facades.pytest_socket import restrictions
from netdouble.facades.pytest_socket.hosts import (
    _partition_allowed,
    host_from_address,
    host_from_connect_args,
    is_ipaddress,
    normalize_allowed_hosts,
    resolve_hostnames,
)
from netdouble.facades.pytest_socket.restrictions import (
    SocketBlockedError,
    SocketConnectBlockedError,
    _is_unix_socket,
    _remove_restrictions,
    disable_socket,
    enable_socket,
    entries_of,
    socket_allow_hosts,
)

__version__ = "0.8.1"

__all__ = [
    "SocketBlockedError",
    "SocketConnectBlockedError",
    "_is_unix_socket",
    "_partition_allowed",
    "_remove_restrictions",
    "disable_socket",
    "enable_socket",
    "host_from_address",
    "host_from_connect_args",
    "is_ipaddress",
    "normalize_allowed_hosts",
    "resolve_hostnames",
    "socket",
    "socket_allow_hosts",
    "socket_disabled",
    "socket_enabled",
]


def __getattr__(name: str) -> Any:
    try:
        return restrictions.true(name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


@dataclass
class _PytestSocketConfig:
    """The options, as they are kept in the stash of pytest's configuration."""

    socket_disabled: bool
    socket_force_enabled: bool
    allow_unix_socket: bool
    allow_hosts: str | list[str] | None
    resolution_cache: dict[str, set[str]] = field(default_factory=dict)


_STASH_KEY = pytest.StashKey[_PytestSocketConfig]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The four options."""
    group = parser.getgroup("socket")
    add = group.addoption
    add("--disable-socket", action="store_true", dest="disable_socket",
        help="Disable socket.socket by default to block network calls.")  # fmt: skip
    add("--force-enable-socket", action="store_true", dest="force_enable_socket",
        help="Force enable socket.socket network calls (override --disable-socket).")  # fmt: skip
    add("--allow-hosts", dest="allow_hosts", metavar="ALLOWED_HOSTS_CSV",
        help="Only allow specified hosts through socket.socket.connect((host, port)).")  # fmt: skip
    add("--allow-unix-socket", action="store_true", dest="allow_unix_socket",
        help="Allow calls if they are to Unix domain sockets")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """The three markers."""
    for line in (
        "disable_socket(): Disable socket connections for a specific test",
        "enable_socket(): Enable socket connections for a specific test",
        "allow_hosts([hosts]): Restrict socket connection to defined list of hosts",
    ):
        config.addinivalue_line("markers", line)
    config.stash[_STASH_KEY] = _PytestSocketConfig(
        socket_disabled=bool(config.getoption("disable_socket")),
        socket_force_enabled=bool(config.getoption("force_enable_socket")),
        allow_unix_socket=bool(config.getoption("allow_unix_socket")),
        allow_hosts=config.getoption("allow_hosts"),
    )


@pytest.fixture
def socket_disabled(pytestconfig: pytest.Config) -> None:
    """Sockets are disabled for this test."""
    disable_socket(pytestconfig.stash[_STASH_KEY].allow_unix_socket)


@pytest.fixture
def socket_enabled(pytestconfig: pytest.Config) -> None:  # noqa: ARG001  # as pytest-socket's
    """Sockets are enabled for this test."""
    enable_socket()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Restrict what the test may do, by the strongest that is said of it; what a conftest's hook did holds on."""
    fixtures = getattr(item, "fixturenames", None)
    if fixtures is None and not isinstance(item, pytest.Item):
        return
    options, names = item.config.stash[_STASH_KEY], fixtures or ()
    if "socket_enabled" in names or item.get_closest_marker("enable_socket") or options.socket_force_enabled:
        enable_socket()
        return
    is_disabled = "socket_disabled" in names or item.get_closest_marker("disable_socket")
    if is_disabled or (not _resolve_allow_hosts(item) and options.socket_disabled):
        disable_socket(options.allow_unix_socket)


def _resolve_allow_hosts(item: pytest.Item) -> Any:
    """Restrict the test to the hosts that its marker or the option allows, and return them."""
    options = item.config.stash[_STASH_KEY]
    marker = item.get_closest_marker("allow_hosts")
    hosts = _said_by(marker) if marker else options.allow_hosts or None
    socket_allow_hosts(hosts, options.allow_unix_socket, options.resolution_cache)
    return hosts


def _said_by(marker: pytest.Mark) -> Any:
    given = [*marker.args, *marker.kwargs.values()]
    return given[0] if len(given) == 1 else [entry for each in given for entry in entries_of(each)]


def pytest_runtest_teardown() -> None:
    """Lift what was restricted for the test."""
    _remove_restrictions()
