"""The shop's language model, through the real openai package, which sends with httpx2."""

from __future__ import annotations

from collections.abc import Iterator

import openai
from openai.types.chat import ChatCompletionUserMessageParam

MODELS = "https://models.shop.test/v1"


class Assistant:
    """Writes the shop's letters."""

    def __init__(self, base_url: str = MODELS, api_key: str = "an-api-key") -> None:
        self._client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=1)

    def thank(self, name: str, product: str) -> str:
        """A line of thanks for a purchase, whole."""
        completion = self._client.chat.completions.create(model="small", messages=[_ask(name, product)])
        return completion.choices[0].message.content or ""

    def thank_live(self, name: str, product: str) -> Iterator[str]:
        """The same, piece by piece as the model writes it."""
        stream = self._client.chat.completions.create(model="small", messages=[_ask(name, product)], stream=True)
        for chunk in stream:
            piece = chunk.choices[0].delta.content
            if piece:
                yield piece


def _ask(name: str, product: str) -> ChatCompletionUserMessageParam:
    return {"role": "user", "content": f"Thank {name} for buying {product}, in one sentence."}
