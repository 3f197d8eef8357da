"""stripe on each HTTP client that it can use: requests and urllib.request, httpx and aiohttp."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Fault, Network, partial

# It hands httpx text by `data=`.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

API = "https://api.stripe.test/v1"
CUSTOMERS = f"{API}/customers"
ADA = {"id": "cus_1", "object": "customer", "email": "ada@example.test"}


def client(**options: Any) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_1", base_addresses={"api": "https://api.stripe.test"}, **options)


def charge(**options: Any) -> Any:
    return client(**options).v1.payment_intents.create({"amount": 100, "currency": "eur", "confirm": True})


def test_a_customer_is_made_and_read(net: Network):
    made = net.post(CUSTOMERS, headers={"Authorization": "Bearer sk_test_1"}, form={"email": ADA["email"]})
    made.reply(json=ADA)
    net.get(f"{CUSTOMERS}/cus_1").reply(json=ADA)
    shop = client()
    assert shop.v1.customers.create({"email": ADA["email"]}).id == "cus_1"
    assert shop.v1.customers.retrieve("cus_1").email == ADA["email"]
    assert made.last.request.client.startswith("requests ")


def test_pages_are_turned(net: Network):
    page = {"object": "list", "url": "/v1/customers", "has_more": True, "data": [{"id": "cus_1", "object": "customer"}]}
    net.get(CUSTOMERS, query={"starting_after": None}).reply(json=page)
    last = {**page, "has_more": False, "data": [{"id": "cus_2", "object": "customer"}]}
    net.get(CUSTOMERS, query={"starting_after": "cus_1"}).reply(json=last)
    assert [customer.id for customer in client().v1.customers.list().auto_paging_iter()] == ["cus_1", "cus_2"]


def test_a_declined_card(net: Network):
    declined = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}
    net.post(f"{API}/payment_intents").reply(402, json={"error": declined}, headers={"Request-Id": "req_1"})
    with pytest.raises(stripe.CardError, match="declined") as caught:
        charge(max_network_retries=2)
    assert (caught.value.code, caught.value.request_id) == ("card_declined", "req_1")


def _retried(net: Network, failure: Any) -> Any:
    again = {"json": {"error": {"type": "api_error", "message": "try again"}}}
    route = net.post(f"{API}/payment_intents", form=partial({"amount": "100"})).reply(409, **again)
    return route.then(failure).then(json={"id": "pi_1", "object": "payment_intent"})


def _was_asked_thrice_with_one_key(route: Any, library: str) -> None:
    assert route.count == 3
    assert len({call.request.headers["idempotency-key"] for call in route.calls}) == 1
    assert route.last.request.client.startswith(library)


def test_a_payment_is_tried_again_with_the_same_key(net: Network):
    route = _retried(net, Fault.CONNECT_REFUSED)
    assert charge(max_network_retries=2).id == "pi_1"
    _was_asked_thrice_with_one_key(route, "requests ")


def test_a_payment_is_tried_again_on_urllib(net: Network):
    route = _retried(net, 500)  # there it takes a lost connection for final
    assert charge(max_network_retries=2, http_client=stripe.UrllibClient()).id == "pi_1"
    _was_asked_thrice_with_one_key(route, "urllib.request ")


async def _charge_async(**options: Any) -> Any:
    shop = client(max_network_retries=2, **options)
    try:
        return await shop.v1.payment_intents.create_async({"amount": 100, "currency": "eur", "confirm": True})
    finally:
        await shop._requestor._client.close_async()


@on_a_loop
async def test_a_payment_is_tried_again_on_httpx(net: Network):
    route = _retried(net, Fault.RESET)
    assert (await _charge_async(http_client=stripe.HTTPXClient())).id == "pi_1"
    _was_asked_thrice_with_one_key(route, "httpx ")


@on_a_loop
async def test_a_payment_is_tried_again_on_aiohttp(net: Network):
    route = _retried(net, Fault.RESET)
    assert (await _charge_async(http_client=stripe.AIOHTTPClient())).id == "pi_1"
    _was_asked_thrice_with_one_key(route, "aiohttp ")


@on_a_loop
async def test_a_declined_card_on_the_async_client(net: Network):
    declined = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}
    net.post(f"{API}/payment_intents").reply(402, json={"error": declined})
    with pytest.raises(stripe.CardError, match="declined"):
        await _charge_async(http_client=stripe.HTTPXClient())


def test_an_outage_is_its_own_connection_error(net: Network):
    route = net.post(f"{API}/payment_intents").fail(Fault.READ_TIMEOUT)
    with pytest.raises(stripe.APIConnectionError):
        charge(max_network_retries=1)
    assert route.count == 2
