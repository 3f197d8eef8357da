"""Bodies under the facades for requests: read at once where nothing is to be decoded, by urllib3's reader elsewhere."""

from __future__ import annotations

import gzip
import io
from contextlib import nullcontext

import pytest
import requests
import urllib3

from netdouble.facades import requests_mock, responses

URL = "https://api.test/users"


def _with_responses(body, headers):
    mock = responses.RequestsMock()
    mock.get(URL, body=body, headers=headers)
    return mock


def _with_requests_mock(body, headers):
    mock = requests_mock.Mocker()
    mock.get(URL, **{"body" if hasattr(body, "read") else "content": body}, headers=headers)
    return mock


FACADES = pytest.mark.parametrize("stub", [_with_responses, _with_requests_mock])

BODIES = [
    ("plain", b"hello", {}, b"hello"),
    ("empty", b"", {}, b""),
    ("with its length", b"hello", {"Content-Length": "5"}, b"hello"),
    ("compressed", gzip.compress(b"hello"), {"Content-Encoding": "gzip"}, b"hello"),
    ("a file", lambda: io.BytesIO(b"hello"), {}, b"hello"),
]


@FACADES
@pytest.mark.parametrize(("what", "body", "headers", "read"), BODIES, ids=[row[0] for row in BODIES])
def test_a_body_is_read_as_it_was_meant_and_nothing_is_left_of_it(stub, what, body, headers, read):
    with stub(body() if callable(body) else body, headers):
        answered = requests.get(URL)
    assert answered.content == answered.content == b"".join(answered.iter_content(2)) == read
    assert answered.raw.read() == b""
    assert answered.raw.closed


@FACADES
def test_a_stream_is_left_to_who_asked_for_it(stub):
    with stub(b"hello", {}):
        assert requests.get(URL, stream=True).raw.read(2) == b"he"
        assert b"".join(requests.get(URL, stream=True).iter_content(2)) == b"hello"


@FACADES
def test_a_body_of_another_length_than_it_says_breaks_off(stub):
    holds_to_it = int(urllib3.__version__.partition(".")[0]) >= 2
    broken = pytest.raises(requests.exceptions.ChunkedEncodingError) if holds_to_it else nullcontext()
    with stub(b"hello", {"Content-Length": "50"}), broken:
        requests.get(URL)


def test_a_hook_sees_the_response_before_it_is_read():
    seen = []
    with _with_requests_mock(b"hello", {}):
        requests.get(URL, hooks={"response": lambda response, **_: seen.append(response.raw.read())})
    assert seen == [b"hello"]


@FACADES
def test_the_log_tells_what_was_answered_even_if_it_was_changed_since(stub, net):
    with stub(b"hello", {"X-Id": "7"}) as mock:
        answered = requests.get(URL)
        answered.headers.clear()
        answered.raw.headers.clear()
        network = mock._adapter._network if hasattr(mock, "_adapter") else mock.get_registry()._network
        said = network.calls[0].response
    assert (said.status, said.reason, said.body, said.headers["x-id"]) == (200, "OK", b"hello", "7")
    assert said == said.replaced()
    with pytest.raises(AttributeError):
        _ = said.statsu


SENT = [
    ("a generator", lambda: (piece for piece in (b"he", "llo"))),
    ("a file", lambda: io.BytesIO(b"hello")),
    ("a bytearray", lambda: bytearray(b"hello")),
]


@FACADES
@pytest.mark.parametrize("sent", [row[1] for row in SENT], ids=[row[0] for row in SENT])
def test_what_was_sent_can_be_read_in_the_history(stub, sent):
    with stub(b"", {}) as mock:
        mock.post(URL)
        requests.get(URL)
        requests.post(URL, data=sent())
        last = mock.last_request if hasattr(mock, "last_request") else mock.calls[-1].request
    assert last.body == b"hello"
