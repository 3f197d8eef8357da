"""openai, which stands on httpx2: an assistant that asks, streams, calls a tool, and waits when it is told to."""

from __future__ import annotations

import io
import json
from typing import Any

import openai
import pytest
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Fault, Network, Response, partial

API = "https://api.openai.test/v1"
CHAT = f"{API}/chat/completions"
ASK: dict[str, Any] = {"model": "gpt-test", "messages": [{"role": "user", "content": "Hi"}]}
SLOW_DOWN: dict[str, Any] = {
    "headers": {"retry-after-ms": "1"},
    "json": {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}},
}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def client(**options: Any) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-test", base_url=API, **options)


def async_client(**options: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-test", base_url=API, **options)


def completion(message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-test", "choices": [choice]}


def chunk(text: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {
        "data": {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-test",
            "choices": [choice],
        }
    }


def test_a_tool_is_called_and_its_result_told(net: Network):
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
    chat = net.post(CHAT, headers={"Authorization": "Bearer sk-test"}, json=partial({"model": "gpt-test"}))
    chat.reply(json=completion({"content": None, "tool_calls": [call]}, "tool_calls"))
    chat.then(json=completion({"content": "It rains in Paris."}))

    with client() as ai:
        asked: list[Any] = [{"role": "user", "content": "Paris?"}]
        first = ai.chat.completions.create(model="gpt-test", messages=asked, tools=[WEATHER]).choices[0].message
        city = json.loads(first.tool_calls[0].function.arguments)["city"]
        asked += [first, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": f"rain in {city}"}]
        last = ai.chat.completions.create(model="gpt-test", messages=asked, tools=[WEATHER])

    assert last.choices[0].message.content == "It rains in Paris."
    assert chat.last.request.json()["messages"][-1]["content"] == "rain in Paris"


def test_a_stream_is_read_as_it_comes(net: Network):
    net.post(CHAT, json=partial({"stream": True})).reply(sse=[chunk("Hel"), chunk("lo"), "[DONE]"])
    with client() as ai, ai.chat.completions.create(**ASK, stream=True) as stream:
        assert [part.choices[0].delta.content for part in stream] == ["Hel", "lo"]


def test_a_stream_that_breaks_off_is_its_own_connection_error(net: Network):
    net.post(CHAT).fail(Fault.RESET_IN_BODY, response=Response(sse=[chunk("Hel"), chunk("lo"), "[DONE]"]))
    with client() as ai, pytest.raises(openai.APIConnectionError):
        list(ai.chat.completions.create(**ASK, stream=True))


def test_a_file_is_uploaded_as_a_form(net: Network):
    answer = {"id": "file-1", "object": "file", "bytes": 2, "created_at": 1, "filename": "a.jsonl",
              "purpose": "fine-tune", "status": "processed"}  # fmt: skip
    net.post(f"{API}/files", form=partial({"purpose": "fine-tune"}), files=partial({"file": b"{}"})).reply(json=answer)
    assert client().files.create(file=("a.jsonl", io.BytesIO(b"{}")), purpose="fine-tune").id == "file-1"


def test_it_waits_as_it_is_told_and_asks_again(net: Network):
    chat = net.post(CHAT).reply(429, **SLOW_DOWN).then(Fault.RESET).then(json=completion({"content": "Hello"}))
    assert client(max_retries=2).chat.completions.create(**ASK).choices[0].message.content == "Hello"
    assert [call.outcome() for call in chat.calls] == ["429", "ReadError", "200"]
    assert [call.request.headers["x-stainless-retry-count"] for call in chat.calls] == ["0", "1", "2"]


def test_it_gives_up_with_the_status_and_what_the_service_said(net: Network):
    chat = net.post(CHAT).reply(429, **SLOW_DOWN)
    with pytest.raises(openai.RateLimitError, match="slow down") as caught:
        client(max_retries=1).chat.completions.create(**ASK)
    assert caught.value.code == "rate_limit_exceeded"
    assert chat.count == 2


def test_pages_are_turned(net: Network):
    models = f"{API}/files"
    page = {"object": "list", "has_more": True, "data": [{"id": "f1", "object": "file"}]}
    net.get(models, query={"after": None}).reply(json=page)
    net.get(models, query={"after": "f1"}).reply(json={**page, "has_more": False, "data": [{"id": "f2"}]})
    assert [file.id for file in client().files.list()] == ["f1", "f2"]


@on_a_loop
async def test_the_async_client_asks_again_and_streams(net: Network):
    chat = net.post(CHAT).reply(429, **SLOW_DOWN).then(sse=[chunk("Hel"), chunk("lo"), "[DONE]"])
    async with async_client() as ai:
        stream = await ai.chat.completions.create(**ASK, stream=True)
        assert [part.choices[0].delta.content async for part in stream] == ["Hel", "lo"]
    assert chat.count == 2


@on_a_loop
async def test_the_async_client_raises_its_own_timeout(net: Network):
    chat = net.post(CHAT).reply(delay=60)
    async with async_client(timeout=20, max_retries=1) as ai:
        with pytest.raises(openai.APITimeoutError):
            await ai.chat.completions.create(**ASK)
    assert chat.count == 2
