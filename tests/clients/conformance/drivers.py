"""What the table needs of a client: open it, send a request, tell what came back, name its own exceptions.

To add a client, write `driver_CLIENT.py` beside this file with a tuple `DRIVERS`, and name it below. A driver stays
thin: no retries, no redirects unless asked, nothing caught. An async client runs on a loop that its `open()` owns.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from netdouble import Fault

URL = "https://api.test/users/7"


@dataclass(frozen=True)
class Send:
    """One request, as a driver is asked to send it.

    Attributes:
        content: the body; a tuple of chunks is streamed, with chunked coding. timeout: seconds, for connecting and
        for each read. follow: follow redirects, when the driver says that its client can.
    """

    method: str = "GET"
    url: str = URL
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | tuple[bytes, ...] | None = None
    timeout: float | None = 5.0
    follow: bool = False


@dataclass(frozen=True)
class Seen:
    """What the client told of the response: header names in lower case, repeats kept as far as it tells them."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Raises(NamedTuple):
    """The exact class of an exception, and what its text matches: a regex, `""` where the text says nothing stable.

    NoneType: the client does not notice, and raises nothing.
    """

    kind: type[BaseException]
    text: str = ""


NOTHING = Raises(type(None))

# Faults that come to the same as another one where they are not noticed earlier.
_AS = {
    Fault.CLOSE_BEFORE_REQUEST: Fault.RESET,
    Fault.RESET_BEFORE_REQUEST: Fault.RESET,
    Fault.STALL_BEFORE_REQUEST: Fault.READ_TIMEOUT,
    Fault.READ_TIMEOUT_IN_HEADERS: Fault.READ_TIMEOUT,
}


def completed(raises: Mapping[Fault, Raises]) -> dict[Fault, Raises]:
    """A client's row with the faults that every client takes for another one, or does not notice at all."""
    noticed = {fault: raises[_AS.get(fault.on("https"), fault.on("https"))] for fault in Fault
               if _AS.get(fault.on("https"), fault.on("https")) in raises}  # fmt: skip
    return {**dict.fromkeys(Fault, NOTHING), **noticed, **raises}


class Client(Protocol):
    """An open client; it pools connections and keeps cookies when the real one does."""

    def send(self, send: Send) -> Seen: ...


class Driver(Protocol):
    """A client library (or one way to use it).

    Attributes:
        name: for the test's id. client: what `Request.client` begins with.
        raises: what a fault raises out of `Client.send`, the body being read to its end in there.
        follows, decodes, keeps_cookies, pools: whether this client follows redirects, undoes gzip, has a cookie jar,
        keeps connections for the next request. looks_first (True where it is not said): it looks whether the peer
        has hung up before it sends on a kept connection.
    """

    name: str
    client: str
    follows: bool
    decodes: bool
    keeps_cookies: bool
    pools: bool
    raises: Mapping[Fault, Raises]

    def open(self) -> AbstractContextManager[Client]: ...


def all_drivers() -> list[Driver]:
    """Every driver there is."""
    from tests.clients.conformance import driver_aiohttp, driver_httpx, driver_urllib3

    return [*driver_aiohttp.DRIVERS, *driver_httpx.DRIVERS, *driver_urllib3.DRIVERS]


def drivers_on_uvloop() -> list[Driver]:
    """The async clients again, on a loop in C."""
    from tests.clients.conformance import driver_aiohttp, driver_httpx

    return [*driver_aiohttp.ON_UVLOOP, *driver_httpx.ON_UVLOOP] if sys.platform != "win32" else []
