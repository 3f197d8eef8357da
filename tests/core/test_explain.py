"""What the reports say, whole: the message is the product."""

from __future__ import annotations

import json as jsonlib
import pickle
import re
import time
from textwrap import dedent
from typing import Any

import pytest
from tests.core.asking import ask
from tests.core.reporting import USER, Registry, miss, report

from netdouble import Fault, M, Network, UnansweredRoute, UnmatchedRequest, UnmetExpectation
from netdouble._core import explain
from netdouble._core.calls import Call
from netdouble._core.messages import Request


def said(text: str) -> str:
    return dedent(text).strip("\n")


# A request without a route


def test_the_report_names_the_request_the_nearest_routes_and_a_stub() -> None:
    registry = Registry()
    registry.add("POST", "https://api.test/users/{id}", query={"expand": None}, json={"name": "Ada"}).named("user")
    registry.add("GET", USER).once()
    registry.add("PUT", "https://api.test/orders")
    registry.send("GET", USER)
    request = Request.to("POST", f"{USER}?expand=team", body=b'{"name":"ada"}', client="requests 2.34.2")
    assert report(registry, request, caller="app/client.py:42 in fetch_user", label="test_fetch") == said(
        """
        no route answers
            POST https://api.test/users/7?expand=team
                requests 2.34.2, called from app/client.py:42 in fetch_user, network of test_fetch
        Nearest of 3 routes:
          1. POST https://api.test/users/{id}                           "user" tests/test_users.py:10
               query  expected no "expand", got "team"
               json   $.name: expected "Ada", got "ada"
          2. GET https://api.test/users/7                               tests/test_users.py:11    used up: 1 of 1
               method expected GET, got POST
          3. PUT https://api.test/orders                                tests/test_users.py:12
               method expected PUT, got POST
               path   expected "/orders", got "/users/7"
        To answer it:  net.post("https://api.test/users/7", query={"expand": "team"}, json={"name": "ada"}).reply(200)
        """
    )


def test_what_would_match_but_is_used_up_comes_first() -> None:
    registry = Registry()
    registry.add("GET", USER).once()
    registry.add("GET", f"{USER}/")
    registry.send("GET", USER)
    assert report(registry, Request.to("GET", USER, client="httpx 0.28.1")) == said(
        """
        no route answers
            GET https://api.test/users/7                                httpx 0.28.1
        Nearest of 2 routes:
          1. GET https://api.test/users/7                               tests/test_users.py:10    used up: 1 of 1
               it matches; raise its budget with .times(2), or declare a route for what follows
          2. GET https://api.test/users/7/                              tests/test_users.py:11
               path   expected "/users/7/", got "/users/7"
                      hint: a trailing slash counts: the route has one, the request has none
        To answer it:  net.get("https://api.test/users/7").reply(200)
        """
    )


def test_nothing_is_declared() -> None:
    assert report(Registry(), Request.to("GET", "https://api.test/?token=abc")) == said(
        """
        no route answers
            GET https://api.test/?token=***
        No route is declared on this network.
        To answer it:  net.get("https://api.test/", query={"token": ANY}).reply(200)    # ANY: a secret (unittest.mock)
        To let it through:  allow="api.test" among the settings, or .pass_through() in place of .reply(...)
        """
    )


# (a route's conditions, the request's parts, the line of the report)
LINES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"query": {"a": 1}}, {}, 'query  "a": expected "1", got none'),
    ({"query": {"a": None}}, {"sent": "?a=1"}, 'query  expected no "a", got "1"'),
    ({"query": {"a": re.compile("x+")}}, {"sent": "?a=1"}, 'query  "a": expected re.compile("x+"), got "1"'),
    ({"query": {"a": [1, 2]}}, {"sent": "?a=1"}, 'query  "a": expected ["1", "2"], got "1"'),
    ({"headers": {"Accept": "a"}}, {"fields": {"accept": 'b"'}}, "header Accept: expected \"a\", got 'b\"'"),
    ({"cookies": {"a": "b"}}, {"fields": {"Cookie": "a=c"}}, 'cookie "a": expected "b", got "c"'),
    ({"cookies": {"a": "b"}}, {"fields": {"Cookie": f"a={'x' * 16}"}}, 'cookie "a": expected "b", got ***'),
    ({"json": {"a": {"b": [1]}}}, {"body": b'{"a":{"b":[2]}}'}, "json   $.a.b[0]: expected 1, got 2"),
    ({"json": {"a": None}}, {"body": b'{"a":true}'}, "json   $.a: expected None, got True"),
    ({"json": {"a": 1}}, {"body": b"{"}, 'json   expected {"a": 1}, got "{" (not JSON: '),
    ({"text": "a"}, {"body": b"b"}, 'text   expected "a", got "b"'),
    ({"content": b"a"}, {"body": b"\xff"}, r"content expected b'a', got b'\xff'"),
    ({"where": lambda request: request.body}, {}, "where  <lambda at "),
    ({"where": lambda _: 1 // 0}, {}, "it raised ZeroDivisionError: "),
    ({"where": ~M(method="get")}, {}, "not    M(method='GET'): it matches, and must not"),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "parts", "line"), LINES, ids=[row[2][:40] for row in LINES])
def test_a_difference_is_one_line(conditions: Any, parts: dict[str, Any], line: str) -> None:
    given = dict(parts)
    assert line in miss(USER, USER + given.pop("sent", ""), **given, **conditions)


def test_long_texts_are_shown_where_they_differ() -> None:
    before, after = "so on, " * 1000, " and so on" * 900
    text = miss(USER, USER, text=f"{before}Ada{after}", body=f"{before}Bob{after}".encode())
    (line,) = [line for line in text.splitlines() if "text " in line]
    assert line == (
        '       text   expected ..."n, so on, so on, so on, Ada and so on and so on an"..., '
        'got ..."n, so on, so on, so on, Bob and so on and so on an"... (they differ from character 7001 on)'
    )


def test_a_body_with_many_differences_shows_the_first_few() -> None:
    text = miss(USER, USER, json=list(range(100)), body=jsonlib.dumps(list(range(1, 101))).encode())
    assert text.count("       json   $[") == 5
    assert "       json   ... and 95 more" in text


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "conditions",
    [
        {"json": {"a": [LONG]}},
        {"text": LONG},
        {"content": LONG.encode()},
        {"form": {"a": LONG}},
        {"headers": {"A": LONG}},
    ],
)
@pytest.mark.parametrize(
    "body", ["", LONG, f"[{LONG}", '["y"' + ',"y"' * 30_000 + "]", f"a={LONG}y", f'{{"{LONG}": 1}}']
)
def test_no_line_is_long_however_long_the_values_are(conditions: dict[str, Any], body: str) -> None:
    text = miss(USER, USER, body=body.encode(), fields={"A": f"{LONG}y"}, **conditions)
    assert max(map(len, text.splitlines())) < 360, text


def test_a_value_that_can_not_be_shown_does_not_cost_the_report() -> None:
    class Rude:
        def __eq__(self, other: object) -> bool:
            return False

        def __repr__(self) -> str:
            raise RuntimeError("no")

        def __hash__(self) -> int:
            return 0

    assert 'query  "a": expected <Rude>, got "1"' in miss(USER, f"{USER}?a=1", query={"a": Rude()})


# Which is the nearest

# (the request, the routes; the nearest of them is the first)
RANKS: list[tuple[str, list[tuple[str, str, dict[str, Any]]]]] = [
    ("another path before another host", [("GET", f"{USER}1", {}), ("GET", "https://no.invalid/users/7", {})]),
    ("a wrong query before a wrong method", [("GET", USER, {"query": {"a": 1}}), ("POST", USER, {})]),
    ("a wrong method before a wrong path", [("POST", USER, {}), ("GET", "https://api.test/orders", {})]),
    ("a wrong form before a path much like it", [("GET", USER, {"form": {"a": 1, "b": 2}}), ("GET", f"{USER}0", {})]),
    ("a shorter way in the path", [("GET", "https://api.test/users", {}), ("GET", "https://api.test/orders", {})]),
    ("a template before a literal that differs", [("PUT", "https://api.test/users/{id}", {}), ("PUT", f"{USER}0", {})]),
    ("a lookalike host", [("GET", "https://apj.test/users/7", {}), ("GET", "https://else.invalid/users/7", {})]),
    ("fewer leaves of JSON", [("GET", USER, {"json": {"a": 1, "b": 0}}), ("GET", USER, {"json": {"a": 0, "b": 0}})]),
    ("the newer of two as near", [("POST", USER, {}), ("PUT", USER, {})]),
]  # fmt: skip


@pytest.mark.parametrize("routes", [row[1] for row in RANKS], ids=[row[0] for row in RANKS])
def test_the_nearest_route_is_the_first(routes: list[tuple[str, str, dict[str, Any]]]) -> None:
    registry = Registry()
    for method, url, conditions in reversed(routes):
        registry.add(method, url, **conditions)
    text = report(registry, Request.to("GET", USER, body=b'{"a":1,"b":2}'))
    assert f"  1. {routes[0][0]} {routes[0][1]}" in text
    assert f":{9 + len(routes)}" in text.split("  2. ")[0], "the last one declared is meant"


def test_the_routes_of_every_network_that_was_asked_are_ranked_together() -> None:
    inner, outer = Registry(), Registry()
    inner.add("GET", "https://api.test/orders")
    outer.add("POST", USER)
    text = explain.unmatched(Request.to("GET", USER), [inner.router, outer.router], elsewhere=[], caller="", label="")
    assert "Nearest of 2 routes:\n  1. POST https://api.test/users/7" in text


def test_a_report_about_ten_thousand_routes_asks_few_of_them_and_takes_a_moment() -> None:
    asked: list[Request] = []
    registry = Registry()
    for i in range(10_000):
        registry.add("POST", f"https://api.test/{{tenant}}/users/{i}", where=asked.append)
    began = time.process_time()
    text = report(registry, Request.to("POST", "https://api.test/acme/user/7"))
    assert time.process_time() - began < 1
    assert len(asked) <= 500
    assert "Nearest of 10000 routes:\n  1. POST https://api.test/{tenant}/users/7 " in text


# A route without a request, or without an answer


def test_a_hidden_route_names_the_one_that_hid_it() -> None:
    registry = Registry()
    old = registry.add("GET", USER)
    registry.add("GET", "https://api.test/users/{id}")
    registry.send("GET", USER)
    registry.send("GET", USER)
    assert explain.unused(old, [registry.router]) == said(
        """
        a route was never used
            GET https://api.test/users/7                                tests/test_users.py:10
        hidden by tests/test_users.py:11                                GET https://api.test/users/{id}
            it answered 2 requests that this route matches too, as GET https://api.test/users/7
        For a sequence use .then() or .once(); else keep one of them
        If it may rest: .optional(); else remove it
        """
    )


def test_an_unused_route_names_the_nearest_requests() -> None:
    registry = Registry()
    route = registry.add("GET", USER, query={"page": 2}).times(3)
    registry.add("GET", "https://api.test/orders")
    registry.send("GET", f"{USER}?page=2")
    registry.send("GET", "https://api.test/orders")
    registry.send("GET", f"{USER}?page=3", client="aiohttp 3.14")
    assert explain.unused(route, [registry.router]) == said(
        """
        a route was used 1 of 3 times
            GET https://api.test/users/7                                tests/test_users.py:10
        Nearest of 2 other requests:
          1. GET https://api.test/users/7?page=3                        aiohttp 3.14, unmatched
               query  "page": expected "2", got "3"
          2. GET https://api.test/orders                                answered by tests/test_users.py:11
               path   expected "/users/7", got "/orders"
               query  "page": expected "2", got none
        If 1 is right: .times(1); if fewer may do: .optional()
        """
    )


def test_a_route_that_nothing_came_near_says_that_nothing_was_sent() -> None:
    registry = Registry()
    route = registry.add("GET", USER)
    assert "\nNo request was made.\n" in explain.unused(route, [registry.router])


def test_a_route_without_an_answer_says_where_to_say_it() -> None:
    registry = Registry()
    route = registry.add("GET", "https://api.test/users/{id}")
    assert explain.unanswered(route, Request.to("GET", USER, client="httpx 0.28.1")) == said(
        """
        a route was never told what to answer
            GET https://api.test/users/{id}                             declared at tests/test_users.py:10
        asked by
            GET https://api.test/users/7                                httpx 0.28.1
        Say it where the route is declared: .reply(200), .reply(json=...), .fail(Fault...) or .pass_through()
        """
    )
    assert "asked by" not in explain.unanswered(route, None)


# Assertions

ASSERTED: list[tuple[dict[str, Any], str]] = [
    (
        {"times": 1},
        """
        expected exactly 1 call, got 2
            GET https://api.test/users/7                                tests/test_users.py:10
        Its 2 calls:
          1. GET https://api.test/users/7 -> open
          2. GET https://api.test/users/7?a=2 -> open
        """,
    ),
    (
        {"times": 2, "query": {"a": 2}},
        """
        expected exactly 2 calls with query={"a": 2}; 1 of 2 meets that
            GET https://api.test/users/7                                tests/test_users.py:10
        Its 2 calls:
          1. GET https://api.test/users/7 -> open
               query  "a": expected "2", got none
          2. GET https://api.test/users/7?a=2 -> open    meets that
        """,
    ),
    (
        {"json": {"password": "pw"}},
        """
        expected at least 1 call with json={"password": ***}; none of 2 meets that
            GET https://api.test/users/7                                tests/test_users.py:10
        Its 2 calls:
          1. GET https://api.test/users/7 -> open
               json   expected {"password": ***}, got none (the body is empty)
          2. GET https://api.test/users/7?a=2 -> open
               json   expected {"password": ***}, got none (the body is empty)
        """,
    ),
]


@pytest.mark.parametrize(("conditions", "text"), ASSERTED)
def test_an_assertion_shows_every_call_and_in_what_it_differs(conditions: Any, text: str) -> None:
    registry = Registry()
    route = registry.add("GET", USER)
    registry.send("GET", USER)
    registry.send("GET", f"{USER}?a=2")
    with pytest.raises(UnmetExpectation) as caught:
        route.assert_called(**conditions)
    assert str(caught.value) == said(text)


def test_an_assertion_about_a_route_without_calls_says_so() -> None:
    with pytest.raises(UnmetExpectation, match=r"(?s)at least 1 call, got none.*It answered no call"):
        Registry().add("GET", USER).assert_called()


def test_a_wrong_order_shows_both_orders() -> None:
    registry = Registry()
    routes = [registry.add("GET", f"https://api.test/{name}") for name in "abc"]
    registry.send("GET", "https://api.test/b")
    registry.send("GET", "https://api.test/a")
    assert explain.wrong_order(routes, registry.router.calls) == said(
        """
        the routes did not answer in this order
          1. GET https://api.test/a                                     tests/test_users.py:10    first at call 2
          2. GET https://api.test/b
               tests/test_users.py:11    first at call 1, which is before call 2
          3. GET https://api.test/c                                     tests/test_users.py:12    never
        The calls were:
          1. GET https://api.test/b -> open                             tests/test_users.py:11
          2. GET https://api.test/a -> open                             tests/test_users.py:10
        """
    )
    assert explain.wrong_order(routes, []).endswith("No request was made.")


def test_a_long_log_is_cut() -> None:
    registry = Registry()
    route = registry.add("GET", USER)
    calls: list[Call | None] = [registry.send("GET", USER) for _ in range(25)]
    assert len(calls) == 25
    assert "  ... and 15 more" in explain.uncalled(route, 1, {}, [(call, ()) for call in route.calls])
    assert "  ... and 15 more" in explain.wrong_order([route], registry.router.calls)


@pytest.mark.parametrize(
    ("name", "names", "text"),
    [
        ("usr", ["user", "order"], 'no route is named "usr"; did you mean "user"? Named routes: "user", "order"'),
        ("x", ["user"], 'no route is named "x". Named routes: "user"'),
        ("user", [], "no route is named 'user': none has a name yet; give it one with .named('user')"),
    ],
)
def test_a_name_that_no_route_has(name: str, names: list[str], text: str) -> None:
    assert explain.not_found(name, names) == text


# Through the network


def test_the_error_of_a_network_carries_the_report() -> None:
    net = Network()
    net.get(f"{USER}/").reply(200).optional()
    with net, pytest.raises(UnmatchedRequest) as caught:
        ask("GET", f"{USER}?api_key=abc")
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.url == f"{USER}?api_key=***"
    assert str(error).startswith("no route answers\n    GET https://api.test/users/7?api_key=***\n")
    assert "a trailing slash counts" in str(error)
    assert "asking.py:" in error.caller


def test_a_route_of_a_network_that_was_never_opened_is_named() -> None:
    forgotten = Network()
    forgotten.get(USER).reply(200)
    with Network(), pytest.raises(UnmatchedRequest) as caught:
        ask("GET", USER)
    assert "would answer, but is declared on a network that is not open" in str(caught.value)
    assert "test_explain.py:" in str(caught.value)


def test_a_network_that_was_opened_is_not_taken_for_a_forgotten_one() -> None:
    earlier = Network(unused="off")
    earlier.get("https://opened.test/").reply(200)
    with earlier:
        pass
    with Network(), pytest.raises(UnmatchedRequest) as caught:
        ask("GET", "https://opened.test/")
    assert "would answer" not in str(caught.value)


def test_a_route_without_an_answer_is_reported_by_the_network() -> None:
    net = Network(unused="off")
    net.get(USER)
    with net, pytest.raises(UnansweredRoute, match="never told what to answer"):
        ask("GET", USER)


def test_an_answer_that_is_a_fault_is_an_answer() -> None:
    with Network() as net:
        net.get(USER).fail(Fault.CONNECT_REFUSED)
        ask("GET", USER)
