"""Conditions as declared: what is refused and with which repair, how they are merged, and how they read."""

from __future__ import annotations

import datetime as dt
import io
import pathlib
import re
import uuid
from unittest.mock import ANY

import pytest

from netdouble._core.matchers import (
    Conditions,
    M,
    check_query_once,
    conditions_matcher,
    exactly,
    merge_conditions,
    partial,
)
from netdouble._core.matching import MATCHED
from netdouble._core.messages import Request
from netdouble._core.url_patterns import compile_url
from netdouble.errors import DeclarationError


def shown(value):
    """A test's id: the same in every process, so without addresses."""
    return re.sub(r" at (0x|/)\S+", "", repr(value))[:70]


async def later(request):
    return True


class LaterRule:
    async def __call__(self, request):
        return True


REFUSED = [
    # conditions, then what the text must say
    ({"query": {"a": True}}, ['query= "a"', '"true"']),
    ({"query": {"a": [1, False]}}, ['query= "a"', '"false"']),
    ({"headers": {"X-Debug": True}}, ['headers= "X-Debug"', '"true"']),
    ({"cookies": {"on": True}}, ['cookies= "on"']),
    ({"form": {"a": True}}, ['form= "a"']),
    ({"query": {"a": b"x"}}, ["never equals a text", "write 'x'"]),
    ({"query": {"a": {"1"}}}, ["never equals a text", "write a list"]),
    ({"query": {"a": {"b": 1}}}, ["never equals a text"]),
    ({"query": {"a": lambda value: True}}, ["never equals a text", "where="]),
    ({"query": {"a": str}}, ["never equals a text"]),
    ({"query": {"a": object()}}, ["never equals a text"]),
    ({"query": {"a": [None]}}, ["None stands alone"]),
    ({"query": [("a", None), ("a", 1)]}, ["None stands alone"]),
    ({"query": {"a": [["1"]]}}, ["never equals a text"]),
    ({"query": {"a": re.compile(b"x")}}, ["a regex of text", "b'x'"]),
    ({"query": {1: "a"}}, ["each is a name (str) and a value"]),
    ({"query": ["a", "b"]}, ["each is a name (str) and a value"]),
    ({"query": [("a", 1, 2)]}, ["each is a name (str) and a value"]),
    ({"query": b"a=1"}, ["query= is a dict or pairs, not bytes"]),
    ({"query": 7}, ["query= is a dict or pairs, not int"]),
    ({"query": exactly(partial({}))}, ["query= is a dict or pairs, not Partial"]),
    ({"headers": "Accept: x"}, ["headers= is a dict or pairs, not str"]),
    ({"cookies": "a=1"}, ["cookies= is a dict or pairs, not str"]),
    ({"cookies": {"a": ["1", "2"]}}, ["a cookie has one value"]),
    ({"form": {"a": io.BytesIO()}}, ["never equals a text"]),
    ({"files": [("f", b"x")]}, ['files= is a dict such as {"field": b"content"}']),
    ({"files": {"f": 7}}, ['files= "f"', "write bytes"]),
    ({"files": {"f": io.BytesIO()}}, ['files= "f"', "read()"]),
    ({"files": {"f": ("a",)}}, ["has 1 items", "(filename, content)"]),
    ({"files": {"f": (None, b"x")}}, ["goes into form="]),
    ({"files": {"f": (7, b"x")}}, ["is no filename"]),
    ({"files": {"f": ("a", b"x", re.compile(b"x"))}}, ["is no filename or content type"]),
    ({"text": b"x"}, ["bytes go into content="]),
    ({"text": re.compile(b"x")}, ["a regex of text"]),
    ({"text": partial("x")}, ["found by a regex"]),
    ({"text": 7}, ["text= is a str"]),
    ({"content": "x"}, ["a str goes into text="]),
    ({"content": re.compile("x")}, ["a regex of bytes"]),
    ({"content": partial(b"x")}, ["found by a regex"]),
    ({"where": True}, ["where= is a function of the request"]),
    ({"where": later}, ["<later at ", "is async", "plain function"]),
    ({"where": LaterRule()}, ["is async"]),
    ({"where": LaterRule().__call__}, ["is async"]),
    ({"method": "GET POST"}, ["method= is a name"]),
    ({"method": ""}, ["method= is a name"]),
    ({"method": ["GET", "POST"]}, ["method= is a name", "M | M"]),
    ({"json": {}, "form": {}}, ["a body is given twice: json= and form=", "keep one"]),
    ({"text": "", "content": b""}, ["text= and content="]),
    ({"json": None, "text": ""}, ["json= and text="]),
    ({"form": {}, "files": {}, "json": 1}, ["json= and form= and files="]),
    ({"params": {"a": 1}}, ["no condition is called params=", "did you mean query=?"]),
    ({"data": {"a": 1}}, ["did you mean form= or content=?"]),
    ({"heders": {}}, ["did you mean headers=?"]),
    ({"timeout": 3}, ["no condition is called timeout=. There are query=, headers="]),
    ({"url": "/users"}, ["/users"]),
    ({"url": "https://api.test/?a=1", "query": {"b": 2}}, ["the query is given twice", "query={'b': 2}"]),
]


@pytest.mark.parametrize(("conditions", "said"), REFUSED, ids=shown)
def test_what_can_not_work_is_refused_with_its_repair(conditions, said):
    with pytest.raises(DeclarationError) as refused:
        M(**conditions)
    assert [part for part in said if part not in str(refused.value)] == []


def test_values_of_the_standard_library_that_no_text_equals_are_refused():
    for value in (dt.date.today(), pathlib.PurePosixPath("a"), uuid.uuid4()):
        with pytest.raises(DeclarationError, match="never equals a text; write the text that is sent"):
            M(query={"a": value})


SPELLED = [
    (M(), "M()"),
    (M(method="post", url="https://api.test/x"), "M(method='POST', url='https://api.test/x')"),
    (M(query={"a": 1, "b": None}), "M(query={'a': '1', 'b': None})"),
    (M(query="a=1&a=2"), "M(query={'a': ['1', '2']})"),
    (M(query=exactly({"a": "1"})), "M(query=exactly({'a': '1'}))"),
    (M(headers={"Accept": ANY}), "M(headers={'Accept': <ANY>})"),
    (M(cookies={"a": re.compile("x")}), "M(cookies={'a': re.compile('x')})"),
    (M(json=partial({"a": (1, 2)})), "M(json=partial({'a': [1, 2]}))"),
    (M(json=None), "M(json=None)"),
    (M(form=partial({"a": 1})), "M(form=partial({'a': '1'}))"),
    (
        M(form={"a": 1}, files={"f": b"x", "g": ("n", "x"), "h": ["1", ("n", ANY, "t/x")], "i": None}),
        "M(form={'a': '1'}, files={'f': b'x', 'g': ('n', 'x'), 'h': ['1', ('n', <ANY>, 't/x')], 'i': None})",
    ),
    (M(text="x"), "M(text='x')"),
    (M(content=b"x"), "M(content=b'x')"),
    (M(where=M(method="GET") | M(json=1)), "M(where=M(method='GET') | M(json=1))"),
    (exactly([1]), "exactly([1])"),
    (partial({}), "partial({})"),
]


@pytest.mark.parametrize(("value", "text"), SPELLED, ids=shown)
def test_a_matcher_reads_like_its_declaration(value, text):
    assert repr(value) == text


def test_a_predicate_is_shown_with_its_place():
    (spelled,) = re.findall(r"M\(where=(.*)\)", repr(M(where=lambda request: True)))
    assert re.fullmatch(r"<lambda at .*test_matchers_declaring\.py:\d+>", spelled)


def test_the_matchers_of_a_matcher_hold_the_expected_values():
    query, body = M(query={"a": 1}, json={"b": 2}).matchers
    assert (query.expected, body.expected) == ({"a": "1"}, {"b": 2})


def test_what_is_not_set_does_not_matter():
    unset = dict.fromkeys(Conditions.__annotations__) | {"json": ...}
    assert M(**unset).matchers == conditions_matcher({}).matchers == ()


def test_json_none_is_set():
    assert M(json=None).mismatches(Request.to("POST", "https://api.test/", body=b"1"))
    assert M(json=None).mismatches(Request.to("POST", "https://api.test/", body=b"null")) is MATCHED


def test_the_query_may_stand_in_one_place_only():
    declared = compile_url("https://api.test/?a=1")
    with pytest.raises(DeclarationError, match=r"given twice: in the URL 'https://api.test/\?a=1'"):
        check_query_once(declared, {"query": {}})
    check_query_once(declared, {"query": None, "headers": {"a": "1"}})
    check_query_once(compile_url("https://api.test/"), {"query": {"a": 1}})


MERGED = [
    ({}, {}, {}),
    ({"query": {"a": 1}}, {}, {"query": {"a": 1}}),
    ({}, {"json": None}, {"json": None}),
    ({"query": {"a": 1, "b": 1}}, {"query": {"b": 2, "c": 2}}, {"query": {"a": "1", "b": "2", "c": "2"}}),
    ({"query": "a=1"}, {"query": [("b", 2), ("b", 3)]}, {"query": {"a": "1", "b": ["2", "3"]}}),
    ({"query": exactly({"a": 1})}, {"query": {"b": 2}}, {"query": exactly({"a": "1", "b": "2"})}),
    ({"query": {"a": 1}}, {"query": exactly({"b": 2})}, {"query": exactly({"a": "1", "b": "2"})}),
    ({"headers": {"Accept": "a", "X": "1"}}, {"headers": {"accept": None}}, {"headers": {"X": "1", "accept": None}}),
    ({"headers": {"accept": "a"}}, {"headers": {"Accept": "b"}}, {"headers": {"Accept": "b"}}),
    ({"cookies": {"a": "1"}}, {"cookies": {"b": "2"}}, {"cookies": {"a": "1", "b": "2"}}),
    ({"query": {"a": 1}, "json": ...}, {"query": None, "json": 1}, {"query": {"a": 1}, "json": 1}),
    ({"form": {"a": 1}}, {"files": {"f": b""}}, {"form": {"a": 1}, "files": {"f": b""}}),
    ({"where": M(json=1)}, {"where": M(json=2)}, {"where": M(json=1) & M(json=2)}),
]


@pytest.mark.parametrize(("base", "extra", "merged"), MERGED, ids=shown)
def test_conditions_of_at_and_of_its_route_are_merged(base, extra, merged):
    assert merge_conditions(base, extra) == merged
    conditions_matcher(merge_conditions(base, extra))


@pytest.mark.parametrize(
    ("base", "extra", "said"),
    [
        ({"json": 1}, {"json": 1}, "json= by at() and by the route"),
        ({"json": 1}, {"form": {}}, "json= and form="),
        ({"params": {}}, {}, "did you mean query="),
        ({"query": {"a": 1}}, {"query": {"a": True}}, 'write the text that is sent, such as "true"'),
    ],
)
def test_conditions_that_do_not_go_together_are_refused(base, extra, said):
    with pytest.raises(DeclarationError) as refused:
        merge_conditions(base, extra)
    assert said in str(refused.value)


def test_both_predicates_of_at_and_of_its_route_must_hold():
    merged = conditions_matcher(
        merge_conditions({"where": lambda r: "a" in r.path}, {"where": lambda r: "b" in r.path})
    )
    found = {path: not merged.mismatches(Request.to("GET", f"https://api.test/{path}")) for path in ("a", "b", "ab")}
    assert found == {"a": False, "b": False, "ab": True}
