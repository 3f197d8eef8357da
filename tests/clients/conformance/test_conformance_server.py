"""The table of `cases.py` through every client, pointed at a server: `net.serve()`.

Every row of the table holds there too; what is told of an error is what a wire can tell: a status in place of an
exception of ours, a reset where nobody can refuse a connection any more. Time is real.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from tests.clients.conformance.cases import CASES, Case, Expect
from tests.clients.conformance.drivers import URL, Client, Driver, Seen, Send, all_drivers
from tests.clients.conformance.test_conformance import network

from netdouble import Fault, Network, UnansweredRoute, UnmatchedRequest
from netdouble._core.urls import parse_url

# What an exception of ours is to a client that is elsewhere.
STATUS = {UnmatchedRequest: 501, UnansweredRoute: 500}
# The request was sent, so there is a connection; and it was read to its end before it was decided.
TOLD_AS = {
    Fault.CONNECT_REFUSED: Fault.RESET,
    Fault.CLOSE_IN_REQUEST: Fault.RESET,
    Fault.RESET_IN_REQUEST: Fault.RESET,
    Fault.WRITE_TIMEOUT: Fault.READ_TIMEOUT,
}

# Rows that mean nothing here, and why.
LEFT_OUT = {"a delay longer than the timeout raises it at once": "it would be waited for"}


class Pointed:
    """A client whose requests go to servers, one for each origin."""

    def __init__(self, net: Network, client: Client, stack: ExitStack) -> None:
        self._net, self._client, self._stack = net, client, stack
        self._urls: dict[str, str] = {}

    def send(self, send: Send) -> Seen:
        url = parse_url(send.url)
        if url.origin not in self._urls:
            # By name: aiohttp keeps no cookies of an address.
            server = self._stack.enter_context(self._net.serve(url.origin, host="localhost"))
            self._urls[url.origin] = server.url
        target = send.url.split("/", 3)[3]
        return self._client.send(replace(send, url=f"{self._urls[url.origin]}/{target}"))


@contextmanager
def pointed(net: Network, driver: Driver) -> Iterator[Pointed]:
    with ExitStack() as servers, driver.open() as client:
        yield Pointed(net, client, servers)


def _rows() -> list:
    return [
        pytest.param(driver, case, id=f"{driver.name}: {case.name}")
        for driver in all_drivers()
        for case in CASES
        if case.name not in LEFT_OUT and all(getattr(driver, need, True) for need in case.needs)
    ]


@pytest.mark.parametrize(("driver", "case"), _rows())
def test_every_client_is_told_over_a_server_what_the_table_says(driver: Driver, case: Case):
    with network(**case.settings) as net, pointed(net, driver) as client:
        case.declare(net)
        begun = time.monotonic()
        for send, expect in zip(case.sends, case.expects, strict=True):
            _check(driver, client, send, expect)
            _check_request(net, expect)
        assert time.monotonic() - begun < 8, "something was waited for"
        assert net.count == (len(case.sends) if case.calls is None else case.calls)


def _check(driver: Driver, client: Pointed, send: Send, expect: Expect) -> None:
    if isinstance(expect.error, Fault):
        expected = driver.raises[TOLD_AS.get(expect.error, expect.error)].kind
        with pytest.raises(expected) as caught:
            client.send(send)
        assert type(caught.value) is expected
        return
    seen = client.send(send)
    assert seen.status == (expect.status if expect.error is None else STATUS[expect.error])
    if expect.error is not None:
        return
    for name, lines in expect.headers.items():
        assert seen.header(name) == lines
    body = expect.body if driver.decodes or expect.gzipped is None else expect.gzipped
    if body is not None:
        assert seen.body == body


def _check_request(net: Network, expect: Expect) -> None:
    call = net.calls.last
    assert call.closed
    assert (call.error is not None) == (expect.error is not None)
    for name, value in expect.asked.items():
        assert getattr(call.request, name) == value
    for name, lines in expect.sent.items():
        if name != "host":  # the server's
            assert call.request.headers.get_all(name) == lines


# Faults: those that can happen once there is a connection, and the request was read.

LATE = [fault for fault in Fault if fault.position not in {"connect", "handshake"}]


@pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")
@pytest.mark.parametrize("fault", LATE, ids=lambda fault: fault.value)
@pytest.mark.parametrize("driver", all_drivers(), ids=lambda driver: driver.name)
def test_a_fault_over_a_server_raises_what_the_wire_makes_of_it(driver: Driver, fault: Fault):
    # Short where the client's time is what runs out; else long, for a busy machine.
    timeout = 0.15 if fault.effect in {"timeout", "stall"} else 20.0
    with network() as net, pointed(net, driver) as client:
        net.get(f"{URL}/before").reply()
        assert client.send(Send(url=f"{URL}/before", timeout=20.0)).status == 200  # now it is connected
        route = net.any(URL).fail(fault)
        error = None
        try:
            client.send(Send(timeout=timeout))
        except Exception as raised:
            error = raised
        assert type(error) is driver.raises[TOLD_AS.get(fault, fault)].kind
        assert route.count == 1
