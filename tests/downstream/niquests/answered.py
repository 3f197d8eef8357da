"""niquests, a client without an adapter, where urllib3 is a package of its makers: the wire answers it as it is."""

from __future__ import annotations

import asyncio

import niquests
import pytest

from netdouble import Network, UnmatchedRequest, UnmetExpectation

URLS = ("http://api.test/users/7", "https://api.test/users/7")
TIMEOUT = 20  # seconds


@pytest.mark.parametrize("url", URLS)
def test_it_is_answered(net, url):
    route = net.get(url).reply(json={"id": 7})
    assert niquests.get(url, timeout=TIMEOUT).json() == {"id": 7}
    assert route.count == 1
    assert net.count == 1


@pytest.mark.parametrize("url", URLS)
def test_a_session_is_answered(net, url):
    net.post(url, json={"name": "Ada"}).reply(201, text="made")
    with niquests.Session() as session:
        response = session.post(url, json={"name": "Ada"}, timeout=TIMEOUT)
    assert (response.status_code, response.text) == (201, "made")


@pytest.mark.parametrize("url", URLS)
def test_it_is_answered_in_a_loop(net, url):
    net.get(url).reply(json={"id": 7})

    async def ask():
        async with niquests.AsyncSession() as session:
            return (await session.get(url, timeout=TIMEOUT)).json()

    assert asyncio.run(ask()) == {"id": 7}


@pytest.mark.parametrize("url", URLS)
def test_a_request_that_nothing_answers_is_reported(url):
    with pytest.raises((UnmatchedRequest, UnmetExpectation), match="users/8"), Network() as net:
        net.get(url).reply().optional()
        niquests.get(url.replace("7", "8"), timeout=TIMEOUT)
