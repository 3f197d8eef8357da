"""respx's routes by themselves: what they are told, and what they say when they are asked by hand."""

import httpx
import pytest
from tests.facades.libraries import every_library

from netdouble.facades import respx
from netdouble.facades.respx.models import RouteList, SideEffectError

URL = "https://api.test/x"
GET = httpx.Request("GET", URL)


@every_library
def test_a_response_may_be_the_side_effect(library):
    with respx.mock as router, library.Client() as client:
        route = router.get(URL).mock(side_effect=library.Response(201, text="a"))
        assert [client.get(URL).text, client.get(URL).text] == ["a", "a"]
        assert route.call_count == 2


@pytest.mark.parametrize("empty", [None, [], (), {}, "", 0])
def test_what_is_empty_is_no_side_effect(empty):
    route = respx.Route().mock(httpx.Response(202))
    route.side_effect = empty
    assert (route.side_effect, route.match(GET).status_code) == (None, 202)


@pytest.mark.parametrize("wrong", [5, "text", b"bytes"])
def test_what_can_not_be_a_side_effect_says_so(wrong):
    with pytest.raises(TypeError, match=r"A side effect is a function, an exception, a response, or an iterable"):
        respx.Route().side_effect = wrong


def test_a_percent_sign_leaves_the_side_effect_first():
    route = respx.Route().mock(side_effect=lambda request: httpx.Response(299))
    assert (route % 404).match(GET).status_code == 299
    route.side_effect = None
    assert route.match(GET).status_code == 404


def boom(request):
    raise ValueError("boom")


@pytest.mark.parametrize("effect", [boom, ValueError, ValueError("boom"), [ValueError]])
def test_asked_by_hand_a_route_tells_whose_side_effect_raised(effect):
    route = respx.Route().mock(side_effect=effect)
    with pytest.raises(SideEffectError) as caught:
        route.match(GET)
    assert (caught.value.route, type(caught.value.origin)) == (route, ValueError)


def test_asked_by_hand_a_route_gives_what_can_be_read():
    route = respx.Route()
    assert (route.match(GET).content, route.match(GET).request) == (b"", GET)
    assert route.pass_through().match(GET) is GET
    route.mock(side_effect=lambda request: 5)
    with pytest.raises(TypeError, match=r"Side effects must return; either a `httpx.Response`,a `httpx.Request`"):
        route.match(GET)


def test_lists_of_bytes_are_a_stream_and_other_contents_are_refused():
    with respx.mock as router:
        router.get(URL).respond(content=[b"a", b"b"])
        assert httpx.get(URL).content == b"ab"
    for wrong in ({"a": 1}, ValueError("x"), ValueError, len):
        with pytest.raises(TypeError, match=r"^MockResponse content can only be str, bytes or byte stream"):
            respx.MockResponse(content=wrong)


def test_a_list_of_routes_can_only_be_replaced_as_a_whole():
    routes = RouteList()
    routes.add(respx.Route(path="/a"), name="a")
    copied = RouteList(routes)
    for place in (0, slice(0, 1)):
        with pytest.raises(TypeError, match=r"^Can't slice assign routes"):
            routes[place] = copied
    routes[:] = RouteList()
    assert (len(routes), len(copied)) == (0, 1)


def test_a_name_goes_to_the_route_that_was_declared_with_it_last():
    router = respx.Router()
    first = router.get(URL, name="a") % 201
    second = router.post(URL, name="b") % 202
    assert router.post(URL, name="a") is first  # takes the pattern over; the other route of that pattern is gone
    assert (list(router.routes), "b" in router.routes) == ([first], False)
    assert router.add(second, name="c") is first
    assert (first.name, first.return_value.status_code) == ("c", 202)


def test_everything_of_the_package_can_be_reached_without_a_further_import():
    assert respx.api.get == respx.get
    assert respx.utils.SetCookie is respx.SetCookie
    assert respx.types.HeaderTypes
    assert respx.models.Route is respx.Route


def test_what_mocks_with_something_strange_says_so():
    with pytest.raises(ValueError, match=r"^Invalid Router `using` kwarg: 5$"):
        respx.MockRouter(using=5).start()


def test_a_url_and_a_pattern_of_it_can_not_both_be_given():
    router = respx.Router()
    with pytest.raises(TypeError, match="Got multiple values for pattern 'url'"):
        router.request("GET", URL, url__regex="x")
    assert router.request("GET", "", url__regex="x").pattern
    with pytest.raises(TypeError, match="multiple values for keyword argument 'method'"):
        router.get(URL, method="POST")
