"""Faults over a server: those that can happen on a connection raise in every client what the wire makes of them.

The oracle is the one of `test_faults.py`, the table of each driver.
"""

from __future__ import annotations

import pytest
from tests.clients.conformance.drivers import URL, Driver, Send, all_drivers
from tests.clients.conformance.pointed import TOLD_AS, pointed
from tests.clients.conformance.test_conformance import network

from netdouble import Fault

LATE = [fault for fault in Fault if fault.position not in {"connect", "handshake"}]


@pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")
@pytest.mark.parametrize("fault", LATE, ids=lambda fault: fault.value)
@pytest.mark.parametrize("driver", all_drivers(), ids=lambda driver: driver.name)
def test_a_fault_over_a_server_raises_what_the_wire_makes_of_it(driver: Driver, fault: Fault):
    # Short where the client's time is what runs out; else long, for a busy machine.
    timeout = 0.3 if fault.effect in {"timeout", "stall"} else 20.0
    with network() as net, pointed(net, driver) as client:
        net.get(f"{URL}/before").reply()
        assert client.send(Send(url=f"{URL}/before", timeout=20.0)).status == 200  # now it is connected
        route = net.any(URL).fail(fault)
        error = None
        try:
            client.send(Send(timeout=timeout))
        except Exception as raised:
            error = raised
        assert type(error) is driver.raises[TOLD_AS.get(fault, fault)].kind
        assert route.count == 1
