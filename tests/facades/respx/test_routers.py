"""respx's routers and routes on netdouble's engine: answers, order, names, snapshots, history, decorators."""

import asyncio
import inspect
import re
import socket
import threading

import aiohttp
import httpcore
import httpx
import pytest
import requests
from tests.facades.libraries import LIBRARIES, every_library

from netdouble import Fault, Network, UnmatchedRequest
from netdouble.facades import respx
from netdouble.facades.respx.models import AllMockedAssertionError, CallList, PassThrough, RouteList

URL = "https://api.test/x"


@every_library
def test_a_response_of_either_library_answers_both(library):
    with respx.mock as router:
        router.get(URL).mock(return_value=library.Response(201, json={"a": 1}, headers={"X-A": "b"}))
        for client in LIBRARIES:
            got = client.get(URL)
            assert (got.status_code, got.json(), got.headers["x-a"], type(got)) == (201, {"a": 1}, "b", client.Response)


@every_library
def test_an_exception_of_either_library_is_raised_as_the_clients_own(library):
    with respx.mock as router:
        router.get(URL).mock(side_effect=library.ConnectError)
        router.post(URL).mock(side_effect=library.ReadTimeout("slow"))
        for client in LIBRARIES:
            with pytest.raises(client.ConnectError, match=r"^Mock Error$") as caught:
                client.get(URL)
            assert caught.value.request.url == URL
            with pytest.raises(client.ReadTimeout, match=r"^slow$"):
                client.post(URL)
        assert [call.has_response for call in router.calls] == [False] * 2 * len(LIBRARIES)


def test_clients_that_respx_never_saw_are_answered_too():
    with respx.mock as router:
        route = router.get(URL).respond(json={"a": 1})
        assert requests.get(URL, timeout=5).json() == {"a": 1}
        router.post(URL).mock(side_effect=httpx.ConnectError)
        with pytest.raises(requests.ConnectionError):
            requests.post(URL, timeout=5)
        with pytest.raises(UnmatchedRequest):
            requests.put(URL, timeout=5)
        assert isinstance(route.calls.last.request, httpx.Request)

        async def ask():
            async with aiohttp.ClientSession() as session, session.get(URL) as response:
                return await response.json()

        assert asyncio.run(ask()) == {"a": 1}


def test_httpcore_by_hand_is_answered():
    with respx.mock as router, httpcore.ConnectionPool() as pool:
        router.get(URL).respond(202, text="hi")
        response = pool.request("GET", URL)
        assert (response.status, response.content) == (202, b"hi")
        assert router.calls.last.request.url == URL


@every_library
@pytest.mark.asyncio
async def test_functions_exceptions_and_iterables_are_side_effects(library):
    async def later(request, number):
        await asyncio.sleep(0)
        return library.Response(200 + int(number))

    with respx.mock as router:
        router.get(url__regex=r"/n/(?P<number>\d+)$").side_effect = later
        counted = router.get(URL)
        counted.side_effect = lambda request, route: library.Response(201, json=route.call_count)
        listed = router.post(URL)
        listed.side_effect = [library.Response(404), library.ReadError, lambda request: library.Response(204)]
        async with library.AsyncClient() as client:
            assert (await client.get("https://api.test/n/3")).status_code == 203
            assert [(await client.get(URL)).json() for _ in range(3)] == [0, 1, 2]
            assert (await client.post(URL)).status_code == 404
            with pytest.raises(library.ReadError):
                await client.post(URL)
            assert (await client.post(URL)).status_code == 204
            with pytest.raises(RuntimeError, match="StopIteration"):
                await client.post(URL)
        with pytest.raises(StopIteration), library.Client() as client:
            client.post(URL)
        assert listed.call_count == 3


def test_a_coroutine_answers_a_sync_client():
    async def later(request):
        await asyncio.sleep(0)
        return httpx.Response(205)

    with respx.mock as router:
        router.get(URL).mock(side_effect=later)
        assert httpx.get(URL).status_code == 205


def test_none_asks_the_next_route_and_the_request_itself_passes_through():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 299 OK\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        with respx.mock(assert_all_called=False) as router:
            shy = router.get(url).mock(side_effect=lambda request: None)
            below = router.route(method="GET").mock(side_effect=lambda request: request)
            assert httpx.get(url).status_code == 299
            assert (shy.call_count, below.call_count, below.calls.last.has_response) == (0, 1, False)


def test_generators_as_side_effects_are_safe_in_threads():
    with respx.mock as router:
        router.get(URL).side_effect = (httpx.Response(200, json=n) for n in range(100))
        seen, client = [], httpx.Client()

        def ask():
            seen.extend(client.get(URL).json() for _ in range(10))

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
        assert sorted(seen) == list(range(100))


@every_library
@pytest.mark.asyncio
async def test_a_streamed_body_is_read_again_and_by_both_kinds_of_client(library):
    async def chunks():
        yield b"a"
        yield b"b"

    with respx.mock as router:
        router.get(URL).mock(return_value=library.Response(200, content=chunks()))
        async with library.AsyncClient() as client:
            assert [(await client.get(URL)).text for _ in range(2)] == ["ab", "ab"]
        with library.Client() as client:
            assert client.get(URL).text == "ab"


@every_library
def test_what_is_not_sent_of_a_url_is_not_compared_either(library):
    with respx.mock as router, library.Client() as client:
        route = router.get(url__eq=URL) % 201
        assert client.get("https://ada:secret@api.test/x#top").status_code == 201
        assert route.calls.last.request.url == URL
        assert route.calls.last.request.headers["authorization"].startswith("Basic ")
        with pytest.raises(AllMockedAssertionError, match=r"'https://api.test/y'\)> not mocked!"):
            client.get("https://ada:secret@api.test/y")


def test_routes_are_asked_in_the_order_added():
    with respx.mock(assert_all_called=False) as router:
        general = router.get(host="api.test").respond(200)
        special = router.get(URL).respond(201)
        assert httpx.get(URL).status_code == 200
        assert (general.called, special.called) == (True, False)


def test_the_same_pattern_or_name_again_changes_the_route():
    router = respx.MockRouter()
    first = router.get(URL, name="n") % 201
    assert (router.get(URL) % 202) is first
    assert (first.name, "n" in router.routes) == (None, False)  # the name of the newest declaration, or none
    assert (router.get(URL, name="n") % 203) is first
    assert router.post(URL, name="n") is first
    assert (len(router.routes), router["n"].return_value, router["n"].name) == (1, None, "n")
    assert repr(first).startswith("<Route name='n' <Scheme eq 'https'>")
    assert router.pop("n") is first
    assert router.pop("n", None) is None
    with pytest.raises(KeyError):
        router["n"]


def test_what_is_changed_inside_is_rolled_back_and_the_history_forgotten():
    router = respx.mock(assert_all_called=False)
    route = router.get(URL, name="n") % 201
    for _ in range(2):
        with router:
            assert httpx.get(URL).status_code == 201
            route.return_value = httpx.Response(404)
            router.get("https://api.test/new")
            assert (httpx.get(URL).status_code, route.call_count, router.calls.call_count) == (404, 2, 2)
        assert (len(router.routes), route.return_value.status_code, route.called, router.calls) == (1, 201, False, [])


def test_snapshots_are_stacked_and_iterators_begin_again():
    router = respx.MockRouter()
    route = router.get(URL)
    route.side_effect = [httpx.Response(201), httpx.Response(202)]
    request = httpx.Request("GET", URL)
    router.snapshot()
    assert router.handler(request).status_code == 201
    router.snapshot()
    assert (router.handler(request).status_code, route.call_count) == (202, 2)
    router.rollback()
    assert (route.call_count, router.calls.call_count, router.handler(request).status_code) == (1, 1, 202)
    router.rollback()
    assert (route.call_count, router.handler(request).status_code) == (0, 201)
    for _ in range(3):
        router.rollback()
    assert len(router.routes) == 0


def test_the_global_router_nests_in_itself():
    with respx.mock:
        respx.get(URL) % 201
        assert httpx.get(URL).status_code == 201
        with respx.mock:
            respx.get(URL) % 202
            respx.get("https://api.test/y") % 203
            assert (httpx.get(URL).status_code, respx.calls.call_count, len(respx.routes)) == (202, 2, 2)
        assert (httpx.get(URL).status_code, respx.calls.call_count, len(respx.routes)) == (201, 1, 1)
    assert (respx.calls.call_count, len(respx.routes)) == (0, 0)
    assert respx.mocks.Mocker.registry["httpcore"].routers == []


def test_a_router_makes_routers_of_its_own_kind():
    class Mine(respx.MockRouter):
        """A subclass."""

    assert type(Mine()(base_url="https://api.test")) is Mine
    assert (Mine()()._assert_all_called, Mine(assert_all_called=False)()._assert_all_called) == (True, True)


def test_a_router_can_be_left_by_hand():
    router = respx.mock(assert_all_called=False)
    router.__enter__().get(URL) % 201
    assert httpx.get(URL).status_code == 201
    router.__exit__()
    asyncio.run(router.__aenter__())
    asyncio.run(router.__aexit__())
    assert respx.mocks.HTTPCoreMocker.routers == []


def test_of_nested_routers_the_outer_one_is_asked_first_and_neither_hides_the_other():
    with respx.mock(assert_all_mocked=False) as outer:
        outer.get(URL) % 201
        with respx.mock(assert_all_called=False) as inner:
            inner.get(URL) % 202
            inner.get("https://api.test/y") % 203
            assert httpx.get(URL).status_code == 201
            assert httpx.get("https://api.test/y").status_code == 203
            assert httpx.get("https://api.test/z").status_code == 200
            assert (outer.calls.call_count, inner.calls.call_count) == (2, 1)


def test_a_network_of_netdoubles_own_and_a_router_answer_side_by_side():
    with Network() as net, respx.mock as router:
        net.get("https://net.test/").reply(201)
        router.get(URL).respond(202)
        assert (httpx.get("https://net.test/").status_code, httpx.get(URL).status_code) == (201, 202)
        net.get("https://down.test/").fail(Fault.CONNECT_REFUSED)
        with pytest.raises(httpx.ConnectError):
            httpx.get("https://down.test/")
        assert (net.count, router.calls.call_count) == (2, 1)


def test_what_nothing_answers_is_refused_or_answered_by_itself():
    with respx.mock as router, pytest.raises(AllMockedAssertionError, match=re.escape("RESPX: <Request('GET', 'https")):
        httpx.get(URL)
    assert not router.calls.called
    with respx.mock(assert_all_mocked=False) as router:
        assert (httpx.get(URL).status_code, router.calls.last.response.status_code) == (200, 200)


def test_a_route_that_was_not_called_fails_unless_the_test_has_failed():
    with pytest.raises(AssertionError) as caught, respx.mock() as router:
        router.get(URL, name="n")
    assert str(caught.value) == "RESPX: some routes were not called!"
    assert vars(caught.value)["__notes__"][0].startswith("<Route name='n' <Scheme eq 'https'>")
    with pytest.raises(ZeroDivisionError), respx.mock() as router:
        router.get(URL)
        raise ZeroDivisionError
    with respx.mock:
        respx.get(URL)


def test_the_history_has_requests_responses_and_the_asserts_of_mocks():
    with respx.mock(assert_all_called=False) as router:
        route = router.post(URL, name="n").respond(201, json={"a": 1})
        got = httpx.post(URL, json={"b": 2})
        request, response = router.calls.last
        assert (request.content, response.json()) == (got.request.content, {"a": 1})
        assert (response.headers.raw, response.extensions) == (got.headers.raw, got.extensions)
        assert route.calls == router.calls
        route.calls.assert_called_once()
        with pytest.raises(AssertionError, match="Expected 'respx' to not have been called"):
            router.calls.assert_not_called()
        route.reset()
        with pytest.raises(AssertionError, match="Expected '<Route name='n' "):
            route.calls.assert_called()
        assert (route.call_count, router.calls.call_count) == (0, 1)
        router.reset()
        assert not router.calls
    assert CallList().call_count == 0


@every_library
def test_without_patching_a_router_is_the_handler_of_a_mock_transport(library):
    router = respx.Router()
    router.post(URL) % 404
    router.get(URL).pass_through()
    with library.Client(transport=library.MockTransport(router.handler)) as client:
        assert client.post(URL).status_code == 404
        with pytest.raises(PassThrough) as caught:
            client.get(URL)
    assert caught.value.origin is router.routes[1]
    assert (router.calls.call_count, router.calls[1].has_response) == (2, False)


@every_library
def test_using_httpx_answers_whatever_transport_a_client_has(library):
    real = library.MockTransport(lambda request: library.Response(500))
    with library.Client(transport=real) as client:
        with respx.mock(using="httpx") as router:
            router.get(URL) % 201
            router.post(URL).pass_through()
            assert (client.get(URL).status_code, client.post(URL).status_code) == (201, 500)
        with respx.mock:
            assert client.get(URL).status_code == 500
    with pytest.raises(ValueError, match="no mocker is called 'htpx'"), respx.mock(using="htpx"):
        pass


def test_a_transport_class_is_added_as_a_target():
    class Mine(httpx.BaseTransport):
        def handle_request(self, request):
            return httpx.Response(500)

    globals()["Mine"] = Mine
    target = f"{__name__}.Mine"
    __import__("sys").modules.setdefault(__name__, inspect.getmodule(test_a_transport_class_is_added_as_a_target))
    respx.mocks.HTTPCoreMocker.add_targets(target)
    try:
        with httpx.Client(transport=Mine()) as client:
            with respx.mock as router:
                router.get(URL) % 201
                assert client.get(URL).status_code == 201
            assert client.get(URL).status_code == 500
    finally:
        respx.mocks.HTTPCoreMocker.remove_targets(target)


def test_every_kind_of_function_is_decorated():
    @respx.mock
    def plain(a, respx_mock, b=2):
        respx_mock.get(URL) % 201
        return a, b, httpx.get(URL).status_code

    @respx.mock(base_url="https://api.test")
    async def coroutine(respx_mock):
        respx_mock.get("/x") % 202
        async with httpx.AsyncClient() as client:
            return (await client.get(URL)).status_code

    @respx.mock()
    def generator(respx_mock):
        respx_mock.get(URL) % 203
        yield httpx.get(URL).status_code

    class Suite:
        @respx.mock(assert_all_called=False)
        def method(self, respx_mock):
            respx_mock.get("https://unused.test/")
            return type(self).__name__

    assert (plain(1), asyncio.run(coroutine())) == ((1, 2, 201), 202)
    assert (list(generator()), Suite().method()) == ([203], "Suite")
    assert list(inspect.signature(plain).parameters) == ["a", "b"]
    assert plain.__name__ == "plain"


def test_a_decorated_function_answers_as_a_route():
    router = respx.MockRouter()

    @router.get(path__regex=r"^/(?P<user>\w+)/$", name="user")
    def user_api(request, user):
        return httpx.Response(200, json=user)

    assert router.handler(httpx.Request("GET", "https://api.test/ada/")).json() == "ada"
    assert router["user"].side_effect is user_api


def test_apps_answer():
    def wsgi(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    async def asgi(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    with respx.mock as router:
        router.get(path="/w").mock(side_effect=respx.WSGIHandler(wsgi))
        router.get(path="/a").mock(side_effect=respx.ASGIHandler(asgi))
        assert [library.get("https://h.test/w").text for library in LIBRARIES] == ["/w"] * len(LIBRARIES)
        assert httpx.get("https://h.test/a").text == "/a"


def test_a_cookie_is_spelled_with_its_attributes():
    line = respx.SetCookie("a", "b", path="/", max_age=3, http_only=True, same_site="None", partitioned=True)
    assert line == ("Set-Cookie", "a=b; Path=/; Max-Age=3; HttpOnly; SameSite=None; Secure; Partitioned")
    with respx.mock as router:
        router.get(URL).respond(cookies=[line, respx.SetCookie("c", "d")])
        assert dict(httpx.get(URL).cookies) == {"a": "b", "c": "d"}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: respx.Route().mock(return_value=1), TypeError, "1 is not an instance of httpx.Response"),
        (lambda: respx.Route() % "x", TypeError, "Route can only % with int, dict or Response, got 'x'"),
        (lambda: respx.Route().mock(side_effect=3), TypeError, "A side effect is a function"),
        (lambda: respx.add(1), ValueError, "Invalid route 1, please use respx.route(...).mock(...)"),
        (lambda: respx.get(URL, method="POST"), TypeError, "multiple values for keyword argument 'method'"),
        (lambda: respx.MockResponse(content={"a": 1}), TypeError, "content can only be str, bytes or byte stream"),
        (lambda: RouteList().__setitem__(0, RouteList()), TypeError, "all are replaced at once"),
        (lambda: setattr(respx.Route(), "name", "x"), NotImplementedError, "Can't set name on route."),
        (lambda: respx.calls.last, IndexError, "list index out of range"),
    ],
)
def test_a_mistake_is_told_where_it_is_made(make, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make()


pytest_plugins = ["pytester"]


def test_the_fixture_and_the_marker_by_their_own_names(pytester):
    pytester.makepyfile(
        """
        import httpx, pytest, respx
        from respx.models import Route
        from respx.patterns import M

        def test_bare(respx_mock):
            respx_mock.get("https://unused.test/")
            assert respx_mock is respx.mock and isinstance(respx_mock.routes[0], Route)

        @pytest.mark.respx(base_url="https://foo.test", assert_all_called=False)
        def test_marked(respx_mock):
            respx_mock.get("/baz/").mock(return_value=httpx.Response(204))
            assert httpx.get("https://foo.test/baz/").status_code == 204

        def test_no_module_hides_what_the_package_has():
            assert (len(respx.routes), respx.calls.call_count, respx.__version__) == (0, 0, "0.23.1")

        @pytest.mark.respx()
        def test_unused(respx_mock):
            respx_mock.get("https://unused.test/")
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "netdouble.facades", "--net-replace=respx", "-p", "no:randomly", "--strict-markers"
    )
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*RESPX: some routes were not called!*"])
