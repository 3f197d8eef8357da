"""Placing an order: one use case that goes through all five services, in threads and on the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from shop import webhooks
from shop.assistant import Assistant
from shop.catalogue import Catalogue
from shop.receipts import Receipts
from shop.users import Users


class UnknownUser(Exception):
    """An order came from nobody we know."""


@dataclass(frozen=True)
class Order:
    """What was bought, and the letter and the receipt that belong to it."""

    order_id: str
    cents: int
    letter: str
    receipt: str
    partner_told: bool


async def place_order(order_id: str, user_id: int, sku: str) -> Order:
    """Buy one product for one user.

    Raises:
        UnknownUser: there is no such user; nothing was bought.
    """
    user = await asyncio.to_thread(Users().fetch, user_id)
    if user is None:
        raise UnknownUser(user_id)
    async with Catalogue() as catalogue:
        cents = await catalogue.price(sku)
    letter = await asyncio.to_thread(Assistant().thank, user["name"], sku)
    receipt = await asyncio.to_thread(Receipts().save, order_id, {"user": user_id, "sku": sku, "cents": cents})
    told = await webhooks.send(webhooks.PARTNER, {"order": order_id, "cents": cents}, webhooks.SECRET)
    return Order(order_id, cents, letter, receipt, told)
