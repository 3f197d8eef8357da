"""The user service: retries are urllib3's own, and so are the exceptions."""

from __future__ import annotations

import pytest

from netdouble import Fault, Network
from shop.users import USERS, Users, UsersDown


def test_a_user_is_fetched_as_json(net: Network) -> None:
    user = net.get(f"{USERS}/users/7").reply(json={"id": 7, "name": "Ada"})

    assert Users().fetch(7) == {"id": 7, "name": "Ada"}
    assert user.last.request.headers["accept"] == "application/json"


def test_a_missing_user_is_none(net: Network) -> None:
    net.get(f"{USERS}/users/{{id:int}}").reply(404)

    assert Users().fetch(8) is None


@pytest.mark.net(retry_wait="skip")
def test_a_service_that_recovers_is_asked_again(net: Network) -> None:
    user = net.get(f"{USERS}/users/7").reply(503).repeat(2).then(json={"id": 7})

    assert Users().fetch(7) == {"id": 7}
    assert [call.response.status for call in user.calls if call.response] == [503, 503, 200]


@pytest.mark.net(retry_wait="skip")
@pytest.mark.parametrize("fault", [Fault.CONNECT_TIMEOUT, Fault.CONNECT_REFUSED, Fault.RESET, Fault.READ_TIMEOUT])
def test_an_outage_is_users_down_after_three_retries(net: Network, fault: Fault) -> None:
    user = net.get(f"{USERS}/users/7").fail(fault)

    with pytest.raises(UsersDown):
        Users().fetch(7)
    assert user.count == 4
