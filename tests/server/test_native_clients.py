"""Clients whose sockets are C's or Rust's, led to the network's proxy by name: `net.native()`."""

from __future__ import annotations

import asyncio
import io
import sys

import curl_cffi
import curl_cffi.requests
import primp
import pycurl
import pytest
import rnet
from tornado.curl_httpclient import CurlAsyncHTTPClient

from netdouble import ClientNotSupported, DeclarationError, Network, UnmetExpectation

SECURE, PLAIN = "https://api.test/users/7", "http://api.test/users/7"
TIMEOUT = 30  # seconds


def by_pycurl(url: str) -> tuple[int, str]:
    said, curl = io.BytesIO(), pycurl.Curl()
    for option, value in ((pycurl.URL, url), (pycurl.WRITEDATA, said), (pycurl.TIMEOUT, TIMEOUT)):
        curl.setopt(option, value)
    curl.perform()
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    curl.close()
    return status, said.getvalue().decode()


def by_pycurl_itself(url: str) -> tuple[int, str]:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.TIMEOUT, TIMEOUT)
    text = curl.perform_rs()
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    curl.close()
    return status, text


async def by_tornado(url: str) -> tuple[int, str]:
    client = CurlAsyncHTTPClient(force_instance=True)
    response = await client.fetch(url, raise_error=False, request_timeout=TIMEOUT)
    client.close()
    return response.code, response.body.decode()


def by_curl_cffi(url: str) -> tuple[int, str]:
    response = curl_cffi.requests.get(url, timeout=TIMEOUT)
    return response.status_code, response.text


def by_curl_cffi_as_a_browser(url: str) -> tuple[int, str]:
    response = curl_cffi.requests.get(url, timeout=TIMEOUT, impersonate="chrome", verify=False)
    return response.status_code, response.text


async def by_curl_cffi_in_a_loop(url: str) -> tuple[int, str]:
    async with curl_cffi.requests.AsyncSession() as session:
        response = await session.get(url, timeout=TIMEOUT)
        return response.status_code, response.text


def by_primp(url: str) -> tuple[int, str]:
    response = primp.Client(timeout=TIMEOUT).get(url)
    return response.status_code, response.text


def by_primp_itself(url: str) -> tuple[int, str]:
    response = primp.get(url, timeout=TIMEOUT)
    return response.status_code, response.text


async def by_primp_in_a_loop(url: str) -> tuple[int, str]:
    response = await primp.AsyncClient(timeout=TIMEOUT).get(url)
    return response.status_code, response.text


def by_rnet(url: str) -> tuple[int, str]:
    response = rnet.BlockingClient(timeout=TIMEOUT).get(url)
    return int(str(response.status)), response.text()


async def by_rnet_in_a_loop(url: str) -> tuple[int, str]:
    response = await rnet.Client(timeout=TIMEOUT).get(url)
    return int(str(response.status)), await response.text()


async def by_rnet_itself(url: str) -> tuple[int, str]:
    response = await rnet.get(url, timeout=TIMEOUT)
    return int(str(response.status)), await response.text()


def by_pyreqwest(url: str) -> tuple[int, str]:
    from pyreqwest.client import SyncClientBuilder

    with SyncClientBuilder().build() as client:
        response = client.get(url).build().send()
        return response.status, response.text()


async def by_pyreqwest_in_a_loop(url: str) -> tuple[int, str]:
    from pyreqwest.client import ClientBuilder

    async with ClientBuilder().build() as client:
        response = await client.get(url).build().send()
        return response.status, await response.text()


SENDERS = [
    ("pycurl", by_pycurl), ("pycurl", by_pycurl_itself), ("pycurl", by_tornado), ("curl_cffi", by_curl_cffi),
    ("curl_cffi", by_curl_cffi_as_a_browser), ("curl_cffi", by_curl_cffi_in_a_loop), ("primp", by_primp),
    ("primp", by_primp_itself), ("primp", by_primp_in_a_loop), ("rnet", by_rnet), ("rnet", by_rnet_in_a_loop),
    ("rnet", by_rnet_itself),
]  # fmt: skip
NAMES = ["curl_cffi", "primp", "pycurl", "rnet"]
if sys.version_info >= (3, 11):  # pyreqwest is not made for 3.10
    SENDERS += [("pyreqwest", by_pyreqwest), ("pyreqwest", by_pyreqwest_in_a_loop)]
    NAMES += ["pyreqwest"]

each_sender = pytest.mark.parametrize(("name", "send"), SENDERS, ids=[send.__name__ for _, send in SENDERS])


def sent(send, url: str) -> tuple[int, str]:
    made = send(url)
    return asyncio.run(made) if asyncio.iscoroutine(made) else made


@pytest.fixture(scope="module", autouse=True)
def runtimes():
    """Each client once: the runtimes of those in Rust keep their descriptors for the life of the process."""
    with Network() as net, net.native(*NAMES):
        net.get(PLAIN).reply()
        for _, send in SENDERS:
            sent(send, PLAIN)


@pytest.mark.parametrize("url", [SECURE, PLAIN], ids=["https", "http"])
@each_sender
def test_a_native_client_is_answered_by_the_same_routes(name, send, url):
    with Network() as net:
        route = net.get(url).reply(201, text="Ada")
        with net.native(name):
            assert sent(send, url) == (201, "Ada")
        assert str(route.last.request.url) == url
        assert net.count == 1


@each_sender
def test_a_request_that_nothing_answers_is_told_with_the_report_and_fails_the_test(name, send):
    with pytest.raises(UnmetExpectation, match="an unexpected request came to the server"), Network() as net:
        net.get(SECURE).reply().optional()
        with net.native(name):
            status, text = sent(send, "https://api.test/users/8")
        assert status == 501
        assert "Nearest of 1 route" in text


def places() -> dict[str, object]:
    """What a block replaces, as it stands now."""
    named = [(pycurl, "Curl"), (pycurl, "CurlMulti"), (curl_cffi.Curl, "_ensure_cacert"), (primp, "Client")]
    named += [(primp, "AsyncClient"), (primp, "get"), (primp, "request"), (rnet, "Client"), (rnet, "BlockingClient")]
    named += [(rnet.blocking, "BlockingClient"), (rnet, "get"), (rnet, "websocket")]
    if "pyreqwest" in NAMES:
        from pyreqwest.client import ClientBuilder, SyncClientBuilder
        from pyreqwest.request import OneOffRequestBuilder

        named += [(ClientBuilder, "build"), (SyncClientBuilder, "build"), (OneOffRequestBuilder, "send")]
    return {f"{owner.__name__}.{name}": getattr(owner, name) for owner, name in named}


def test_nothing_is_left_behind():
    before = places()
    with Network() as net:
        with net.native(*NAMES) as proxy:
            assert proxy.is_running
            assert [name for name, value in places().items() if value is before[name]] == []
        assert not proxy.is_running
    assert places() == before


@each_sender
def test_after_the_block_a_client_is_its_own_again(name, send):
    with Network() as net:
        with net.native(name):
            pass
        server = net.serve("http://api.test")
        net.get(PLAIN).reply(text="by itself")
        assert sent(send, server.url_for("/users/7")) == (200, "by itself")


@each_sender
def test_the_innermost_block_holds(name, send):
    with Network() as outer, outer.native(name), Network() as inner:
        inner.get(SECURE).reply(text="inner")
        with inner.native(name) as proxy:
            assert sent(send, SECURE) == (200, "inner")
            assert inner.calls.last.request.url.host == "api.test"
            assert proxy.is_running


def test_the_proxy_and_the_authority_that_the_code_names_are_not_used():
    nowhere = "http://127.0.0.1:9"
    with Network() as net:
        net.get(SECURE).reply(text="Ada")
        with net.native("pycurl", "curl_cffi", "primp", "rnet"):
            curl = pycurl.Curl()
            for option, value in ((pycurl.URL, SECURE), (pycurl.PROXY, nowhere), (pycurl.CAINFO, "/dev/null")):
                curl.setopt(option, value)
            assert curl.perform_rs() == "Ada"
            curl.close()
            assert curl_cffi.requests.get(SECURE, proxy=nowhere, timeout=TIMEOUT).text == "Ada"
            assert primp.Client(proxy=nowhere, timeout=TIMEOUT).get(SECURE).text == "Ada"
            assert rnet.BlockingClient(proxies=[rnet.Proxy.all(nowhere)], timeout=TIMEOUT).get(SECURE).text() == "Ada"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), r"native\(\) takes the names of the clients to lead: curl_cffi, primp, pycurl, pyreqwest, rnet"),
        (
            ("pycurl", "curl"),
            r"'curl' is no native client that netdouble knows; did you mean 'pycurl'\? Known: curl_cffi, primp",
        ),
    ],
)
def test_a_name_that_is_not_known_is_refused_with_those_that_are(names, text):
    with Network() as net, pytest.raises(DeclarationError, match=text), net.native(*names):
        pytest.fail("the block was entered")


def test_a_client_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycurl", None)
    missing = pytest.raises(DeclarationError, match="pycurl is not installed: pip install pycurl")
    with Network() as net, missing, net.native("pycurl"):
        pytest.fail("the block was entered")


def test_a_client_without_its_seam_is_a_loud_error_and_leads_none(monkeypatch):
    before = pycurl.Curl
    monkeypatch.delattr(curl_cffi.Curl, "_ensure_cacert")
    changed = pytest.raises(ClientNotSupported, match=r"Curl\._ensure_cacert is not there")
    with Network() as net, changed, net.native("pycurl", "curl_cffi"):
        pytest.fail("the block was entered")
    assert pycurl.Curl is before


if "pyreqwest" in NAMES:

    def test_what_can_not_be_led_is_refused(net):
        from pyreqwest.simple.sync_request import pyreqwest_get

        with net.native("pyreqwest"), pytest.raises(DeclarationError, match=r"pyreqwest\.simple has no place"):
            pyreqwest_get(SECURE).send()

    def test_a_builder_that_was_told_of_a_proxy_is_led_all_the_same(net):
        from pyreqwest.client import SyncClientBuilder
        from pyreqwest.proxy import ProxyBuilder

        net.get(SECURE).reply(text="Ada")
        with (
            net.native("pyreqwest"),
            SyncClientBuilder().proxy(ProxyBuilder.all("http://127.0.0.1:9")).build() as client,
        ):
            assert client.get(SECURE).build().send().text() == "Ada"
