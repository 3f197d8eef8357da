"""The facade of aioresponses: its documented API by example, and what the original gets wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import re

import aiohttp
import pytest

import netdouble
from netdouble.facades.aioresponses import CallbackResult, aioresponses

USERS = "https://api.test/users"

pytestmark = pytest.mark.asyncio


async def get(url: str = USERS, method: str = "GET", **options) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as response:
        return response.status, await response.text()


# Its API


async def test_each_registration_answers_once_in_order():
    with aioresponses() as mock:
        mock.get(USERS, status=503)
        mock.get(USERS, payload={"id": 7})
        assert (await get())[0] == 503
        assert json.loads((await get())[1]) == {"id": 7}
        with pytest.raises(aiohttp.ClientConnectionError, match=re.escape(f"Connection refused: GET {USERS}")):
            await get()


async def test_repeat_gives_a_number_of_calls_or_all_of_them():
    with aioresponses() as mock:
        mock.get(USERS, body="twice", repeat=2)
        mock.get(f"{USERS}/7", body="always", repeat=True)
        assert [(await get())[1] for _ in range(2)] == ["twice", "twice"]
        assert {(await get(f"{USERS}/7"))[1] for _ in range(5)} == {"always"}
        with pytest.raises(aiohttp.ClientConnectionError):
            await get()


@aioresponses()
async def test_calls_are_kept_by_the_arguments_of_the_session(mock):
    mock.post(f"{USERS}?b=2&a=1", repeat=True)
    await get(f"{USERS}?a=1", "post", params={"b": 2}, json=[1])
    (key,) = mock.requests
    assert str(key[1]) == f"{USERS}?a=1&b=2"
    assert key[0] == "POST"
    assert mock.requests[key][0].kwargs["json"] == [1]
    mock.assert_called_once()
    mock.assert_any_call(f"{USERS}?a=1&b=2", method="POST")
    with pytest.raises(AssertionError, match=re.escape("json: expected [2], got [1]")):
        mock.assert_called_with(f"{USERS}?a=1&b=2", method="POST", args_to_match=["json"], json=[2])


@aioresponses(param="mock")
async def test_a_callback_answers_sync_or_async(mock):
    async def later(url, **kwargs):
        await asyncio.sleep(0)
        return CallbackResult(status=201, body=f"{url} {kwargs['json']}")

    mock.post(USERS, callback=later)
    mock.get(USERS, callback=lambda url, **kwargs: CallbackResult(payload={"sync": True}))
    assert await get(USERS, "POST", json=1) == (201, f"{USERS} 1")
    assert await get() == (200, '{"sync": true}')


@aioresponses()
async def test_exceptions_and_timeouts_are_raised(mock):
    mock.get(USERS, exception=aiohttp.ServerDisconnectedError())
    mock.get(USERS, timeout=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await get()
    with pytest.raises(asyncio.TimeoutError):
        await get()


async def test_what_passes_reaches_the_real_service(real_url):
    with aioresponses(passthrough=[real_url]) as mock:
        mock.get(USERS, body="mocked")
        assert [(await get(f"{real_url}/a"))[1], (await get())[1]] == ["real", "mocked"]
    with aioresponses(passthrough_unmatched=True):
        assert (await get(f"{real_url}/a"))[1] == "real"


@aioresponses()
async def test_redirects_are_followed_and_kept_in_the_history(mock):
    mock.get(USERS, status=302, headers={"Location": "/elsewhere"})
    mock.get("https://api.test/elsewhere", body="there")
    async with aiohttp.ClientSession() as session, session.get(USERS) as response:
        assert await response.text() == "there"
        assert [str(hop.url) for hop in response.history] == [USERS]


# What the original gets wrong


@aioresponses()
async def test_redirects_come_to_an_end(mock):
    mock.get(USERS, status=302, headers={"Location": USERS}, repeat=True)
    with pytest.raises(aiohttp.TooManyRedirects):
        await get(max_redirects=4)


async def test_one_may_be_opened_in_another():
    with aioresponses() as outer:
        outer.get(USERS, body="outer")
        with aioresponses() as inner:
            inner.get(f"{USERS}/7", body="inner")
            assert [(await get(f"{USERS}/7"))[1], (await get())[1]] == ["inner", "outer"]


@aioresponses()
async def test_two_requests_for_one_answer_give_one_refusal(mock):
    async def wait(url, **kwargs):
        await asyncio.sleep(0.01)

    mock.get(USERS, callback=wait)
    got = await asyncio.gather(get(), get(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in got) == ["ClientConnectionError", "tuple"]


@aioresponses()
async def test_the_sessions_own_cookies_tracing_and_decoding_take_part(mock):
    mock.get(USERS, body=gzip.compress(b"packed"), headers={"Content-Encoding": "gzip", "Set-Cookie": "a=1"})
    mock.head(USERS, body="none of it")
    seen: list[str] = []
    trace = aiohttp.TraceConfig()

    async def ended(session, context, params):
        seen.append(params.method)

    trace.on_request_end.append(ended)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        async with session.get(USERS) as response:
            assert await response.text() == "packed"
        assert [(cookie.key, cookie.value) for cookie in session.cookie_jar] == [("a", "1")]
        async with session.head(USERS) as response:
            assert await response.read() == b""
    assert seen == ["GET", "HEAD"]


@aioresponses()
async def test_a_fragment_is_never_sent_and_does_not_count(mock):
    mock.get(f"{USERS}#one")
    assert (await get(f"{USERS}#two"))[0] == 200


async def test_a_second_run_begins_with_nothing_asked():
    mock = aioresponses()
    for _ in range(2):
        with mock:
            mock.get(USERS)
            await get()
            mock.assert_called_once()
    mock.clear()
    assert mock.requests == {}


# What is new


async def test_a_native_network_around_it_is_asked_too(net):
    net.get("https://native.test/x").reply(text="native")
    with aioresponses() as mock:
        mock.get(USERS, body="facade")
        assert [(await get())[1], (await get("https://native.test/x"))[1]] == ["facade", "native"]


async def test_other_clients_are_answered_by_the_same_registrations():
    import httpx

    with aioresponses() as mock:
        mock.get(f"{USERS}?page=2", payload=[7])
        assert httpx.get(USERS, params={"page": 2}).json() == [7]
        with pytest.raises(netdouble.UnmatchedRequest):
            httpx.get(USERS)
