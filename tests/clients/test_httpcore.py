"""httpcore and httpcore2 used directly: what the table of conformance can't say. Every test runs with both."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import anyio
import httpcore
import pytest
import trio
from tests.clients.conformance.servers import Loopback

from netdouble import ClientNotSupported, Fault, Network, Response, UnmatchedRequest
from netdouble._intercept import httpcore as door

LIBRARIES = [httpcore]
if sys.version_info >= (3, 11):
    import httpcore2

    LIBRARIES.append(httpcore2)

URL = "https://api.test/users/7"

pytestmark = pytest.mark.parametrize("lib", LIBRARIES, ids=lambda module: module.__name__)
Run = Callable[[Callable[[], Any]], Any]
on_each_loop = pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])


@pytest.fixture
def net() -> Iterator[Network]:
    with Network(unused="off", swallowed="warn") as opened:
        yield opened


# The pool


def test_connections_are_kept_reused_and_closed_as_the_response_says(lib: ModuleType, net: Network):
    net.get(URL).reply(text="x").repeat(2).then(text="x", headers={"Connection": "close"})
    with lib.ConnectionPool() as pool:
        for served in (1, 2):
            assert pool.request("GET", URL).content == b"x"
            assert [connection.info() for connection in pool.connections] == [
                f"'https://api.test:443', HTTP/1.1, IDLE, Request Count: {served}"
            ]
        assert pool.request("GET", URL).content == b"x"
        assert pool.connections == []


@on_each_loop
def test_a_pool_of_one_connection_serves_many_tasks(lib: ModuleType, net: Network, run: Run):
    async def main() -> None:
        async def fetch(n: int) -> None:
            bodies.append((await pool.request("GET", f"https://api.test/users/{n}")).content)

        async with lib.AsyncConnectionPool(max_connections=1) as pool, anyio.create_task_group() as group:
            for n in range(10):
                group.start_soon(fetch, n)

    bodies: list[bytes] = []
    net.get("https://api.test/users/{id}").reply(lambda request: Response(text=request.path_params["id"]))
    run(main)
    assert sorted(bodies) == [b"%d" % n for n in range(10)]


def test_traces_are_httpcores_own(lib: ModuleType, net: Network):
    seen: list[str] = []
    net.get(URL).reply(text="x")
    with lib.ConnectionPool() as pool:
        pool.request("GET", URL, extensions={"trace": lambda name, info: seen.append(name)})
    assert [name.removesuffix(".started") for name in seen if name.endswith("started")] == [
        "connection.connect_tcp", "connection.start_tls", "http11.send_request_headers", "http11.send_request_body",
        "http11.receive_response_headers", "http11.receive_response_body", "http11.response_closed",
    ]  # fmt: skip


def test_a_connection_without_a_pool_and_the_functions_are_answered(lib: ModuleType, net: Network):
    net.get(URL).reply(text="x")
    with lib.HTTPConnection(lib.Origin(b"https", b"api.test", 443)) as connection:
        assert connection.request("GET", URL).content == b"x"
        assert connection.request("GET", URL).content == b"x"
    assert lib.request("GET", URL).content == b"x"
    with lib.stream("GET", URL) as response:
        assert list(response.iter_stream()) == [b"x"]
    assert net.count == 4


# Retries


@pytest.mark.parametrize("failure", [Fault.CONNECT_REFUSED, Fault.CONNECT_TIMEOUT, Fault.DNS, Fault.TLS, "own"])
def test_httpcores_own_retries_try_a_connect_again(lib: ModuleType, failure: Any):
    waited: list[float] = []

    def trace(name: str, info: dict[str, Any]) -> None:
        if name == "connection.retry.started":
            waited.append(time.monotonic())

    with Network(retry_wait="skip") as net, lib.ConnectionPool(retries=6) as pool:
        declared = lib.ConnectError("mine") if failure == "own" else failure
        if failure is Fault.TLS:  # http has no TLS: the fault is a reset there, which is not tried again
            net.get("http://api.test/").fail(Fault.TLS)
            with pytest.raises(lib.ReadError):
                pool.request("GET", "http://api.test/")
        route = net.get(URL).fail(declared).repeat(6).then(text="in")
        begun = time.monotonic()
        assert pool.request("GET", URL, extensions={"trace": trace}).content == b"in"
        assert time.monotonic() - begun < 10  # waited for they are 0, 0.5, 1, 2, 4 and 8 s
        assert len(waited) == 6
        assert [call.status for call in route.calls] == [None] * 6 + [200]
        assert all(call.error is not None for call in route.calls[:6])


@on_each_loop
def test_a_retry_may_be_let_through(lib: ModuleType, net: Network, run: Run):
    async def main() -> None:
        async with lib.AsyncConnectionPool(retries=1) as pool:
            assert (await pool.request("GET", server.url)).content == b"real: GET /"

    with Loopback() as server:
        net.get(server.url).fail(Fault.CONNECT_REFUSED).once()
        net.any().pass_through()
        with lib.ConnectionPool(retries=1) as pool:
            assert pool.request("GET", server.url).content == b"real: GET /"
        net.get(server.url).fail(Fault.CONNECT_REFUSED).once()
        run(main)
        assert [call.outcome() for call in net.calls] == ["ConnectError", "200 (passed through)"] * 2
        assert server.seen == ["GET /"] * 2


# Real connections


@on_each_loop
def test_a_live_real_connection_is_closed_not_used(lib: ModuleType, run: Run):
    async def main() -> None:
        async with lib.AsyncConnectionPool() as pool:
            assert (await pool.request("GET", server.url)).content == b"real: GET /"
            with Network() as net:
                net.get(server.url).reply(text="stub")
                assert (await pool.request("GET", server.url)).content == b"stub"
                assert len(pool.connections) == 1
            assert (await pool.request("GET", server.url)).content == b"real: GET /"

    with Loopback() as server:
        run(main)
        assert (server.seen, server.connections) == (["GET /"] * 2, 2)


# Tasks, not threads: under threads a pool of one fails on httpcore 1.0.9 without netdouble too (its `has_expired` looks
# at a connection that another thread is about to use; httpcore2 fixed it).
@on_each_loop
def test_tasks_that_pass_and_tasks_that_do_not_share_a_pool_of_one(lib: ModuleType, net: Network, run: Run):
    async def main() -> None:
        async def fetch(path: str) -> None:
            bodies[path].append((await pool.request("GET", server.url + path)).content)

        async with lib.AsyncConnectionPool(max_connections=1) as pool, anyio.create_task_group() as group:
            for path in ["/real", "/stub", "/stub", "/real"] * 5:
                group.start_soon(fetch, path)

    bodies: dict[str, list[bytes]] = {"/real": [], "/stub": []}
    with Loopback() as server:
        net.any().pass_through()
        net.get(f"{server.url}/stub").reply(text="stub")
        run(main)
        assert bodies == {"/real": [b"real: GET /real"] * 10, "/stub": [b"stub"] * 10}
        assert server.seen == ["GET /real"] * 10
        assert net.count == 20


def test_a_pass_through_that_fails_is_told_the_call(lib: ModuleType, net: Network):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        net.any().pass_through()
        with pytest.raises(lib.ConnectError) as caught:
            lib.request("GET", f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert net.calls.last.error is caught.value


def test_a_streamed_body_that_passes_through_is_whole(lib: ModuleType, net: Network):
    with Loopback() as server:
        net.any().pass_through()
        headers = {"Content-Length": "6"}
        response = lib.request("POST", server.url, content=iter([b"one", b"two"]), headers=headers)
        assert response.content == b"real: POST / onetwo"
        assert net.calls.last.request.body == b"onetwo"


# Proxies: a request is matched by its target


@pytest.mark.parametrize("target", ["http://api.test/users/7", URL])
@on_each_loop
def test_a_request_behind_a_proxy_is_matched_by_its_target(lib: ModuleType, net: Network, target: str, run: Run):
    async def main() -> None:
        async with lib.AsyncHTTPProxy("http://proxy.invalid:3128") as pool:
            assert (await pool.request("GET", target)).content == b"x"

    net.get(target).reply(text="x")
    with lib.HTTPProxy("http://proxy.invalid:3128", proxy_auth=("ada", "secret")) as pool:
        for _ in range(2):
            assert pool.request("GET", target).content == b"x"
        assert len(pool.connections) == 1
    run(main)
    assert [str(call.request.url) for call in net.calls] == [target] * 3


def test_what_passes_a_proxy_speaks_to_the_proxy(lib: ModuleType, net: Network):
    with Loopback() as proxy:
        net.get("http://api.test/users/7").pass_through()
        with lib.HTTPProxy(proxy.url) as pool:
            assert pool.request("GET", "http://api.test/users/7").content == b"real: GET http://api.test/users/7"


def test_a_fault_behind_a_proxy(lib: ModuleType, net: Network):
    net.get(URL).fail(Fault.TLS).then(Fault.CONNECT_REFUSED).then(Fault.RESET_IN_BODY)
    with lib.HTTPProxy("http://proxy.invalid:3128") as pool:
        for error in (lib.ConnectError, lib.ConnectError, lib.ReadError):
            with pytest.raises(error):
                pool.request("GET", URL)


# Backends


def test_a_double_of_the_users_own_is_left_alone(lib: ModuleType, net: Network):
    class Own(lib.NetworkBackend):
        def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:
            return lib.MockStream([b"HTTP/1.1 299 Own\r\nContent-Length: 0\r\n\r\n"])

    for backend in (Own(), lib.MockBackend([b"HTTP/1.1 299 Own\r\nContent-Length: 0\r\n\r\n"])):
        with lib.ConnectionPool(network_backend=backend) as pool:
            assert pool.request("GET", URL).status == 299
    assert net.count == 0


def test_a_backend_that_wraps_httpcores_own_is_answered(lib: ModuleType, net: Network):
    connected: list[str] = []

    class Wrapping(lib.NetworkBackend):
        def __init__(self) -> None:
            self.inner = lib.SyncBackend()

        def connect_tcp(self, host: str, port: int, **more: Any) -> Any:
            connected.append(host)
            return self.inner.connect_tcp(host, port, **more)

    class Pinning(lib.SyncBackend):
        def connect_tcp(self, host: str, port: int, **more: Any) -> Any:
            connected.append(host)
            return super().connect_tcp("pinned.invalid", port, **more)

    net.get(URL).reply(text="x")
    for backend in (Wrapping(), Pinning()):
        with lib.ConnectionPool(network_backend=backend) as pool:
            assert pool.request("GET", URL).content == b"x"
    assert connected == ["api.test"] * 2


@on_each_loop
def test_async_backends_used_directly_are_answered(lib: ModuleType, net: Network, run: Run):
    async def main() -> None:
        backend = lib.TrioBackend() if run is trio.run else lib.AnyIOBackend()
        async with lib.AsyncConnectionPool(network_backend=backend) as pool:
            assert (await pool.request("GET", URL)).content == b"x"

    net.get(URL).reply(text="x")
    run(main)


@on_each_loop
def test_a_unix_socket_is_let_through_unless_a_route_names_it(lib: ModuleType, net: Network, tmp_path: Any, run: Run):
    async def main() -> None:
        async with lib.AsyncConnectionPool(uds=path) as pool:
            assert (await pool.request("GET", "http://docker/stub")).content == b"stub"
            with pytest.raises(lib.ReadTimeout):  # it really connected: nobody answers there
                await pool.request("GET", "http://docker/real", extensions={"timeout": {"read": 0.02}})

    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        net.get("http://docker/stub").reply(text="stub")
        with lib.ConnectionPool(uds=path) as pool:
            assert pool.request("GET", "http://docker/stub").content == b"stub"
        run(main)
    assert net.count == 2


def test_a_pool_that_speaks_only_http_2_is_one_loud_error(lib: ModuleType, net: Network):
    net.get("http://api.test/").reply()
    with lib.ConnectionPool(http1=False, http2=True) as pool, pytest.raises((ClientNotSupported, ImportError)):
        pool.request("GET", "http://api.test/")


# The rest


def test_an_unmatched_request_comes_out_as_it_is_and_leaves_the_pool_clean(lib: ModuleType, net: Network):
    net.get(URL).reply(text="x")
    with lib.ConnectionPool(max_connections=1) as pool:
        for _ in range(3):
            with pytest.raises(UnmatchedRequest, match="no route answers"):
                pool.request("GET", "https://api.test/other")
        assert pool.connections == []
        assert pool.request("GET", URL).content == b"x"


def test_a_function_may_itself_use_the_pool(lib: ModuleType, net: Network):
    def inner(request: Any) -> Response:
        return Response(content=pool.request("GET", "https://other.test/").content + b" and outer")

    with lib.ConnectionPool() as pool:
        net.get("https://other.test/").reply(text="inner")
        net.get(URL).reply(inner)
        assert pool.request("GET", URL).content == b"inner and outer"
        assert net.count == 2


def test_an_upgrade_gives_the_stream(lib: ModuleType, net: Network):
    net.get(URL).reply(101, headers={"Upgrade": "echo", "Connection": "Upgrade"})
    with lib.ConnectionPool() as pool, pool.stream("GET", URL, headers={"Upgrade": "echo"}) as response:
        assert response.status == 101
        assert response.extensions["network_stream"].get_extra_info("server_addr") == ("127.0.0.1", 443)


def test_a_body_of_which_less_is_read_than_was_made_spoils_the_connection_only(lib: ModuleType, net: Network):
    ended = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            yield b"abc"
            yield b"more than was said"
        finally:
            ended.set()

    net.get(URL).reply(stream=chunks, headers={"Content-Length": "3"}).then(text="x")
    with lib.ConnectionPool() as pool:
        assert pool.request("GET", URL).content == b"abc"
        assert pool.request("GET", URL).content == b"x"
    assert ended.is_set()


def test_delays_and_timeouts(lib: ModuleType, net: Network):
    net.get(URL).reply(delay=30)
    net.post(URL).reply(delay=0.02)
    begun = time.monotonic()
    with lib.ConnectionPool() as pool:
        with pytest.raises(lib.ReadTimeout):
            pool.request("GET", URL, extensions={"timeout": {"read": 20}})
        assert time.monotonic() - begun < 15
        assert pool.request("POST", URL, extensions={"timeout": {"connect": 0.001}}).status == 200


def test_a_library_without_a_seam_is_one_loud_error_and_attaches_nothing(lib: ModuleType):
    class Changed(lib.ConnectionPool):
        def handle_request(self, request: Any) -> Any: ...

    class Moved:
        def handle_request(self, scope: Any) -> Any: ...

    before = lib.HTTPConnection.handle_request
    parts = {**vars(lib), "ConnectionPool": Changed, "HTTP11Connection": Moved}
    with pytest.raises(ClientNotSupported, match=re.escape("Moved.handle_request takes (self, scope)")) as caught:
        door.install(SimpleNamespace(**parts))
    assert caught.value.client == lib.__name__
    assert not hasattr(Changed.handle_request, "netdouble_original")
    assert lib.HTTPConnection.handle_request is before
