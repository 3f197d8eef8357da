"""The catalogue: httpx, asynchronous, with pages and a redirect."""

from __future__ import annotations

import httpx
import pytest

from netdouble import Network
from shop.catalogue import CATALOGUE, Catalogue

pytestmark = pytest.mark.asyncio


async def test_search_walks_every_page(net: Network) -> None:
    api = net.at(CATALOGUE)
    api.get("/products", query={"q": "tea", "page": 1}).reply(json={"items": [{"sku": "a"}, {"sku": "b"}], "next": 2})
    api.get("/products", query={"q": "tea", "page": 2}).reply(json={"items": [{"sku": "c"}], "next": None})

    async with Catalogue() as catalogue:
        assert [product["sku"] async for product in catalogue.search("tea")] == ["a", "b", "c"]


async def test_a_moved_product_is_followed(net: Network) -> None:
    moved = net.get(f"{CATALOGUE}products/old").reply(301, headers={"Location": f"{CATALOGUE}products/new"})
    new = net.get(f"{CATALOGUE}products/new").reply(json={"cents": 995})

    async with Catalogue() as catalogue:
        assert await catalogue.price("old") == 995
    net.assert_order(moved, new)


async def test_an_unknown_product_is_httpx_own_error(net: Network) -> None:
    net.get(f"{CATALOGUE}products/{{sku}}").reply(404)

    async with Catalogue() as catalogue:
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            await catalogue.price("nothing")
