"""The table of `cases.py` through every client, and what a table can't say: scopes, real servers, threads."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.clients.conformance.cases import CASES, Case, Expect
from tests.clients.conformance.drivers import URL, Client, Driver, Send, all_drivers, drivers_on_uvloop
from tests.clients.conformance.pointed import pointed, told_by_a_server
from tests.clients.conformance.servers import Loopback

from netdouble import Fault, Network, NetworkWarning, UnmatchedRequest, _active

# Before Python 3.11 asyncio says of a TLS transport whose peer has hung up that nobody closed it (sslproto.py).
if sys.version_info < (3, 11):
    pytestmark = pytest.mark.filterwarnings("ignore:unclosed transport <asyncio.sslproto:ResourceWarning")

DRIVERS = [*all_drivers(), *drivers_on_uvloop()]
LAYERS = ("transport", "wire")
every_driver = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this file runs at every layer."""
    before, _active.defaults = _active.defaults, _active.defaults.changed({"layer": request.param})
    yield request.param
    _active.defaults = before


def _rows() -> list:
    """Every client with every row that means something to it; again with response objects where it has that seam."""
    return [
        pytest.param(driver, case, fast, layer, id=f"{driver.name}{', fast' * fast} at {layer}: {case.name}")
        for driver in DRIVERS
        for layer in (*LAYERS, "server")
        for fast in ((False, True) if getattr(driver, "has_object_seam", False) and layer == "transport" else (False,))
        for case in CASES
        if layer in case.layers and all(getattr(driver, need, True) for need in case.needs)
    ]


@contextmanager
def network(**settings: object) -> Iterator[Network]:
    """A network that does not ask at its end whether everything was used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetworkWarning)
        with Network(**{"swallowed": "warn", "unused": "off", **settings}) as net:
            yield net


@pytest.mark.parametrize(("driver", "case", "fast", "layer"), _rows())
def test_every_client_is_told_what_the_table_says(driver: Driver, case: Case, fast: bool, layer: str):
    is_pointed = layer == "server"
    settings = {**case.settings, "fast": fast, "layer": "transport" if is_pointed else layer}
    with network(**settings) as net, pointed(net, driver) if is_pointed else driver.open() as client:
        case.declare(net)
        begun = time.monotonic()
        for send, expect in zip(case.sends, case.expects, strict=True):
            _check(driver, client, send, told_by_a_server(expect) if is_pointed else expect)
            # An object seam does not reach what is added further down; a server is another host.
            _check_request(net, expect, _ADDED if fast else {"host"} if is_pointed else ())
            assert is_pointed or net.calls.last.request.client.startswith(driver.client)
        assert time.monotonic() - begun < 4, "something was waited for"
        assert net.count == (len(case.sends) if case.calls is None else case.calls)


def _check(driver: Driver, client: Client, send: Send, expect: Expect) -> None:
    if expect.error is not None:
        expected = driver.raises[expect.error].kind if isinstance(expect.error, Fault) else expect.error
        with pytest.raises(expected) as caught:
            client.send(send)
        assert type(caught.value) is expected
        return
    seen = client.send(send)
    assert seen.status == expect.status
    for name, lines in expect.headers.items():
        assert seen.header(name) == lines
    body = expect.body if driver.decodes or expect.gzipped is None else expect.gzipped
    if body is not None:
        assert seen.body == body


_ADDED = {"host", "content-length", "transfer-encoding"}


def _check_request(net: Network, expect: Expect, besides: Collection[str]) -> None:
    """Check what was recorded, the headers `besides` left out."""
    call = net.calls.last
    _wait_for(lambda: call.closed)  # a client that gives up closes its connection when it gets to it
    assert (call.error is not None) == (expect.error is not None)
    if expect.error is None:
        assert call.status == expect.status
    for name, value in expect.asked.items():
        assert getattr(call.request, name) == value
    for name, lines in expect.sent.items():
        if name not in besides:
            assert call.request.headers.get_all(name) == lines


def _wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.005)


# Real servers


@every_driver
@pytest.mark.usefixtures("layer")
def test_a_pass_through_reaches_the_real_server_and_is_recorded_once(driver: Driver):
    with Loopback() as server, network() as net, driver.open() as client:
        route = net.post(f"{server.url}/x").pass_through()
        seen = client.send(Send("POST", f"{server.url}/x", content=b"hi"))
        assert seen.body == b"real: POST /x hi"
        assert seen.header("x-real") == ["yes"]
        assert server.seen == ["POST /x"]
        assert route.count == net.count == 1
        call = net.calls.last
        assert call.passed_through
        assert call.status == 200
        assert call.response is not None
        assert call.response.body == b"real: POST /x hi"
        assert call.response.headers["x-real"] == "yes"


@every_driver
@pytest.mark.usefixtures("layer")
def test_a_loopback_server_that_no_route_names_passes_by_itself_and_is_logged(driver: Driver):
    with Loopback() as server, network() as net, driver.open() as client:
        for n in range(3):
            assert client.send(Send(url=f"{server.url}/{n}")).body == b"real: GET /%d" % n
        assert [call.passed_through for call in net.calls] == [True] * 3
        assert server.connections == (1 if driver.pools else 3)


@every_driver
@pytest.mark.usefixtures("layer")
def test_stubbed_and_real_requests_take_turns_on_one_host(driver: Driver):
    with Loopback() as server, network() as net, driver.open() as client:
        net.any().pass_through()
        net.get(f"{server.url}/stub").reply(text="stub")
        bodies = [client.send(Send(url=server.url + path)).body for path in ("/real", "/stub", "/real", "/stub")]
        assert bodies == [b"real: GET /real", b"stub", b"real: GET /real", b"stub"]
        assert server.seen == ["GET /real"] * 2
        assert net.count == 4


@every_driver
@pytest.mark.usefixtures("layer")
def test_a_client_with_a_live_real_connection_from_before_is_answered_too(driver: Driver):
    with Loopback() as server, driver.open() as client:
        assert client.send(Send(url=f"{server.url}/before")).body == b"real: GET /before"
        with network() as net:
            net.get(f"{server.url}/x").reply(text="stub")
            assert client.send(Send(url=f"{server.url}/x")).body == b"stub"
            with pytest.raises(UnmatchedRequest):
                client.send(Send(url=f"{server.url}/before"))
        assert server.seen == ["GET /before"]


@every_driver
def test_after_the_scope_a_client_reaches_the_real_server_again(driver: Driver, layer: str):
    with Loopback() as server, driver.open() as client:
        for _ in range(2):
            with network() as net:
                net.get(f"{server.url}/x").reply(text="stub")
                assert client.send(Send(url=f"{server.url}/x")).body == b"stub"
            if layer == "wire" and not getattr(driver, "looks_first", True):
                with pytest.raises(driver.raises[Fault.EMPTY_RESPONSE].kind):  # as of any peer that has hung up
                    client.send(Send(url=f"{server.url}/x"))
            assert client.send(Send(url=f"{server.url}/x")).body == b"real: GET /x"
        assert server.seen == ["GET /x"] * 2


# Scopes


@every_driver
@pytest.mark.usefixtures("layer")
def test_a_client_made_before_the_scope_is_answered(driver: Driver):
    with driver.open() as client, network() as net:
        net.get(URL).reply(text="x")
        assert client.send(Send()).body == b"x"


@every_driver
@pytest.mark.usefixtures("layer")
def test_a_kept_connection_asks_the_scope_that_is_open_now(driver: Driver):
    with driver.open() as client:
        for n in range(3):
            with network() as net:
                net.get(URL).reply(text=str(n))
                assert client.send(Send()).body == str(n).encode()
                assert net.count == 1


@every_driver
@pytest.mark.usefixtures("layer")
def test_an_inner_scope_is_asked_first_and_blanks_nothing(driver: Driver):
    with network() as outer, driver.open() as client:
        outer.get(URL).reply(text="outer")
        outer.get("https://api.test/outer").reply(text="outer")
        with network() as inner:
            inner.get(URL).reply(text="inner")
            assert client.send(Send()).body == b"inner"
            assert client.send(Send(url="https://api.test/outer")).body == b"outer"
        assert client.send(Send()).body == b"outer"


@every_driver
@pytest.mark.usefixtures("layer")
def test_threads_and_thread_pools_find_their_network(driver: Driver):
    def fetch() -> bytes:
        with driver.open() as client:
            return client.send(Send()).body

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: n, range(4)))  # threads older than the network
        with network() as net:
            net.get(URL).reply(text="x")
            assert [task.result() for task in [pool.submit(fetch) for _ in range(4)]] == [b"x"] * 4
            found: list[bytes] = []
            threads = [threading.Thread(target=lambda: found.append(fetch())) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert found == [b"x"] * 3
            assert net.count == 7


@every_driver
@pytest.mark.usefixtures("layer")
def test_two_networks_in_two_threads_do_not_see_each_other(driver: Driver):
    both_open = threading.Barrier(2, timeout=5)

    def work(text: str) -> tuple[bytes, int]:
        with network() as net, driver.open() as client:
            both_open.wait()
            net.get(URL).reply(text=text)
            body = client.send(Send()).body
            both_open.wait()
            return body, net.count

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["one", "two"])) == [(b"one", 1), (b"two", 1)]


@every_driver
@pytest.mark.usefixtures("layer")
def test_what_a_function_raises_reaches_the_caller_as_it_is(driver: Driver):
    class Boom(TypeError):
        pass

    def answer(request: object) -> None:
        raise Boom("mine")

    with network() as net, driver.open() as client:
        net.get(URL).reply(answer)
        with pytest.raises(Boom, match=r"^mine$"):
            client.send(Send())
        assert isinstance(net.calls.last.error, Boom)


@every_driver
@pytest.mark.usefixtures("layer")
def test_an_exception_of_the_application_reaches_the_caller_as_it_is(driver: Driver):
    class Boom(OSError):
        pass

    with network() as net, driver.open() as client:
        net.get(URL).fail(Boom("mine"))
        for _ in range(2):
            with pytest.raises(Boom, match=r"^mine$") as caught:
                client.send(Send())
            assert type(caught.value) is Boom
