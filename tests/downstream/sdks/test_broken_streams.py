"""Streams of a language model that break off in the middle: what had come is there, then the SDK's own error comes."""

from __future__ import annotations

import openai
import pytest
from tests.downstream.sdks import test_anthropic as claude
from tests.downstream.sdks import test_openai as gpt
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Event, Fault, Network, Pause, Response

IN_THE_MIDDLE = [Fault.RESET_IN_BODY, Fault.TRUNCATED_BODY, Fault.READ_TIMEOUT_IN_BODY, Fault.BAD_CHUNK,
                 Fault.STREAM_RESET_IN_BODY]  # fmt: skip
GPT = [gpt.chunk("Hel"), gpt.chunk("lo"), gpt.chunk("!"), "[DONE]"]
# Longer than any client waits: its read timeout comes at once.
SILENT = [gpt.chunk("Hel"), Event(gpt.chunk("lo")["data"], delay=0.01), Pause(3600), "[DONE]"]
every_fault = pytest.mark.parametrize("fault", IN_THE_MIDDLE, ids=lambda fault: fault.value)


@every_fault
def test_openai_gives_what_had_come_and_then_fails(net: Network, fault: Fault):
    net.post(gpt.CHAT).fail(fault, response=Response(sse=GPT))
    seen = []
    with gpt.client() as ai, pytest.raises((openai.APIConnectionError, openai.APITimeoutError)):
        stream = ai.chat.completions.create(**gpt.ASK, stream=True)
        seen.extend(part.choices[0].delta.content for part in stream)
    assert seen == ["Hel", "lo", "!"]


@every_fault
@on_a_loop
async def test_async_openai_gives_what_had_come_and_then_fails(net: Network, fault: Fault):
    net.post(gpt.CHAT).fail(fault, response=Response(sse=GPT))
    seen = []
    async with gpt.async_client() as ai:
        with pytest.raises((openai.APIConnectionError, openai.APITimeoutError)):
            async for part in await ai.chat.completions.create(**gpt.ASK, stream=True):
                seen += [part.choices[0].delta.content]
    assert seen == ["Hel", "lo", "!"]


def test_openai_waits_for_words_that_come_slowly_and_gives_up_on_silence(net: Network):
    net.post(gpt.CHAT).reply(sse=SILENT)
    seen = []
    with gpt.client(timeout=30) as ai, pytest.raises(openai.APITimeoutError):
        stream = ai.chat.completions.create(**gpt.ASK, stream=True)
        seen.extend(part.choices[0].delta.content for part in stream)
    assert seen == ["Hel", "lo"]


# anthropic hands on what httpx2 raises, once a stream has begun.
LEAKED = {"reset": "ReadError", "rst_stream": "ReadError", "stall": "ReadTimeout"}


@every_fault
def test_anthropic_gives_what_had_come_and_then_fails(net: Network, fault: Fault):
    net.post(claude.MESSAGES).fail(fault, response=Response(sse=claude.events("Hel", "lo")))
    seen = []
    leaked = pytest.raises(Exception, match=r"reset|closed|illegal|timed out")
    with claude.client() as ai, ai.messages.stream(**claude.ASK) as stream, leaked as caught:
        seen.extend(stream.text_stream)
    assert seen == ["Hel", "lo"]
    assert type(caught.value).__name__ == LEAKED.get(fault.effect, "RemoteProtocolError")
