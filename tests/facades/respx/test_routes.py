"""respx's routes by themselves: what they are told, and what they say when they are asked by hand."""

from unittest.mock import AsyncMock, MagicMock

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


@pytest.mark.parametrize("effect", [boom, ValueError, ValueError("boom"), [ValueError]])
def test_the_cause_of_what_a_client_is_told_says_whose_side_effect_raised(effect):
    with respx.mock as router:
        route = router.get(URL).mock(side_effect=effect)
        with pytest.raises(ValueError, match=r"^(boom)?$") as caught:
            httpx.get(URL)
        cause = caught.value.__cause__
        assert (type(cause), cause.route, cause.origin) == (SideEffectError, route, caught.value)


def test_the_cause_is_told_before_the_users_own_and_once():
    error = ValueError("boom")
    error.__cause__ = own = KeyError("own")
    with respx.mock as router:
        router.get(URL).mock(side_effect=error)
        for _ in range(3):
            with pytest.raises(ValueError, match="boom"):
                httpx.get(URL)
    assert error.__cause__.__cause__ is own


@every_library
def test_the_other_librarys_exception_keeps_the_cause(library):
    with respx.mock as router:
        route = router.get(URL).mock(side_effect=httpx.ConnectError("down"))
        with pytest.raises(library.ConnectError, match="down") as caught:
            library.get(URL)
        cause = caught.value if library is httpx else caught.value.__cause__
        assert cause.__cause__.route is route


class NeedsTwo(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


@pytest.mark.parametrize("wrong", [lambda request: 5, NeedsTwo, [404]])
def test_a_side_effect_that_is_a_mistake_answers_nothing(wrong):
    with respx.mock(assert_all_called=False) as router:
        route = router.get(URL).mock(side_effect=wrong)
        with pytest.raises(TypeError) as caught:
            httpx.get(URL)
        assert caught.value.__cause__ is None
        assert (route.call_count, router.calls.call_count) == (0, 0)


def test_none_in_a_list_asks_the_next_route():
    with respx.mock as router:
        listed = router.get(URL).mock(side_effect=[None, httpx.Response(201)])
        router.route(path="/x") % 202
        assert [httpx.get(URL).status_code for _ in range(2)] == [202, 201]
        assert listed.call_count == 1


def test_a_mock_of_a_function_is_called():
    mocks = MagicMock(return_value=httpx.Response(201)), AsyncMock(return_value=httpx.Response(202))
    for mock in mocks:
        with respx.mock as router:
            router.get(URL).mock(side_effect=mock)
            assert httpx.get(URL).status_code == mock.return_value.status_code
        mock.assert_called_once()


def test_a_percent_sign_makes_a_plain_response():
    assert [type((respx.Route() % said).return_value) for said in (201, {"json": 1})] == [httpx.Response] * 2


def test_a_handler_gives_what_it_records():
    router = respx.Router()
    route = router.get(URL) % 201
    resolved = router.resolve(GET)
    assert (resolved.route, resolved.response) == (route, route.calls.last.response)
    assert router.handler(GET) is router.calls.last.response


def test_asked_by_hand_a_route_gives_what_can_be_read():
    route = respx.Route()
    assert (route.match(GET).content, route.match(GET).request) == (b"", GET)
    assert route.mock(side_effect=lambda request: httpx.Response(201)).match(GET).request is GET
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
    assert (list(router.routes), "b" in router.routes, second.name) == ([first], False, None)
    assert router.add(second, name="c") is first
    assert (first.name, first.return_value.status_code) == ("c", 202)


def test_everything_of_the_package_can_be_reached_without_a_further_import():
    assert respx.api.get == respx.get
    assert respx.utils.SetCookie is respx.SetCookie
    assert respx.types.HeaderTypes
    assert respx.models.Route is respx.Route
    assert respx.router.SideEffectError is respx.models.SideEffectError
    assert respx.mocks.PassThrough is respx.models.PassThrough


def test_a_star_imports_what_respx_says_it_has():
    names = {}
    exec("from netdouble.facades.respx import *", names)
    del names["__builtins__"]
    assert set(names) == set(respx.__all__)
    assert names["MockResponse"](204).status_code == 204


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
