"""anthropic, which stands on httpx2, or on aiohttp: messages, streams with named events, an overloaded service."""

from __future__ import annotations

import re
from typing import Any

import anthropic
import pytest
import trio
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Fault, Network, partial

API = "https://api.anthropic.test"
MESSAGES = f"{API}/v1/messages"
ASK: dict[str, Any] = {"model": "claude-test", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
SLOW_DOWN: dict[str, Any] = {
    "headers": {"retry-after-ms": "1", "request-id": "req_1"},
    "json": {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}},
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def client(**options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-ant-test", base_url=API, **options)


def async_client(**options: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key="sk-ant-test", base_url=API, **options)


def message(*texts: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [{"type": "text", "text": text} for text in texts],
        "stop_reason": "end_turn" if texts else None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {"event": kind, "data": {"type": kind, **more}}


def events(*texts: str) -> list[dict[str, Any]]:
    return [
        event("message_start", message=message()),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        *(event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in texts),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 2}),
        event("message_stop"),
    ]


def test_a_message(net: Network):
    headers = {"Authorization": "Bearer sk-ant-test", "anthropic-version": re.compile(r"^\d{4}-\d\d-\d\d$")}
    net.post(MESSAGES, headers=headers, json=ASK).reply(json=message("Hello"))
    assert client().messages.create(**ASK).content[0].text == "Hello"


def test_a_stream_is_read_as_it_comes(net: Network):
    net.post(MESSAGES, json=partial({"stream": True})).reply(sse=events("Hel", "lo"))
    with client() as ai, ai.messages.stream(**ASK) as stream:
        assert list(stream.text_stream) == ["Hel", "lo"]
        assert stream.get_final_message().stop_reason == "end_turn"


def test_an_error_in_the_middle_of_a_stream(net: Network):
    net.post(MESSAGES).reply(sse=[*events("Hel")[:4], event("error", error=OVERLOADED["error"])])
    overloaded = pytest.raises(anthropic.APIStatusError, match="Overloaded")
    with client() as ai, ai.messages.stream(**ASK) as stream, overloaded:
        list(stream.text_stream)


def test_it_waits_as_it_is_told_and_asks_again(net: Network):
    chat = net.post(MESSAGES).reply(429, **SLOW_DOWN).then(529, json=OVERLOADED).then(Fault.EMPTY_RESPONSE)
    chat.then(json=message("Hello"))
    assert client(max_retries=3).messages.create(**ASK).content[0].text == "Hello"
    assert [call.outcome() for call in chat.calls] == ["429", "529", "RemoteProtocolError", "200"]


def test_it_gives_up_with_the_status_and_what_the_service_said(net: Network):
    chat = net.post(MESSAGES).reply(429, **SLOW_DOWN)
    with pytest.raises(anthropic.RateLimitError, match="slow down") as caught:
        client(max_retries=1).messages.create(**ASK)
    assert caught.value.request_id == "req_1"
    assert chat.count == 2


def test_an_outage_is_its_own_connection_error(net: Network):
    chat = net.post(MESSAGES).fail(Fault.DNS)
    with pytest.raises(anthropic.APIConnectionError):
        client(max_retries=2).messages.create(**ASK)
    assert chat.count == 3


@on_a_loop
async def test_the_async_client_asks_again_and_streams(net: Network):
    chat = net.post(MESSAGES).reply(429, **SLOW_DOWN).then(sse=events("Hel", "lo"))
    async with async_client() as ai, ai.messages.stream(**ASK) as stream:
        assert [text async for text in stream.text_stream] == ["Hel", "lo"]
    assert chat.count == 2


@on_a_loop
async def test_the_async_client_asks_again_on_aiohttp(net: Network):
    chat = net.post(MESSAGES).reply(429, **SLOW_DOWN).then(Fault.CONNECT_REFUSED).then(json=message("Hello"))
    async with async_client(http_client=anthropic.DefaultAioHttpClient()) as ai:
        assert (await ai.messages.create(**ASK)).content[0].text == "Hello"
    assert chat.count == 3
    assert chat.last.request.client.startswith("aiohttp ")


def test_the_async_client_asks_again_on_trio(net: Network):
    async def main() -> str:
        async with async_client() as ai:
            return (await ai.messages.create(**ASK)).content[0].text

    chat = net.post(MESSAGES).reply(429, **SLOW_DOWN).then(json=message("Hello"))
    assert trio.run(main) == "Hello"
    assert chat.count == 2


@on_a_loop
async def test_the_async_client_raises_its_own_errors(net: Network):
    net.post(MESSAGES).reply(401, json={"type": "error", "error": {"type": "authentication_error", "message": "no"}})
    async with async_client() as ai:
        with pytest.raises(anthropic.AuthenticationError, match="no"):
            await ai.messages.create(**ASK)
