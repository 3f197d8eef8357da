"""What can be declared, what it answers, and what is refused at declaration."""

from __future__ import annotations

import re

import pytest
from tests.core.asking import ask, status

from netdouble import (
    PASS_THROUGH,
    DeclarationError,
    Fault,
    Network,
    Request,
    Response,
    UnansweredRoute,
    UnmetExpectation,
)
from netdouble._core.replies import Fail

URL = "https://api.test/users/7"


@pytest.fixture
def net():
    with Network(unused="off") as opened:
        yield opened


ANSWERS = [
    ("a status", (204,), {}, (204, b"", None)),
    ("json", (), {"json": {"a": [1, None, "ä"]}}, (200, '{"a":[1,null,"ä"]}'.encode(), "application/json")),
    ("json null", (), {"json": None}, (200, b"null", "application/json")),
    ("text", (), {"text": "ä"}, (200, "ä".encode(), "text/plain; charset=utf-8")),
    ("html", (201,), {"html": "<p>"}, (201, b"<p>", "text/html; charset=utf-8")),
    ("content", (), {"content": b"\0\1"}, (200, b"\0\1", None)),
    ("form", (), {"form": {"a": [1, 2], "b": "x y"}}, (200, b"a=1&a=2&b=x+y", "application/x-www-form-urlencoded")),
    (
        "own type",
        (),
        {"json": 1, "headers": {"content-type": "application/hal+json"}},
        (200, b"1", "application/hal+json"),
    ),
    ("a Response", (Response(418, text="tea"),), {}, (418, b"tea", "text/plain; charset=utf-8")),
    (
        "a function",
        (lambda request: Response(202, text=request.method),),
        {},
        (202, b"GET", "text/plain; charset=utf-8"),
    ),
    ("a function giving a status", (lambda request: 409,), {}, (409, b"", None)),
]


@pytest.mark.parametrize(("args", "options", "seen"), [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS])
def test_every_kind_of_answer_becomes_a_response(net, args, options, seen):
    net.get(URL).reply(*args, **options)
    answer = ask("GET", URL)
    assert (answer.status, answer.body, answer.headers.get("content-type")) == seen


def test_async_functions_and_apps_answer_a_sync_caller(net):
    async def reply(request: Request) -> Response:
        return Response(text=request.url.path)

    async def asgi(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-path", scope["raw_path"])]})
        await send({"type": "http.response.body", "body": b"got "})
        await send({"type": "http.response.body", "body": body})

    def wsgi(environ, start_response):
        start_response("202 Fine", [("X-Query", environ["QUERY_STRING"])])
        return [environ["REQUEST_METHOD"].encode(), environ["wsgi.input"].read()]

    net.get("https://api.test/async").reply(reply)
    net.post("https://api.test/asgi").reply(asgi)
    net.post("https://api.test/wsgi").reply(wsgi)
    assert ask("GET", "https://api.test/async").text == "/async"
    made = ask("POST", "https://api.test/asgi", body=b"data")
    assert (made.status, made.body, made.headers["x-path"]) == (201, b"got data", "/asgi")
    made = ask("POST", "https://api.test/wsgi?a=1", body=b"!")
    assert (made.status, made.reason, made.body, made.headers["x-query"]) == (202, "Fine", b"POST!", "a=1")


def test_an_app_object_of_starlette_is_told_from_a_function(net):
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route as StarletteRoute

    async def user(request):
        return JSONResponse({"id": request.path_params["id"]})

    net.any("https://api.test/{rest:path}").reply(Starlette(routes=[StarletteRoute("/users/{id}", user)]))
    assert ask("GET", URL).json() == {"id": "7"}


def test_answers_come_in_order_and_the_last_repeats(net):
    net.get(URL).reply(503).repeat(2).then(429).then(json={"ok": True})
    assert [status("GET", URL) for _ in range(6)] == [503, 503, 429, 200, 200, 200]


def test_a_second_reply_replaces_the_answers_also_after_calls(net):
    route = net.get(URL).reply(500).then(501)
    assert status("GET", URL) == 500
    route.reply(200).then(201)
    assert [status("GET", URL) for _ in range(3)] == [200, 201, 201]
    assert route.count == 4


def test_a_fault_may_follow_an_answer_and_be_followed(net):
    net.get(URL).fail(Fault.RESET).then(Fault.DNS).then(200).then(PASS_THROUGH)
    assert [ask("GET", URL) for _ in range(2)] == [Fail(Fault.RESET), Fail(Fault.DNS)]
    assert status("GET", URL) == 200
    assert ask("GET", URL) is PASS_THROUGH


def test_a_fault_that_follows_takes_what_a_first_one_takes(net):
    page = Response(content=b"page")
    net.get(URL).reply(429).then(Fault.TRUNCATED_BODY, response=page, delay=0.5).then(TimeoutError, delay=1)
    assert status("GET", URL) == 429
    assert ask("GET", URL) == Fail(Fault.TRUNCATED_BODY, response=page, delay=0.5)
    assert ask("GET", URL).delay == 1


def test_a_budget_is_the_whole_routes_and_zero_means_never(net):
    net.get(URL).reply(200)
    net.get(URL).reply(500).then(501).times(3)
    net.get(URL).reply(400).times(0)
    assert [status("GET", URL) for _ in range(5)] == [500, 501, 501, 200, 200]


def test_path_parameters_are_on_the_request(net):
    seen = []
    net.get("https://api.test/{kind}/{id:int}").reply(lambda request: seen.append(dict(request.path_params)) or 200)
    ask("GET", URL)
    assert seen == [{"kind": "users", "id": 7}]


def test_a_route_without_an_answer_is_an_error_at_the_call_naming_its_line(net):
    net.get(URL)
    with pytest.raises(UnansweredRoute, match=r"test_routes\.py:\d+"):
        ask("GET", URL)


def test_removed_routes_answer_no_more_and_keep_their_calls(net):
    net.get(URL).reply(200)
    newer = net.get(URL).reply(201)
    assert status("GET", URL) == 201
    newer.remove()
    assert status("GET", URL) == 200
    assert newer.count == 1


def test_assert_called_checks_counts_and_conditions_and_shows_the_difference(net):
    route = net.post("https://api.test/users").reply(201)
    ask("POST", "https://api.test/users", body=b'{"name": "Ada"}')
    route.assert_called()
    route.assert_called(times=1, json={"name": "Ada"})
    with pytest.raises(UnmetExpectation, match=r"(?s)\$\.name.*Bob.*Ada"):
        route.assert_called(json={"name": "Bob"})
    with pytest.raises(UnmetExpectation):
        route.assert_called(times=2)


class Unbuildable(Exception):
    def __init__(self, needed: object, *, also: object) -> None:
        super().__init__(needed)


def chunks():
    yield b"a"


REFUSED = [
    ("no scheme", lambda n: n.get("api.test/users"), r"https://api\.test/users"),
    ("a path on its own", lambda n: n.get("/users"), r"at\("),
    ("a name twice in a template", lambda n: n.get("https://h.test/{id}/{id}"), "id"),
    ("query twice", lambda n: n.get("https://h.test/?a=1", query={"b": 2}), "query"),
    ("a bool in a query", lambda n: n.get("https://h.test/", query={"a": True}), "(?i)bool|true"),
    ("two bodies", lambda n: n.get(URL).reply(json=1, text="x"), "json= and text="),
    ("two body conditions", lambda n: n.post(URL, json={}, content=b""), "json"),
    ("status 99", lambda n: n.get(URL).reply(99), "99"),
    ("status 600", lambda n: n.get(URL).reply(600), "600"),
    ("a bool status", lambda n: n.get(URL).reply(True), "True"),
    ("json that is none", lambda n: n.get(URL).reply(json={1, 2}), "JSON"),
    ("text of bytes", lambda n: n.get(URL).reply(text=b"x"), "content="),
    ("content of str", lambda n: n.get(URL).reply(content="x"), "text="),
    ("a generator as content", lambda n: n.get(URL).reply(content=chunks()), "stream="),
    ("a generator as stream", lambda n: n.get(URL).reply(stream=chunks()), "generator"),
    ("a body on 204", lambda n: n.get(URL).reply(204, json=1), "204"),
    ("a header with a line break", lambda n: n.get(URL).reply(headers={"a": "b\r\nc"}), "can't be sent"),
    ("a header that is no str", lambda n: n.get(URL).reply(headers={"a": 1}), "str"),
    ("a reason with a line break", lambda n: n.get(URL).reply(reason="a\r\nb"), "can't be sent"),
    (
        "trailers beside a length",
        lambda n: n.get(URL).reply(headers={"Content-Length": "0"}, trailers={"a": "b"}),
        "chunked",
    ),
    ("a negative delay", lambda n: n.get(URL).reply(delay=-1), "seconds"),
    ("a missing file", lambda n: n.get(URL).reply(file="/nowhere/at/all"), "file="),
    ("one event without a list", lambda n: n.get(URL).reply(sse={"data": 1}), r"sse=\[\.\.\.\]"),
    ("an event with unknown keys", lambda n: n.get(URL).reply(sse=[{"text": 1}]), "data"),
    ("a class that can't be built", lambda n: n.get(URL).fail(Unbuildable), "instance"),
    ("a failure that is none", lambda n: n.get(URL).fail("reset"), r"Fault\.RESET"),
    ("then after times", lambda n: n.get(URL).reply(1 + 199).times(2).then(201), r"\.repeat"),
    ("then without an answer", lambda n: n.get(URL).then(200), r"\.reply"),
    ("then an answer and what it cuts off", lambda n: n.get(URL).reply().then(200, response=Response()), r"Response\("),
    ("then a fault and a body", lambda n: n.get(URL).reply().then(Fault.RESET, json=1), r"response=Response\(json="),
    ("repeat without an answer", lambda n: n.get(URL).repeat(2), r"\.reply"),
    ("repeat zero", lambda n: n.get(URL).reply(200).repeat(0), "1 or more"),
    ("times of a fraction", lambda n: n.get(URL).reply(200).times(1.5), "number"),
    ("a function of nothing", lambda n: n.get(URL).reply(lambda: 200), "request"),
    ("an answer that is none", lambda n: n.get(URL).reply(object()), "can't be answered"),
    ("options beside a whole answer", lambda n: n.get(URL).reply(Response(), json=1), "json="),
    ("a method that is no word", lambda n: n.route("GET ", URL), "GET"),
    ("a base with a query", lambda n: n.at("https://h.test/?a=1"), "query"),
    ("an unknown setting", lambda n: Network(gaurd="block"), "guard"),
    ("an unknown value", lambda n: Network(guard="on"), "block"),
]


@pytest.mark.parametrize(("declare", "repair"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_bad_declarations_fail_at_once_with_the_repair(net, declare, repair):
    with pytest.raises(DeclarationError, match=repair):
        declare(net)


def test_an_exception_class_is_built_with_a_message_when_it_needs_one(net):
    class NeedsText(Exception):
        def __init__(self, text: str) -> None:
            super().__init__(text)

    net.get(URL).fail(NeedsText)
    answer = ask("GET", URL)
    assert isinstance(answer.error, NeedsText)


def test_a_view_inherits_base_and_conditions(net):
    api = net.at("https://api.test/v1", headers={"x-key": "k"})
    api.at("/users").get("/{id}").reply(200)
    api.get("https://other.test/").reply(201)
    assert status("GET", "https://api.test/v1/users/7", headers={"X-Key": "k"}) == 200
    assert status("GET", "https://other.test/", headers={"X-Key": "k"}) == 201
    from netdouble import UnmatchedRequest

    with pytest.raises(UnmatchedRequest):
        ask("GET", "https://api.test/v1/users/7")


def test_regex_urls_search_the_whole_normalised_url(net):
    net.get(re.compile(r"users/(?P<id>\d+)\?a=1$")).reply(lambda request: Response(text=request.path_params["id"]))
    assert ask("GET", "https://API.test:443/v1/users/42?a=1#x").text == "42"


def test_names_find_routes(net):
    route = net.get(URL).reply(200).named("one user")
    assert net["one user"] is route
    with pytest.raises(KeyError, match="one user"):
        net["one usr"]


def statuses(count):
    answers = [ask("GET", URL) for _ in range(count)]
    return [answer.status if isinstance(answer, Response) else answer.fault for answer in answers]


def test_the_first_calls_fail_and_then_come_the_answers():
    with Network(unused="off") as net:
        net.get(URL).reply(200).then(201).fail_first(2)
        assert statuses(5) == [Fault.RESET, Fault.RESET, 200, 201, 201]


def test_a_route_that_has_answered_can_be_made_to_fail_from_now_on():
    with Network(unused="off") as net:
        route = net.get(URL).reply(200).repeat(3).then(201)
        assert statuses(1) == [200]
        route.fail_first(1, 503)
        assert statuses(5) == [503, 200, 200, 201, 201]


def test_a_last_answer_goes_on_after_failures():
    with Network(unused="off") as net:
        route = net.get(URL).reply(200)
        assert statuses(4) == [200] * 4
        route.fail_first(1, Fault.GOAWAY)
        assert statuses(3) == [Fault.GOAWAY, 200, 200]


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda route: route.fail_first(2), "comes after an answer"),
        (lambda route: route.reply(200).fail_first(0), "takes how many calls, 1 or more, not 0"),
        (lambda route: route.reply(200).fail_first(1, "reset"), "takes a Fault or an exception"),
    ],
)
def test_fail_first_says_what_it_needs(declare, text):
    with pytest.raises(DeclarationError, match=text):
        declare(Network().get(URL))
