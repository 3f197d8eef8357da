"""`httpx_library.kept`: a Response of the user's is handed to httpx as it stands; and what a request tells besides."""

import gzip
import sys
from types import ModuleType

import httpx
import pytest
import requests

from netdouble import Network
from netdouble._intercept.httpx_library import kept

URL = "https://api.test/x"
LIBRARIES = [httpx]
if sys.version_info >= (3, 11):
    import httpx2

    LIBRARIES.append(httpx2)
BOTH = pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)


@BOTH
def test_header_lines_and_extensions_are_those_of_the_response(library: ModuleType):
    given = library.Response(201, headers=[("X-A", "1"), ("x-a", "2")], text="hi", extensions={"mine": 1})
    with Network() as net:
        net.get(URL).reply(kept(given))
        got = library.get(URL)
        assert (got.status_code, got.headers.raw, got.text, got.extensions) == (
            201, given.headers.raw, "hi", {"mine": 1})  # fmt: skip


@BOTH
def test_an_encoded_body_is_decoded_by_the_client(library: ModuleType):
    given = library.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"hello"))
    with Network() as net:
        net.get(URL).reply(kept(given))
        assert library.get(URL).text == "hello"
        assert requests.get(URL, timeout=5).text == "hello"


def chunks():
    yield b"a"
    yield b"b"


async def achunks():
    yield b"a"
    yield b"b"


@BOTH
@pytest.mark.parametrize("make", [chunks, achunks])
@pytest.mark.asyncio
async def test_a_stream_that_can_be_read_once_is_read_by_every_client_and_again(library: ModuleType, make):
    with Network() as net:
        net.get(URL).reply(kept(library.Response(200, content=make())))
        async with library.AsyncClient() as client:
            assert [(await client.get(URL)).text for _ in range(2)] == ["ab", "ab"]
        assert [library.get(URL).text for _ in range(2)] == ["ab", "ab"]
        assert requests.get(URL, timeout=5).text == "ab"  # noqa: ASYNC210  # it must work there too


@BOTH
def test_a_request_tells_the_proxy_that_it_would_be_sent_through(library: ModuleType):
    with Network() as net:
        net.get(URL).reply(200)
        for proxy in ("", "http://proxy.test:3128/", "http://me:secret@proxy.test/"):
            with library.Client(proxy=proxy or None) as client:
                client.get(URL)
            assert net.calls.last.request.proxy == proxy
