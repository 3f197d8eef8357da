"""One test at three layers: stubs in the client, on the wire below it, and on a server beside it.

The application and the route are the same; what changes is how much of what runs in production runs here.
"""

from __future__ import annotations

import pytest

from netdouble import Network
from shop.users import USERS, Users

LAYERS = [
    pytest.param("transport", marks=pytest.mark.net(layer="transport")),
    pytest.param("wire", marks=pytest.mark.net(layer="wire")),
    pytest.param("server", marks=pytest.mark.net(layer="transport")),
]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_flaky_service_is_asked_again(net: Network, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = net.get(f"{USERS}/users/7").reply(503).then(json={"id": 7})
    url = USERS
    if layer == "server":  # as for a program that is not in this process
        server = net.serve(USERS, tls=True)
        url = server.url
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.ca_file)

    assert Users(url).fetch(7) == {"id": 7}

    assert [call.status for call in user.calls] == [503, 200]
    print(f"{net.calls}\nover {user.last.connection or 'no connection: bytes in memory'}")
