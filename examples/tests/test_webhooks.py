"""Webhooks: aiohttp, a signed body, and a partner that hangs up."""

from __future__ import annotations

import pytest

from netdouble import Fault, Network
from shop import webhooks
from shop.webhooks import PARTNER, SECRET

pytestmark = pytest.mark.asyncio


async def test_the_body_is_signed(net: Network) -> None:
    hook = net.post(PARTNER, json={"order": "o-1"}).reply(204)

    assert await webhooks.send(PARTNER, {"order": "o-1"}, SECRET)
    request = hook.last.request
    assert request.headers["x-signature"] == webhooks.signature(request.body, SECRET)


async def test_a_partner_that_hangs_up_is_tried_again(net: Network) -> None:
    hook = net.post(PARTNER).fail(Fault.EMPTY_RESPONSE).then(202)

    assert await webhooks.send(PARTNER, {"order": "o-1"}, SECRET)
    assert hook.count == 2


async def test_a_partner_that_refuses_is_reported(net: Network) -> None:
    net.post(PARTNER).reply(400)

    assert not await webhooks.send(PARTNER, {"order": "o-1"}, SECRET)
