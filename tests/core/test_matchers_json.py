"""What `json=` matches: JSON's own equality, `partial()`, values that compare themselves, and a path for each leaf."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import gzip
import json
import re
import uuid
import zlib
from unittest.mock import ANY

import pytest
from dirty_equals import IsPartialDict, IsPositiveInt, IsStr
from hypothesis import given
from hypothesis import strategies as st

from netdouble._core.matchers import M, exactly, partial
from netdouble._core.matching import ABSENT
from netdouble._core.messages import Request
from netdouble.errors import DeclarationError


def shown(value):
    """A test's id: the same in every process, so without addresses."""
    return re.sub(r" at (0x|/)\S+", "", repr(value))[:70]


def posted(body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.to("POST", "https://api.test/", headers=fields, body=data)


def differences(expected, request):
    return [(m.where, m.expected, m.got) for m in M(json=expected).mismatches(request)]


class Colour(str, enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


MATCHES = [
    (None, None),
    ({}, {}),
    ([], []),
    ("a", "a"),
    (1, 1.0),
    (1.0, 1),
    (1e2, 100),
    (True, True),
    ({"a": 1, "b": [None, {"c": "x"}]}, {"b": [None, {"c": "x"}], "a": 1}),
    ((1, (2, 3)), [1, [2, 3]]),
    ({2: "a", None: "b", True: "c", 1.5: "d"}, {"2": "a", "null": "b", "true": "c", "1.5": "d"}),
    ({"colour": Colour.RED, "size": Size.BIG}, {"colour": "red", "size": 3}),
    (ANY, {"a": 1}),
    ({"id": ANY, "items": [ANY, 2]}, {"id": None, "items": [[], 2]}),
    ({"id": IsPositiveInt, "name": IsStr(regex="A.*")}, {"id": 7, "name": "Ada"}),
    ({"id": re.compile("^u-")}, {"id": "u-7"}),
    (IsPartialDict(a=1), {"a": 1, "b": 2}),
    ([pytest.approx(0.3)], [0.1 + 0.2]),
    (partial({}), {"a": 1}),
    (partial({"a": {"b": 1}}), {"a": {"b": 1, "c": 2}, "d": 3}),
    (partial({"items": [{"id": 1}, {}]}), {"items": [{"id": 1, "n": 2}, {"id": 2}], "next": None}),
    (partial([{"id": 1}]), [{"id": 1, "n": 2}]),
    (partial({"a": None}), {"a": None, "b": 1}),
    ({"a": partial({"b": 1})}, {"a": {"b": 1, "c": 2}}),
    (partial({"a": exactly({"b": 1})}), {"a": {"b": 1}, "c": 2}),
    (exactly({"a": 1}), {"a": 1}),
]


@pytest.mark.parametrize(("expected", "body"), MATCHES, ids=shown)
def test_json_matches(expected, body):
    assert differences(expected, posted(body)) == []


MISSES = [
    (True, 1, [("$", True, 1)]),
    (1, True, [("$", 1, True)]),
    (0, False, [("$", 0, False)]),
    (1.0, True, [("$", 1.0, True)]),
    (None, False, [("$", None, False)]),
    (1, "1", [("$", 1, "1")]),
    ("", None, [("$", "", None)]),
    ({}, [], [("$", {}, [])]),
    ({"a": 1}, {"a": 2, "b": 3}, [("$.a", 1, 2), ("$.b", ABSENT, 3)]),
    ({"a": None}, {}, [("$.a", None, ABSENT)]),
    (
        {"items": [{"id": 1}, {"id": 2}, {"id": 3}]},
        {"items": [{"id": 1}, {"id": 2}, {"id": 4}]},
        [("$.items[2].id", 3, 4)],
    ),
    ([1, 2], [1], [("$[1]", 2, ABSENT)]),
    ([1], [1, 2], [("$[1]", ABSENT, 2)]),
    ({"a b": {'c"': [0]}}, {"a b": {'c"': [1]}}, [('$["a b"]["c\\""][0]', 0, 1)]),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 3}}, [("$.a.b", 1, 2), ("$.a.c", 2, 3)]),
    ({"a": {"b": 1}}, {"a": "b"}, [("$.a", {"b": 1}, "b")]),
    ({"id": ANY}, {}, [("$.id", ANY, ABSENT)]),
    ({"id": re.compile("7")}, {"id": 7}, [("$.id", re.compile("7"), 7)]),
    ({"id": IsPositiveInt}, {"id": -1}, [("$.id", IsPositiveInt, -1)]),
    (partial({"a": {"b": 1}}), {"a": {"b": 2, "c": 3}}, [("$.a.b", 1, 2)]),
    (partial({"items": [{}]}), {"items": []}, [("$.items[0]", {}, ABSENT)]),
    (partial({"items": [{}]}), {"items": [1, 2]}, [("$.items[0]", {}, 1), ("$.items[1]", ABSENT, 2)]),
    (partial({"a": exactly({"b": 1})}), {"a": {"b": 1, "c": 2}, "d": 3}, [("$.a.c", ABSENT, 2)]),
]


@pytest.mark.parametrize(("expected", "body", "found"), MISSES, ids=shown)
def test_json_reports_each_leaf_that_differs_with_its_path(expected, body, found):
    assert differences(expected, posted(body)) == found


NOT_JSON = [
    (posted(b""), ABSENT, "the body is empty"),
    (posted(b"name=Ada&id=7"), "name=Ada&id=7", "the body is a form"),
    (posted(b"name", content_type="application/x-www-form-urlencoded"), "name", "the body is a form"),
    (posted(b"--b--", content_type="multipart/form-data; boundary=b"), "--b--", "the body is multipart"),
    (posted(b'{"a": 1'), '{"a": 1', "not JSON: Expecting ',' delimiter: line 1 column 8 (char 7)"),
    (posted(b"{} x", content_type="application/json"), "{} x", "not JSON: Extra data: line 1 column 4 (char 3)"),
]


@pytest.mark.parametrize(("request_", "got", "note"), NOT_JSON, ids=shown)
def test_a_body_that_is_no_json_is_one_mismatch_that_says_what_it_is(request_, got, note):
    (missed,) = M(json={"a": 1}).mismatches(request_)
    assert (missed.criterion, missed.expected, missed.got, missed.note) == ("json", {"a": 1}, got, note)


def test_bytes_that_are_no_text_are_shown_as_bytes():
    (missed,) = M(json={"a": 1}).mismatches(posted(b"\xff\x00\xfe"))
    assert missed.got == b"\xff\x00\xfe"
    assert missed.note.startswith("not JSON: ")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_the_content_type_does_not_matter(content_type):
    assert differences({"a": 1}, posted({"a": 1}, content_type=content_type)) == []


BODY = b'{"a": 1}'


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("x-gzip", gzip.compress(BODY, mtime=0)),
        ("GZIP", gzip.compress(BODY[:3], mtime=0) + gzip.compress(BODY[3:], mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate, gzip", gzip.compress(zlib.compress(BODY), mtime=0)),
        ("identity", BODY),
        ("br", BODY),  # not undone: what lies there is compared as it is
        ("gzip", BODY),
    ],
)
def test_a_compressed_body_is_compared_undone(coding, body):
    assert differences({"a": 1}, posted(body, content_encoding=coding)) == []


@pytest.mark.parametrize(
    "body", [gzip.compress(BODY, mtime=0)[:-9], gzip.compress(BODY, mtime=0) + b"x"], ids=["cut off", "more behind it"]
)
def test_a_compressed_body_that_is_not_clean_is_left_as_it_is(body):
    (missed,) = M(json={"a": 1}).mismatches(posted(body, content_encoding="gzip"))
    assert missed.got == body


REFUSED = [
    ({1, 2}, "set"),
    (b"{}", "bytes"),
    ({"a": [object()]}, "$.a[0]"),
    ({"a": lambda: 1}, "function"),
    ({("a",): 1}, "the key ('a',) at $"),
    ({"a": int}, "type"),
    ({"n": float("nan")}, "JSON has no such number"),
    ({"n": float("inf")}, "JSON has no such number"),
    (partial("text"), "only a dict or a list has parts"),
    (enum.Enum("Plain", "A").A, "Plain"),
]


@pytest.mark.parametrize(("expected", "said"), REFUSED, ids=shown)
def test_what_json_can_never_equal_is_refused_at_declaration(expected, said):
    with pytest.raises(DeclarationError) as refused:
        M(json=expected)
    assert said in str(refused.value)


def test_values_of_the_standard_library_that_json_spells_as_text_are_refused():
    for value in (dt.datetime.now(dt.timezone.utc), decimal.Decimal(1), uuid.uuid4()):
        with pytest.raises(DeclarationError, match=r"at \$\.x, and JSON has no"):
            M(json={"x": value})


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(DeclarationError, match="does it hold itself"):
        M(json=loop)


def test_a_later_change_of_the_declared_value_changes_nothing():
    declared = {"items": [1]}
    matcher = M(json=declared)
    declared["items"].append(2)
    assert not matcher.mismatches(posted({"items": [1]}))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2, allow_nan=False) | st.text("ab$", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def canonical(value):
    """A value whose Python equality is that of JSON."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value).__name__, value
    if isinstance(value, (int, float)):
        return "number", float(value)
    if isinstance(value, list):
        return "array", tuple(map(canonical, value))
    return "object", frozenset((name, canonical(item)) for name, item in value.items())


@given(values, values)
def test_json_matches_exactly_what_json_says_is_equal(a, b):
    assert differences(a, posted(a)) == []
    assert (differences(a, posted(b)) == []) == (canonical(a) == canonical(b))


def thinned(value, keep):
    """`value` with some names of its objects left out, at every depth."""
    if isinstance(value, list):
        return [thinned(item, keep) for item in value]
    if isinstance(value, dict):
        return {name: thinned(item, keep) for name, item in value.items() if keep()}
    return value


@given(st.lists(values, max_size=3) | st.dictionaries(st.text("ab.", max_size=2), values, max_size=3), st.data())
def test_partial_matches_whatever_was_thinned_out(value, data):
    assert differences(partial(thinned(value, lambda: data.draw(st.booleans()))), posted(value)) == []


@given(values, values)
def test_a_mismatch_of_partial_is_a_mismatch_of_the_whole_too(a, b):
    if isinstance(a, (dict, list)) and differences(partial(a), posted(b)):
        assert differences(a, posted(b))
