"""Proxies on this machine: what the environment names as one is a way out, whatever its address.

Rule 1: the environment is read when a connection is judged, for a test may set it; a listener of the process is no way
out, and is never asked about here.
Rule 2: in a child only what the run itself was started with counts: a test that gives its child a proxy of its own
means it.
"""

from __future__ import annotations

import os
from functools import lru_cache

from netdouble._gate.entries import is_loopback, plain_host

VARIABLES = tuple(spelled for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "socks_proxy", "ws_proxy",
                                       "wss_proxy") for spelled in (name, name.upper()))  # fmt: skip
_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}

# In a child: the addresses that the run was started with; None: ask the environment.
handed_down: frozenset[str] | None = None


def variable_naming(host: str, port: int | None) -> str:
    """The variable that names this address (normal spelling, on this machine) as a proxy, or `""`."""
    for name in VARIABLES:
        value = os.environ.get(name)
        if value and _address(value) in {(host, port), ("localhost", port)}:
            return name if handed_down is None or value in handed_down else ""
    return ""


def named_now() -> list[str]:
    """What the environment names as proxies now."""
    return sorted({value for name in VARIABLES if (value := os.environ.get(name))})


def on_loopback() -> list[tuple[str, int | None]]:
    """Where those of this machine are, as host and port."""
    return [address for value in named_now() if (address := _address(value)) is not None]


@lru_cache(maxsize=64)
def _address(value: str) -> tuple[str, int | None] | None:
    """Host and port of a proxy's URL; None when it is not on this machine."""
    scheme, separator, rest = value.rpartition("://")
    authority = rest.partition("/")[0].rpartition("@")[2]
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    host = plain_host(host)
    if not is_loopback(host):
        return None
    return host, int(port) if port.isdecimal() else _PORTS.get(scheme.lower() if separator else "http")
