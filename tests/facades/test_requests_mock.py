"""The facade of requests-mock: its documented API by example, and what the original gets wrong."""

from __future__ import annotations

import asyncio
import io
import re
import threading
import unittest
from typing import ClassVar

import httpx
import pytest
import requests
from urllib3 import Retry

import netdouble
from netdouble.facades import requests_mock

USERS = "https://api.test/users"


@pytest.fixture
def mock():
    with requests_mock.Mocker() as mocker:
        yield mocker


# Its API


def test_a_registration_answers_and_keeps_its_history(mock):
    matcher = mock.get(f"{USERS}/7", json={"id": 7}, status_code=201, headers={"x": "1"})
    answered = requests.get(f"{USERS}/7?a=1", timeout=3)
    assert (answered.status_code, answered.json(), answered.headers["x"]) == (201, {"id": 7}, "1")
    assert mock.called_once
    assert matcher.call_count == 1
    assert mock.last_request is matcher.last_request is mock.request_history[0]
    assert (mock.last_request.qs, mock.last_request.timeout, mock.last_request.hostname) == (
        {"a": ["1"]},
        3,
        "api.test",
    )
    assert mock.last_request.matcher is matcher


def test_the_newest_registration_answers(mock):
    mock.get(USERS, text="old")
    mock.get(USERS, text="new")
    assert requests.get(USERS).text == "new"


def test_a_list_of_answers_is_given_in_order_and_the_last_one_repeats(mock):
    mock.get(USERS, [{"text": "1"}, {"status_code": 503}, {"exc": requests.ConnectTimeout}])
    assert [requests.get(USERS).status_code for _ in range(2)] == [200, 503]
    for _ in range(2):
        with pytest.raises(requests.ConnectTimeout):
            requests.get(USERS)


def test_what_nothing_was_registered_for_is_refused_with_the_nearest_registrations(mock):
    mock.get(f"{USERS}/8")
    mock.post(USERS)
    with pytest.raises(requests_mock.NoMockAddress) as caught:
        requests.get(USERS)
    text = str(caught.value)
    assert text.startswith(f"No mock address: GET {USERS}")
    assert "method: expected 'POST', got 'GET'" in text
    assert "path: expected '/users/8', got '/users'" in text
    assert mock.call_count == 1


CONDITIONS = [
    ("part of the query", f"{USERS}?a=1", {}, f"{USERS}?b=2&a=1", True),
    ("the whole query", f"{USERS}?a=1", {"complete_qs": True}, f"{USERS}?b=2&a=1", False),
    ("a path alone", "/users", {}, USERS, True),
    ("a host and path", "//api.test/users", {}, "http://api.test/users", True),
    ("a regex", re.compile("api.*users"), {}, USERS, True),
    ("anything", requests_mock.ANY, {}, "mock://x.test", True),
    ("the path in another case", f"{USERS.upper().replace('HTTPS', 'https')}", {}, USERS, True),
    ("a header", USERS, {"request_headers": {"X-Id": "7"}}, USERS, False),
    ("a function", USERS, {"additional_matcher": lambda request: request.path == "/users"}, USERS, True),
    ("a default port", "https://api.test:443/users", {}, USERS, True),
    ("another path", f"{USERS}/", {}, USERS, False),
]


@pytest.mark.parametrize(("url", "options", "asked", "answered"), [row[1:] for row in CONDITIONS],
                         ids=[row[0] for row in CONDITIONS])  # fmt: skip
def test_who_is_meant(mock, url, options, asked, answered):
    mock.register_uri("GET", url, text="yes", **options)
    if answered:
        assert requests.get(asked).text == "yes"
    else:
        with pytest.raises(requests_mock.NoMockAddress):
            requests.get(asked)


def test_a_callback_sees_the_request_and_may_change_what_is_answered(mock):
    def answer(request, context):
        context.status_code = 201
        context.headers["x"] = request.json()["name"]
        return {"made": True}

    mock.post(USERS, json=answer)
    made = requests.post(USERS, json={"name": "Ada"})
    assert (made.status_code, made.headers["x"], made.json()) == (201, "Ada", {"made": True})


def test_an_adapter_is_mounted_and_nothing_is_patched():
    adapter, session = requests_mock.Adapter(), requests.Session()
    session.mount("mock://", adapter)
    adapter.register_uri("GET", "mock://x.test/a", text="a")
    answered = session.get("mock://x.test/a")
    assert answered.text == "a"
    assert answered.connection is adapter
    assert adapter.call_count == 1


def test_one_session_is_mocked_and_the_others_are_not(mock):
    mock.get(USERS, text="everybody")
    session = requests.Session()
    with requests_mock.Mocker(session=session) as own:
        own.get(USERS, text="own")
        assert session.get(USERS).text == "own"
        assert requests.get(USERS).text == "everybody"


def test_an_inner_mocker_hides_the_outer_one_unless_it_lets_the_request_through(mock):
    mock.get(USERS, text="outer")
    with requests_mock.Mocker() as inner:
        with pytest.raises(requests_mock.NoMockAddress):
            requests.get(USERS)
        inner.get(USERS, real_http=True)
        assert requests.get(USERS).text == "outer"
    with requests_mock.Mocker(real_http=True):
        assert requests.get(USERS).text == "outer"


def test_real_http_reaches_the_real_service(real_url):
    with requests_mock.Mocker(real_http=True) as mocker:
        assert requests.get(real_url).text == "real"
        assert mocker.call_count == 1


MISTAKES = [
    ({"text": "a", "json": {}}, RuntimeError, "You may only supply one body element"),
    ({"text": 5}, TypeError, "Text should be"),
    ({"content": "a"}, TypeError, "Content should be"),
    ({"nonsense": 1}, TypeError, "Unexpected arguments nonsense"),
    ({"exc": ValueError, "text": "a"}, TypeError, "Cannot provide other arguments with exc"),
    ({"real_http": True, "text": "a"}, RuntimeError, "response data OR real_http"),
    ({"headers": {"a": ["b"]}}, TypeError, "a header's value is text"),
]


@pytest.mark.parametrize(("options", "kind", "text"), MISTAKES)
def test_a_mistake_fails_where_it_is_registered(mock, options, kind, text):
    with pytest.raises(kind, match=text):
        mock.get(USERS, **options)


# What the original gets wrong


class TestCoroutines(unittest.IsolatedAsyncioTestCase):
    ran: ClassVar[list[str]] = []

    @requests_mock.Mocker()
    async def test_a_decorated_coroutine_really_runs(self, mock):
        mock.get(USERS, text="hi")
        await asyncio.sleep(0)
        assert requests.get(USERS).text == "hi"
        self.ran.append("yes")

    def tearDown(self):
        assert self.ran


def test_a_decorator_keeps_the_mockers_settings():
    session = requests.Session()

    @requests_mock.Mocker(session=session, kw="mock")
    def run(**kwargs):
        kwargs["mock"].get(USERS, text="own")
        return session.get(USERS).text

    assert run() == "own"


def test_cookies_reach_the_session(mock):
    mock.get(USERS, cookies={"a": "1"}, headers={"Set-Cookie": "b=2; Path=/"})
    session = requests.Session()
    answered = session.get(USERS)
    assert dict(answered.cookies) == {"a": "1", "b": "2"}
    assert dict(session.cookies) == {"a": "1", "b": "2"}


def test_cookies_reach_clients_that_the_original_never_saw(mock):
    mock.get(USERS, cookies={"token": "1"})
    assert httpx.get(USERS).cookies["token"] == "1"


class _Retrying(requests.adapters.HTTPAdapter):
    """A subclass that sends as its base does."""


@pytest.mark.parametrize("adapter", [requests.adapters.HTTPAdapter, _Retrying])
def test_retries_are_the_clients_own_and_not_waited_for(mock, adapter):
    mock.get(USERS, [{"status_code": 503}, {"status_code": 503}, {"text": "ok", "cookies": {"token": "1"}}])
    session = requests.Session()
    session.mount("https://", adapter(max_retries=Retry(5, backoff_factor=60, status_forcelist=[503])))
    answered = session.get(USERS)
    assert (answered.text, session.cookies["token"], mock.call_count) == ("ok", "1", 3)
    with pytest.raises(requests_mock.NoMockAddress):
        session.get(f"{USERS}/8")
    mock.get("mock://users", text="no adapter")
    assert session.get("mock://users").text == "no adapter"


def test_an_adapter_that_sends_in_a_way_of_its_own_is_not_asked(mock):
    class Own(requests.adapters.HTTPAdapter):
        def send(self, *args, **options):
            raise AssertionError("asked")

    session = requests.Session()
    session.mount("https://", Own(max_retries=Retry(5, status_forcelist=[503])))
    mock.get(USERS, status_code=503)
    assert session.get(USERS).status_code == 503


def test_json_has_its_content_type_and_history_its_case(mock):
    mock.get(requests_mock.ANY, json={})
    assert requests.get(f"{USERS}/Ada?Q=AbC").headers["content-type"] == "application/json"
    assert (mock.last_request.path, mock.last_request.qs) == ("/users/Ada", {"Q": ["AbC"]})


def test_callbacks_of_several_threads_run_at_the_same_time(mock):
    meeting = threading.Barrier(3)

    def answer(request, context):
        meeting.wait(timeout=20)
        return "met"

    mock.get(USERS, text=answer)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(requests.get(USERS).text)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["met"] * 3


def test_sessions_and_patches_are_left_as_they_were():
    send, session = requests.Session.send, requests.Session()
    first, second = requests_mock.Mocker(), requests_mock.Mocker()
    first.start()
    second.start()
    second.get(USERS, text="hi")
    session.get(USERS)
    first.stop()
    assert session.get(USERS).text == "hi"
    second.stop()
    assert requests.Session.send is send
    assert "get_adapter" not in vars(session)


def test_a_file_answers_every_call_and_one_that_is_sent_can_be_read(mock):
    mock.post(USERS, body=io.BytesIO(b"whole"))
    for _ in range(2):
        assert requests.post(USERS, data=io.BytesIO(b"sent")).content == b"whole"
    assert mock.last_request.text == "sent"


# What is new


def test_other_clients_are_answered_by_the_same_registrations(mock):
    mock.get(f"{USERS}?page=2", json=[7])
    assert httpx.get(USERS, params={"page": 2}).json() == [7]
    assert mock.called_once
    with pytest.raises(netdouble.UnmatchedRequest, match=re.escape("(requests_mock)")):
        httpx.get(USERS)


def test_a_native_network_around_it_is_asked_too(net, mock):
    net.get("https://native.test/x").reply(text="native")
    assert requests.get("https://native.test/x").text == "native"
