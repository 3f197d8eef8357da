"""urllib3, 1.26 and 2, beyond the table: its own retries, pools, proxies, reading, warnings; both seams."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import urllib3
from tests.clients.conformance.servers import Loopback
from urllib3.util.retry import Retry

from netdouble import DeclarationError, Fault, Network, Response, UnmatchedRequest, _active
from netdouble._intercept import urllib3 as door

URL = "https://api.test/x"
IS_SECOND = urllib3.__version__ >= "2"


@pytest.fixture(params=["bytes", "objects"])
def net(request: pytest.FixtureRequest) -> Iterator[Network]:
    """Through both seams: what a test says holds for the one as for the other."""
    with Network(fast=request.param == "objects") as opened:
        yield opened


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager() as opened:
        yield opened


# Retry


def test_retry_on_a_status_is_urllib3s_own(net, pool):
    route = net.get(URL).reply(503).repeat(2).then(text="x")
    response = pool.request("GET", URL, retries=Retry(3, status_forcelist=[503]))
    assert (response.status, response.data, route.count) == (200, b"x", 3)
    assert [(step.method, step.status) for step in response.retries.history] == [("GET", 503)] * 2


def test_retry_that_runs_out_tells_the_last_reason(net, pool):
    route = net.get(URL).reply(503)
    with pytest.raises(urllib3.exceptions.MaxRetryError, match="too many 503 error responses") as caught:
        pool.request("GET", URL, retries=Retry(2, status_forcelist=[503]))
    assert isinstance(caught.value.reason, urllib3.exceptions.ResponseError)
    assert route.count == 3


@pytest.mark.parametrize("fault", [Fault.CONNECT_REFUSED, Fault.CONNECT_TIMEOUT, Fault.DNS])
def test_retry_counts_a_connection_that_was_never_made(net, pool, fault):
    route = net.get(URL).fail(fault).then(fault).then(text="x")
    response = pool.request("GET", URL, retries=Retry(connect=2, read=0, other=0))
    assert (response.data, route.count) == (b"x", 3)
    assert response.retries.connect == 0


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.EMPTY_RESPONSE, Fault.READ_TIMEOUT, Fault.MALFORMED_RESPONSE])
def test_retry_counts_a_peer_that_hung_up(net, pool, fault):
    route = net.get(URL).fail(fault).then(fault).then(text="x")
    response = pool.request("GET", URL, retries=Retry(connect=0, read=2, other=0))
    assert (response.data, route.count) == (b"x", 3)
    assert response.retries.read == 0


def test_retry_does_not_repeat_a_post_that_was_sent(net, pool):
    route = net.post(URL).fail(Fault.RESET)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        pool.request("POST", URL, body=b"x", retries=Retry(3))
    assert route.count == 1


def test_a_body_is_sent_again_in_a_retry(net, pool, tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"content")
    route = net.put(URL).reply(503).then(201)
    with path.open("rb") as file:
        assert pool.request("PUT", URL, body=file, retries=Retry(1, status_forcelist=[503])).status == 201
    assert [call.request.body for call in route.calls] == [b"content"] * 2


def test_waits_between_retries_are_real_and_counted(net, pool):
    net.get(URL).reply(503).repeat(2).then(text="x")
    begun = time.monotonic()
    pool.request("GET", URL, retries=Retry(3, status_forcelist=[503], backoff_factor=0.04))
    waited = time.monotonic() - begun
    scope = _active.current()
    assert waited > 0.07
    assert 0.07 < scope.retry_seconds < waited


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "30"}])
def test_waits_between_retries_can_be_skipped(pool, headers):
    with Network(retry_wait="skip") as net:
        route = net.get(URL).reply(503, headers=headers).repeat(2).then(text="x")
        begun = time.monotonic()
        pool.request("GET", URL, retries=Retry(3, status_forcelist=[503], backoff_factor=30))
        assert time.monotonic() - begun < 25
        assert route.count == 3
        assert _active.current().retry_seconds == 0


def test_retry_after_is_waited_for(net, pool, monkeypatch):
    waits = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=waits.append, time=time.time))
    net.get(URL).reply(429, headers={"Retry-After": "7"}).then(text="x")
    assert pool.request("GET", URL).data == b"x"
    assert waits == [7]


def test_redirects_are_urllib3s_own(net, pool):
    net.post(URL).reply(303, headers={"Location": "/y"})
    net.get("https://api.test/y").reply(text="there")
    response = pool.request("POST", URL, body=b"x")
    assert (response.data, response.geturl()) == (b"there", "/y")


# Exceptions


def test_an_unmatched_request_is_neither_retried_nor_wrapped(net, pool):
    with pytest.raises(UnmatchedRequest) as caught:
        pool.request("GET", URL, retries=Retry(3))
    assert caught.value.client == f"urllib3 {urllib3.__version__}"
    assert "test_urllib3.py" in caught.value.caller
    assert net.count == 1
    assert pool.connection_from_url(URL).pool.qsize() == 1, "the pool got its place back"


@pytest.mark.parametrize(
    "error",
    [
        urllib3.exceptions.ProtocolError("mine", OSError("why")),
        urllib3.exceptions.MaxRetryError(None, "/x", "mine"),
        urllib3.exceptions.SSLError("mine"),
        urllib3.exceptions.HTTPError("mine"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_of_urllib3_reaches_the_caller_as_it_was_declared(net, pool, error):
    route = net.get(URL).fail(error)
    with pytest.raises(type(error), match="mine") as caught:
        pool.request("GET", URL, retries=Retry(3))
    assert str(caught.value) == str(error)
    assert route.count == 1


def test_python_s_own_network_errors_become_urllib3_s(net, pool):
    net.get(URL).fail(ConnectionResetError("by test"))
    with pytest.raises(urllib3.exceptions.ProtocolError, match="Connection aborted"):
        pool.request("GET", URL, retries=False)


@pytest.mark.parametrize("fault", [Fault.CONNECT_REFUSED, Fault.DNS, Fault.CONNECT_TIMEOUT, Fault.TLS])
def test_connect_faults_come_wrapped_and_told_as_on_the_wire(net, pool, fault):
    net.get(URL).fail(fault)
    with pytest.raises(
        urllib3.exceptions.MaxRetryError, match=r"HTTPSConnectionPool\(host='api\.test', port=443\)"
    ) as caught:
        pool.request("GET", URL, retries=Retry(0), timeout=3)
    reason = caught.value.reason
    kinds = {Fault.TLS: urllib3.exceptions.SSLError, Fault.CONNECT_TIMEOUT: urllib3.exceptions.ConnectTimeoutError}
    assert isinstance(reason, kinds.get(fault, urllib3.exceptions.NewConnectionError))
    if fault is Fault.CONNECT_TIMEOUT:
        assert "Connection to api.test timed out. (connect timeout=3)" in str(reason)
    if fault is Fault.DNS and IS_SECOND:
        assert "Failed to resolve 'api.test' ([Errno -2] Name or service not known)" in str(reason)


def test_connect_and_read_timeouts_are_two(net, pool):
    net.get(URL).reply(delay=3)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError, match="read timeout=2"):
        pool.request("GET", URL, retries=False, timeout=urllib3.Timeout(connect=60, read=2))


# The pool


def test_pool_counters_and_the_connection_are_real(net, pool):
    net.get(URL).reply(text="x")
    for _ in range(3):
        pool.request("GET", URL)
    counted = pool.connection_from_url(URL)
    assert (counted.num_connections, counted.num_requests) == (1, 3)


def test_a_connection_is_kept_or_closed_as_the_response_says(pool):
    def kept() -> object:
        connection = pool.connection_from_url(URL).pool.queue[-1]
        return connection and connection.sock

    with Network() as net:
        net.get(URL).reply(text="x").then(stream=["x"]).then(headers={"Connection": "close"}).then(text="x")
        pool.request("GET", URL)
        first = kept()
        pool.request("GET", URL)
        assert kept() is first is not None
        pool.request("GET", URL)
        assert kept() is None
        pool.request("GET", URL)
        assert kept() not in {None, first}


def test_a_connection_pooled_in_memory_is_dropped_when_no_network_is_open(pool):
    with Loopback() as server:
        with Network() as net:
            net.get(f"{server.url}/x").reply(text="stub")
            assert pool.request("GET", f"{server.url}/x").data == b"stub"
        assert pool.request("GET", f"{server.url}/x").data == b"real: GET /x"
        assert pool.connection_from_url(server.url).num_connections == 1  # one object, connected twice


def test_an_unverified_request_is_warned_of_as_on_the_wire():
    with Network() as net:
        net.get(URL).reply()
        with (
            urllib3.PoolManager(cert_reqs="CERT_NONE") as pool,
            pytest.warns(urllib3.exceptions.InsecureRequestWarning),
        ):
            pool.request("GET", URL)
        with urllib3.PoolManager() as pool, warnings.catch_warnings():
            warnings.simplefilter("error")
            pool.request("GET", URL)


@pytest.mark.parametrize("url", ["http://api.test/x", "https://api.test/x"])
def test_a_request_through_a_proxy_matches_by_its_target(net, url):
    route = net.get(url).reply(text="x")
    with urllib3.ProxyManager("http://proxy.test:3128") as proxy:
        assert proxy.request("GET", url).data == b"x"
    assert str(route.last.request.url) == url


# Reading


def test_a_response_can_be_streamed(net, pool):
    net.get(URL).reply(stream=["one", "two"])
    response = pool.request("GET", URL, preload_content=False)
    assert b"".join(response.stream(2)) == b"onetwo"
    response.release_conn()
    assert list(pool.request("GET", URL, preload_content=False).read_chunked()) == [b"one", b"two"]


def test_a_total_timeout_counts(net, pool):
    net.get(URL).reply(delay=3).then(text="x")
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        pool.request("GET", URL, retries=False, timeout=urllib3.Timeout(total=1))
    assert pool.request("GET", URL, timeout=urllib3.Timeout(total=1)).data == b"x"


def test_a_part_can_be_read_and_the_rest_drained(net, pool):
    net.get(URL).reply(text="onetwo")
    response = pool.request("GET", URL, preload_content=False)
    assert response.read(3) == b"one"
    response.drain_conn()
    response.release_conn()
    assert pool.request("GET", URL).data == b"onetwo"
    assert pool.connection_from_url(URL).num_connections == 1


def test_gzip_is_undone_when_asked(net, pool):
    import gzip

    packed = gzip.compress(b"unpacked", mtime=0)
    net.get(URL).reply(content=packed, headers={"Content-Encoding": "gzip"})
    assert pool.request("GET", URL).data == b"unpacked"
    assert pool.request("GET", URL, decode_content=False).data == packed


if hasattr(urllib3.HTTPResponse, "shutdown"):

    def test_a_response_can_be_shut_down(pool):
        with Network() as net:
            net.get(URL).reply(stream=["one", "two"])
            response = pool.request("GET", URL, preload_content=False)
            response.shutdown()
            with pytest.raises(urllib3.exceptions.ProtocolError):
                response.read()


def test_set_cookie_lines_stay_apart(net, pool):
    net.get(URL).reply(cookies={"a": "1", "b": "2"})
    assert pool.request("GET", URL).headers.getlist("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]


# The object seam


if IS_SECOND:  # 1.26 stays at bytes

    def test_the_object_seam_opens_no_connection(pool):
        with Network(fast=True) as net:
            net.post(URL).reply(json={"a": 1})
            response = pool.request("POST", URL, body="é", headers={"X-One": "1"})
            assert response.json() == {"a": 1}
            assert response.headers["content-length"] == "7"
            request = net.calls.last.request
            assert (request.body, request.headers["x-one"], "host" in request.headers) == ("é".encode(), "1", False)
            kept = pool.connection_from_url(URL).pool.get(block=False)
            assert kept.sock is None


def test_a_function_is_asked_once_whichever_seam_carries_its_answer_out(net, pool):
    asked = []

    def answer(request):
        asked.append(request)
        return Response(stream=["x"])

    net.get(URL).reply(answer)
    assert pool.request("GET", URL).data == b"x"
    assert len(asked) == net.count == 1


# Without patching


def test_a_mounted_pool_manager_answers_without_an_open_network():
    net = Network()
    route = net.get(URL).reply(503).then(text="x")
    with net.urllib3_pool_manager() as pool:
        assert pool.request("GET", URL, retries=Retry(1, status_forcelist=[503])).data == b"x"
        with pytest.raises(UnmatchedRequest):
            pool.request("GET", "https://api.test/y")
    assert route.count == 2
    assert not _active.anything_open()


def test_a_mounted_pool_manager_asks_its_own_network_once_while_others_are_open():
    mine = Network()
    mine.get(URL).reply(text="mine")
    with Network() as other, mine.urllib3_pool_manager() as pool:
        other.get(URL).reply(text="other").optional()
        assert pool.request("GET", URL).data == b"mine"
        assert other.count == 0
    assert mine.count == 1


def test_a_mounted_pool_manager_lets_through():
    with Loopback() as server:
        net = Network()
        net.any().pass_through()
        with net.urllib3_pool_manager() as pool:
            assert pool.request("GET", f"{server.url}/x").data == b"real: GET /x"
        assert net.count == 1


# Native objects


def test_a_response_becomes_a_genuine_urllib3_response():
    made = Response(404, json={"a": 1}, headers=[("X-Many", "1"), ("X-Many", "2")]).as_urllib3()
    assert isinstance(made, urllib3.HTTPResponse)
    assert (made.status, made.reason) == (404, "Not Found")
    assert made.headers.getlist("x-many") == ["1", "2"]
    assert made.data == b'{"a":1}'


def test_a_urllib3_response_is_taken_as_an_answer(net, pool):
    headers = urllib3.HTTPHeaderDict({"X-One": "1"}) if hasattr(urllib3, "HTTPHeaderDict") else {"X-One": "1"}
    net.get(URL).reply(urllib3.HTTPResponse(b"body", headers=headers, status=418))
    response = pool.request("GET", URL)
    assert (response.status, response.data, response.headers["x-one"]) == (418, b"body", "1")


def test_a_urllib3_response_that_was_read_in_part_is_refused():
    with Network() as net, urllib3.PoolManager() as pool:
        net.get(URL).reply(text="body")
        response = pool.request("GET", URL, preload_content=False)
        response.read(2)
        with pytest.raises(DeclarationError, match="partly read already"):
            Network().get(URL).reply(response)


def test_what_only_goes_by_the_name_of_urllib3_is_left_to_the_wire():
    imposter = SimpleNamespace(connection=SimpleNamespace(HTTPConnection=object, HTTPSConnection=object))
    door.install(imposter)()
    assert vars(imposter.connection) == {"HTTPConnection": object, "HTTPSConnection": object}
