"""A client that its environment sends through a proxy: the routes of the target answer, at every layer."""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from collections.abc import Callable

import aiohttp
import botocore.awsrequest
import botocore.httpsession
import httpx
import pytest
import requests
import urllib3

from netdouble import Fault, Network

PROXY = "http://proxy.test:3128"


def _by_aiohttp(url: str) -> str:
    async def ask() -> str:
        async with aiohttp.ClientSession(trust_env=True) as session, session.get(url) as response:
            return await response.text()

    return asyncio.run(ask())


def _by_botocore(url: str) -> str:
    session = botocore.httpsession.URLLib3Session(proxies={"http": PROXY, "https": PROXY})
    try:
        return session.send(botocore.awsrequest.AWSRequest("GET", url).prepare()).text
    finally:
        session.close()


def _by_httpx_async(url: str) -> str:
    async def ask() -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text

    return asyncio.run(ask())


def _by_urllib(url: str) -> str:
    opener = urllib.request.build_opener()  # urlopen() keeps the first proxies that it reads
    with opener.open(url, timeout=20) as response:
        return response.read().decode()


def _by_urllib3(url: str) -> str:
    with urllib3.ProxyManager(PROXY) as manager:
        return manager.request("GET", url).data.decode()


CLIENTS: dict[str, Callable[[str], str]] = {
    "aiohttp": _by_aiohttp,
    "botocore": _by_botocore,
    "httpx": lambda url: httpx.get(url).text,
    "httpx, async": _by_httpx_async,
    "requests": lambda url: requests.get(url, timeout=20).text,
    "urllib.request": _by_urllib,
    "urllib3": _by_urllib3,
}
if sys.version_info >= (3, 11):
    import httpx2

    CLIENTS["httpx2"] = lambda url: httpx2.get(url).text


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, PROXY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("layer", ["transport", "wire"])
@pytest.mark.parametrize("url", ["http://api.test/x", "https://api.test/x"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_through_a_proxy_is_answered_by_the_routes_of_its_target(client: str, url: str, layer: str):
    with Network(layer=layer) as net:
        route = net.get(url).reply(text="x")
        assert CLIENTS[client](url) == "x"
        assert [str(call.request.url) for call in net.calls] == [str(call.request.url) for call in route.calls] == [url]


def test_a_tunnel_is_announced_whenever_it_is_opened():
    url = "https://api.test/x"
    with Network(layer="wire") as net, requests.Session() as session:
        net.get(url).reply(text="one", headers={"Connection": "close"}).then(Fault.RESET).then(text="two")
        assert session.get(url, timeout=20).text == "one"
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=20)
        assert session.get(url, timeout=20).text == "two"
