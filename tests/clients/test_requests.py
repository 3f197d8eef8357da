"""requests, beyond the table: everything of a session runs; its exceptions; both seams; native objects."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from tests.clients.conformance.servers import Loopback
from urllib3.util.retry import Retry

from netdouble import DeclarationError, Fault, Network, Response, UnmatchedRequest

URL = "https://api.test/x"


@pytest.fixture(params=["bytes", "objects"])
def net(request: pytest.FixtureRequest) -> Iterator[Network]:
    """Through both seams: what a test says holds for the one as for the other."""
    with Network(fast=request.param == "objects") as opened:
        yield opened


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


def retrying(session: requests.Session, **options: object) -> requests.Session:
    session.mount("https://", HTTPAdapter(max_retries=Retry(**options)))
    return session


# What a session does


def test_redirects_keep_history_and_cookies(net, session):
    net.get(URL).reply(302, headers={"Location": "/y"}, cookies={"sid": "7"})
    net.get("https://api.test/y", cookies={"sid": "7"}).reply(text="there")
    response = session.get(URL)
    assert (response.text, response.url) == ("there", "https://api.test/y")
    assert [hop.status_code for hop in response.history] == [302]
    assert session.cookies.get_dict() == {"sid": "7"}
    assert response.history[0].cookies.get_dict() == {"sid": "7"}


def test_too_many_redirects_are_told_by_requests(net, session):
    net.get(URL).reply(302, headers={"Location": URL})
    session.max_redirects = 3
    with pytest.raises(requests.TooManyRedirects, match="Exceeded 3 redirects"):
        session.get(URL)
    assert net.count == 4


def test_digest_auth_shakes_hands(net, session):
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
    net.get(URL).reply(401, headers={"WWW-Authenticate": challenge})
    net.get(URL, headers={"authorization": re.compile('^Digest username="ada".*response=')}).reply(text="in")
    assert session.get(URL, auth=HTTPDigestAuth("ada", "pw")).text == "in"
    assert net.count == 2


def test_hooks_status_checks_and_elapsed_are_real(net, session):
    net.get(URL).reply(404, json={"a": 1}, delay=0.02)
    seen = []
    response = session.get(
        URL, hooks={"response": lambda answer, **options: seen.append((answer.status_code, options))}
    )
    assert seen[0][0] == 404
    assert set(seen[0][1]) >= {"timeout", "verify", "stream"}
    assert response.elapsed.total_seconds() >= 0.02
    assert response.reason == "Not Found"
    assert not response.ok
    with pytest.raises(requests.HTTPError, match=rf"404 Client Error: Not Found for url: {URL}$"):
        response.raise_for_status()


def test_a_response_is_as_real_as_it_gets(net, session):
    net.get(URL).reply(json=["é"], headers={"Link": '<https://api.test/y>; rel="next"'})
    response = session.get(URL, params={"a": "1"})
    assert response.json() == ["é"]
    assert response.url == URL + "?a=1"
    assert response.links["next"]["url"] == "https://api.test/y"
    assert response.connection is session.adapters["https://"]
    assert response.raw.status == 200
    assert response.encoding == "utf-8" if response.encoding else True
    assert response.request.headers["user-agent"].startswith("python-requests/")


def test_a_body_streams_in(net, session):
    net.get(URL).reply(stream=["one\n", "two\n"])
    with session.get(URL, stream=True) as response:
        assert list(response.iter_lines()) == [b"one", b"two"]
    with session.get(URL, stream=True) as response:
        assert b"".join(response.iter_content(3)) == b"one\ntwo\n"
    with session.get(URL, stream=True) as response:
        assert response.raw.read() == b"one\ntwo\n"


def test_a_stream_that_breaks_is_told_as_it_is_and_logged(net, session):
    def breaks():
        yield "one"
        raise OSError("mine")

    net.get(URL).reply(stream=breaks)
    with pytest.raises(OSError, match="mine"):
        session.get(URL)
    call = net.calls.last
    assert (call.status, str(call.error)) == (200, "mine")


@pytest.mark.parametrize(
    "body", [lambda: iter([b"ab", b"cd"]), lambda: io.BytesIO(b"abcd"), lambda: "abcd", lambda: b"abcd"]
)
def test_a_body_goes_out_as_it_is(net, session, body):
    route = net.post(URL).reply()
    session.post(URL, data=body())
    assert route.last.request.body == b"abcd"


def test_files_go_out_as_multipart(net, session):
    route = net.post(URL).reply()
    session.post(URL, files={"file": ("a.txt", b"content", "text/plain")}, data={"field": "1"})
    request = route.last.request
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="a.txt"' in request.body


def test_gzip_is_undone(net, session):
    import gzip

    net.get(URL).reply(content=gzip.compress(b'{"a":1}', mtime=0), headers={"Content-Encoding": "gzip"})
    assert session.get(URL).json() == {"a": 1}


def test_headers_are_recorded_as_really_sent():
    with Network() as net, requests.Session() as session:
        route = net.post(URL).reply()
        session.post(URL, json={"a": 1}, headers={"X-One": "1"}, auth=("ada", "pw"))
        headers = route.last.request.headers
        assert next(iter(headers)) == "host"
        assert {name: headers[name] for name in ("host", "x-one", "content-length", "content-type")} == {
            "host": "api.test", "x-one": "1", "content-length": "8", "content-type": "application/json"}  # fmt: skip
        assert headers["authorization"].startswith("Basic ")
        assert headers["accept-encoding"]


@pytest.mark.parametrize("url", ["http://api.test/x", "https://api.test/x"])
def test_a_request_behind_a_proxy_variable_matches_by_its_target(net, session, monkeypatch, url):
    monkeypatch.setenv("HTTP_PROXY", "http://ada:pw@proxy.test:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    route = net.get(url).reply(text="x")
    assert session.get(url).text == "x"
    assert str(route.last.request.url) == url


def test_an_unverified_request_is_warned_of_as_on_the_wire(session):
    with Network() as net:
        net.get(URL).reply()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            session.get(URL)
        # Another host: before 2.32 requests reused a verified connection for an unverified request.
        net.get("https://other.test/").reply()
        with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
            session.get("https://other.test/", verify=False)


def test_a_wrong_ca_bundle_is_still_refused_by_requests(session):
    with Network() as net:
        net.get(URL).reply().optional()
        with pytest.raises(OSError, match="Could not find a suitable TLS CA certificate bundle"):
            session.get(URL, verify="/nowhere.pem")


def test_a_custom_adapter_of_the_user_is_left_alone(net, session):
    class Mine(HTTPAdapter):
        def send(self, request, **options):
            answer = requests.Response()
            answer.status_code, answer.url, answer.request = 299, request.url, request
            return answer

    session.mount("https://", Mine())
    assert session.get(URL).status_code == 299
    assert net.count == 0


def test_a_function_may_make_requests_of_its_own(net, session):
    net.get("https://other.test/").reply(text="inner")
    net.get(URL).reply(lambda request: Response(text=requests.get("https://other.test/", timeout=5).text))
    assert session.get(URL).text == "inner"
    assert [call.request.client for call in net.calls] == [f"requests {requests.__version__}"] * 2


# Retries


def test_an_adapter_that_retries_does_so_itself(net, session):
    route = net.get(URL).reply(503).repeat(2).then(text="x")
    response = retrying(session, total=3, status_forcelist=[503]).get(URL)
    assert (response.text, route.count) == ("x", 3)
    assert len(response.raw.retries.history) == 2


def test_retries_that_run_out_raise_requests_own_error(net, session):
    net.get(URL).reply(503)
    with pytest.raises(requests.exceptions.RetryError, match="too many 503 error responses"):
        retrying(session, total=1, status_forcelist=[503]).get(URL)


def test_a_refused_connection_is_retried(net, session):
    route = net.get(URL).fail(Fault.CONNECT_REFUSED).then(text="x")
    assert retrying(session, connect=1).get(URL).text == "x"
    assert route.count == 2


# Exceptions


def test_an_unmatched_request_is_neither_retried_nor_wrapped(net, session):
    with pytest.raises(UnmatchedRequest) as caught:
        retrying(session, total=3).get(URL)
    assert caught.value.client == f"requests {requests.__version__}"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert net.count == 1


@pytest.mark.parametrize(
    "error",
    [requests.ConnectionError("boom"), requests.ReadTimeout("boom"), requests.exceptions.SSLError("boom"),
     requests.HTTPError("boom"), requests.RequestException("boom")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_an_exception_of_requests_reaches_the_caller_as_it_was_declared(net, session, error):
    route = net.get(URL).fail(error)
    for _ in range(2):
        with pytest.raises(type(error), match=r"^boom$") as caught:
            retrying(session, total=3).get(URL)
        assert type(caught.value) is type(error)
    assert route.count == 2


def test_an_exception_of_urllib3_becomes_what_requests_makes_of_it(net, session):
    net.get(URL).fail(urllib3.exceptions.ProtocolError("boom"))
    with pytest.raises(requests.ConnectionError, match="boom") as caught:
        session.get(URL)
    assert isinstance(caught.value.args[0], urllib3.exceptions.ProtocolError)


def test_connect_and_read_timeouts_are_two(net, session):
    net.get(URL).reply(delay=30)
    begun = time.monotonic()
    with pytest.raises(requests.ReadTimeout, match="read timeout=20"):
        session.get(URL, timeout=(60, 20))
    net.get(URL).fail(Fault.CONNECT_TIMEOUT)
    with pytest.raises(requests.ConnectTimeout, match="connect timeout=60"):
        session.get(URL, timeout=(60, 20))
    assert time.monotonic() - begun < 15


def test_a_failure_tells_its_request(net, session):
    net.get(URL).fail(Fault.CONNECT_REFUSED)
    with pytest.raises(requests.ConnectionError) as caught:
        session.get(URL)
    assert caught.value.request.url == URL


def test_an_outage_is_requests_own_connection_error(session):
    with Network(unmatched="outage"), pytest.raises(requests.ConnectionError, match="Connection refused"):
        session.get(URL)


# The object seam


def test_the_object_seam_opens_no_connection(session):
    with Network(fast=True) as net:
        net.post(URL).reply(json={"a": 1}, cookies={"sid": "7"})
        response = session.post(URL, data="é")
        assert response.json() == {"a": 1}
        assert response.headers["content-length"] == "7"
        assert session.cookies["sid"] == "7"
        assert not session.get_adapter(URL).poolmanager.pools.keys()
        assert net.calls.last.request.body == "é".encode()
        assert net.count == 1


def test_a_fast_head_and_204_have_no_body(session):
    with Network(fast=True) as net:
        net.head(URL).reply(text="four")
        net.get(URL).reply(204)
        assert (session.head(URL).content, session.head(URL).headers["content-length"]) == (b"", "4")
        assert session.get(URL).content == b""


# Without patching


def test_a_mounted_adapter_answers_without_an_open_network(session):
    net = Network()
    net.get(URL).reply(text="x", cookies={"sid": "7"})
    session.mount("https://", net.requests_adapter())
    assert session.get(URL).text == "x"
    assert session.cookies["sid"] == "7"
    assert net.calls.last.request.client == f"requests {requests.__version__}"
    with pytest.raises(UnmatchedRequest):
        session.get("https://api.test/y")
    net.get(URL).fail(requests.ConnectionError("boom"))
    with pytest.raises(requests.ConnectionError, match=r"^boom$"):
        session.get(URL)
    net.get(URL).fail(Fault.CONNECT_REFUSED)
    with pytest.raises(requests.ConnectionError, match="NewConnectionError"):
        session.get(URL)


@pytest.mark.parametrize("fast", [False, True])
def test_a_mounted_adapter_asks_its_own_network_once_while_others_are_open(session, fast):
    mine = Network()
    mine.get(URL).reply(text="mine")
    session.mount("https://", mine.requests_adapter())
    with Network(fast=fast) as other:
        other.get(URL).reply(text="other")
        assert session.get(URL).text == "mine"
        assert requests.get(URL, timeout=5).text == "other"
        assert (mine.count, other.count) == (1, 1)


def test_a_mounted_adapter_works_behind_a_proxy_and_lets_through(session, monkeypatch):
    net = Network()
    net.get(URL).reply(text="x")
    for prefix in ("https://", "http://"):
        session.mount(prefix, net.requests_adapter())
    assert session.get(URL, proxies={"https": "http://proxy.test:3128"}).text == "x"
    with Loopback() as server:
        net.get(f"{server.url}/x").pass_through()
        assert session.get(f"{server.url}/x").text == "real: GET /x"
    assert net.count == 2


# Native objects


def test_a_response_becomes_a_genuine_requests_response():
    made = Response(404, json={"a": 1}, cookies={"sid": "7"}).as_requests()
    assert isinstance(made, requests.Response)
    assert (made.status_code, made.json(), made.cookies["sid"]) == (404, {"a": 1}, "7")
    with pytest.raises(requests.HTTPError, match=r"404 Client Error: Not Found"):
        made.raise_for_status()
    assert Response(stream=["one\n", "two\n"]).as_requests().text == "one\ntwo\n"


def test_a_requests_response_is_taken_as_an_answer(net, session):
    by_hand = requests.Response()
    by_hand.status_code, by_hand._content, by_hand.headers = 418, b"tea", {"X-One": "1"}
    net.get("https://api.test/hand").reply(by_hand)
    response = session.get("https://api.test/hand")
    assert (response.status_code, response.text, response.headers["x-one"]) == (418, "tea", "1")
    net.get("https://api.test/again").reply(response)
    assert session.get("https://api.test/again").text == "tea"


def test_a_requests_response_that_was_streamed_away_is_refused(session):
    with Network() as net:
        net.get(URL).reply(text="x")
        response = session.get(URL, stream=True)
        list(response.iter_content())
        with pytest.raises(DeclarationError, match="read as a stream already"):
            Network().get(URL).reply(response)


def test_pickled_responses_survive(net, session):
    import pickle

    net.get(URL).reply(json={"a": 1})
    response = pickle.loads(pickle.dumps(session.get(URL)))
    assert json.loads(response.content) == {"a": 1}


# Imported late


def test_clients_imported_while_a_network_is_open_are_answered():
    """Also under urllib3, and with boto3, whose modules import each other in a circle."""
    code = """
from netdouble import Network
with Network() as net:
    net.get("https://api.test/x").reply(text="x")
    import urllib.request, requests, urllib3, boto3
    import botocore.awsrequest, botocore.httpsession
    assert urllib.request.urlopen("https://api.test/x").read() == b"x"
    assert requests.get("https://api.test/x").text == "x"
    assert urllib3.PoolManager().request("GET", "https://api.test/x").data == b"x"
    request = botocore.awsrequest.AWSRequest("GET", "https://api.test/x").prepare()
    assert botocore.httpsession.URLLib3Session().send(request).content == b"x"
    print([call.request.client.split()[0] for call in net.calls])
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "['urllib.request', 'requests', 'urllib3', 'botocore']\n"


class Impatient(TimeoutError):
    """An application's own kind of one of Python's errors."""


def test_an_applications_subclass_of_a_network_error_is_raised_as_it_is(net, session):
    net.get(URL).fail(Impatient("mine"))
    with pytest.raises(Impatient, match=r"^mine$"):
        session.get(URL)
    net.get(URL).fail(TimeoutError("Python's"))
    with pytest.raises(requests.ReadTimeout):
        session.get(URL)
