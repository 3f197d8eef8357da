"""elasticsearch on each HTTP client that it can use: urllib3 and requests, aiohttp and httpx."""

from __future__ import annotations

from typing import Any

import elasticsearch
import pytest
from elastic_transport import HttpxAsyncHttpNode, RequestsHttpNode
from elasticsearch import AsyncElasticsearch, Elasticsearch, helpers
from tests.downstream.sdks.loops import on_a_loop

from netdouble import Fault, Network, Request, Response

ES = "https://es.test:9200"
GENUINE = {"X-Elastic-Product": "Elasticsearch"}
FOUND = {"took": 1, "hits": {"total": {"value": 1}, "hits": [{"_id": "1", "_source": {"title": "Steam"}}]}}


def client(*nodes: str, **options: Any) -> Elasticsearch:
    return Elasticsearch(list(nodes) or [ES], api_key="key", **options)


def async_client(*nodes: str, **options: Any) -> AsyncElasticsearch:
    return AsyncElasticsearch(list(nodes) or [ES], api_key="key", **options)


def genuine(status: int = 200, **body: Any) -> Response:
    return Response(status, json=body, headers=GENUINE)


def _declare_retried(net: Network) -> Any:
    search = net.post(f"{ES}/books/_search").reply(genuine(503)).then(genuine(429)).then(Fault.RESET)
    return search.then(genuine(**FOUND))


def _titles(found: Any) -> list[str]:
    return [hit["_source"]["title"] for hit in found["hits"]["hits"]]


def test_a_book_is_stored_and_found(net: Network):
    book = {"title": "Steam"}
    stored = net.put(f"{ES}/books/_doc/1", headers={"Authorization": "ApiKey key"}, json=book)
    stored.reply(genuine(201, result="created"))
    net.post(f"{ES}/books/_search", json={"query": {"match": {"title": "steam"}}}).reply(genuine(**FOUND))
    with client() as es:
        assert es.index(index="books", id="1", document=book)["result"] == "created"
        assert _titles(es.search(index="books", query={"match": {"title": "steam"}})) == ["Steam"]
    assert stored.last.request.client.startswith("urllib3 ")


def test_many_are_stored_at_once(net: Network):
    def bulk(request: Request) -> Response:
        return genuine(errors=False, items=[{"index": {"status": 201}}] * (len(request.text.splitlines()) // 2))

    kind = "application/vnd.elasticsearch+x-ndjson; compatible-with=9"
    net.put(f"{ES}/_bulk", headers={"Content-Type": kind}).reply(bulk)
    with client() as es:
        assert helpers.bulk(es, ({"_index": "books", "title": str(n)} for n in range(5)), chunk_size=3) == (5, [])
    assert net.count == 2


def test_something_else_that_answers_like_it_is_refused(net: Network):
    net.get(f"{ES}/").reply(json={"tagline": "You Know, for Search"})
    with client() as es, pytest.raises(elasticsearch.UnsupportedProductError):
        es.info()


def test_a_book_that_is_not_there(net: Network):
    net.get(f"{ES}/books/_doc/9").reply(genuine(404, found=False))
    net.head(f"{ES}/books/_doc/9").reply(404, headers=GENUINE)
    with client() as es:
        assert not es.exists(index="books", id="9")
        with pytest.raises(elasticsearch.NotFoundError):
            es.get(index="books", id="9")


def test_it_asks_again_on_urllib3(net: Network):
    search = _declare_retried(net)
    with client() as es:
        assert _titles(es.search(index="books")) == ["Steam"]
    assert search.count == 4


def test_it_asks_again_on_requests(net: Network):
    search = _declare_retried(net)
    with client(node_class=RequestsHttpNode) as es:
        assert _titles(es.search(index="books")) == ["Steam"]
    assert search.count == 4
    assert search.last.request.client.startswith("requests ")


def test_another_node_is_asked_when_one_is_down(net: Network):
    down = net.get("https://es-1.test:9200/").fail(Fault.CONNECT_REFUSED)
    net.get("https://es-2.test:9200/").reply(genuine(version={"number": "9.0.0"}))
    with client("https://es-1.test:9200", "https://es-2.test:9200", randomize_nodes_in_pool=False) as es:
        assert [es.info()["version"]["number"] for _ in range(3)] == ["9.0.0"] * 3
    assert down.count == 1


def test_it_gives_up_with_what_the_service_said(net: Network):
    search = net.post(f"{ES}/books/_search").reply(genuine(503, error="busy"))
    with client(max_retries=2) as es, pytest.raises(elasticsearch.ApiError, match="busy"):
        es.search(index="books")
    assert search.count == 3


def test_a_slow_node_is_its_own_timeout(net: Network):
    net.post(f"{ES}/books/_search").reply(delay=60)
    with client(request_timeout=20) as es, pytest.raises(elasticsearch.ConnectionTimeout):
        es.search(index="books")


async def _asks_again(net: Network, library: str, **options: Any) -> None:
    search = _declare_retried(net)
    async with async_client(**options) as es:
        assert _titles(await es.search(index="books")) == ["Steam"]
    assert search.count == 4
    assert search.last.request.client.startswith(library)


@on_a_loop
async def test_the_async_client_asks_again_on_aiohttp(net: Network):
    await _asks_again(net, "aiohttp ")


@on_a_loop
async def test_the_async_client_asks_again_on_httpx(net: Network):
    await _asks_again(net, "httpx ", node_class=HttpxAsyncHttpNode)


@on_a_loop
async def test_the_async_client_raises_its_own_errors(net: Network):
    net.get(f"{ES}/books/_doc/9").reply(genuine(404, found=False))
    net.get(f"{ES}/").reply(json={})
    async with async_client() as es:
        with pytest.raises(elasticsearch.NotFoundError):
            await es.get(index="books", id="9")
        with pytest.raises(elasticsearch.UnsupportedProductError):
            await es.info()
