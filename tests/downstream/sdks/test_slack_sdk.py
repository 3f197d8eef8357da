"""slack_sdk: its sync client on urllib.request, its async client on aiohttp; messages, files, its retry handlers."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import (
    ConnectionErrorRetryHandler,
    FixedValueRetryIntervalCalculator,
    RateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_handlers import ServerErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookClient
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Fault, Network, partial

API = "https://slack.test/api"
POST = f"{API}/chat.postMessage"
SENT = {"ok": True, "channel": "C1", "ts": "1.2"}


def client(**options: Any) -> WebClient:
    return WebClient(token="xoxb-test", base_url=f"{API}/", **options)


def async_client(**options: Any) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-test", base_url=f"{API}/", **options)


# The state of a retry is one for all handlers, so each allows for the attempts of the others too.
WAITS = {"max_retry_count": 3, "interval_calculator": FixedValueRetryIntervalCalculator(0.001)}


def handlers() -> list[Any]:
    kinds = (RateLimitErrorRetryHandler, ServerErrorRetryHandler, ConnectionErrorRetryHandler)
    return [kind(**WAITS) for kind in kinds]


def async_handlers() -> list[Any]:
    kinds = (AsyncRateLimitErrorRetryHandler, AsyncServerErrorRetryHandler, AsyncConnectionErrorRetryHandler)
    return [kind(**WAITS) for kind in kinds]


def _declare_upload(net: Network, where: dict[str, Any]) -> Any:
    """`where`: how the first step is told the file. The sync client sends a form, the async one a query."""
    step = {"ok": True, "upload_url": "https://files.slack.test/upload/1", "file_id": "F1"}
    net.post(f"{API}/files.getUploadURLExternal", **where).reply(json=step)
    net.post("https://files.slack.test/upload/1", content=b"hello").reply(text="OK - 5")
    done = {"ok": True, "files": [{"id": "F1", "title": "a.txt"}]}
    return net.post(f"{API}/files.completeUploadExternal").reply(json=done)


def test_a_message_is_posted(net: Network):
    posted = net.post(POST, headers={"Authorization": "Bearer xoxb-test"}, json=partial({"text": "Hi"}))
    posted.reply(json=SENT)
    assert client().chat_postMessage(channel="C1", text="Hi")["ts"] == "1.2"
    assert posted.last.request.client.startswith("urllib.request ")


def test_a_refusal_is_its_own_error(net: Network):
    net.post(POST).reply(json={"ok": False, "error": "channel_not_found"})
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client().chat_postMessage(channel="C9", text="Hi")


def test_a_file_is_uploaded_in_three_steps(net: Network):
    done = _declare_upload(net, {"form": partial({"filename": "a.txt", "length": "5"})})
    assert client().files_upload_v2(channel="C1", filename="a.txt", content="hello")["files"][0]["id"] == "F1"
    assert "F1" in done.last.request.text


def test_pages_are_turned(net: Network):
    listing = f"{API}/conversations.list"
    page = {"ok": True, "channels": [{"id": "C1"}], "response_metadata": {"next_cursor": "n"}}
    net.any(listing).reply(json=page).then(json={"ok": True, "channels": [{"id": "C2"}]})
    found = [channel["id"] for page in client().conversations_list(limit=1) for channel in page["channels"]]
    assert found == ["C1", "C2"]


def test_its_handlers_try_again(net: Network):
    posted = net.post(POST).reply(429, json={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "0"})
    posted.then(Fault.EMPTY_RESPONSE).then(503).then(json=SENT)
    assert client(retry_handlers=handlers()).chat_postMessage(channel="C1", text="Hi")["ok"]
    assert posted.count == 4


def test_it_gives_up_with_the_status(net: Network):
    limited = {"json": {"ok": False, "error": "ratelimited"}, "headers": {"Retry-After": "0"}}
    posted = net.post(POST).reply(429, **limited)
    with pytest.raises(SlackApiError, match="ratelimited") as caught:
        client(retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)]).chat_postMessage(channel="C1", text="Hi")
    assert caught.value.response.status_code == 429
    assert posted.count == 2


def test_a_webhook(net: Network):
    net.post("https://hooks.slack.test/services/T1", json={"text": "Hi"}).reply(503).then(text="ok")
    hook = WebhookClient("https://hooks.slack.test/services/T1", retry_handlers=handlers())
    assert hook.send(text="Hi").body == "ok"


@on_a_loop
async def test_the_async_client_posts_and_its_handlers_try_again(net: Network):
    posted = net.post(POST, json=partial({"text": "Hi"}))
    posted.reply(429, json={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "0"})
    posted.then(Fault.RESET).then(503).then(json=SENT)
    assert (await async_client(retry_handlers=async_handlers()).chat_postMessage(channel="C1", text="Hi"))["ok"]
    assert posted.count == 4
    assert posted.last.request.client.startswith("aiohttp ")


@on_a_loop
async def test_the_async_client_uploads_a_file_in_three_steps(net: Network):
    _declare_upload(net, {"query": {"filename": "a.txt", "length": 5}})
    told = await async_client().files_upload_v2(channel="C1", filename="a.txt", content="hello")
    assert told["files"][0]["id"] == "F1"


@on_a_loop
async def test_a_refusal_is_the_async_clients_own_error(net: Network):
    net.post(POST).reply(json={"ok": False, "error": "channel_not_found"})
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await async_client().chat_postMessage(channel="C9", text="Hi")
