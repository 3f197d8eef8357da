"""Four facades and the native fixture in one test: each declares stubs of its own, and one registry answers."""

import asyncio

import aiohttp
import httpx
import pytest
import requests

from netdouble import Network, UnmatchedRequest
from netdouble.facades import requests_mock, responses, respx
from netdouble.facades.aioresponses import aioresponses


async def with_aiohttp(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


@responses.activate
@respx.mock
def test_old_and_new_stubs_answer_side_by_side(net: Network) -> None:
    net.get("https://native.test/").reply(text="net")
    responses.get("https://one.test/", body="responses")
    respx.get("https://two.test/").respond(text="respx")
    with requests_mock.Mocker() as mocker, aioresponses() as mock:
        mocker.get("https://three.test/", text="requests-mock")
        mock.get("https://four.test/", body="aioresponses")

        hosts = ("native", "one", "two", "three")
        answers = [requests.get(f"https://{host}.test/", timeout=5).text for host in hosts]
        assert answers == ["net", "responses", "respx", "requests-mock"]
        assert httpx.get("https://one.test/").text == "responses"
        assert asyncio.run(with_aiohttp("https://four.test/")) == "aioresponses"
        assert asyncio.run(with_aiohttp("https://native.test/")) == "net"


@responses.activate
def test_the_report_says_which_facade_declared_a_stub() -> None:
    responses.post("https://one.test/users")
    with pytest.raises(UnmatchedRequest, match=r"\(responses\)"):
        httpx.get("https://one.test/users")
