"""Replies in a time of their own: a client that has the time waits; else it raises its own read timeout at once.

What clients make of what is sent before and behind a response, or of a head too large, is compared with the wire.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.clients.conformance.drivers import URL, Driver, Send, all_drivers
from tests.clients.conformance.servers import real_reply

from netdouble import Event, Fault, LogNormal, Network, Pause, Response

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


SLOW = [
    ("throttled", Response(content=b"x" * 100, throttle=2000), b"x" * 100),
    ("a throttled stream", Response(stream=[b"x" * 50, b"y" * 50], throttle=2000), b"x" * 50 + b"y" * 50),
    ("dribbled", Response(content=b"0123456789", dribble=(4, 0.05)), b"0123456789"),
    ("chunks that are dribbled", Response(content=b"012345678", dribble=(4, 0.05), trailers={"A": "b"}), b"012345678"),
    ("events", Response(sse=[Event("a"), Event({"n": 1}, event="tick", id="7", delay=0.05)]),
     b'data: a\n\nevent: tick\nid: 7\ndata: {"n":1}\n\n'),
    ("a pause between events", Response(sse=["a", Pause(0.05), {"data": "b"}]), b"data: a\n\ndata: b\n\n"),
]  # fmt: skip


@every_driver
@pytest.mark.parametrize(("response", "body"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_a_body_comes_in_its_time(driver: Driver, response: Response, body: bytes):
    with Network() as net, driver.open() as client:
        net.get(URL).reply(response)
        begun = time.monotonic()
        assert client.send(Send(timeout=60)).body == body
        assert time.monotonic() - begun >= 0.045


WITH_OBJECTS = [driver for driver in all_drivers() if getattr(driver, "has_object_seam", False)]


@pytest.mark.parametrize("driver", WITH_OBJECTS, ids=lambda driver: driver.name)
@pytest.mark.parametrize(("response", "body"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_the_object_seam_leaves_what_takes_time_to_the_bytes(driver: Driver, response: Response, body: bytes):
    with Network(fast="on") as net, driver.open() as client:
        net.get(URL).reply(response)
        begun = time.monotonic()
        assert client.send(Send(timeout=60)).body == body
        assert time.monotonic() - begun >= 0.045


TOO_SLOW = [
    Response(content=b"x" * 100, throttle=0.001),
    Response(content=b"0123456789", dribble=(2, 3600.0)),
    Response(sse=["a", Event("b", delay=3600)]),
]


@every_driver
@pytest.mark.parametrize("response", TOO_SLOW, ids=["throttled", "dribbled", "events"])
def test_a_body_too_slow_for_the_client_is_its_read_timeout_at_once(driver: Driver, response: Response):
    with Network() as net, driver.open() as client:
        route = net.get(URL).reply(response)
        with pytest.raises(driver.raises[Fault.READ_TIMEOUT_IN_BODY].kind):
            client.send(Send(timeout=30))
        assert route.last.error is not None


HINTS = Response(103, headers={"Link": "</a.css>; rel=preload"})
ROWS = {
    "three hints": Response(text="hi", informational=[HINTS] * 3),
    "hints, then a wait": Response(text="hi", informational=[HINTS], delay=0.05),
    "processing": Response(text="hi", informational=[Response(102)]),
    "a header of 200 kB": Response(text="hi", headers={"X-Long": "x" * 200_000}),
    "a header of 60 kB": Response(text="hi", headers={"X-Long": "x" * 60_000}),
    "a dribble that is quick enough": Response(content=b"0123456789", dribble=(5, 0.1)),
}


def _shown(driver: Driver, send: Send) -> object:
    with driver.open() as client:
        try:
            seen = client.send(send)
        except Exception as error:
            return type(error), re.sub(r"\(\d+\)", "", str(error))  # how much had come when it was too much
    return seen.status, seen.body


@every_driver
@pytest.mark.parametrize("name", ROWS)
def test_a_client_makes_of_a_reply_what_it_makes_of_it_on_the_wire(driver: Driver, name: str):
    with real_reply(ROWS[name]) as url:
        real = _shown(driver, Send(url=url))
    for fast in ("off", "on"):
        with Network(fast=fast) as net:
            net.get(url).reply(ROWS[name])
            assert _shown(driver, Send(url=url)) == real


def test_the_nth_delay_is_the_same_in_every_run():
    delays = LogNormal(0.002, 0.004, seed=1)
    expected = [delays.nth(n) for n in range(5)]
    with Network() as net:
        route = net.get(URL).reply(text="x", delay=delays)
        driver = next(driver for driver in all_drivers() if driver.name == "http.client")
        with driver.open() as client:
            for _ in range(5):
                client.send(Send())
        answers = [call.answer for call in route.calls]
        assert [answer.delay for answer in answers if isinstance(answer, Response)] == expected
