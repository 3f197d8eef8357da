"""Faults while the request is still coming: a large upload fails as it does without a connection."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
import requests

from netdouble import Fault, Network

BODY = b"x" * 30_000_000  # more than any buffer takes
SEND: dict[str, Callable[[str, float], object]] = {
    "httpx": lambda url, timeout: httpx.post(url, content=BODY, timeout=timeout, trust_env=False),
    "requests": lambda url, timeout: requests.post(url, data=BODY, timeout=timeout, proxies={"all": ""}),
}


def raised(send: Callable[[str, float], object], url: str, timeout: float) -> Exception:
    with pytest.raises((httpx.HTTPError, requests.RequestException)) as caught:
        send(url, timeout)
    return caught.value


@pytest.mark.parametrize("fault", [Fault.WRITE_TIMEOUT, Fault.RESET_IN_REQUEST, Fault.CLOSE_IN_REQUEST], ids=str)
@pytest.mark.parametrize("client", SEND)
def test_an_upload_fails_as_without_a_connection(client, fault):
    timeout = 0.5 if fault is Fault.WRITE_TIMEOUT else 30
    with Network() as net:
        net.post("http://api.test/a").fail(fault)
        without = raised(SEND[client], "http://api.test/a", timeout)

    net = Network()
    route = net.post("http://api.test/a").fail(fault)
    with net.serve("http://api.test") as server:
        over = raised(SEND[client], f"{server.url}/a", timeout)
        assert (type(over), [type(each) for each in over.args]) == (
            type(without),
            [type(each) for each in without.args],
        )
        assert route.count == 1
        assert 0 < len(route.last.raw) < len(BODY)
