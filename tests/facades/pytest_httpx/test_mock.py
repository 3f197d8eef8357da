"""pytest-httpx on netdouble's engine: matchers, order of choice, texts, defects mended; and its fork for httpx2."""

import gzip
import re
import socket
from unittest.mock import ANY

import httpx
import pytest
import requests
from tests.facades.libraries import LIBRARIES, every_library

from netdouble import Network, UnmatchedRequest
from netdouble.facades.pytest_httpx import HTTPXMock, IteratorStream
from netdouble.facades.pytest_httpx.expectations import Options

pytest_plugins = ["pytester"]

URL = "https://api.test/x"


@pytest.fixture
def mock():
    made = HTTPXMock()
    scope = made._open()
    yield made
    made._close(scope)


# matchers -> a request that matches, one that does not (method, URL, keywords of Client.request).
CASES = [
    ({"url": URL}, ("GET", URL), ("GET", f"{URL}?a=1")),
    ({"url": "https://api.test"}, ("GET", "https://api.test/"), ("GET", URL)),
    ({"url": f"{URL}?a=1&b=2"}, ("GET", f"{URL}?b=2&a=1"), ("GET", f"{URL}?a=1")),
    ({"url": re.compile(r".*\?a=\d")}, ("GET", f"{URL}?a=1"), ("GET", URL)),
    ({"url": httpx.URL(URL)}, ("GET", URL), ("GET", "http://api.test/x")),
    ({"method": "post"}, ("POST", URL), ("GET", URL)),
    ({"url": URL, "match_params": {"a": ANY, "b": ["1", "2"]}}, ("GET", f"{URL}?b=1&b=2&a=x"), ("GET", f"{URL}?a=x")),
    ({"match_headers": {"X-A": "1"}}, ("GET", URL, {"headers": {"X-A": "1"}}), ("GET", URL)),
    ({"match_headers": {"X-A": "1, 2"}}, ("GET", URL, {"headers": [("X-A", "1"), ("X-A", "2")]}),
     ("GET", URL, {"headers": {"X-A": "1"}})),
    ({"match_content": b"hello"}, ("POST", URL, {"content": b"hello"}), ("POST", URL)),
    ({"match_json": {"a": ANY, "b": [1]}}, ("POST", URL, {"json": {"b": [1], "a": 7}}), ("POST", URL, {"json": {}})),
    ({"match_files": {"f": ("n.txt", b"x")}, "match_data": {"a": "1"}},
     ("POST", URL, {"files": {"f": ("n.txt", b"x")}, "data": {"a": "1"}}), ("POST", URL, {"files": {"f": b"x"}})),
    ({"match_extensions": {"k": 1}}, ("GET", URL, {"extensions": {"k": 1}}), ("GET", URL)),
]  # fmt: skip


@every_library
@pytest.mark.parametrize(("matchers", "match", "other"), CASES, ids=lambda case: str(case)[:40])
def test_a_matcher_takes_the_one_and_not_the_other(mock, library, matchers, match, other):
    mock.add_response(201, is_reusable=True, **matchers)
    with library.Client() as client:
        for method, url, *options in (match, match):
            assert client.request(method, url, **(options[0] if options else {})).status_code == 201
        method, url, *options = other
        with pytest.raises(library.TimeoutException, match=r"^No response can be found for"):
            client.request(method, url, **(options[0] if options else {}))
    assert (len(mock.get_requests(**matchers)), len(mock.get_requests())) == (2, 3)


def test_the_first_unused_answers_and_then_the_last_if_it_may():
    mock = HTTPXMock(Options(can_send_already_matched_responses=True))
    scope = mock._open()
    mock.add_response(json=1)
    mock.add_response(json=2)
    assert [httpx.get(URL).json() for _ in range(4)] == [1, 2, 2, 2]
    mock.reset()
    assert mock.get_requests() == []
    mock._close(scope)
    mock._assert_options()


@every_library
def test_what_is_not_expected_is_told_to_the_letter(mock, library):
    mock.add_response(url=URL)
    mock.add_response(url=URL, method="POST", match_headers={"X-A": "1"}, match_json={"a": 1})
    mock.add_callback(lambda request: None, url="https://other.test", is_reusable=True, match_extensions={"k": 1})
    library.get(URL)
    with pytest.raises(library.TimeoutException) as caught:
        library.post(URL, content=b'{"a":2}', headers={"x-a": "2"})
    timeout = "{'k': 3} extensions"
    assert caught.value.request.url == URL
    assert str(caught.value).replace("{} extensions", timeout) == (
        f"No response can be found for POST request on {URL} with {{'x-a': '2'}} headers and b'{{\"a\":2}}' body and "
        f"{timeout} amongst:\n"
        f"- Match POST request on {URL} with {{'X-A': '1'}} headers and {{'a': 1}} json body\n"
        "- Match every request on https://other.test with {'k': 1} extensions\n"
        f"- Already matched any request on {URL}\n\n"
        "If you wanted to reuse an already matched response instead of registering it again, refer to "
        "https://github.com/Colin-b/pytest_httpx/blob/master/README.md"
        "#allow-to-register-a-response-for-more-than-one-request"
    )


def test_what_was_not_used_or_not_expected_fails_at_the_end():
    mock = HTTPXMock()
    scope = mock._open()
    mock.add_response(url=URL, is_optional=True)
    with pytest.raises(httpx.TimeoutException):
        httpx.get("https://other.test/")
    mock._close(scope)
    with pytest.raises(AssertionError, match=r"were not expected:\n  - GET request on https://other.test/\n  \n  If"):
        mock._assert_options()
    mock.add_response(url=URL)
    with pytest.raises(AssertionError, match=f"mocked but not requested:\n  - Match any request on {URL}\n"):
        mock._assert_options()


@every_library
@pytest.mark.asyncio
async def test_callbacks_and_exceptions_answer_both_kinds_of_client(mock, library):
    async def later(request):
        return library.Response(200, json=str(request.url))

    mock.add_callback(later, url=URL, is_reusable=True)
    mock.add_callback(lambda request: library.Response(202, content=request.content), method="PUT")
    mock.add_exception(httpx.ReadTimeout("slow"), method="POST", is_reusable=True)
    mock.add_exception(TimeoutError("mine"), method="PATCH", is_reusable=True)
    async with library.AsyncClient() as client:
        assert (await client.get(URL)).json() == URL
        assert (await client.put(f"{URL}/y", content=b"hi")).text == "hi"
        with pytest.raises(library.ReadTimeout, match=r"^slow$") as caught:
            await client.post(f"{URL}/y")
        assert caught.value.request.url == f"{URL}/y"
        with pytest.raises(TimeoutError, match=r"^mine$"):
            await client.patch(f"{URL}/y")
    with library.Client() as client:
        assert client.get(URL).json() == URL  # there a coroutine failed with an AttributeError


@every_library
def test_a_compressed_body_is_decoded_each_time(mock, library):
    mock.add_response(headers={"content-encoding": "gzip"}, content=gzip.compress(b"hello"), is_reusable=True)
    assert [library.get(URL).text for _ in range(2)] == ["hello", "hello"]
    mock.reset()
    mock.add_callback(
        lambda request: library.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"hi")),
        is_reusable=True,
    )
    with library.stream("GET", URL) as response:
        assert (b"".join(response.iter_raw())[:2], library.get(URL).text) == (b"\x1f\x8b", "hi")


@every_library
@pytest.mark.asyncio
async def test_a_stream_is_read_by_both_kinds_of_client_and_again(mock, library):
    mock.add_response(stream=IteratorStream([b"a", b"b"]), is_reusable=True)
    async with library.AsyncClient() as client:
        assert [(await client.get(URL)).text for _ in range(2)] == ["ab", "ab"]
    with library.Client() as client:
        assert client.get(URL).text == "ab"


def test_what_should_not_be_mocked_reaches_the_network_and_is_not_listed():
    mock = HTTPXMock(Options(should_mock=lambda request: request.url.host != "127.0.0.1"))
    scope = mock._open()
    mock.add_response()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    httpx.get(URL)
    assert [str(request.url) for request in mock.get_requests()] == [URL]
    mock._close(scope)
    mock._assert_options()


def test_loopback_is_mocked_like_any_other_host(mock):
    mock.add_response(204)
    assert httpx.get("http://127.0.0.1:9/").status_code == 204


def test_other_clients_are_answered_by_the_routes_that_match(mock):
    mock.add_response(url=URL, json={"a": 1}, is_reusable=True)
    mock.add_exception(httpx.ConnectTimeout("late"), method="PUT")
    assert requests.get(URL, timeout=5).json() == {"a": 1}
    with pytest.raises(requests.ConnectTimeout):
        requests.put(URL, timeout=5)
    with pytest.raises(UnmatchedRequest):
        requests.post(f"{URL}/other", timeout=5)
    assert isinstance(mock.get_requests()[0], httpx.Request)


def test_the_requests_are_those_that_were_sent(mock):
    mock.add_response(is_reusable=True)
    with httpx.Client(proxy="http://me:secret@proxy.test:3128/") as client:
        response = client.post(URL, json={"a": 1})
        assert mock.get_request() is response.request
    assert len(mock.get_requests(proxy_url="http://me:secret@proxy.test:3128/")) == 1
    assert mock.get_requests(proxy_url=re.compile("http://other")) == []
    httpx.get(URL)
    with pytest.raises(AssertionError, match=re.escape("More than one request (2) matched")):
        mock.get_request()
    assert mock.get_request(method="DELETE") is None


@pytest.mark.parametrize(
    ("matchers", "text"),
    [
        ({"match_content": b"", "match_json": {}}, "Only one way of matching against the body"),
        ({"match_data": {"a": "1"}}, "match_data is meant to be used for multipart matching"),
        ({"match_params": {"a": "1"}}, "URL must be provided when match_params is used."),
        ({"url": f"{URL}?a=1", "match_params": {"a": "1"}}, "must not contain any query parameter"),
        ({"url": re.compile("x"), "match_params": {"a": "1"}}, "match_params cannot be used in addition to regex URL"),
    ],
)
def test_matchers_that_do_not_go_together_are_refused(mock, matchers, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        mock.add_response(**matchers)


def test_it_stands_inside_a_network_of_netdoubles_own():
    with Network() as net:
        net.get("https://net.test/").reply(201)
        mock = HTTPXMock()
        scope = mock._open()
        mock.add_response(202, url=URL)
        assert (httpx.get("https://net.test/").status_code, httpx.get(URL).status_code) == (201, 202)
        mock._close(scope)


CHILD = """
    import {library}, pytest
    from {package} import HTTPXMock, IteratorStream

    pytestmark = pytest.mark.{fixture}(assert_all_responses_were_requested=False)

    def test_used({fixture}: HTTPXMock):
        {fixture}.add_response(json=[1])
        {fixture}.add_response(url="https://unused.test")
        assert {library}.get("https://foo.test").json() == [1]

    @pytest.mark.{fixture}(assert_all_responses_were_requested=True)
    def test_unused({fixture}):
        {fixture}.add_response()

    @pytest.mark.{fixture}(foo=1)
    def test_mistaken({fixture}):
        pass
"""


PEERS = {
    "pytest_httpx": {"library": "httpx", "package": "pytest_httpx", "fixture": "httpx_mock"},
    "httpx2_pytest": {"library": "httpx2", "package": "pytest_httpx2", "fixture": "httpx2_mock"},
}
HERE = {library.__name__ for library in LIBRARIES}


@pytest.mark.parametrize(("peer", "names"), [row for row in PEERS.items() if row[1]["library"] in HERE])
def test_the_fixture_and_the_marker_by_their_own_names(pytester, peer, names):
    pytester.makepyfile(CHILD.format(**names))
    options = ("-p", "netdouble.facades", f"--net-replace={peer}", "-p", "no:randomly", "--strict-markers")
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*mocked but not requested:*", "*unexpected keyword argument 'foo'*"])
