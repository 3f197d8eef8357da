"""Scenarios: which routes answer in which state, what answering changes, and what a report says of it."""

from __future__ import annotations

import threading

import pytest
from tests.core.asking import ask, status

from netdouble import DeclarationError, Network, UnmatchedRequest

ORDER = "https://shop.test/orders/7"


def order_flow(net):
    net.scenario(start="new")
    net.get(ORDER, when="new").reply(json="new").optional()
    net.post(f"{ORDER}/pay", when="new", then_state="paid").reply(204)
    net.get(ORDER, when="paid").reply(json="paid").optional()


def shown(net):
    call = ask("GET", ORDER)
    return call.json()


def test_a_route_answers_in_its_state_and_answering_changes_it():
    with Network(unused="off") as net:
        order_flow(net)
        assert shown(net) == "new"
        ask("POST", f"{ORDER}/pay")
        assert shown(net) == "paid"
        assert net.scenario().state == "paid"


def test_a_route_without_when_answers_in_every_state_and_may_set_one():
    with Network(unused="off") as net:
        net.get(ORDER, then_state="seen").reply(200)
        net.get(f"{ORDER}/history", when="seen").reply(201)
        ask("GET", ORDER)
        ask("GET", ORDER)
        assert status("GET", f"{ORDER}/history") == 201


def test_it_begins_in_the_state_started():
    with Network(unused="off") as net:
        net.get(ORDER, when="started").reply(200)
        assert status("GET", ORDER) == 200
        assert repr(net.scenario()) == "<Scenario '' in state 'started'>"


def test_scenarios_of_two_names_know_nothing_of_each_other():
    with Network(unused="off") as net:
        net.post(ORDER, scenario="order", then_state="paid").reply(204)
        net.get(ORDER, scenario="order", when="paid").reply(200)
        net.get(ORDER, scenario="cart", when="started").reply(201)
        ask("POST", ORDER)
        assert net.scenario("cart").state == "started"
        assert net.scenario("order").state == "paid"


def test_a_state_can_be_set_and_reset_by_hand():
    with Network(unused="off") as net:
        order_flow(net)
        order = net.scenario()
        order.state = "paid"
        assert shown(net) == "paid"
        order.reset()
        assert shown(net) == "new"
        with pytest.raises(DeclarationError, match=r"no route knows a state 'payed'. States .*: 'new', 'paid'"):
            order.state = "payed"


def test_reset_forgets_the_states_too():
    net = Network(unused="off")
    order_flow(net)
    with net:
        net.scenario().state = "paid"
        net.reset()
        assert shown(net) == "new"


def test_each_entry_of_a_network_begins_anew():
    net = Network(unused="off")
    order_flow(net)
    with net:
        ask("POST", f"{ORDER}/pay")
    with net:
        assert shown(net) == "new"


def test_a_route_out_of_its_state_leaves_the_request_to_an_outer_network():
    with Network(unused="off") as outer:
        outer.get(ORDER).reply(200)
        with Network(unused="off") as inner:
            inner.get(ORDER, when="paid").reply(201)
            assert status("GET", ORDER) == 200


def test_a_view_takes_states_too():
    with Network(unused="off") as net:
        api = net.at("https://shop.test")
        api.get("/a", when="started", then_state="b").reply(200)
        ask("GET", "https://shop.test/a")
        assert net.scenario().state == "b"


def test_a_report_says_in_which_state_it_would_match():
    with Network(unused="off", swallowed="warn") as net:
        order_flow(net)
        net.get(f"{ORDER}/parcel", scenario="parcel", when="sent").reply(200)
        net.scenario().state = "paid"
        with pytest.raises(UnmatchedRequest, match="it would match in state 'new'; the state is 'paid'"):
            ask("POST", f"{ORDER}/pay")
        with pytest.raises(UnmatchedRequest, match="in state 'sent' of scenario 'parcel'; the state is 'started'"):
            ask("GET", f"{ORDER}/parcel")


WRONG = [
    ({"when": ""}, "when= is a name, not ''"),
    ({"then_state": 1}, "then_state= is a name, not 1"),
    ({"scenario": "order"}, "scenario='order' alone changes nothing"),
]


@pytest.mark.parametrize(("options", "text"), WRONG)
def test_a_wrong_declaration_fails_where_it_stands(options, text):
    with pytest.raises(DeclarationError, match=text):
        Network().get(ORDER, **options)


def test_one_of_many_threads_takes_the_step():
    with Network(unused="off") as net:
        net.post(ORDER, when="started", then_state="taken").reply(204)
        net.post(ORDER, when="taken").reply(409)
        statuses: list[int] = []
        go = threading.Barrier(8)

        def take():
            go.wait()
            statuses.extend(status("POST", ORDER) for _ in range(20))

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses.count(204) == 1
        assert statuses.count(409) == 159
