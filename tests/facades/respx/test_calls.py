"""respx's call history: what is listed, and for how long."""

import copy

import httpx
import pytest

from netdouble.facades import respx
from netdouble.facades.respx.models import Call, CallList

URL = "https://api.test/x"
OTHER = "https://api.test/y"


def test_a_route_keeps_its_calls_after_the_router_has_ended():
    with respx.mock as router:
        route = router.get(URL).respond(201, json=7)
        httpx.get(URL)
        httpx.get(URL)
    assert (router.calls.call_count, len(router.routes)) == (0, 0)
    assert (route.called, route.call_count, route.calls.last.response.json()) == (True, 2, 7)


def test_a_route_keeps_its_calls_after_it_was_taken_away():
    with respx.mock(assert_all_called=False) as router:
        route = router.get(URL, name="n").respond(201)
        httpx.get(URL)
        router.pop("n")
        router.reset()
        assert (route.call_count, router.calls.call_count) == (1, 0)
        router.add(route)
        httpx.get(URL)
        assert (route.call_count, router.calls.call_count) == (2, 1)


def test_a_route_that_was_there_before_is_asked_anew_each_time():
    router = respx.mock()
    route = router.get(URL) % 201
    for _ in range(2):
        with router:
            httpx.get(URL)
            assert route.call_count == 1
        assert route.call_count == 0


def test_routes_come_back_from_an_older_snapshot_with_their_calls():
    router = respx.mock(assert_all_called=False)
    route = router.get(URL, name="n") % 201
    with router:
        httpx.get(URL)
        with router:
            router.pop("n")
            router.get(OTHER) % 202
            httpx.get(OTHER)
        assert ([route], route.call_count) == (list(router.routes), 0)  # forgotten by the inner end, as in respx
    with router:
        assert httpx.get(URL).status_code == 201
        assert route.call_count == 1


EDITS = {
    "clear": lambda calls: calls.clear(),
    "assign": lambda calls: calls.__setitem__(slice(None), []),
    "pop": lambda calls: (calls.pop(), calls.pop()),
    "delete": lambda calls: calls.__delitem__(slice(0, 2)),
    "remove": lambda calls: (calls.remove(calls[0]), calls.remove(calls[0])),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_what_is_taken_out_of_a_list_stays_out_and_is_still_in_the_other(edit):
    with respx.mock as router:
        route = router.get(URL) % 201
        httpx.get(URL)
        httpx.get(URL)
        edit(route.calls)
        assert (route.called, route.calls, router.calls.call_count) == (False, [], 2)
        httpx.get(URL)
        assert (route.call_count, router.calls.call_count) == (1, 3)
        assert route.calls[0] is router.calls[-1]


def test_what_is_put_into_a_list_by_hand_stays_until_a_reset():
    with respx.mock(assert_all_called=False) as router:
        route = router.get(URL) % 201
        router.record(httpx.Request("GET", OTHER), response=httpx.Response(299), route=route)
        httpx.get(URL)
        assert [call.response.status_code for call in route.calls] == [299, 201]
        assert list(reversed(route.calls)) == [route.calls[1], route.calls[0]]
        assert route.calls == router.calls
        assert (route.calls != router.calls) is False
        assert [*route.calls, 7][2] == 7
        router.reset()
        assert (route.calls, router.calls) == ([], [])


def test_a_list_is_equal_to_a_list_of_the_same_calls():
    with respx.mock as router:
        route = router.get(URL) % 201
        httpx.get(URL)
        assert route.calls == router.calls
        assert copy.copy(list(route.calls)) == [router.calls.last]


def test_assertions_name_the_route_as_it_is_then():
    route = respx.Route(path="/x")
    calls = CallList([Call(httpx.Request("GET", URL), None)], name=route)
    with pytest.raises(AssertionError, match=r"Expected '<Route <Path eq '/x'>>' to not have been called"):
        calls.assert_not_called()
    router = respx.Router()
    router.add(route, name="n")
    with pytest.raises(AssertionError, match=r"Expected '<Route name='n' <Path eq '/x'>>' to have been called"):
        route.calls.assert_called()
