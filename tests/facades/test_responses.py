"""The facade of responses: its documented API by example, and what the original gets wrong."""

from __future__ import annotations

import asyncio
import re
import threading

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

import netdouble
from netdouble.facades import responses
from netdouble.facades.responses import _recorder, matchers, registries

USERS = "https://api.test/users"


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    assert responses.registered() == []
    assert len(responses.calls) == 0


def refused(method: str = "GET", url: str = USERS, **kwargs) -> str:
    with pytest.raises(requests.ConnectionError) as caught:
        requests.request(method, url, **kwargs)
    assert caught.value.request.url.startswith(url)
    return str(caught.value)


# Its API


@responses.activate
def test_a_registered_response_answers_and_the_call_is_recorded():
    stub = responses.get(f"{USERS}/7", json={"id": 7}, headers={"x-page": "1"}, status=201)
    answered = requests.get(f"{USERS}/7?verbose=1")
    assert (answered.status_code, answered.json(), answered.headers["X-Page"]) == (201, {"id": 7}, "1")
    assert responses.calls[0].request.params == {"verbose": "1"}
    assert responses.calls[0].response is answered
    assert stub.calls[0] is responses.calls[0]
    assert responses.assert_call_count(f"{USERS}/7?verbose=1", 1)


@responses.activate
def test_several_responses_for_one_url_answer_in_order_and_the_last_one_stays():
    for status in (500, 502, 200):
        responses.add(responses.GET, USERS, status=status)
    assert [requests.get(USERS).status_code for _ in range(4)] == [500, 502, 200, 200]


@responses.activate
def test_a_refusal_lists_every_response_with_its_reason_and_what_may_pass():
    responses.post(USERS)
    responses.get(f"{USERS}/8")
    responses.get(USERS, match=[matchers.query_param_matcher({"page": 2})])
    responses.add_passthru("https://other.test")
    text = refused(url=f"{USERS}?page=1")
    assert f"- GET {USERS}?page=1" in text
    assert f"- POST {USERS} Method does not match" in text
    assert f"- GET {USERS}/8 URL does not match" in text
    assert f"- GET {USERS} Parameters do not match. {{'page': '1'}} doesn't match {{'page': '2'}}" in text
    assert "Passthru prefixes:\n- https://other.test" in text


@responses.activate
def test_a_callback_answers_raises_or_gives_an_exception():
    responses.add_callback("GET", re.compile(rf"{USERS}/\d+"), lambda request: (200, {"x": "1"}, request.url[-1]))
    responses.add_callback("POST", USERS, lambda request: requests.ReadTimeout("slow"))
    assert requests.get(f"{USERS}/7").text == "7"
    with pytest.raises(requests.ReadTimeout, match="slow"):
        requests.post(USERS)


@responses.activate
def test_an_exception_as_body_is_raised_with_its_request():
    error = requests.ConnectTimeout("too slow")
    responses.get(USERS, body=error)
    with pytest.raises(requests.ConnectTimeout) as caught:
        requests.get(USERS)
    assert caught.value is error
    assert caught.value.request.url == USERS
    assert responses.calls[0].response is error


def test_a_context_manager_fails_when_a_response_never_answered():
    unused = re.escape("[('GET', 'https://api.test/users')]")
    with pytest.raises(AssertionError, match=unused), responses.RequestsMock() as mock:
        mock.get(USERS)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(USERS)


@responses.activate(registry=registries.OrderedRegistry, assert_all_requests_are_fired=True)
def test_an_ordered_registry_answers_in_order_and_says_what_was_due():
    responses.get(f"{USERS}/1")
    responses.get(f"{USERS}/2")
    requests.get(f"{USERS}/1")
    assert "Next 'Response' in the order doesn't match due to the following reason: URL does not match" in refused(
        url=f"{USERS}/3"
    )
    requests.get(f"{USERS}/2")
    assert "No more registered responses" not in str(responses.registered())


@responses.activate
def test_responses_are_replaced_upserted_and_removed():
    responses.get(USERS, body="one")
    responses.replace(responses.GET, USERS, body="two")
    assert requests.get(USERS).text == "two"
    responses.upsert(responses.PUT, USERS, body="three")
    assert requests.put(USERS).text == "three"
    assert [each.url for each in responses.remove(responses.GET, USERS)] == [USERS]
    with pytest.raises(ValueError, match="Response is not registered for URL"):
        responses.replace(responses.GET, USERS)


def test_what_passes_reaches_the_real_service_and_is_recorded(real_url):
    with responses.RequestsMock(passthru_prefixes=(real_url,)) as mock:
        assert requests.get(real_url).text == "real"
        mock.add(responses.PassthroughResponse("GET", f"{real_url}/a"))
        assert requests.get(f"{real_url}/a").status_code == 201
        assert [call.response.status_code for call in mock.calls] == [201, 201]


@responses.activate
def test_retries_are_the_clients_own_and_not_waited_for():
    for status in (503, 503, 200):
        responses.get(USERS, status=status, headers={"Retry-After": "3600"})
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[503], backoff_factor=3600)))
    assert session.get(USERS).status_code == 200
    assert len(responses.calls) == 3


@responses.activate
def test_cookies_reach_the_session():
    responses.get(USERS, headers=[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")])
    session = requests.Session()
    session.get(USERS)
    assert dict(session.cookies) == {"a": "1", "b": "2"}


def test_one_mock_is_the_network_of_another():
    far = responses.RequestsMock()
    far.get(USERS, body="far away")
    with responses.RequestsMock(real_adapter_send=far.unbound_on_send()) as near:
        near.add_passthru("https://api.test")
        assert requests.get(USERS).text == "far away"


def test_a_registry_of_the_users_own_is_asked():
    class Last(registries.FirstMatchRegistry):
        def find(self, request):
            return (self.registered[-1], []) if self.registered else (None, [])

    with responses.RequestsMock(registry=Last, assert_all_requests_are_fired=False) as mock:
        mock.get(f"{USERS}/1", body="one")
        mock.get(f"{USERS}/2", body="two")
        assert requests.get("https://elsewhere.test").text == "two"


# What the original gets wrong


@responses.activate
class TestADecoratedClass:
    def test_is_still_a_class_whose_tests_run_inside(self):
        responses.get(USERS, body="hi")
        assert requests.get(USERS).text == "hi"


def test_the_rest_of_the_outer_function_stays_mocked_after_a_nested_one():
    @responses.activate
    def inner():
        responses.get(f"{USERS}/2", body="inner")
        return requests.get(f"{USERS}/2").text

    @responses.activate
    def outer():
        responses.get(USERS, body="outer")
        assert inner() == "inner"
        assert requests.get(USERS).text == "outer"
        assert "URL does not match" in refused(url=f"{USERS}/2")

    outer()


def test_interleaved_coroutines_do_not_see_each_other():
    @responses.activate
    async def one(name: str, mine: asyncio.Event, other: asyncio.Event):
        responses.get(f"{USERS}/{name}", body=name)
        mine.set()
        await other.wait()
        assert requests.get(f"{USERS}/{name}").text == name
        await (asyncio.sleep(0) if name == "a" else over.wait())  # the first one ends within the second
        assert requests.get(f"{USERS}/{name}").text == name
        assert len(responses.calls) == 2

    over = asyncio.Event()

    async def both():
        a, b = asyncio.Event(), asyncio.Event()
        second = asyncio.create_task(one("b", b, a))
        await one("a", a, b)
        over.set()
        await second

    asyncio.run(both())


def test_generators_are_mocked_while_they_run():
    @responses.activate
    def steps():
        responses.get(USERS, body="hi")
        yield requests.get(USERS).text
        yield requests.get(USERS).text

    assert list(steps()) == ["hi", "hi"]


def test_mocks_may_be_stopped_in_any_order():
    first = responses.RequestsMock(assert_all_requests_are_fired=False)
    second = responses.RequestsMock(assert_all_requests_are_fired=False)
    first.start()
    second.start()
    first.stop()
    second.get(USERS, body="second")
    assert requests.get(USERS).text == "second"
    second.stop()


SMALL_TRAPS = [
    ("a method in lower case", lambda mock: mock.add("get", USERS), {}),
    ("a default port", lambda mock: mock.get("https://api.test:443/users"), {}),
    ("a list of numbers",
     lambda mock: mock.get(USERS, match=[matchers.query_param_matcher({"a": [1, 2]})]), {"params": {"a": [1, 2]}}),
    ("a key that comes again later",
     lambda mock: mock.get(USERS, match=[matchers.query_param_matcher({"a": ["1", "3"], "b": "2"})]),
     {"params": [("a", 1), ("b", 2), ("a", 3)]}),
    ("a header's name in lower case",
     lambda mock: mock.get(USERS, match=[matchers.header_matcher({"x-id": "7"})]), {"headers": {"X-Id": "7"}}),
    ("a form as bytes",
     lambda mock: mock.get(USERS, match=[matchers.urlencoded_params_matcher({"a": "1"})]), {"data": b"a=1"}),
    ("a body that is no text",
     lambda mock: mock.get(USERS, match=[matchers.body_matcher(b"\xff")]), {"data": b"\xff"}),
]  # fmt: skip


@pytest.mark.parametrize(("register", "options"), [row[1:] for row in SMALL_TRAPS], ids=[row[0] for row in SMALL_TRAPS])
def test_what_never_matched_in_the_original_matches(register, options):
    with responses.RequestsMock() as mock:
        register(mock)
        assert requests.get(USERS, **options).status_code == 200


def test_an_escaped_tilde_matches_the_plain_one_that_requests_sends():
    with responses.RequestsMock() as mock:
        mock.get("https://api.test/%7Eada")
        assert requests.get("https://api.test/%7Eada").status_code == 200


@responses.activate
def test_a_binary_body_that_differs_is_a_reason_not_an_error():
    responses.post(USERS, match=[matchers.body_matcher("text")])
    assert "request.body doesn't match" in refused("POST", data=b"\xff\xfe")


@responses.activate
def test_an_exception_class_as_body_is_refused_where_it_is_registered():
    with pytest.raises(TypeError, match="give an instance"):
        responses.get(USERS, body=requests.ConnectionError)


def test_reset_keeps_the_kind_of_registry():
    with responses.RequestsMock(registry=registries.OrderedRegistry) as mock:
        mock.reset()
        assert type(mock.get_registry()) is registries.OrderedRegistry


@responses.activate
def test_an_open_file_answers_every_call(tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"whole")
    with path.open("rb") as file:
        responses.get(USERS, body=file)
        assert [requests.get(USERS).content for _ in range(2)] == [b"whole", b"whole"]


# What is new


@responses.activate
def test_other_clients_are_answered_by_the_same_stubs():
    responses.get(USERS, json=[7], match=[matchers.query_param_matcher({"page": 2})])
    assert httpx.get(USERS, params={"page": 2}).json() == [7]
    with pytest.raises(netdouble.UnmatchedRequest, match=re.escape("(responses)")):
        httpx.get(USERS)


@responses.activate
def test_threads_that_are_started_inside_are_answered():
    responses.get(USERS, body="hi")
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(requests.get(USERS).text)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["hi"] * 4


def test_a_native_network_around_it_is_asked_too():
    with netdouble.Network() as net:
        net.get("https://native.test/x").reply(text="native")

        @responses.activate
        def run():
            responses.get(USERS, body="facade")
            assert requests.get(USERS).text == "facade"
            assert requests.get("https://native.test/x").text == "native"
            assert "URL does not match" in refused(url="https://neither.test")

        run()
        assert [str(call.request.url) for call in net.calls][:1] == ["https://native.test/x"]


def test_a_recording_is_written_and_registered_again(tmp_path, real_url):
    path = tmp_path / "recorded.yaml"
    url = f"{real_url}/users"

    @_recorder.record(file_path=path)
    def run():
        assert requests.get(url).text == "real"

    run()

    @responses.activate
    def replay():
        responses._add_from_file(path)
        answered = requests.get(url)
        assert (answered.status_code, answered.text, answered.headers["x-id"]) == (201, "real", "7")

    replay()


@responses.activate
def test_a_stream_that_is_retried_is_whole():
    responses.get(USERS, status=503)
    responses.get(USERS, body="streamed")
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(1, status_forcelist=[503])))
    assert b"".join(session.get(USERS, stream=True).iter_content(3)) == b"streamed"
