"""Clients whose sockets are C's or Rust's: no layer stands in their way, and how they come to the routes after all."""

from __future__ import annotations

from collections.abc import Iterable

# Those that `net.native()` leads. Each is the name of its package, of its distribution, and of our file for it.
NATIVE_CLIENTS = ("curl_cffi", "primp", "pycurl", "pyreqwest", "rnet")


def ways_in(names: Iterable[str]) -> str:
    """How one of these clients is answered, as it is written."""
    led = [f'with net.native("{name}"): ...' for name in names if name in NATIVE_CLIENTS]
    return " or ".join(led) or "lead it to the url of net.proxy(), and let it trust its ca_file"
