"""The facade of pytest-socket 0.8.1: its options, markers, fixtures and functions, on netdouble's gate.

It is the plugin itself, as pytest-socket's one module is. What is different: saved classes, subclasses, `connect_ex`,
datagrams and the other lookups are refused too; `allow_hosts` takes a tuple or a set; `-W error` hides no refusal.

Rule: a test's restrictions begin with its setup and end before its fixtures are torn down, as with pytest-socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

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
    "_partition_allowed",
    "_remove_restrictions",
    "disable_socket",
    "enable_socket",
    "host_from_address",
    "host_from_connect_args",
    "is_ipaddress",
    "normalize_allowed_hosts",
    "resolve_hostnames",
    "socket_allow_hosts",
]


@dataclass
class _Options:
    disable: bool
    force_enable: bool
    unix: bool
    hosts: str | None
    lookups: dict[str, set[str]] = field(default_factory=dict)


_KEY = pytest.StashKey[_Options]()


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
    config.stash[_KEY] = _Options(
        disable=bool(config.getoption("disable_socket")),
        force_enable=bool(config.getoption("force_enable_socket")),
        unix=bool(config.getoption("allow_unix_socket")),
        hosts=config.getoption("allow_hosts"),
    )


@pytest.fixture
def socket_disabled(pytestconfig: pytest.Config) -> None:
    """Sockets are disabled for this test."""
    disable_socket(pytestconfig.stash[_KEY].unix)


@pytest.fixture
def socket_enabled(pytestconfig: pytest.Config) -> None:  # noqa: ARG001  # as pytest-socket's
    """Sockets are enabled for this test."""
    enable_socket()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Restrict what the test may do, by the strongest that is said of it."""
    _remove_restrictions()
    options = item.config.stash[_KEY]
    fixtures = getattr(item, "fixturenames", ())
    if "socket_enabled" in fixtures or item.get_closest_marker("enable_socket") or options.force_enable:
        return
    if "socket_disabled" in fixtures or item.get_closest_marker("disable_socket"):
        disable_socket(options.unix)
        return
    hosts = _hosts_for(item, options)
    if options.disable and not any(hosts or ()):
        disable_socket(options.unix)
    if hosts is not None:
        socket_allow_hosts(hosts, allow_unix_socket=options.unix, resolution_cache=options.lookups)


def _hosts_for(item: pytest.Item, options: _Options) -> Any:
    marker = item.get_closest_marker("allow_hosts")
    if marker is None:
        return options.hosts or None
    given = [*marker.args, *marker.kwargs.values()]
    if given == [None]:  # nothing is said
        return options.hosts or None
    return [entry for each in given for entry in entries_of(each)]


def pytest_runtest_teardown() -> None:
    """Lift what was restricted for the test."""
    _remove_restrictions()
