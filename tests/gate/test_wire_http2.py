"""HTTP/2 over the wire: httpx and httpx2 agree on it in a real TLS handshake."""

from __future__ import annotations

import asyncio
import importlib
import sys

import httpx
import pytest

from netdouble import Fault, Network, UnmatchedRequest

LIBRARIES = [httpx] if sys.version_info < (3, 11) else [httpx, importlib.import_module("httpx2")]
URL = "https://api.test/users/{id}"


@pytest.fixture(params=LIBRARIES, ids=lambda lib: lib.__name__)
def lib(request):
    return request.param


def client(lib):
    return lib.Client(http2=True, trust_env=False, timeout=30)


def test_requests_share_a_connection(lib):
    with Network(layer="wire") as net, client(lib) as asking:
        route = net.get(URL).reply(json={"id": 7}, headers={"X-Odd": "yes"}).then(content=b"x" * 500_000)
        response = asking.get("https://api.test/users/7")
        assert (response.http_version, response.json(), response.headers["x-odd"]) == ("HTTP/2", {"id": 7}, "yes")
        assert len(asking.get("https://api.test/users/8").content) == 500_000
    assert [(call.connection.index, call.connection.alpn, call.exchange) for call in route.calls] == [
        (0, "h2", 0), (0, "h2", 1)]  # fmt: skip
    assert route.last.request.client.startswith(lib.__name__)


def test_a_large_request_is_taken(lib):
    with Network(layer="wire") as net, client(lib) as asking:
        route = net.post(URL).reply(204)
        assert asking.post("https://api.test/users/7", content=b"y" * 300_000).status_code == 204
    assert len(route.last.request.body) == 300_000


def test_streams_of_one_connection_wait_beside_each_other(lib):
    async def many():
        async with lib.AsyncClient(http2=True, trust_env=False, timeout=30) as asking:
            slow = asyncio.ensure_future(asking.get("https://api.test/users/0"))
            quick = await asyncio.gather(*(asking.get(f"https://api.test/users/{i}") for i in range(1, 11)))
            assert not slow.done()
            slow.cancel()
            return quick

    with Network(layer="wire") as net:
        route = net.get(URL).reply(content=b"x" * 100_000)
        net.get("https://api.test/users/0").reply(delay=25)
        responses = asyncio.run(many())
    assert {response.http_version for response in responses} == {"HTTP/2"}
    assert {len(response.content) for response in responses} == {100_000}
    assert {call.connection.index for call in route.calls} == {0}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.STREAM_REFUSED, "RemoteProtocolError"),
        (Fault.STREAM_RESET, "RemoteProtocolError"),
        (Fault.GOAWAY, "RemoteProtocolError"),
        (Fault.TRUNCATED_BODY, "RemoteProtocolError"),
        (Fault.RESET, "NetworkError"),  # httpx was writing an acknowledgement, or reading
    ],
    ids=str,
)
def test_a_fault_is_the_clients_own_exception(lib, fault, error):
    with Network(layer="wire") as net, client(lib) as asking:
        net.get(URL).fail(fault)
        with pytest.raises(getattr(lib, error)):
            asking.get("https://api.test/users/7")


def test_an_unmatched_request_is_raised_in_the_caller(lib):
    with Network(layer="wire") as net, client(lib) as asking:
        net.get(URL).reply().optional()
        with pytest.raises(UnmatchedRequest, match=r"GET https://api\.test/other"):
            asking.get("https://api.test/other")
