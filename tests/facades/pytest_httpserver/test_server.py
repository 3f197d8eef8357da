"""pytest-httpserver on netdouble's server: handlers, order of choice, words, waiting, and the defects mended."""

import re
import socket
import ssl
import threading
import time

import httpx
import pytest
import requests
from werkzeug import Response
from werkzeug.datastructures import MultiDict

from netdouble import Network
from netdouble._authority import authority
from netdouble.facades.pytest_httpserver import (
    BlockingHTTPServer,
    HeaderValueMatcher,
    HTTPServer,
    HTTPServerError,
    RequestMatcher,
    URIPattern,
    hooks,
)

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def running():
    with HTTPServer() as server:
        yield server


@pytest.fixture
def server(running):
    running.clear()
    return running


class Below(URIPattern):
    def match(self, uri):
        return uri.startswith("/below/")


# keywords of expect_request -> a request that matches and one that does not (method, target, keywords of requests).
CASES = [
    ({"uri": "/a b"}, ("GET", "/a%20b?x=1"), ("GET", "/a")),
    ({"uri": re.compile(r"/n/\d+")}, ("GET", "/n/12/more"), ("GET", "/x/n/12")),
    ({"uri": Below()}, ("GET", "/below/x"), ("GET", "/above")),
    ({"uri": "/x", "method": "post"}, ("POST", "/x"), ("GET", "/x")),
    ({"uri": "/x", "query_string": "a=1&b=2"}, ("GET", "/x?a=1&b=2"), ("GET", "/x?b=2&a=1")),
    ({"uri": "/x", "query_string": {"a": "1", "b": ""}}, ("GET", "/x?b=&a=1&a=2"), ("GET", "/x?a=1")),
    ({"uri": "/x", "query_string": MultiDict([("a", "1"), ("a", "2")])}, ("GET", "/x?a=1&a=2"), ("GET", "/x?a=1")),
    ({"uri": "/x", "headers": {"X-A": "1"}}, ("GET", "/x", {"headers": {"x-a": "1"}}), ("GET", "/x")),
    ({"uri": "/x", "data": "hé", "data_encoding": "latin-1"}, ("POST", "/x", {"data": "hé".encode("latin-1")}),
     ("POST", "/x", {"data": "hé".encode()})),
    ({"uri": "/x", "json": {"a": [1]}}, ("POST", "/x", {"data": '{"a": [1]}'}), ("POST", "/x", {"data": "{"})),
]  # fmt: skip


def ask(server, case):
    method, target, *options = case
    return requests.request(method, server.url_for(target), timeout=10, **(options[0] if options else {}))


@pytest.mark.parametrize(("keywords", "match", "other"), CASES, ids=lambda case: str(case)[:40])
def test_a_handler_takes_the_one_and_not_the_other(server, keywords, match, other):
    server.expect_request(**keywords).respond_with_json({"a": 1}, status=201)
    assert [ask(server, match).status_code for _ in range(2)] == [201, 201]
    assert ask(server, other).status_code == 500
    with pytest.raises(AssertionError, match="No handler found for request <Request"):
        server.check()
    server.check()
    assert server.get_matching_requests_count(server.create_matcher(**keywords)) == 2


def test_ordered_handlers_come_before_oneshot_ones_and_these_before_the_permanent(server):
    server.expect_request("/x").respond_with_data("permanent")
    server.expect_oneshot_request("/x").respond_with_data("once")
    server.expect_ordered_request("/x").respond_with_data("first")
    server.expect_ordered_request("/x").respond_with_data("second")
    answers = [ask(server, ("GET", "/x")).text for _ in range(5)]
    assert answers == ["first", "second", "once", "permanent", "permanent"]
    assert (server.ordered_handlers, server.oneshot_handlers, len(server.handlers)) == ([], [], 1)


def test_a_request_out_of_order_fails_everything_until_it_is_cleared(server):
    server.expect_ordered_request("/1").respond_with_data("1")
    server.expect_request("/2").respond_with_data("2")
    assert [ask(server, ("GET", target)).status_code for target in ("/2", "/1", "/2")] == [500] * 3
    assert server.permanently_failed
    assert server.assertions[1:] == ["All requests will be permanently failed due failed ordered handler"] * 2
    server.clear()
    server.expect_request("/2").respond_with_data("2")
    assert ask(server, ("GET", "/2")).text == "2"


def test_what_handlers_raise_is_kept_for_check(server):
    def wrong(request):
        raise ValueError("mine")

    def asserts(request):
        raise AssertionError("also mine")

    server.expect_request("/1").respond_with_handler(wrong)
    server.expect_request("/2").respond_with_handler(asserts)
    server.expect_request("/3")
    assert [ask(server, ("GET", f"/{n}")).status_code for n in (1, 2, 3)] == [500] * 3
    assert server.log == []
    with pytest.raises(AssertionError, match=r"^also mine$"):
        server.check()
    with pytest.raises(ValueError, match=r"^mine$"):
        server.check()


def test_garbage_is_added_to_each_response_and_not_to_the_last_one(server):
    server.expect_request("/x").with_post_hook(hooks.Garbage(4, 4)).respond_with_data("ok")
    assert [len(ask(server, ("GET", "/x")).content) for _ in range(3)] == [10, 10, 10]


def test_hooks_run_in_order(server):
    def suffix(text):
        def hook(request, response):
            response.set_data(response.get_data() + text)
            return response

        return hook

    chain = hooks.Chain(suffix(b"2"), suffix(b"3"))
    server.expect_request("/x").with_post_hook(suffix(b"1")).with_post_hook(chain).respond_with_data("0")
    assert ask(server, ("GET", "/x")).text == "0123"


def test_an_idle_connection_stops_nobody_and_connections_are_kept(server):
    server.expect_request("/x").respond_with_data("ok")
    with socket.create_connection((server.host, server.port)), requests.Session() as session:
        for _ in range(2):
            response = session.get(server.url_for("/x"), timeout=10)
            assert response.text == "ok"
            assert "close" not in response.headers.get("connection", "")


def test_a_header_matcher_is_found_in_any_case(server):
    matcher = HeaderValueMatcher({"x-a": lambda actual, expected: (actual or "").lower() == expected})
    server.expect_request("/x", headers={"X-A": "yes"}, header_value_matcher=matcher).respond_with_data("ok")
    assert ask(server, ("GET", "/x", {"headers": {"X-A": "YES"}})).text == "ok"


def test_streams_are_sent_as_they_come(server):
    server.expect_request("/x").respond_with_handler(lambda request: Response(iter([b"a", b"b"])))
    response = ask(server, ("GET", "/x"))
    assert (response.text, response.headers["transfer-encoding"]) == ("ab", "chunked")


def test_waiting_ends_when_the_handlers_have_answered(server):
    server.expect_oneshot_request("/x").respond_with_data("ok")
    with server.wait(timeout=10) as waiting:
        threading.Thread(target=ask, args=(server, ("GET", "/x")), daemon=True).start()
    assert waiting.result
    assert waiting.elapsed_time < 10
    server.expect_oneshot_request("/x")
    with (
        pytest.raises(AssertionError, match="Wait timeout occurred, but some handlers left"),
        server.wait(timeout=0.01),
    ):
        pass
    with pytest.raises(AssertionError, match="No handler found"), server.wait(timeout=10):
        ask(server, ("GET", "/other"))


def test_assertions_about_requests_show_those_to_the_same_path(server):
    server.expect_request("/x").respond_with_data("ok")
    ask(server, ("GET", "/x"))
    server.assert_request_made(RequestMatcher("/x"))
    with pytest.raises(AssertionError, match="found 0 times but expected 1 times") as caught:
        server.assert_request_made(RequestMatcher("/x", method="POST"))
    assert "--- Similar Request Start\nPath: /x\nMethod: GET\n" in str(caught.value)


def test_baked_keywords_are_the_default(server):
    baked = server.bake(method="POST").bake(headers={"X-A": "1"})
    baked.expect_request("/x").respond_with_data("ok")
    assert ask(server, ("POST", "/x", {"headers": {"X-A": "1"}})).text == "ok"
    assert ask(server, ("GET", "/x", {"headers": {"X-A": "1"}})).status_code == 500


def test_a_tls_context_may_be_filled_after_the_start(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with HTTPServer(ssl_context=context) as server:
        own = authority()
        chain = tmp_path / "chain.pem"
        chain.write_bytes(own.chain("localhost", "valid"))
        context.load_cert_chain(chain)
        server.expect_request("/x").respond_with_data("ok")
        assert requests.get(server.url_for("/x"), verify=own.file, timeout=10).text == "ok"


def test_it_starts_and_stops_in_a_moment_and_again():
    server = HTTPServer()
    for _ in range(3):
        server.start()
        with pytest.raises(HTTPServerError, match="already running"):
            server.start()
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 0.4  # Werkzeug's takes up to half a second
    with pytest.raises(HTTPServerError, match="not running"):
        server.stop()


def test_inside_of_a_network_it_is_reached_and_its_requests_are_its_own(server):
    server.expect_request("/x").respond_with_data("ok")
    with Network() as net:
        net.get("https://api.test/").reply(201)
        assert httpx.get(server.url_for("/x")).text == "ok"
        assert httpx.get("https://api.test/").status_code == 201


def test_a_blocking_server_waits_for_the_test():
    with BlockingHTTPServer(timeout=10) as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(server, ("GET", "/x")).text))
        thread.start()
        server.assert_request("/x", timeout=10).respond_with_data("hi")
        thread.join()
        assert answers == ["hi"]
        with pytest.raises(AssertionError, match="timed out"):
            server.assert_request("/x", timeout=0.01)


def test_the_fixtures_by_their_own_names(pytester):
    pytester.makepyfile(
        """
        import requests
        from pytest_httpserver import HTTPServer
        from pytest_httpserver.hooks import Delay
        from pytest_httpserver.httpserver import HandlerType

        def test_one(httpserver: HTTPServer, httpserver_ipv4):
            handler = httpserver.expect_request("/", handler_type=HandlerType.ONESHOT)
            handler.with_post_hook(Delay(0)).respond_with_data("1")
            assert requests.get(httpserver.url_for("/")).text == "1"
            assert (httpserver.host, httpserver_ipv4.host) == ("localhost", "127.0.0.1")

        def test_two(httpserver):
            assert httpserver.log == httpserver.handlers == []
        """
    )
    options = ("-p", "netdouble.facades", "--net-replace=pytest_httpserver", "-p", "no:randomly")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=2)
