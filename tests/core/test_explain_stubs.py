"""The stub in a report, pasted as it is, matches the request it was made for."""

from __future__ import annotations

import json as jsonlib
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.reporting import USER, Registry, report

from netdouble import Network
from netdouble._core.messages import Request
from netdouble._core.routes import Route

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def stub_in(text: str) -> str:
    """The Python of a report."""
    return text.partition("To answer it:")[2].partition("To let it through:")[0]


def pasted(stub: str) -> Route:
    """The route that the stub declares."""
    net = Network()
    lines = stub.strip("\n").split("\n")
    exec("\n".join(line[4:] if len(lines) > 1 else line.strip() for line in lines), {"net": net, "ANY": ANY})
    (route,) = net.routes
    return route


def assert_answered_by_its_stub(request: Request) -> None:
    stub = stub_in(report(Registry(), request))
    route = pasted(stub)
    assert not route.mismatches(request), stub
    assert route.answers.steps, stub


REQUESTS: dict[str, tuple[str, str, bytes, dict[str, str]]] = {
    "a plain one": ("GET", USER, b"", {}),
    "a query": ("GET", f"{USER}?a=1&b=&a=2&c", b"", {}),
    "a method without a verb": ("PURGE", USER, b"", {}),
    "a method with a dash": ("M-SEARCH", USER, b"", {}),
    "a port and IPv6": ("DELETE", "http://[::1]:8080/", b"", {}),
    "an international host and path": ("GET", "https://b\u00fccher.test/gr\u00fc\u00dfe", b"", {}),
    "braces, a star, quotes": ("GET", "https://api.test/%7Bid%7D/*/a'b\"c", b"", {}),
    "JSON": ("POST", USER, b'{"name": "Ada", "on": true, "n": [1, 1.5, null]}', {"Accept": "application/json"}),
    "a JSON text with quotes": ("POST", USER, b'"it\'s \\"so\\""', {}),
    "numbers that JSON has not": ("POST", USER, b'{"n": NaN, "m": [Infinity]}', {}),
    "a form": ("POST", USER, b"a=1&b=x+y&a=2", FORM),
    "text": ("PUT", USER, 'gr\u00fc\u00dfe, "welt"\n'.encode(), {}),
    "bytes": ("PUT", USER, b"\xff\xfe\x00", {}),
    "a long body": ("PUT", USER, b"x" * 5000, {}),
    "a secret in each place": ("POST", "https://api.test/bot/sk-abcdefghij123456?token=abc&page=2",
                               b'{"password": "pw", "keys": {"secret": {"a": 1}}}', {}),
    "a secret form": ("POST", USER, b"client_secret=pw&x=1", FORM),
    "a secret text": ("POST", USER, b"password: hunter2 is it", {}),
}  # fmt: skip


@pytest.mark.parametrize(("method", "url", "body", "headers"), REQUESTS.values(), ids=list(REQUESTS))
def test_a_pasted_stub_answers_the_request(method: str, url: str, body: bytes, headers: dict[str, str]) -> None:
    assert_answered_by_its_stub(Request.to(method, url, body=body, headers=headers))


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = TEXT.filter(bool) | st.sampled_from(["password", "api_key", "token", "page"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(TEXT.filter(lambda text: text not in {".", ".."}), max_size=3),
    st.lists(st.tuples(NAMES, TEXT), max_size=3),
)
def test_a_pasted_stub_answers_any_path_and_query(segments: list[str], query: list[tuple[str, str]]) -> None:
    path = "/".join(urlencode({"": segment})[1:].replace("+", "%20") for segment in segments)
    assert_answered_by_its_stub(Request.to("GET", f"https://api.test/{path}?{urlencode(query)}"))


@given(JSON)
def test_a_pasted_stub_answers_any_json(document: Any) -> None:
    assert_answered_by_its_stub(Request.to("POST", USER, body=jsonlib.dumps(document).encode()))


@given(st.lists(st.tuples(NAMES, TEXT), min_size=1, max_size=4))
def test_a_pasted_stub_answers_any_form(fields: list[tuple[str, str]]) -> None:
    assert_answered_by_its_stub(Request.to("POST", USER, body=urlencode(fields).encode(), headers=FORM))


@given(st.binary(max_size=60))
def test_a_pasted_stub_answers_any_body(body: bytes) -> None:
    assert_answered_by_its_stub(Request.to("POST", USER, body=body))


def test_a_stub_answers_in_json_where_json_is_asked_for() -> None:
    headers = {"Accept": "application/json"}
    assert ".reply(json={})" in report(Registry(), Request.to("GET", USER, headers=headers))
    assert ".reply(200)" in report(Registry(), Request.to("GET", USER))
