"""respx's transports, handlers asked by hand, and httpcore's own requests."""

import asyncio

import httpcore
import httpx
import pytest

from netdouble.facades import respx
from netdouble.facades.respx.transports import MockTransport

URL = "https://api.test/x"

pytestmark = pytest.mark.filterwarnings("ignore:MockTransport is deprecated:DeprecationWarning")


async def asked(transport):
    async with httpx.AsyncClient(transport=transport) as client:
        return (await client.get(URL)).status_code


def plain(request):
    return httpx.Response(201)


async def later(request):
    return httpx.Response(202)


def test_a_transport_answers_by_the_handler_it_was_given():
    with httpx.Client(transport=MockTransport(handler=plain)) as client:
        assert client.get(URL).status_code == 201
    assert asyncio.run(asked(MockTransport(handler=plain))) == 201
    assert asyncio.run(asked(MockTransport(async_handler=later))) == 202
    with pytest.raises(RuntimeError, match="Missing a MockTransport required handler or router argument"):
        MockTransport()


def test_a_transport_of_a_router_answers_and_checks_it_at_its_end():
    router = respx.Router()
    router.get(URL).mock(side_effect=later)
    assert asyncio.run(asked(MockTransport(router=router))) == 202
    router.post(URL)
    with (
        pytest.raises(AssertionError, match="some routes were not called"),
        httpx.Client(transport=MockTransport(router=router)) as client,
    ):
        assert client.get(URL).status_code == 202


def test_a_handler_reads_a_body_that_is_still_to_come():
    def chunks():
        yield b"a"
        yield b"b"

    router = respx.Router()
    router.post(URL, content=b"ab") % 201
    request = httpx.Request("POST", URL, content=chunks())
    assert (router.handler(request).status_code, router.calls.last.request.content) == (201, b"ab")


def test_the_extensions_of_a_request_to_httpcore_are_recorded():
    with respx.mock as router, httpcore.ConnectionPool() as pool:
        router.get(URL) % 201
        pool.request("GET", URL, extensions={"mine": 1})
        assert router.calls.last.request.extensions == {"mine": 1}
