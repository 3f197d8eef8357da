"""The fixtures: how they nest, how long they live, and what stands beside them."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def test_the_first_test_of_the_readme(run):
    result = run("""
        import requests
        def test_fetch(net):
            net.get("https://api.example.com/users/7").reply(json={"id": 7})
            assert requests.get("https://api.example.com/users/7").json() == {"id": 7}
    """)
    result.assert_outcomes(passed=1)


def test_netdouble_is_the_same_network_under_another_name(run):
    result = run("""
        def test_it(net, netdouble):
            assert net is netdouble
    """)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("names", ["net, netdouble", "netdouble, net"])
def test_a_suite_that_has_a_fixture_net_asks_for_netdouble(run, names):
    result = run(f"""
        @pytest.fixture
        def net():
            return "the suite's own"
        @pytest.fixture
        def declared(netdouble):
            return netdouble.get(URL).reply(text="hello")
        def test_it({names}, declared):
            assert net == "the suite's own"
            assert fetch() == "hello"
            assert netdouble.count == 1
        def test_unused(netdouble):
            netdouble.get(URL).reply()
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*a route was never used*"])


def test_the_two_names_can_be_asked_for_in_any_order(run):
    result = run("""
        def test_it(netdouble, net):
            assert net is netdouble
            net.get(URL).reply(text="hello")
            assert fetch() == "hello"
        def test_next(net):
            assert not net.routes
    """)
    result.assert_outcomes(passed=2)


def test_a_test_asks_its_own_network_first_then_the_modules_then_the_sessions(run):
    result = run("""
        @pytest.fixture(scope="session", autouse=True)
        def whole(net_session):
            for path in "abc":
                net_session.get(URL + path).reply(text="session")
        @pytest.fixture(scope="module", autouse=True)
        def part(net_module, whole):
            for path in "ab":
                net_module.get(URL + path).reply(text="module")
        def test_one(net):
            net.get(URL + "a").reply(text="test")
            assert [fetch(URL + path) for path in "abc"] == ["test", "module", "session"]
        def test_two():
            assert [fetch(URL + path) for path in "abc"] == ["module", "module", "session"]
        def test_the_log(net_session, net_module):
            assert (net_session.count, net_module.count) == (2, 5)  # what a network inside answered is not seen
            with pytest.raises(UnmatchedRequest):
                fetch(URL + "d")
    """)
    result.assert_outcomes(passed=3)


def test_routes_and_calls_end_with_their_fixture(run):
    result = run("""
        def test_one(net):
            net.get(URL).reply(text="hello")
            assert fetch() == "hello"
        def test_two(net):
            assert net.count == 0
            with pytest.raises(UnmatchedRequest):
                fetch()
    """)
    result.assert_outcomes(passed=2)


def test_a_fixture_that_uses_the_network_in_its_teardown_still_finds_it(run):
    result = run("""
        @pytest.fixture
        def api(net):
            route = net.get(URL).reply(text="bye")
            yield route
            assert fetch() == "bye"
        def test_it(api):
            assert not api.called
    """)
    result.assert_outcomes(passed=1)


def test_a_network_in_a_test_stands_in_the_fixtures(run):
    result = run("""
        def test_it(net):
            net.get(URL + "outer").reply(text="outer")
            with Network() as inner:
                inner.get(URL + "inner").reply(text="inner")
                assert [fetch(URL + path) for path in ("inner", "outer")] == ["inner", "outer"]
            with pytest.raises(UnmatchedRequest):
                fetch(URL + "inner")
    """)
    result.assert_outcomes(passed=1)


def test_threads_and_pools_belong_to_the_test_that_started_them(run):
    result = run("""
        import threading
        from concurrent.futures import ThreadPoolExecutor
        go = threading.Event()
        errors = []
        def late():
            go.wait(5)
            try:
                fetch()
            except Exception as error:
                errors.append(error)
        thread = threading.Thread(target=late)
        def test_one(net):
            net.get(URL).reply(text="hello")
            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(fetch, [URL] * 4)) == ["hello"] * 4
            thread.start()
        def test_two(net):
            net.get(URL).reply(text="hello").optional()
            go.set()
            thread.join()
            assert isinstance(errors[0], ScopeClosed)
            assert "test_it.py::test_one" in str(errors[0])
            assert net.count == 0
    """)
    result.assert_outcomes(passed=2)


UNITTEST = """
    import unittest
    @pytest.mark.usefixtures("net")
    @pytest.mark.net(unmatched="outage")
    class TestByMarker(unittest.TestCase):
        def test_it(self):
            with self.assertRaises(OSError):
                fetch()
    class TestByFixture(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def given(self, net):
            self.net = net
        def test_it(self):
            self.net.get(URL).reply(text="hello")
            self.assertEqual(fetch(), "hello")
    class TestByItself(unittest.TestCase):
        def setUp(self):
            self.net = self.enter()
        def enter(self):
            net = Network()
            net.__enter__()
            self.addCleanup(net.__exit__, None, None, None)
            return net
        def test_it(self):
            self.net.get(URL).reply(text="hello")
            self.assertEqual(fetch(), "hello")
"""


def test_unittest_classes_are_served_by_marker_fixture_and_network(run):
    run(UNITTEST).assert_outcomes(passed=3)


CLOCKS = {
    "freezegun": """
        import freezegun, datetime
        @freezegun.freeze_time("2020-01-01")
        def test_it(net):
            net.get(URL).reply(text="hello", delay=0.01)
            assert fetch() == "hello"
            assert datetime.date.today().year == 2020
        """,
    "time-machine": """
        import time_machine, time
        @time_machine.travel(0, tick=False)
        def test_it(net):
            net.get(URL).reply(text="hello", delay=0.01)
            assert fetch() == "hello"
            assert time.time() == 0
        """,
}


@pytest.mark.parametrize("source", CLOCKS.values(), ids=CLOCKS.keys())
def test_a_clock_that_stands_still_changes_nothing(run, source):
    # In a process of its own: freezegun looks into every loaded module, and some send requests when looked at.
    run(source, "-W", "default", in_process=False).assert_outcomes(passed=1)


def test_a_timeout_of_pytest_timeout_ends_a_test_as_ever(run):
    result = run("""
        import time
        @pytest.mark.timeout(0.1, func_only=True)
        def test_one(net):
            net.get(URL).reply(text="hello")
            fetch()
            time.sleep(5)
        def test_two(net):
            net.get(URL).reply(text="hello")
            assert fetch() == "hello"
    """, plugins=["pytest_timeout"])  # fmt: skip
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*Timeout*", "*- netdouble calls -*"])


def test_random_order_and_workers_and_reruns_in_one_process_change_nothing(run):
    result = run("""
        @pytest.mark.parametrize("number", range(20))
        def test_it(net, number):
            net.get(f"{URL}{number}").reply(text=str(number))
            assert fetch(f"{URL}{number}") == str(number)
    """, "-n2", plugins=["xdist", "pytest_randomly"])  # fmt: skip
    result.assert_outcomes(passed=20)


def test_errors_cross_from_workers_whole(run):
    result = run("""
        def test_unmatched(net):
            fetch()
        def test_blocked(net):
            leave()
        def test_unused(net):
            net.get(URL).reply()
    """, "-n1", plugins=["xdist"])  # fmt: skip
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines_random([
        "*UnmatchedRequest: no route answers*",
        "*NetworkBlocked: a real connection was refused*",
        "*a route was never used*",
        "FAILED test_it.py::test_unused - netdouble*UnmetExpectation: a route*",
    ])  # fmt: skip
