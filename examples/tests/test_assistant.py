"""The language model: the real openai package, its retries and its streaming included."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from netdouble import Fault, Network
from shop.assistant import MODELS, Assistant


def chunk(text: str) -> dict[str, Any]:
    """One event of a streamed completion, as the API sends it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "small", "choices": [choice]}


def test_the_letter_comes_piece_by_piece(net: Network) -> None:
    pieces = [chunk("Thank "), chunk("you, Ada.")]
    asked = net.post(f"{MODELS}/chat/completions").reply(sse=[*({"data": piece} for piece in pieces), "[DONE]"])

    assert list(Assistant().thank_live("Ada", "tea")) == ["Thank ", "you, Ada."]
    assert asked.last.request.json()["stream"] is True
    assert asked.last.request.headers["authorization"] == "Bearer an-api-key"


@pytest.mark.net(retry_wait="skip")
def test_an_outage_is_openai_own_error(net: Network) -> None:
    asked = net.post(f"{MODELS}/chat/completions").fail(Fault.CONNECT_TIMEOUT)

    with pytest.raises(openai.APITimeoutError):
        Assistant().thank("Ada", "tea")
    assert asked.count == 2
