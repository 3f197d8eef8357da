"""The product catalogue, on httpx, asynchronous: pages are walked until there are no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx

CATALOGUE = "https://catalogue.shop.test/v2/"


class Catalogue:
    """A client of the catalogue; an async context manager."""

    def __init__(self, base_url: str = CATALOGUE) -> None:
        self._client = httpx.AsyncClient(base_url=base_url, follow_redirects=True)

    async def __aenter__(self) -> Catalogue:  # noqa: PYI034  # typing.Self needs Python 3.11
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()

    async def price(self, sku: str) -> int:
        """The price of one product in cents. Raises httpx.HTTPStatusError when there is none."""
        response = await self._client.get(f"products/{sku}")
        response.raise_for_status()
        return int(response.json()["cents"])

    async def search(self, words: str) -> AsyncIterator[dict[str, Any]]:
        """Every product that fits, page after page."""
        page: int | None = 1
        while page is not None:
            response = await self._client.get("products", params={"q": words, "page": page})
            response.raise_for_status()
            found = response.json()
            for product in found["items"]:
                yield product
            page = found["next"]
