"""A Request is a value: it can be copied, sent between processes and made anew with a change, and never changed."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from netdouble import Request
from netdouble._core.arrivals import Arrival
from netdouble._core.urls import parse_url

WHOLE = Request(
    "POST", parse_url("https://api.test/users/7?a=1"), Request.to("GET", "http://h.test", headers={"A": "b"}).headers,
    b"{}", "test 1", "1.0", "/users/7?a=1", {"id": 7}, Request.to("GET", "http://h.test", headers={"T": "u"}).headers,
    {"json": {}}, Arrival(b"raw"), "http://proxy.test:3128",
)  # fmt: skip
PLAIN = Request("GET", parse_url("http://api.test/"))
FIELDS = [field.name for field in dataclasses.fields(Request)]


def parts(request: Request) -> dict[str, object]:
    return {name: getattr(request, name) for name in FIELDS}


@pytest.mark.parametrize("name", FIELDS)
def test_no_part_of_a_request_can_be_set_or_deleted(name: str):
    with pytest.raises(AttributeError, match=name):
        setattr(PLAIN, name, "other")
    with pytest.raises(AttributeError, match=name):
        delattr(PLAIN, name)
    assert type(PLAIN) is Request


@pytest.mark.parametrize("request_", [WHOLE, PLAIN], ids=["whole", "plain"])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r)), dataclasses.replace],
    ids=["copy", "deepcopy", "pickle", "replace"],
)  # fmt: skip
def test_a_copy_of_a_request_has_all_its_parts(copied, request_):
    made = copied(request_)
    assert type(made) is Request
    assert parts(made) == parts(request_)
    assert made != request_


def test_what_a_request_is_not_told_of_is_empty_and_its_own():
    said = {"method": "GET", "url": PLAIN.url, "http_version": "1.1", "body": b"", "_arrival": None}
    assert parts(PLAIN) == dict.fromkeys(FIELDS, "") | said | {
        "headers": {}, "trailers": {}, "path_params": {}, "_memo": {}}  # fmt: skip
    other = Request("GET", PLAIN.url)
    assert other._memo is not PLAIN._memo


def test_replacing_changes_one_part():
    assert parts(dataclasses.replace(WHOLE, client="other 2")) == parts(WHOLE) | {"client": "other 2"}
