"""A client that is pointed at servers of ours, `net.serve()`, one for each origin that it asks for.

What is told of an error is what a wire can tell: a status in place of an exception of ours, and the next thing that can
still go wrong in place of what comes before a request is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tests.clients.conformance.cases import Expect
from tests.clients.conformance.drivers import Client, Driver, Seen, Send

from netdouble import Fault, Network, UnansweredRoute, UnmatchedRequest
from netdouble._core.urls import parse_url

# What an exception of ours is to a client that is elsewhere.
STATUS = {UnmatchedRequest: 501, UnansweredRoute: 500}
# The request was sent, so there is a connection; and one without a body has come before anything in it could go wrong.
TOLD_AS = {
    Fault.CONNECT_REFUSED: Fault.RESET,
    Fault.CLOSE_IN_REQUEST: Fault.RESET,
    Fault.RESET_IN_REQUEST: Fault.RESET,
    Fault.WRITE_TIMEOUT: Fault.READ_TIMEOUT,
}


class Pointed:
    """A client whose requests go to servers."""

    def __init__(self, net: Network, client: Client, stack: ExitStack) -> None:
        self._net, self._client, self._stack = net, client, stack
        self._urls: dict[str, str] = {}

    def send(self, send: Send) -> Seen:
        origin = parse_url(send.url).origin
        if origin not in self._urls:
            # By name: aiohttp keeps no cookies of an address.
            self._urls[origin] = self._stack.enter_context(self._net.serve(origin, host="localhost")).url
        target = send.url.split("/", 3)[3]
        return self._client.send(replace(send, url=f"{self._urls[origin]}/{target}"))


@contextmanager
def pointed(net: Network, driver: Driver) -> Iterator[Pointed]:
    """An open client of `driver`, pointed at servers of `net`."""
    with ExitStack() as servers, driver.open() as client:
        yield Pointed(net, client, servers)


def told_by_a_server(expect: Expect) -> Expect:
    """What a client is told of it that is pointed at a server."""
    if expect.error is None:
        return expect
    if isinstance(expect.error, Fault):
        return replace(expect, error=TOLD_AS.get(expect.error, expect.error))
    return Expect(STATUS[expect.error])
