"""Fails on purpose, for `make demo`: the stub has a typing error, and the report says where."""

from __future__ import annotations

from netdouble import Network
from shop.users import USERS, Users


def test_fetch_user(net: Network) -> None:
    net.get(f"{USERS}/user/{{id}}").reply(json={"id": 7, "name": "Ada"})

    assert Users().fetch(7) == {"id": 7, "name": "Ada"}
