"""Faults: each client raises its own exception, exactly as the real wire makes it raise. The wire is the oracle."""

from __future__ import annotations

import re
import socket
import time
from typing import Any

import pytest
from tests.clients.conformance.drivers import URL, Driver, Send, all_drivers, drivers_on_uvloop
from tests.clients.conformance.servers import real_fault

from netdouble import Fault, Network, Response
from netdouble._codec.socket_errors import read_error

# On trio httpx and httpcore leave generators behind when they fail, on the real wire alike.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")

DRIVERS = all_drivers()
every_driver = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
# On uvloop too, where every name is stubbed and no time is real: the C library would look up the others, and a loop of
# uvloop that closes waits for ever for a peer that reads nothing. On the wire fidelity/ has the rest of the grid there.
every_driver_and_loop = pytest.mark.parametrize(
    "driver", [*DRIVERS, *drivers_on_uvloop()], ids=lambda driver: driver.name
)
# Those that http.client notices, the lowest of the clients; what others refuse is not always known to the call.
NOTED = [fault for fault in Fault if read_error(fault) is not None or fault.before_request]
every_fault = pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)


# More than two ends of a connection can hold between them: the client is still sending when it goes wrong.
LARGE = b"x" * 24_000_000


def _request(fault: Fault, **more: Any) -> Send:
    """A request on which `fault` shows."""
    return Send("POST", content=LARGE, **more) if fault.position == "request body" else Send(**more)


def _failure(driver: Driver, send: Send) -> BaseException | None:
    with driver.open() as client:
        try:
            client.send(send)
        except Exception as error:
            return error
    return None


@every_driver_and_loop
@every_fault
def test_a_fault_raises_the_clients_own_exception_at_once(driver: Driver, fault: Fault):
    with Network() as net:
        route = net.any(URL).fail(fault)
        begun = time.monotonic()
        error = _failure(driver, _request(fault))  # of a timeout of 5 s
        assert time.monotonic() - begun < 4.5
        assert type(error) is driver.raises[fault].kind
        assert re.search(driver.raises[fault].text, str(error)), str(error)
        assert route.count == 1
        if fault in NOTED:
            assert route.last.error is not None


@every_driver
@every_fault
def test_the_real_wire_raises_the_same_with_the_same_text(
    driver: Driver, fault: Fault, monkeypatch: pytest.MonkeyPatch
):
    # Short where the client's time is what runs out; else long, for a busy machine.
    timeout = 0.3 if fault.effect in {"timeout", "stall"} else 5.0
    if fault is Fault.DNS:  # no lookup leaves this machine: what the resolver says is said here

        def unknown(*args: object, **kwargs: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", unknown)
            real = _failure(driver, Send(url="http://api.invalid/users/7", timeout=timeout))
    else:
        with real_fault(fault) as url:
            real = _failure(driver, _request(fault, url=url, timeout=timeout))
    assert type(real) is driver.raises[fault].kind
    url = f"http{'s' * (fault.position == 'handshake')}://api.test/users/7"
    with Network() as net:
        net.any(url).fail(fault)
        stubbed = _failure(driver, _request(fault, url=url, timeout=timeout))
    assert _text(stubbed) == _text(real)


@every_driver
@every_fault
def test_a_fault_at_the_layer_wire_raises_the_same(driver: Driver, fault: Fault):
    timeout = 0.3 if fault.effect in {"timeout", "stall"} else 30.0  # time is real there
    # TLS only where it is the point: before 3.12.3 CPython takes a reset below it for an orderly end (gh-115627).
    url = URL if fault.position == "handshake" else URL.replace("https", "http")
    with Network(layer="wire", unused="off") as net:
        route = net.any(url).fail(fault)
        error = _failure(driver, _request(fault, url=url, timeout=timeout))
        assert type(error) is driver.raises[fault].kind
        if fault.position != "request body":  # how far a client is when it hears of those is chance
            known = driver.raises[fault].text.replace("The read operation ", "").replace("443", r"\d+")
            assert re.search(known.replace(r"5\.0", str(timeout)), str(error)), str(error)
        # A client that goes while it still sends closes its connection later, and the call is opened then.
        assert route.count == 1 or fault is Fault.WRITE_TIMEOUT


def _text(error: BaseException | None) -> str:
    """What an error says, without what must differ: names, ports, addresses, lines of CPython's source."""
    text = re.sub(r"127\.0\.0\.1|api\.invalid|api\.test", "HOST", str(error))
    return re.sub(r"(HOST:|port=|'HOST', )\d+|HOST(?=/)|0x\w+|_ssl\.c:\d+", "", text)


@every_driver
@pytest.mark.parametrize("fault", [Fault.TRUNCATED_BODY, Fault.RESET_IN_BODY, Fault.READ_TIMEOUT_IN_BODY])
def test_a_fault_in_the_body_cuts_off_the_response_it_is_given(driver: Driver, fault: Fault):
    with Network() as net:
        net.get(URL).fail(fault, response=Response(201, stream=["first", "second"]))
        error = _failure(driver, Send())
        assert error is not None
        assert type(error) is driver.raises[fault].kind or driver.raises[fault].kind is type(None)


@every_driver
def test_a_tls_fault_on_a_plain_url_resets_the_connection(driver: Driver):
    with Network() as net:
        net.get("http://api.test/").fail(Fault.TLS)
        error = _failure(driver, Send(url="http://api.test/"))
        assert type(error) is driver.raises[Fault.RESET].kind


@every_driver
def test_a_connect_fault_leaves_a_client_that_works(driver: Driver):
    with Network() as net, driver.open() as client:
        net.get(URL).fail(Fault.CONNECT_REFUSED).then(text="x")
        with pytest.raises(driver.raises[Fault.CONNECT_REFUSED].kind):
            client.send(Send())
        assert client.send(Send()).body == b"x"


@every_driver
def test_a_fault_after_a_kept_connection(driver: Driver):
    with Network() as net, driver.open() as client:
        net.get(URL).reply(text="x").then(Fault.DNS).then(text="y")
        assert client.send(Send()).body == b"x"
        with pytest.raises(driver.raises[Fault.DNS].kind):
            client.send(Send())
        assert client.send(Send()).body == b"y"
