"""Streams with pauses: a client that has the time waits, one that has not raises its own read timeout at once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.clients.conformance.drivers import URL, Driver, Send, all_drivers

from netdouble import Fault, Network, Pause

every_driver = pytest.mark.parametrize("driver", all_drivers(), ids=lambda driver: driver.name)


def by_a_function() -> Iterator[bytes | Pause]:
    yield b"one"
    yield Pause(0.05)
    yield b"two"


async def by_an_async_function() -> AsyncIterator[bytes | Pause]:
    yield b"one"
    yield Pause(0.05)
    yield b"two"


@every_driver
@pytest.mark.parametrize(
    "stream", [[b"one", Pause(0.05), b"two"], by_a_function, by_an_async_function], ids=["list", "function", "async"]
)
def test_a_client_with_time_waits_through_a_pause(driver: Driver, stream: Any):
    with Network() as net, driver.open() as client:
        route = net.get(URL).reply(stream=stream)
        begun = time.monotonic()
        assert client.send(Send(timeout=60)).body == b"onetwo"
        assert time.monotonic() - begun >= 0.05
        assert route.last.error is None


@every_driver
@pytest.mark.parametrize("stream", [[b"one", Pause(3600), b"two"], [b"one", Pause(0.01), Pause(3600), b"two"]])
def test_a_pause_longer_than_the_clients_time_is_its_read_timeout_at_once(driver: Driver, stream: Any):
    with Network() as net, driver.open() as client:
        route = net.get(URL).reply(stream=stream)
        with pytest.raises(driver.raises[Fault.READ_TIMEOUT_IN_BODY].kind) as caught:
            client.send(Send(timeout=30))
        assert type(caught.value) is driver.raises[Fault.READ_TIMEOUT_IN_BODY].kind
        assert route.last.error is not None


@every_driver
def test_only_the_silence_since_the_last_byte_counts(driver: Driver):
    with Network() as net, driver.open() as client:
        net.get(URL).reply(stream=[b"a", Pause(0.1)] * 6 + [b"b"])
        assert client.send(Send(timeout=0.5)).body == b"aaaaaab"


@every_driver
def test_pauses_add_up_to_the_silence_that_a_client_gives_up_on(driver: Driver):
    with Network() as net, driver.open() as client:
        net.get(URL).reply(stream=[b"a", Pause(0.2), Pause(0.2), b"b"])
        with pytest.raises(driver.raises[Fault.READ_TIMEOUT_IN_BODY].kind):
            client.send(Send(timeout=0.3))
