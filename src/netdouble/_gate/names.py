"""Addresses for names that are answered in process: 127.64.0.0/10, so that not even an unwatched connect leaves here.

Rule: a name keeps its address for as long as the process lives. Clients keep what they looked up, and what the last
test's client remembers must never be another host's in this one.
"""

from __future__ import annotations

import threading

_FIRST = (127 << 24) + (64 << 16)
_MOST = 1 << 22

_lock = threading.Lock()
_addresses: dict[str, str] = {}
_names: dict[str, str] = {}


def address_of(name: str) -> str:
    """The address of `name`, which is in normal spelling."""
    address = _addresses.get(name)
    if address is None:
        with _lock:
            address = _addresses.get(name)
            if address is None:
                number = _FIRST + len(_addresses) % (_MOST - 2) + 1
                address = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
                _names[address] = name
                _addresses[name] = address
    return address


def name_of(address: str) -> str | None:
    """The name that was given `address` (IPv4, in normal spelling); None: it is none of ours."""
    return _names.get(address)
