"""Trust: whatever context a client has, it accepts a stubbed host's certificate, and refuses a wrong one."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import urllib.error
import urllib.request

import aiohttp
import certifi
import httpx
import pytest
import requests
import truststore
import urllib3

from netdouble import Network

URL = "https://api.test/x"
BEFORE = ssl.create_default_context()
SESSION = requests.Session()


async def _asked_by_aiohttp() -> int:
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        return response.status


async def _asked_by_httpx() -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(URL)).status_code


def _asked_by_http_client(context: ssl.SSLContext | None = None) -> int:
    connection = http.client.HTTPSConnection("api.test", context=context, timeout=20)
    try:
        connection.request("GET", "/x")
        return connection.getresponse().status
    finally:
        connection.close()


def _asked_by_httpx_with(context: ssl.SSLContext) -> int:
    return httpx.get(URL, verify=context).status_code


CLIENTS = {
    "requests": lambda: requests.get(URL, timeout=20).status_code,
    "requests, a session from before": lambda: SESSION.get(URL, timeout=20).status_code,
    "urllib3": lambda: urllib3.PoolManager().request("GET", URL, retries=False).status,
    "urllib3 with certifi": lambda: urllib3.PoolManager(ca_certs=certifi.where()).request("GET", URL).status,
    "http.client": _asked_by_http_client,
    "http.client, a context from before": lambda: _asked_by_http_client(BEFORE),
    "urllib.request": lambda: urllib.request.urlopen(URL, timeout=20).status,
    "httpx": lambda: httpx.get(URL).status_code,
    "httpx with truststore": lambda: _asked_by_httpx_with(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
    "httpx, a context from before": lambda: _asked_by_httpx_with(BEFORE),
    "httpx on asyncio": lambda: asyncio.run(_asked_by_httpx()),
    "aiohttp, whose context is made on import": lambda: asyncio.run(_asked_by_aiohttp()),
}
REFUSED = {
    "requests": requests.exceptions.SSLError,
    "http.client": ssl.SSLCertVerificationError,
    "urllib.request": urllib.error.URLError,
    "httpx": httpx.ConnectError,
    "httpx on asyncio": httpx.ConnectError,
    "aiohttp, whose context is made on import": aiohttp.ClientConnectorCertificateError,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_verifying_client_accepts_a_stubbed_host(client):
    with Network(layer="wire") as net:
        net.get(URL).reply(201)
        assert CLIENTS[client]() == 201


@pytest.mark.parametrize("certificate", ["expired", "self-signed", "wrong-host", "unknown-issuer"])
@pytest.mark.parametrize("client", REFUSED)
def test_a_verifying_client_refuses_a_wrong_certificate_in_its_own_words(client, certificate):
    with Network(layer="wire", unused="off") as net:
        net.get(URL).reply(201)
        net.tls(URL, certificate=certificate)
        with pytest.raises(REFUSED[client]) as caught:
            CLIENTS[client]()
        assert type(caught.value) is REFUSED[client]
        assert net.count == 0


def test_truststore_in_the_place_of_ssl_works_as_well():
    truststore.inject_into_ssl()
    try:
        with Network(layer="wire") as net:
            net.get(URL).reply(201)
            assert httpx.get(URL).status_code == 201
    finally:
        truststore.extract_from_ssl()


def test_a_handshake_with_a_stubbed_host_reads_no_bundle():
    with Network(layer="wire") as net:
        net.get(URL).reply(201)
        context = ssl.create_default_context(cafile=certifi.where())
        noted = context.__dict__["_netdouble_deferred"].loads
        assert _asked_by_http_client(context) == 201
        assert len(noted) == 1
        assert context.cert_store_stats()["x509_ca"] > 100  # asked, it tells of them all


def test_outside_of_a_scope_no_context_comes_to_trust_us():
    with Network(layer="wire") as net:
        net.get(URL).reply(201)
        assert _asked_by_http_client() == 201
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="api.test")
    assert context.cert_store_stats()["x509_ca"] == 0
