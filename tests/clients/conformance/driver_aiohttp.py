"""The driver of aiohttp."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from typing import ClassVar

import aiohttp
from tests.clients.conformance.drivers import Raises, Seen, Send, completed

from netdouble import Fault
from netdouble._stepping_aside import lines

if sys.platform != "win32":
    import uvloop

_TO = r"Cannot connect to host api\.test:443 ssl:default "
# Versions before 3.10 have the general classes only.
_DNS = getattr(aiohttp, "ClientConnectorDNSError", aiohttp.ClientConnectorError)
_CONNECT_TIMEOUT = getattr(aiohttp, "ConnectionTimeoutError", aiohttp.ServerTimeoutError)
_READ_TIMEOUT = getattr(aiohttp, "SocketTimeoutError", aiohttp.ServerTimeoutError)
_TIMED_OUT = "^Timeout on reading data from socket$"


class Aiohttp:
    """One session, on a loop of its own. It does not send again what was lost: that has tests of its own."""

    name, client = "aiohttp", "aiohttp 3."
    follows = decodes = keeps_cookies = pools = True
    looks_first = False  # whether the peer has hung up, before it sends on a kept connection
    raises: ClassVar[dict[Fault, Raises]] = completed(
        {
            Fault.DNS: Raises(_DNS, _TO + r"\[Name or service not known\]"),
            Fault.CONNECT_REFUSED: Raises(aiohttp.ClientConnectorError, _TO + r"\[Connect call failed \("),
            Fault.CONNECT_TIMEOUT: Raises(_CONNECT_TIMEOUT, "^Connection timeout to host https?://"),
            Fault.TLS: Raises(aiohttp.ClientConnectorSSLError, _TO + r"\[.*handshake failure"),
            Fault.RESET: Raises(aiohttp.ClientOSError, r"\[Errno 104\] Connection reset by peer"),
            Fault.RESET_IN_HEADERS: Raises(aiohttp.ClientOSError, r"\[Errno 104\] Connection reset by peer"),
            Fault.RESET_IN_BODY: Raises(aiohttp.ClientPayloadError, r"not completed($|.*Connection reset by peer)"),
            Fault.EMPTY_RESPONSE: Raises(aiohttp.ServerDisconnectedError, "^Server disconnected$"),
            Fault.TRUNCATED_BODY: Raises(aiohttp.ClientPayloadError, "^Response payload is not completed"),
            Fault.READ_TIMEOUT: Raises(_READ_TIMEOUT, _TIMED_OUT),
            Fault.READ_TIMEOUT_IN_BODY: Raises(_READ_TIMEOUT, _TIMED_OUT),
            Fault.MALFORMED_RESPONSE: Raises(aiohttp.ClientResponseError, "400, message"),
            Fault.CLOSE_IN_HANDSHAKE: Raises(aiohttp.ClientConnectorError, _TO + r"\[None\]"),
            Fault.RESET_IN_HANDSHAKE: Raises(aiohttp.ClientConnectorError, _TO + r"\[Connection reset by peer\]"),
            Fault.HANDSHAKE_TIMEOUT: Raises(_CONNECT_TIMEOUT, "^Connection timeout to host https?://"),
            Fault.GARBAGE_IN_HANDSHAKE: Raises(aiohttp.ClientConnectorSSLError, _TO + r"\[.*wrong version number"),
            Fault.CLOSE_IN_REQUEST: Raises(aiohttp.ClientOSError, r"\[Errno 104\] Connection reset by peer"),
            Fault.RESET_IN_REQUEST: Raises(aiohttp.ClientOSError, r"\[Errno 104\] Connection reset by peer"),
            Fault.WRITE_TIMEOUT: Raises(asyncio.TimeoutError),
            Fault.TRUNCATED_HEADERS: Raises(aiohttp.ServerDisconnectedError),
            Fault.GARBAGE_IN_HEADERS: Raises(aiohttp.ClientResponseError, "400, message"),
            Fault.CONFLICTING_LENGTHS: Raises(aiohttp.ClientResponseError, "400, message"),
            Fault.WRONG_LENGTH: Raises(aiohttp.ClientResponseError, "400, message"),
            Fault.BAD_CHUNK: Raises(aiohttp.ClientResponseError, "400, message"),
            Fault.BAD_GZIP: Raises(aiohttp.ClientPayloadError),
            Fault.GARBAGE_AFTER_RESPONSE: Raises(aiohttp.ClientResponseError, "400, message"),
        }
    )

    new_loop = staticmethod(asyncio.new_event_loop)

    @contextmanager
    def open(self) -> Iterator[Aiohttp]:
        opened = type(self)()
        with closing(self.new_loop()) as opened.loop:
            opened.session = opened.loop.run_until_complete(opened.start())
            try:
                yield opened
            finally:
                opened.loop.run_until_complete(opened.session.close())
                opened.loop.run_until_complete(_closed())
                opened.loop.run_until_complete(_dropped())

    async def start(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession()
        session._retry_connection = False
        return session

    def send(self, send: Send) -> Seen:
        try:
            return self.loop.run_until_complete(self._send(send))
        finally:
            self.loop.run_until_complete(asyncio.sleep(0))  # what was given up gets to close

    async def _send(self, send: Send) -> Seen:
        # For sending a large body it has no timeout but that of the whole.
        total = send.timeout if send.content is not None and len(send.content) > 2**24 else None
        timeout = aiohttp.ClientTimeout(total=total, sock_connect=send.timeout, sock_read=send.timeout)
        content = _chunks(send.content) if isinstance(send.content, tuple) else send.content
        if isinstance(content, bytes) and len(content) > 2**20:
            content = io.BytesIO(content)  # aiohttp warns of large bytes
        async with self.session.request(
            send.method, send.url, headers=send.headers, data=content, timeout=timeout, allow_redirects=send.follow
        ) as response:
            fields = tuple((name.lower(), value) for name, value in response.headers.items())
            return Seen(response.status, fields, await response.read())


async def _closed() -> None:
    """Until connections have said their farewells (aiohttp's docs: "graceful shutdown" of TLS takes some turns)."""
    for _ in range(500):
        await asyncio.sleep(0.002 if lines else 0)
        if not lines:
            return


async def _dropped() -> None:
    """What a peer that stopped reading still had to be sent is given up: the loop ends, and nobody would close it."""
    transports = list(getattr(asyncio.get_running_loop(), "_transports", {}).values())  # uvloop closes its own
    for transport in transports:
        transport.abort()
    await asyncio.sleep(0)


async def _chunks(content: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for chunk in content:
        yield chunk


DRIVERS = [Aiohttp()]
ON_UVLOOP: list[Aiohttp] = []
if sys.platform != "win32":

    class OnUvloop(Aiohttp):
        """As `Aiohttp`, on uvloop."""

        name = "aiohttp on uvloop"
        new_loop = staticmethod(uvloop.new_event_loop)

    ON_UVLOOP.append(OnUvloop())
