"""The real openai package, which stands on httpx2: completions, streams, its own retries and errors.

Needs Python 3.11, as httpx2 does: `conftest.py` leaves it out below.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from netdouble import Fault, Network

URL = "https://api.openai.test/v1/chat/completions"
ASK: dict[str, Any] = {"model": "gpt-test", "messages": [{"role": "user", "content": "Hi"}]}
ANSWER = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-test",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
}  # fmt: skip
TOO_MANY: dict[str, Any] = {"headers": {"retry-after-ms": "1"}, "json": {"error": {"message": "slow down"}}}


@pytest.fixture
def net() -> Iterator[Network]:
    with Network() as opened:
        yield opened


def _client(**more: Any) -> Any:
    return openai.OpenAI(api_key="sk-test", base_url="https://api.openai.test/v1", **more)


def _piece(text: str) -> dict[str, Any]:
    return {
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-test",
        "choices": [{"index": 0, "delta": {"content": text}}],
    }  # fmt: skip


def test_a_completion(net: Network):
    route = net.post(URL, headers={"Authorization": "Bearer sk-test"}, json=ASK).reply(json=ANSWER)
    assert _client().chat.completions.create(**ASK).choices[0].message.content == "Hello"
    assert route.last.request.client.startswith("httpx2 ")


def test_a_streamed_completion(net: Network):
    events = [{"data": _piece("Hel")}, {"data": _piece("lo")}, "[DONE]"]
    net.post(URL).reply(sse=events)
    with _client() as client:
        chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == "Hello"


def test_its_own_retries_after_429_and_a_lost_connection(net: Network, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    route = net.post(URL).reply(429, **TOO_MANY).then(Fault.RESET).then(json=ANSWER)
    assert _client(max_retries=2).chat.completions.create(**ASK).id == "c1"
    assert [call.outcome() for call in route.calls] == ["429", "ReadError", "200"]
    assert [call.request.headers["x-stainless-retry-count"] for call in route.calls] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("declare", "error"),
    [
        (lambda route: route.reply(429, **TOO_MANY), "RateLimitError"),
        (lambda route: route.reply(401, json={"error": {"message": "no"}}), "AuthenticationError"),
        (lambda route: route.fail(Fault.CONNECT_REFUSED), "APIConnectionError"),
        (lambda route: route.fail(Fault.READ_TIMEOUT), "APITimeoutError"),
        (lambda route: route.reply(delay=60), "APITimeoutError"),
    ],
)
def test_its_own_errors(net: Network, declare: Any, error: str):
    declare(net.post(URL))
    with pytest.raises(getattr(openai, error)):
        _client(max_retries=0, timeout=20).chat.completions.create(**ASK)


def test_the_async_client_streams_too(net: Network):
    async def main() -> str:
        async with openai.AsyncOpenAI(api_key="sk-test", base_url="https://api.openai.test/v1") as client:
            stream = await client.chat.completions.create(**ASK, stream=True)
            return "".join([chunk.choices[0].delta.content async for chunk in stream])

    net.post(URL).reply(429, **TOO_MANY).then(sse=[{"data": _piece("Hel")}, {"data": _piece("lo")}, "[DONE]"])
    assert asyncio.run(main()) == "Hello"
    assert net.count == 2
