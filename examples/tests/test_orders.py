"""One test through five clients: requests, httpx, httpx2 (inside openai), boto3 and aiohttp, with one set of stubs."""

from __future__ import annotations

import pytest

from netdouble import Network, partial
from shop.assistant import MODELS
from shop.catalogue import CATALOGUE
from shop.orders import UnknownUser, place_order
from shop.receipts import STORAGE
from shop.users import USERS
from shop.webhooks import PARTNER

pytestmark = pytest.mark.asyncio

LETTER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "small",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Thank you, Ada."}}],
}


async def test_an_order_goes_through_every_service(net: Network) -> None:
    user = net.get(f"{USERS}/users/7").reply(json={"id": 7, "name": "Ada"})
    price = net.get(f"{CATALOGUE}products/tea").reply(json={"cents": 995})
    letter = net.post(f"{MODELS}/chat/completions", json=partial({"model": "small"})).reply(json=LETTER)
    receipt = net.put(f"{STORAGE}/receipts/o-1.json").reply(headers={"ETag": '"e-1"'})
    hook = net.post(PARTNER, json={"order": "o-1", "cents": 995}).reply(202)

    order = await place_order("o-1", 7, "tea")

    assert (order.cents, order.letter, order.receipt, order.partner_told) == (995, "Thank you, Ada.", "e-1", True)
    net.assert_order(user, price, letter, receipt, hook)
    print(net.calls)


async def test_nothing_is_bought_for_a_stranger(net: Network) -> None:
    net.get(f"{USERS}/users/{{id}}").reply(404)

    with pytest.raises(UnknownUser):
        await place_order("o-2", 8, "tea")
    assert net.count == 1
