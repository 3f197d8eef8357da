"""httpx and httpx2: what the table of conformance can't say. Every test runs with both."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from types import ModuleType, SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import requests
import trio
from tests.clients.conformance.servers import Loopback

from netdouble import ClientNotSupported, DeclarationError, Fault, Network, Request, Response, UnmatchedRequest, _active
from netdouble._intercept import catalog
from netdouble._intercept import httpx as door
from netdouble._intercept.seams import unwrapped

LIBRARIES = [httpx]
if sys.version_info >= (3, 11):
    import httpx2

    LIBRARIES.append(httpx2)

URL = "https://api.test/users/7"

pytestmark = pytest.mark.parametrize("lib", LIBRARIES, ids=lambda module: module.__name__)
on_each_loop = pytest.mark.parametrize("run", [asyncio.run, lambda work: trio.run(lambda: work)],
                                       ids=["asyncio", "trio"])  # fmt: skip


@pytest.fixture
def net() -> Iterator[Network]:
    with Network(unused="off", swallowed="warn") as opened:
        yield opened


# The client above the transport is whole


def test_digest_auth_answers_the_challenge(lib: ModuleType, net: Network):
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
    route = net.get(URL).reply(401, headers={"WWW-Authenticate": challenge}).then(json={"id": 7})
    with lib.Client(auth=lib.DigestAuth("ada", "secret")) as client:
        assert client.get(URL).json() == {"id": 7}
    assert route.count == 2
    assert route.last.request.headers["authorization"].startswith('Digest username="ada", realm="r", nonce="n"')


def test_a_flow_of_auth_may_send_requests_of_its_own(lib: ModuleType, net: Network):
    class Refreshing(lib.Auth):
        requires_response_body = True

        def auth_flow(self, request: Any) -> Iterator[Any]:
            response = yield request
            if response.status_code == 401:
                token = yield lib.Request("POST", "https://auth.test/token")
                request.headers["Authorization"] = f"Bearer {token.json()['token']}"
                yield request

    net.post("https://auth.test/token").reply(json={"token": "t"})
    net.get(URL).reply(401)
    net.get(URL, headers={"Authorization": "Bearer t"}).reply(text="in")
    assert lib.get(URL, auth=Refreshing()).text == "in"
    assert [call.request.host for call in net.calls] == ["api.test", "auth.test", "api.test"]


def test_redirects_cookies_hooks_and_history(lib: ModuleType, net: Network):
    net.get("http://api.test/a").reply(302, headers={"Location": "/b"}, cookies={"sid": "1"})
    net.get("http://api.test/b", cookies={"sid": "1"}).reply(text="there")
    seen: list[str] = []
    hooks = {
        "request": [lambda r: seen.append(f"> {r.url.path}")],
        "response": [lambda r: seen.append(f"< {r.url.path}")],
    }
    with lib.Client(event_hooks=hooks, follow_redirects=True) as client:
        response = client.get("http://api.test/a")
        assert client.cookies["sid"] == "1"
    assert [hop.status_code for hop in response.history] == [302]
    assert response.text == "there"
    assert seen == ["> /a", "< /a", "> /b", "< /b"]


def test_too_many_redirects_are_the_clients_own(lib: ModuleType, net: Network):
    net.get(URL).reply(302, headers={"Location": URL})
    with pytest.raises(lib.TooManyRedirects):
        lib.get(URL, follow_redirects=True)


def test_what_a_response_tells(lib: ModuleType, net: Network, caplog: pytest.LogCaptureFixture):
    net.get(URL).reply(418, text="tea", reason="No coffee")
    with caplog.at_level(logging.INFO, logger=lib.__name__):
        response = lib.get(URL)
    assert (response.status_code, response.reason_phrase, response.http_version) == (418, "No coffee", "HTTP/1.1")
    assert response.headers["content-length"] == "3"
    assert response.elapsed.total_seconds() > 0
    assert str(response.request.url) == URL
    assert response.num_bytes_downloaded == 3
    stream = response.extensions["network_stream"]
    assert stream.get_extra_info("server_addr") == ("127.0.0.1", 443)
    assert stream.get_extra_info("ssl_object") is None
    assert 'HTTP/1.1 418 No coffee"' in caplog.text
    with pytest.raises(lib.HTTPStatusError, match="418 No coffee"):
        response.raise_for_status()


def test_the_http_version_is_the_replys(lib: ModuleType, net: Network):
    net.get(URL).reply(text="x", http_version="2").then(text="x", http_version="1.0")
    assert lib.get(URL).http_version == "HTTP/2"
    assert lib.get(URL).http_version == "HTTP/1.0"


def test_headers_are_recorded_as_they_are_sent(lib: ModuleType, net: Network):
    net.post(URL).reply()
    lib.post(URL, json={"a": 1}, headers=[("X-Two", "1"), ("x-two", "2")])
    fields = net.calls.last.request.headers.fields
    assert fields[0] == ("Host", "api.test")
    assert ("User-Agent", f"python-{lib.__name__}/{lib.__version__}") in fields
    assert [name for name, _ in fields if name.lower() == "x-two"] == ["X-Two", "x-two"]
    assert net.calls.last.request.headers["content-type"] == "application/json"


# Bodies that are sent


def test_a_multipart_body_is_whole(lib: ModuleType, net: Network):
    net.post(URL, files={"f": b"hello"}, form={"name": "ada"}).reply(201)
    assert lib.post(URL, data={"name": "ada"}, files={"f": ("a.txt", io.BytesIO(b"hello"))}).status_code == 201


def test_a_generator_is_sent_chunked_and_used_up_as_on_the_wire(lib: ModuleType, net: Network):
    net.post(URL).reply(307, headers={"Location": "/again"})
    net.post("https://api.test/again").reply()
    with lib.Client() as client:
        response = client.post(URL, content=(chunk for chunk in (b"one", b"two")))
        assert response.status_code == 307
        with pytest.raises(lib.RequestNotRead):
            response.request.content  # noqa: B018
        with pytest.raises(lib.StreamConsumed):
            client.post(URL, content=(chunk for chunk in (b"one", b"two")), follow_redirects=True)
    request = net.calls[0].request
    assert request.body == b"onetwo"
    assert request.headers["transfer-encoding"] == "chunked"


@on_each_loop
def test_an_async_generator_is_sent_and_passed_on_whole(lib: ModuleType, net: Network, run: Callable[[Any], Any]):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def main() -> None:
        async with lib.AsyncClient(trust_env=False) as client:
            net.put(URL, content=b"onetwo").reply(201)
            assert (await client.put(URL, content=chunks())).status_code == 201
            headers = {"Content-Length": "6"}
            assert (await client.put(server.url, content=chunks(), headers=headers)).text == "real: PUT / onetwo"

    with Loopback() as server:
        run(main())


# Bodies that are read


def test_a_stream_is_handed_over_chunk_by_chunk(lib: ModuleType, net: Network):
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for n in range(3):
            made.append(n)
            yield b"line %d\n" % n

    net.get(URL).reply(stream=chunks)
    with lib.stream("GET", URL) as response:
        assert made == []
        raw = response.iter_raw()
        assert (next(raw), made) == (b"line 0\n", [0])
        assert (next(raw), made) == (b"line 1\n", [0, 1])
    with lib.stream("GET", URL) as response:
        assert list(response.iter_lines()) == ["line 0", "line 1", "line 2"]


# httpx's own chain of generators (aiter_lines to aiter_raw) is left to trio's collector when a reader stops early.
@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
@on_each_loop
def test_an_async_stream_is_made_on_the_callers_loop_and_closed_with_the_response(
    lib: ModuleType, net: Network, run: Callable[[Any], Any]
):
    ended: list[str] = []

    async def chunks() -> AsyncIterator[str]:
        try:
            for n in range(3):
                await anyio.lowlevel.checkpoint()
                yield f"data: {n}\n\n"
        finally:
            ended.append("closed")

    async def main() -> None:
        async with (
            lib.AsyncClient() as client,
            client.stream("GET", URL) as response,
            aclosing(response.aiter_lines()) as lines,
        ):
            assert await anext(lines) == "data: 0"
        assert ended == ["closed"]

    net.get(URL).reply(stream=chunks)
    run(main())


def test_a_sync_client_reads_an_async_stream(lib: ModuleType, net: Network):
    async def chunks() -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        yield b"a"
        yield b"b"

    net.get(URL).reply(stream=chunks)
    assert lib.get(URL).content == b"ab"


def test_a_large_body_comes_in_pieces_as_from_a_socket(lib: ModuleType, net: Network):
    net.get(URL).reply(content=b"x" * 200_000)
    with lib.stream("GET", URL) as response:
        assert [len(chunk) for chunk in response.iter_raw()] == [65536, 65536, 65536, 3392]


def test_a_coded_body_is_decoded(lib: ModuleType, net: Network):
    net.get(URL).reply(content=gzip.compress(b"unpacked"), headers={"Content-Encoding": "gzip"})
    with lib.stream("GET", URL) as response:
        assert b"".join(response.iter_bytes()) == b"unpacked"
    net.get(URL).reply(content=b"not gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(lib.DecodingError):
        lib.get(URL)


def test_what_breaks_in_the_body_is_told_the_call(lib: ModuleType, net: Network):
    def chunks() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("mine")

    net.get(URL).reply(stream=chunks)
    with lib.stream("GET", URL) as response, pytest.raises(ValueError, match="mine"):
        response.read()
    assert isinstance(net.calls.last.error, ValueError)
    net.get(URL).fail(Fault.RESET_IN_BODY, response=Response(stream=["first ", "second"]))
    read = []
    with lib.stream("GET", URL) as response, pytest.raises(lib.ReadError) as caught:
        read.extend(response.iter_raw())
    assert b"".join(read) == b"first se"
    assert net.calls.last.error is not None
    assert str(caught.value.request.url) == URL


@pytest.mark.parametrize(("length", "text"), [("5", "received 2 bytes, expected 5"), ("1", None)])
def test_a_length_that_is_a_lie_is_read_as_on_the_wire(lib: ModuleType, net: Network, length: str, text: str | None):
    net.get(URL).reply(content=b"ab", headers={"Content-Length": length})
    if text is None:
        assert lib.get(URL).content == b"a"
    else:
        with pytest.raises(lib.RemoteProtocolError, match=text):
            lib.get(URL)


# Time


def test_a_delay_longer_than_the_read_timeout_raises_at_once(lib: ModuleType, net: Network):
    net.get(URL).reply(delay=30)
    begun = time.monotonic()
    with pytest.raises(lib.ReadTimeout) as caught:
        lib.get(URL, timeout=lib.Timeout(None, read=20))
    assert time.monotonic() - begun < 15
    assert caught.value.request.method == "GET"


def test_timeouts_of_other_kinds_do_not_cut_a_delay(lib: ModuleType, net: Network):
    net.get(URL).reply(delay=0.03)
    assert lib.get(URL, timeout=lib.Timeout(None, connect=0.001, write=0.001, pool=0.001)).status_code == 200


def test_a_timeout_fault_needs_no_timeout(lib: ModuleType, net: Network):
    net.get(URL).fail(Fault.READ_TIMEOUT).then(Fault.CONNECT_TIMEOUT)
    with pytest.raises(lib.ReadTimeout):
        lib.get(URL, timeout=None)
    with pytest.raises(lib.ConnectTimeout):
        lib.get(URL, timeout=None)


@on_each_loop
def test_a_delay_can_be_cancelled(lib: ModuleType, net: Network, run: Callable[[Any], Any]):
    async def main() -> None:
        async with lib.AsyncClient(timeout=None) as client:
            with anyio.move_on_after(0.02) as scope:
                await client.get(URL)
            assert scope.cancelled_caught

    net.get(URL).reply(delay=30)
    run(main())


# HTTPTransport(retries=)


@pytest.mark.parametrize("failure", [Fault.CONNECT_REFUSED, Fault.CONNECT_TIMEOUT, Fault.DNS, Fault.TLS, "own"])
def test_the_transports_own_retries_try_a_connect_again(lib: ModuleType, failure: Any):
    with Network(retry_wait="skip") as net, lib.Client(transport=lib.HTTPTransport(retries=6)) as client:
        declared = lib.ConnectError("mine") if failure == "own" else failure
        route = net.get(URL).fail(declared).repeat(6).then(text="in")
        begun = time.monotonic()
        assert client.get(URL).text == "in"
        assert time.monotonic() - begun < 10  # waited for they are 0, 0.5, 1, 2, 4 and 8 s
        assert [call.outcome() for call in route.calls[:6]] == [type(call.error).__name__ for call in route.calls[:6]]
        assert route.count == 7


@on_each_loop
def test_retries_end_and_nothing_but_a_connect_is_tried_again(lib: ModuleType, run: Callable[[Any], Any]):
    async def main() -> None:
        async with lib.AsyncClient(transport=lib.AsyncHTTPTransport(retries=2)) as client:
            with pytest.raises(lib.ConnectError):
                await client.get(URL)
            with pytest.raises(lib.ReadError):
                await client.post(URL)

    with Network(retry_wait="skip") as net:
        refused, reset = net.get(URL).fail(Fault.CONNECT_REFUSED), net.post(URL).fail(Fault.RESET)
        run(main())
        assert (refused.count, reset.count) == (3, 1)


def test_the_waits_between_retries_are_real_by_default(lib: ModuleType, net: Network, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    reported = _active.waited()
    monkeypatch.setattr("netdouble._answering.sleep", waited.append)
    net.get(URL).fail(Fault.CONNECT_REFUSED)
    with lib.Client(transport=lib.HTTPTransport(retries=4)) as client, pytest.raises(lib.ConnectError):
        client.get(URL)
    assert waited == [0.5, 1.0, 2.0]  # the first of four is 0
    assert _active.waited() - reported == 3.5


# Exceptions


def test_the_librarys_own_exceptions_are_raised_as_declared(lib: ModuleType, net: Network):
    net.get(URL).fail(lib.PoolTimeout("mine")).then(lib.ReadError)
    with pytest.raises(lib.PoolTimeout, match=r"^mine$") as caught:
        lib.get(URL)
    assert type(caught.value) is lib.PoolTimeout
    assert str(caught.value.request.url) == URL
    with pytest.raises(lib.ReadError):
        lib.get(URL)


@pytest.mark.parametrize(
    "foreign", [requests.ConnectTimeout("theirs"), *[m.ConnectTimeout("theirs") for m in LIBRARIES]]
)
def test_another_clients_exception_is_translated(lib: ModuleType, net: Network, foreign: Exception):
    net.get(URL).fail(foreign)
    with pytest.raises(lib.ConnectTimeout) as caught:
        lib.get(URL)
    assert type(caught.value) is lib.ConnectTimeout


def test_a_fault_has_the_causes_that_it_has_on_the_wire(lib: ModuleType, net: Network):
    net.get(URL).fail(Fault.DNS)
    with pytest.raises(lib.ConnectError) as caught:
        lib.get(URL)
    below = caught.value.__cause__
    assert type(below).__module__.startswith(lib.__name__.replace("httpx", "httpcore"))
    assert isinstance(below.__cause__ or below.__context__, socket.gaierror)


def test_an_unsupported_scheme_is_refused_by_the_library(lib: ModuleType, net: Network):
    for url in ("ftp://api.test/", "/users/7"):
        with pytest.raises(lib.UnsupportedProtocol):
            lib.get(url)
    assert net.count == 0


# Whose requests are answered


@on_each_loop
def test_transports_of_the_users_own_are_left_alone(lib: ModuleType, net: Network, run: Callable[[Any], Any]):
    class Own(lib.BaseTransport, lib.AsyncBaseTransport):
        def handle_request(self, request: Any) -> Any:
            return lib.Response(299)

        async def handle_async_request(self, request: Any) -> Any:
            return lib.Response(299)

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("299 Own", [])
        return [b""]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body"})

    async def main() -> None:
        for transport in (Own(), lib.ASGITransport(asgi), lib.MockTransport(lambda request: lib.Response(299))):
            async with lib.AsyncClient(transport=transport) as client:
                assert (await client.get(URL)).status_code == 299

    for transport in (Own(), lib.WSGITransport(wsgi), lib.MockTransport(lambda request: lib.Response(299))):
        with lib.Client(transport=transport) as client:
            assert client.get(URL).status_code == 299
    run(main())
    assert net.count == 0


def test_a_subclass_that_calls_super_is_answered_there(lib: ModuleType, net: Network):
    class Retrying(lib.HTTPTransport):
        def handle_request(self, request: Any) -> Any:
            response = super().handle_request(request)
            if response.status_code == 503:
                response.close()
                response = super().handle_request(request)
            response.headers["X-Mine"] = "1"
            return response

    route = net.get(URL).reply(503).then(text="x")
    with lib.Client(transport=Retrying()) as client:
        response = client.get(URL)
    assert (response.text, response.headers["x-mine"], route.count) == ("x", "1", 2)


def test_a_proxy_of_the_environment_changes_nothing(lib: ModuleType, net: Network, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.invalid:3128")
    net.get(URL).reply(text="x")
    net.get("http://api.test/").reply(text="y")
    assert (lib.get(URL).text, lib.get("http://api.test/").text) == ("x", "y")
    assert [call.request.host for call in net.calls] == ["api.test"] * 2


def test_a_request_to_a_unix_socket_passes_unless_a_route_names_it(lib: ModuleType, net: Network, tmp_path: Any):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        net.get("http://docker/stub").reply(text="stub")
        with lib.Client(transport=lib.HTTPTransport(uds=path), timeout=0.05) as client:
            assert client.get("http://docker/stub").text == "stub"
            with pytest.raises(lib.ReadTimeout):  # it really connected: nobody answers there
                client.get("http://docker/real")
    assert net.count == 1


@on_each_loop
def test_many_requests_at_once(lib: ModuleType, net: Network, run: Callable[[Any], Any]):
    seen: set[str] = set()

    async def fetch(client: Any, n: int) -> None:
        seen.add((await client.get(f"https://api.test/users/{n}")).text)

    async def main() -> None:
        async with lib.AsyncClient() as client, anyio.create_task_group() as group:
            for n in range(50):
                group.start_soon(fetch, client, n)

    net.get("https://api.test/users/{id}").reply(lambda request: Response(text=request.path_params["id"]))
    run(main())
    assert seen == {str(n) for n in range(50)}


def test_a_function_may_itself_use_the_library(lib: ModuleType, net: Network):
    net.get("https://other.test/").reply(text="inner").then(Fault.RESET)
    net.get(URL).reply(lambda request: Response(text=lib.get("https://other.test/").text + " and outer"))
    assert lib.get(URL).text == "inner and outer"
    with pytest.raises(lib.ReadError):
        lib.get(URL)


def test_an_unmatched_request_names_client_and_caller(lib: ModuleType, net: Network):
    with pytest.raises(UnmatchedRequest) as caught:
        lib.get(URL)
    assert caught.value.client == f"{lib.__name__} {lib.__version__}"
    assert "test_httpx.py:" in caught.value.caller
    assert caught.value.__cause__ is None


def test_a_client_that_is_imported_in_a_scope_is_attached(lib: ModuleType):
    _in_a_fresh_process(f"""
        with Network() as net:
            net.get("{URL}").reply(text="x")
            import {lib.__name__} as lib
            assert lib.get("{URL}").text == "x"
    """)


def test_aliased_libraries_are_attached_once(lib: ModuleType):
    if lib is httpx:
        return  # the alias is httpx2's
    _in_a_fresh_process(f"""
        import httpx2
        httpx2.alias_httpx()
        import httpx, httpcore
        assert httpx is httpx2
        for _ in range(2):
            with Network() as net:
                net.get("{URL}").reply(text="x")
                assert httpx.get("{URL}").text == httpx2.Client().get("{URL}").text == "x"
                assert httpcore.request("GET", "{URL}").content == b"x"
                assert net.count == 3
                assert net.calls[0].request.client.startswith("httpx2 ")
            assert not hasattr(httpx.HTTPTransport.handle_request, "netdouble_original")
            assert not hasattr(httpcore.ConnectionPool.handle_request, "netdouble_original")
    """)


def _in_a_fresh_process(code: str) -> None:
    lines = ["from netdouble import Network", *[line[8:] for line in code.splitlines()]]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_without_the_seam_is_one_loud_error(lib: ModuleType):
    class Moved:
        def handle(self, request: Any) -> Any: ...

    class Changed:
        def handle_request(self, request: Any) -> Any: ...
        async def handle_async_request(self, scope: Any, request: Any) -> Any: ...

    parts = {**vars(lib), "__version__": "9.0"}
    moved = SimpleNamespace(**{**parts, "HTTPTransport": Moved})
    changed = SimpleNamespace(**{**parts, "HTTPTransport": Changed, "AsyncHTTPTransport": Changed})
    with pytest.raises(
        ClientNotSupported, match=r"Moved.handle_request is not there.*answer this client by hand"
    ) as caught:
        door.install(moved)
    assert (caught.value.client, caught.value.version) == (lib.__name__, "9.0")
    with pytest.raises(ClientNotSupported, match=re.escape("takes (self, scope, request)")):
        door.install(changed)
    assert not hasattr(Changed.handle_request, "netdouble_original")


# Mounted by hand


@pytest.fixture
def unattached(lib: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no door had been attached, also where netdouble's plugin keeps them attached for the session."""
    monkeypatch.setattr(catalog, "CLIENTS", ())
    for module in LIBRARIES:
        sync, on_loop = module.HTTPTransport, module.AsyncHTTPTransport
        monkeypatch.setattr(sync, "handle_request", unwrapped(sync.handle_request))
        monkeypatch.setattr(on_loop, "handle_async_request", unwrapped(on_loop.handle_async_request))


def _transport(net: Network, lib: ModuleType) -> Any:
    return net.httpx2_transport() if lib.__name__ == "httpx2" else net.httpx_transport()


@on_each_loop
def test_a_transport_answers_without_patching(lib: ModuleType, unattached: None, run: Callable[[Any], Any]):
    async def main() -> None:
        async with lib.AsyncClient(transport=transport) as client:
            assert (await client.get(URL)).text == "x"
            with pytest.raises(lib.ReadError):
                await client.get(URL)

    net = Network(unused="off")
    transport = _transport(net, lib)
    assert isinstance(transport, lib.BaseTransport)
    assert isinstance(transport, lib.AsyncBaseTransport)
    net.get(URL).reply(text="x").then(Fault.RESET).then(text="x").then(Fault.RESET)
    run(main())
    with lib.Client(transport=transport) as client:
        assert client.get(URL).text == "x"
        with pytest.raises(lib.ReadError):
            client.get(URL)
        with pytest.raises(UnmatchedRequest):
            client.get("https://other.test/")
    assert net.count == 5
    assert not hasattr(lib.HTTPTransport.handle_request, "netdouble_original")


def test_a_transport_serves_clients_of_either_library(lib: ModuleType):
    net = Network(unused="off")
    net.get(URL).reply(text="x").then(Fault.RESET).then(text="x").then(Fault.RESET)
    for other in LIBRARIES[:2]:
        with other.Client(transport=_transport(net, lib)) as client:
            assert type(client.get(URL)) is other.Response
            with pytest.raises(other.ReadError):
                client.get(URL)


@pytest.mark.parametrize("patched", [False, True])
@on_each_loop
def test_what_passes_a_transport_is_counted_once(lib: ModuleType, patched: bool, run: Callable[[Any], Any]):
    async def main() -> None:
        async with lib.AsyncClient(transport=transport) as client:
            assert (await client.get(server.url)).text == "real: GET /"

    net = Network(unused="off")
    transport = _transport(net, lib)
    with Loopback() as server:
        if patched:
            net.start()
        net.any(server.url).pass_through()
        with lib.Client(transport=transport) as client:
            assert client.post(server.url, content=b"hi").text == "real: POST / hi"
            assert client.get(server.url).text == "real: GET /"
        run(main())
        assert net.count == 3
        if patched:
            net.stop()


# Responses of the libraries


def test_a_response_becomes_the_librarys_own(lib: ModuleType):
    response = Response(201, json={"id": 7}, headers={"X-Two": ["1", "2"]}, cookies={"sid": "1"})
    made = getattr(response, f"as_{lib.__name__}")()
    assert type(made) is lib.Response
    assert (made.status_code, made.json(), made.reason_phrase) == (201, {"id": 7}, "Created")
    assert made.headers.get_list("x-two") == ["1", "2"]
    assert made.cookies["sid"] == "1"
    assert made.raise_for_status() is made
    assert list(made.iter_lines()) == ['{"id":7}']
    failed = getattr(Response(500), f"as_{lib.__name__}")(Request.to("POST", URL, body=b"hi"))
    assert failed.request.read() == b"hi"
    with pytest.raises(lib.HTTPStatusError, match=URL):
        failed.raise_for_status()


def test_coded_and_streamed_responses_become_the_librarys_own(lib: ModuleType):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    packed = Response(content=gzip.compress(b"unpacked"), headers={"Content-Encoding": "gzip"})
    assert getattr(packed, f"as_{lib.__name__}")().text == "unpacked"
    for stream in ([b"one", "two"], chunks):
        made = getattr(Response(stream=stream), f"as_{lib.__name__}")()
        assert made.text == "onetwo"

        async def read(made: Any = made) -> list[bytes]:
            return [chunk async for chunk in made.aiter_bytes()]

        assert asyncio.run(read()) == [b"onetwo"]


@pytest.mark.parametrize("asking", LIBRARIES, ids=lambda module: f"asked by {module.__name__}")
def test_the_librarys_responses_can_be_replied(lib: ModuleType, net: Network, asking: ModuleType):
    packed = gzip.compress(b"unpacked")
    for declared, text in {
        lib.Response(201, json={"id": 7}): '{"id":7}',
        lib.Response(201, content=packed, headers={"Content-Encoding": "gzip"}): "unpacked",
        lib.Response(201, content=iter([b"one", b"two"])): "onetwo",
        lib.Response(201, stream=lib.ByteStream(b"raw"), extensions={"http_version": b"HTTP/2"}): "raw",
    }.items():
        net.get(URL).reply(declared)
        for _ in range(2):
            response = asking.get(URL)
            assert type(response) is asking.Response
            assert (response.status_code, response.text.replace(" ", "")) == (201, text)
    assert response.http_version == "HTTP/2"


def test_a_response_that_a_client_received_can_be_replied(lib: ModuleType, net: Network):
    net.get(URL).reply(content=gzip.compress(b"unpacked"), headers={"Content-Encoding": "gzip", "X-One": "1"})
    received = lib.get(URL)
    net.get("https://api.test/copy").reply(received)
    copy = lib.get("https://api.test/copy")
    assert (copy.text, copy.headers["x-one"]) == ("unpacked", "1")


def test_a_response_that_can_not_be_read_here_is_refused(lib: ModuleType, net: Network):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"

    closed = lib.Response(200, content=iter([b"one"]))
    closed.close()
    for unread in (lib.Response(200, content=chunks()), closed):
        with pytest.raises(DeclarationError, match=f"the body of this {lib.__name__} response.*read it first"):
            net.get(URL).reply(unread)
