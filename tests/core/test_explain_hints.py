"""A difference with a known cause is explained in a sentence; one without is not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.core.reporting import USER, Registry, miss, report

from netdouble._core.messages import Request

FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# (what it is about, the route's URL, the URL that is asked, the hint)
URLS: list[tuple[str, Any, str, str]] = [
    ("a slash too many", USER, f"{USER}/", "a trailing slash counts: the request has one, the route has none"),
    ("a slash too few", f"{USER}/", USER, "a trailing slash counts: the route has one, the request has none"),
    ("a slash after a template", "https://api.test/users/{id}", f"{USER}/", "a trailing slash counts"),
    ("a slash and a regex", re.compile(r"api\.test/users/\d+$"), f"{USER}/", "a trailing slash counts"),
    ("the scheme", USER, "http://api.test/users/7", 'declare the route as "http://..."'),
    ("a WebSocket's scheme", "wss://api.test/users/7", USER, "a WebSocket is declared with net.websocket(...)"),
    ("a port", USER, "https://api.test:8443/users/7", 'declare it as "https://api.test:8443/..."'),
    ("a port of IPv6", "https://[::1]/", "https://[::1]:8443/", 'declare it as "https://[::1]:8443/..."'),
    ("the default port", "https://api.test:8443/users/7", USER, "a request without a port goes to 443 for https"),
    ("a typo in the host", USER, "https://apj.test/users/7", '"apj.test" looks like "api.test": a typo'),
    ("a letter of another alphabet", USER, "https://\u0430pi.test/users/7", 'is how "\u0430pi.test" is sent'),
    ("a subdomain", USER, "https://eu.api.test/users/7", 'for all of them write "*.api.test"'),
    ("the bare host", "https://*.api.test/users/7", USER, 'declare "api.test" as well'),
    ("names of this machine", "http://localhost:1/", "http://127.0.0.1:1/", "two names of one machine"),
    ("the case of a path", "https://api.test/Users/7", USER, "the case of a path counts"),
    ("the case under a template", "https://api.test/users/{id}", "https://api.test/Users/7", "the route's is in lower"),
    ("an escaped slash", "https://api.test/users/7/a", f"{USER}%2Fa", "%2F is a slash inside of a segment"),
    ("an escaped slash declared", "https://api.test/users%2F7", USER, "%2F in the route is a slash inside"),
    ("a query in the path", USER, f"{USER}%3Fpage=2", "its ? was escaped to %3F"),
    ("escaped twice", "https://api.test/a%20b", "https://api.test/a%2520b", "was escaped twice"),
    ("a plus in the path", "https://api.test/a%20b", "https://api.test/a+b", '"+" is a space in a query only'),
    ("an empty segment", USER, "https://api.test//users/7", 'the request has "//"'),
    ("no prefix", "https://api.test/v1/users/7", USER, 'the request lacks "/v1" in front'),
    ("a prefix", USER, "https://api.test/v1/users/7", 'the request has "/v1" in front'),
    ("a field and two segments", "https://api.test/users/{id}", f"{USER}/posts", "for several write {id:path}"),
    ("an empty field", "https://api.test/users/{id}/x", "https://api.test/users//x", "a segment that is not empty"),
    ("a typed field", "https://api.test/users/{id:int}", "https://api.test/users/me", "takes only what int() reads"),
    ("an escaped brace", "https://api.test/users/%7Bid%7D", USER, "write {name} for a field"),
    ("a regex and the case of a host", re.compile(r"API\.test/users"), USER, "are in lower case"),
    ("a regex and a question mark", re.compile(r"users/7?page=2"), f"{USER}?page=2", r"write \?"),
    ("a regex that ends before the query", re.compile("users/7$"), f"{USER}?page=2", '"$" stands after it'),
    ("a regex with the default port", re.compile(r"api\.test:443/users"), USER, "leave it out"),
    ("a query in the URL", f"{USER}?a=1", f"{USER}?a=1&b=2", "write query={...}"),
]

# (what it is about, the route's conditions, the request's parts, the hint)
REST: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("the case of a key", {"query": {"page": 2}}, {"sent": "?Page=2"}, 'the request has "Page"'),
    ("a key with brackets", {"query": {"ids": "1"}}, {"sent": "?ids[]=1"}, 'spells it "ids[]"'),
    ("a repeated key", {"query": {"id": 1}}, {"sent": "?id=1&id=2"}, '"id" comes 2 times; write a list'),
    ("a list with commas", {"query": {"id": [1, 2]}}, {"sent": "?id=1,2"}, 'sends "id" once, with commas in it'),
    ("a header with parameters", {"headers": {"Accept": "text/html"}}, {"fields": {"Accept": "text/html; q=1"}},
     're.compile("^text/html")'),
    ("a header with underscores", {"headers": {"X_Trace": "1"}}, {"fields": {"X-Trace": "1"}}, 'has "X-Trace", with'),
    ("white space", {"text": "a b"}, {"body": b"a b\n"}, "white space only"),
    ("case", {"text": "a long text about nothing"}, {"body": b"A long text about nothing"}, "they differ in case only"),
    ("text against a number", {"json": {"n": "1"}}, {"body": b'{"n":1}'}, '"1" is text, 1 is not'),
    ("a number against text", {"json": {"n": 1}}, {"body": b'{"n":"1"}'}, '"1" is text, 1 is not'),
    ("text against true", {"json": {"n": True}}, {"body": b'{"n":"True"}'}, '"True" is text, true is not'),
    ("true against one", {"json": {"n": True}}, {"body": b'{"n":1}'}, "true and 1, false and 0 are not the same"),
    ("JSON as text", {"json": '{"n": 1}'}, {"body": b'{"n":1}'}, "json= is the value itself, not its text"),
    ("JSON in JSON", {"json": {"n": 1}}, {"body": b'"{\\"n\\":1}"'}, "was it encoded twice?"),
    ("the order of an array", {"json": ["a", "b", "c"]}, {"body": b'["b","a","c"]'}, "$ has the same items in another"),
    ("more than was declared", {"json": {"a": 1}}, {"body": b'{"a":1,"b":2}'}, "write json=partial(...)"),
    ("a form against JSON", {"json": {"a": "1"}}, {"body": b"a=1", "fields": FORM}, "declare it with form="),
    ("JSON against a form", {"form": {"a": "1"}}, {"body": b'{"a":"1"}'}, "declare it with json="),
    ("text against JSON", {"json": {"a": "1"}}, {"body": b"plain text"}, "declare it with text="),
    ("a form with more fields", {"form": {"a": "1"}}, {"body": b"a=1&b=2"}, "write form=partial(...)"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "sent", "hint"), [row[1:] for row in URLS], ids=[row[0] for row in URLS])
def test_a_url_that_was_probably_meant_is_named(url: Any, sent: str, hint: str) -> None:
    assert hint in miss(url, sent)


@pytest.mark.parametrize(("conditions", "parts", "hint"), [row[1:] for row in REST], ids=[row[0] for row in REST])
def test_a_value_that_was_probably_meant_is_named(conditions: Any, parts: dict[str, Any], hint: str) -> None:
    said = dict(parts)
    assert hint in miss(USER, USER + said.pop("sent", ""), **said, **conditions)


@pytest.mark.parametrize(
    ("url", "sent", "conditions"),
    [
        (USER, "https://api.test/orders", {}),
        (USER, "https://elsewhere.invalid/users/7", {}),
        (USER, f"{USER}?page=3", {"query": {"page": 2}}),
        (re.compile("orders"), USER, {}),
        (USER, USER, {"json": {"a": 1}, "where": lambda _: False}),
    ],
)
def test_a_plain_difference_has_no_hint(url: Any, sent: str, conditions: Any) -> None:
    assert "hint:" not in miss(url, sent, **conditions)


def test_a_get_route_is_told_from_one_for_head() -> None:
    assert "declare it with net.head(...)" in miss(USER, USER, method="HEAD")


def test_a_hint_is_given_once_however_many_routes_it_is_about() -> None:
    registry = Registry()
    for _ in range(3):
        registry.add("GET", USER)
    assert report(registry, Request.to("GET", f"{USER}/")).count("a trailing slash counts") == 1


def test_a_route_of_another_network_that_would_answer_is_named() -> None:
    here, there = Registry(), Registry()
    there.add("GET", USER)
    request = Request.to("GET", USER)
    open_elsewhere = report(here, request, elsewhere=[there.router])
    assert "GET https://api.test/users/7 at tests/test_users.py:10 would answer, but" in open_elsewhere
    assert "on a network that is open elsewhere" in open_elsewhere
    assert "on a network that is not open" in report(here, request, unopened=[there.router])
    assert "would answer" not in report(here, Request.to("PUT", USER), elsewhere=[there.router])


def test_an_unknown_host_may_be_allowed_and_a_stubbed_one_not() -> None:
    assert 'allow="other.test" among the settings' in miss(USER, "https://other.test/")
    assert "To let it through" not in miss(USER, f"{USER}/")


def test_a_stubbed_loopback_says_why_it_is_not_let_through() -> None:
    assert 'routes name "127.0.0.1", so it never passes' in miss("http://127.0.0.1:9/a", "http://127.0.0.1:9/b")


def test_an_empty_network_says_so() -> None:
    assert "No route is declared on this network." in report(Registry(), Request.to("GET", USER))
