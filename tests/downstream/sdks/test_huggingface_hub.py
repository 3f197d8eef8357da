"""huggingface_hub, which stands on httpx2: what a model is, its files through a redirect, inference sync and async.

Its one session lives as long as the process: made in the first test, used in all.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import AsyncInferenceClient, HfApi, InferenceClient
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Fault, Network, Request, Response, partial

HUB = "https://hub.test"
CDN = "https://cdn.hub.test"
MODEL = f"{HUB}/api/models/ada/engine"
FILE = f"{HUB}/ada/engine/resolve/main/{{file}}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "model": "ada/engine"}


def api() -> HfApi:
    return HfApi(endpoint=HUB, token="hf_test")


def of_file(content: bytes, etag: str = "e1") -> dict[str, str]:
    return {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "Content-Length": str(len(content))}


def chunk(text: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    return {"data": {"id": "c", "created": 1, "model": "m", "system_fingerprint": "", "choices": [choice]}}


def test_what_a_model_is(net: Network):
    info = {"id": "ada/engine", "sha": COMMIT, "siblings": [{"rfilename": "config.json"}], "tags": ["steam"]}
    net.get(MODEL, headers={"Authorization": "Bearer hf_test"}).reply(json=info)
    model = api().model_info("ada/engine")
    assert (model.sha, model.tags, model.siblings[0].rfilename) == (COMMIT, ["steam"], "config.json")


def test_pages_are_turned(net: Network):
    models = f"{HUB}/api/models"
    following = {"Link": f'<{models}?cursor=2>; rel="next"'}
    net.get(models, query={"cursor": None}).reply(json=[{"id": "a"}], headers=following)
    net.get(models, query={"cursor": 2}).reply(json=[{"id": "b"}])
    assert [model.id for model in api().list_models(author="ada")] == ["a", "b"]


def test_a_file_is_downloaded_once(net: Network, tmp_path: Path):
    head = net.head(FILE).reply(headers=of_file(b"{}"))
    body = net.get(FILE).reply(content=b"{}", headers={"ETag": '"e1"'})
    for _ in range(2):
        assert Path(api().hf_hub_download("ada/engine", "config.json", cache_dir=tmp_path)).read_bytes() == b"{}"
    assert (head.count, body.count) == (2, 1)


def test_a_large_file_comes_from_elsewhere_and_the_token_stays_at_home(net: Network, tmp_path: Path):
    linked = {**of_file(b""), "X-Linked-Etag": '"sha"', "X-Linked-Size": "7", "Location": f"{CDN}/blob?sig=1"}
    net.head(FILE, headers={"Authorization": "Bearer hf_test"}).reply(302, headers=linked)
    net.get(f"{CDN}/blob?sig=1", headers={"Authorization": None}).reply(content=b"weights")
    path = Path(api().hf_hub_download("ada/engine", "model.bin", cache_dir=tmp_path))
    assert path.read_bytes() == b"weights"
    assert path.resolve().name == "sha"


def test_a_download_goes_on_where_it_broke_off(net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)  # it keeps whole chunks only, of 10 MB
    weights = bytes(range(256)) * 400

    def rest(request: Request) -> Response:
        begin = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        span = {"Content-Range": f"bytes {begin}-{len(weights) - 1}/{len(weights)}"}
        return Response(206, content=weights[begin:], headers=span)

    net.head(FILE).reply(headers=of_file(weights))
    first = net.get(FILE, headers={"Range": None}).reply(429, headers={"Retry-After": "60"})
    first.then(Fault.CONNECT_TIMEOUT).then(Fault.TRUNCATED_BODY, response=Response(content=weights))
    then = net.get(FILE, headers={"Range": re.compile(r"^bytes=\d+-$")}).reply(rest)
    assert Path(api().hf_hub_download("ada/engine", "a", cache_dir=tmp_path)).read_bytes() == weights
    assert (first.count, then.count) == (3, 1)


def test_what_is_not_there_has_errors_of_its_own(net: Network, tmp_path: Path):
    net.get(MODEL).reply(401, json={"error": "Repository not found"}, headers={"X-Error-Code": "RepoNotFound"})
    net.head(FILE).reply(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
    with pytest.raises(RepositoryNotFoundError):
        api().model_info("ada/engine")
    with pytest.raises(EntryNotFoundError):
        api().hf_hub_download("ada/engine", "a", cache_dir=tmp_path)


def test_an_outage_without_a_local_copy(net: Network, tmp_path: Path):
    net.head(FILE).fail(Fault.DNS)
    with pytest.raises(LocalEntryNotFoundError):
        api().hf_hub_download("ada/engine", "a", cache_dir=tmp_path)


def test_a_chat(net: Network):
    message = {"role": "assistant", "content": "Hello"}
    answer = {"id": "c", "created": 1, "model": "m", "system_fingerprint": "", "usage": {},
              "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip
    net.post(f"{HUB}/v1/chat/completions", json=partial(CHAT)).reply(json=answer)
    told = InferenceClient(base_url=f"{HUB}/v1", api_key="hf_test").chat_completion(**CHAT)
    assert told.choices[0].message.content == "Hello"


@on_a_loop
async def test_the_async_client_streams(net: Network):
    net.post(f"{HUB}/v1/chat/completions").reply(sse=[chunk("Hel"), chunk("lo"), "[DONE]"])
    async with AsyncInferenceClient(base_url=f"{HUB}/v1", api_key="hf_test") as ai:
        parts = await ai.chat_completion(**CHAT, stream=True)
        assert [part.choices[0].delta.content async for part in parts] == ["Hel", "lo"]


@on_a_loop
async def test_the_async_client_raises_its_own_error(net: Network):
    net.post(f"{HUB}/v1/chat/completions").reply(429, json={"error": "slow down"})
    async with AsyncInferenceClient(base_url=f"{HUB}/v1", api_key="hf_test") as ai:
        with pytest.raises(HfHubHTTPError, match="429"):
            await ai.chat_completion(**CHAT)
