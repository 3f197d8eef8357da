"""A facade's scope lets alone what its peer does not know: real connections are judged by what is around it."""

import pytest

from netdouble import Network, NetworkBlocked
from netdouble._gate import guard
from netdouble.facades import respx


def ask():
    guard.JUDGE.admit("lookup", "elsewhere.invalid", 80)


def test_a_facade_guards_nothing_by_itself():
    with respx.mock:
        ask()


def test_the_network_around_it_guards():
    with Network(), pytest.raises(NetworkBlocked), respx.mock:
        ask()


def test_a_network_inside_of_it_guards():
    with respx.mock, Network(), pytest.raises(NetworkBlocked):
        ask()
