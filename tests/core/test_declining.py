"""A function that gives the request back: its route does not answer after all, and the next one is asked."""

import httpx
import pytest

from netdouble import Network, UnmatchedRequest
from netdouble._core.messages import Request
from netdouble._core.replies import DECLINE
from netdouble._core.router import Router


def only_post(request: Request) -> object:
    return {"id": 1} and 201 if request.method == "POST" else DECLINE


async def never(request: Request) -> object:
    return DECLINE


URL = "https://api.test/x"


def test_the_next_route_answers_and_only_that_one_counts_the_call():
    with Network() as net:
        below = net.any(URL).reply(204)
        above = net.any(URL).reply(only_post).optional()
        assert httpx.get(URL).status_code == 204
        assert (above.count, below.count, net.count) == (0, 1, 1)
        assert net.calls[0].route is below
        assert httpx.post(URL).status_code == 201
        assert (above.count, below.count, net.count) == (1, 1, 2)


def test_a_route_of_an_outer_network_may_be_the_next_one():
    with Network() as outer:
        below = outer.any(URL).reply(204)
        with Network() as inner:
            above = inner.any(URL).reply(only_post).optional()
            assert httpx.get(URL).status_code == 204
            assert (above.count, below.count, inner.count, outer.count) == (0, 1, 1, 1)


def test_without_another_route_the_request_is_unmatched():
    with Network() as net:
        route = net.any(URL).reply(only_post).optional()
        with pytest.raises(UnmatchedRequest):
            httpx.get(URL)
        assert (route.count, [call.unmatched for call in net.calls]) == (0, [True])


@pytest.mark.asyncio
async def test_an_async_function_declines_as_well():
    with Network() as net:
        net.any(URL).reply(204)
        net.any(URL).reply(never).optional()
        async with httpx.AsyncClient() as client:
            assert (await client.get(URL)).status_code == 204
        assert httpx.get(URL).status_code == 204  # noqa: ASYNC210  # a sync client inside of a loop


def test_a_router_is_put_back_to_the_routes_and_calls_that_it_had():
    with Network() as net:
        first = net.get(URL).reply(200)
        httpx.get(URL)
        router: Router = net.router
        routes, calls = router.routes, tuple(router.calls)
        second = net.post(URL).reply(201)
        httpx.post(URL)
        httpx.get(URL)
        router.put_back(routes, calls)
        assert (net.routes, net.count, first.count, second.count) == ((first,), 1, 1, 0)
        with pytest.raises(UnmatchedRequest):
            httpx.post(URL)
