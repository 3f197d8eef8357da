"""What fails a test at its end, what does not, and that it never hides the test's own failure."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

# What a test does -> how it ends, and a line of the report.
CASES = {
    "a used route": ("""
        def test_it(net):
            net.get(URL).reply(text="hello")
            assert fetch() == "hello"
        """, {"passed": 1}, ""),
    "an unused route": ("""
        def test_it(net):
            net.get(URL).reply()
        """, {"failed": 1}, "*a route was never used*"),
    "an unused route, declared by a helper": ("""
        def given(net):
            net.get(URL).reply()
        def test_it(net):
            given(net)
        """, {"failed": 1}, "*a route was never used*"),
    "an unused route of a fixture": ("""
        @pytest.fixture
        def api(net):
            net.get(URL).reply()
        def test_it(api):
            pass
        """, {"passed": 1}, ""),
    "an unused route of a fixture asked for in the call": ("""
        @pytest.fixture
        def api(net):
            net.get(URL).reply()
        def test_it(request):
            request.getfixturevalue("api")
        """, {"passed": 1}, ""),
    "an unused route of the call, after such a fixture": ("""
        @pytest.fixture
        def api(net):
            net.get(URL).reply()
        def test_it(request, net):
            request.getfixturevalue("api")
            net.get("http://other.test/").reply()
        """, {"failed": 1}, "*a route was never used*"),
    "a network that setUp leaves open": ("""
        import unittest
        from netdouble import _active
        class TestIt(unittest.TestCase):
            def setUp(self):
                self.net = Network().start()
            def test_a(self):
                self.net.get(URL).reply(text="hello")
                assert fetch() == "hello"
        def test_b():
            assert _active.opened() == []
        """, {"passed": 2, "errors": 1}, "*started at test_*.py:*"),
    "a network that the test leaves open, and its unused route": ("""
        def test_it():
            Network().start().get(URL).reply()
        """, {"passed": 1, "errors": 1}, "*a route was never used*"),
    "networks that are stopped late, or by whoever started them": ("""
        import unittest
        from netdouble import _active
        class TestIt(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.net = Network().start()
            @classmethod
            def tearDownClass(cls):
                cls.net.stop()
            def test_a(self):
                assert len(_active.opened()) == 1
            def test_b(self):
                assert len(_active.opened()) == 1
        def test_it(request):
            request.addfinalizer(Network().start().stop)
        @pytest.fixture(scope="session")
        def api():
            net = Network().start()
            yield net
            net.stop()
        def test_c(request):
            request.getfixturevalue("api")
        def test_d():
            assert len(_active.opened()) == 1
        """, {"passed": 5}, ""),
    "an unused route of setup_method": ("""
        class TestIt:
            @pytest.fixture(autouse=True)
            def given(self, net):
                self.net = net
            def setup_method(self):
                Network().get(URL).reply()
            def test_it(self):
                pass
        """, {"passed": 1}, ""),
    "an unused route of setUp": ("""
        import unittest
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def given(self, net):
                self.net = net
            def setUp(self):
                self.net.get(URL).reply()
            def test_it(self):
                pass
        """, {"passed": 1}, ""),
    "an unused route of a unittest": ("""
        import unittest
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def given(self, net):
                self.net = net
            def test_it(self):
                self.net.get(URL).reply()
        """, {"failed": 1}, "*a route was never used*"),
    "an optional route": ("""
        def test_it(net):
            net.get(URL).reply().optional()
        """, {"passed": 1}, ""),
    "a budget half used": ("""
        def test_it(net):
            net.get(URL).reply().times(2)
            fetch()
        """, {"failed": 1}, "*1 of 2*"),
    "a route without an answer": ("""
        def test_it(net):
            net.get(URL)
        """, {"failed": 1}, "*http://api.test/*"),
    "an unmatched request": ("""
        def test_it(net):
            fetch()
        """, {"failed": 1}, "*no route answers*"),
    "a swallowed unmatched request": ("""
        def test_it(net):
            hide(fetch)
        """, {"failed": 1}, "*an unmatched request was swallowed*"),
    "one that was swallowed thrice": ("""
        def test_it(net):
            for _ in range(3): hide(fetch)
        """, {"failed": 1}, "*swallowed 3 times*"),
    "one that pytest.raises caught": ("""
        def test_it(net):
            with pytest.raises(UnmatchedRequest):
                fetch()
        """, {"passed": 1}, ""),
    "one that the test caught": ("""
        def test_it(net):
            try:
                fetch()
            except UnmatchedRequest:
                pass
        """, {"passed": 1}, ""),
    "one that assertRaises caught": ("""
        import unittest
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def given(self, net):
                pass
            def test_it(self):
                with self.assertRaises(UnmatchedRequest):
                    fetch()
        """, {"passed": 1}, ""),
    "one swallowed in a thread": ("""
        import threading
        def test_it(net):
            thread = threading.Thread(target=hide, args=(fetch,))
            thread.start()
            thread.join()
        """, {"failed": 1}, "*swallowed*"),
    "one swallowed by a fixture": ("""
        @pytest.fixture
        def api(net):
            hide(fetch)
        def test_it(api):
            pass
        """, {"failed": 1}, "*swallowed*"),
    "one swallowed by a fixture's teardown": ("""
        @pytest.fixture
        def api(net):
            yield
            hide(fetch)
        def test_it(api):
            pass
        """, {"passed": 1, "errors": 1}, "*swallowed*"),
    "a swallowed refused connection": ("""
        def test_it(net):
            hide(leave)
        """, {"failed": 1}, "*a refused connection was swallowed*"),
    "a refused connection": ("""
        def test_it(net):
            leave()
        """, {"failed": 1}, "*NetworkBlocked*"),
    "a skip": ("""
        def test_it(net):
            net.get(URL).reply()
            hide(fetch, "http://other.test/")
            pytest.skip("not today")
        """, {"skipped": 1}, ""),
    "an expected failure": ("""
        @pytest.mark.xfail
        def test_it(net):
            net.get(URL).reply()
            assert False
        """, {"xfailed": 1}, ""),
    "an expected failure that passed": ("""
        @pytest.mark.xfail
        def test_it(net):
            net.get(URL).reply()
        """, {"xpassed": 1}, ""),
    "a strict expected failure that passed": ("""
        @pytest.mark.xfail(strict=True)
        def test_it(net):
            net.get(URL).reply()
        """, {"failed": 1}, "*XPASS(strict)*"),
    "a skipped unittest": ("""
        import unittest
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def given(self, net):
                net.get(URL).reply()
            def test_it(self):
                hide(fetch, "http://other.test/")
                self.skipTest("not today")
        """, {"skipped": 1}, ""),
    "a network of the test's own": ("""
        def test_it():
            with Network() as net:
                net.get(URL).reply()
        """, {"failed": 1}, "*a route was never used*"),
    "a network of setUp": ("""
        import unittest
        class TestIt(unittest.TestCase):
            def setUp(self):
                self.net = Network().start()
                self.addCleanup(self.net.stop)
                self.net.get(URL).reply(text="hello")
            def test_it(self):
                assert fetch() == "hello"
            def test_unused(self):
                self.net.get("http://other.test/").reply()
        """, {"passed": 1, "failed": 1}, "*a route was never used*"),
    "a decorated class": ("""
        @Network()
        class TestIt:
            def test_it(self, net):
                net.get(URL).reply(text="hello")
                assert fetch() == "hello"
            def test_unused(self, net):
                net.get(URL).reply()
        """, {"passed": 1, "failed": 1}, "*a route was never used*"),
    "a hypothesis test": ("""
        from hypothesis import given, settings, HealthCheck, strategies as st
        @settings(suppress_health_check=list(HealthCheck), max_examples=5, database=None, deadline=None)
        @given(st.integers(1, 9))
        def test_it(net, number):
            net.get(URL + str(number)).reply(text="hello")
            assert fetch(URL + str(number)) == "hello"
        """, {"passed": 1}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("source", "outcomes", "line"), CASES.values(), ids=CASES.keys())
def test_each_test_ends_as_it_should(run, source, outcomes, line):
    result = run(source)
    result.assert_outcomes(**outcomes)
    if line:
        result.stdout.fnmatch_lines([line])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


LENIENT = [
    ("unused", "warn", "net.get(URL).reply()", "*NetworkWarning: a route was never used*"),
    ("unused", "off", "net.get(URL).reply()", ""),
    ("swallowed", "warn", "hide(fetch)", "*NetworkWarning: an unmatched request was swallowed*"),
    ("swallowed", "warn", "hide(leave)", "*NetworkWarning: a refused connection was swallowed*"),
]


@pytest.mark.parametrize(("name", "value", "act", "line"), LENIENT)
def test_a_setting_makes_it_a_warning(run, name, value, act, line):
    result = run(f"def test_it(net):\n    {act}", f"--net-{name}={value}", "-W", "default")
    result.assert_outcomes(passed=1, warnings=int(bool(line)))
    if line:
        result.stdout.fnmatch_lines([line])


# What a report of something swallowed says to write, where the code under test swallows it and where the test does.
MEANT = [
    ("fetch", "with pytest.raises(netdouble.UnmatchedRequest)", "fetch()"),
    ("fetch", '@pytest.mark.net(swallowed="warn")', "hide(fetch)"),
    ("leave", "with netdouble.guard.expect_blocked()", "hide(leave)"),
    ("leave", "with netdouble.guard.expect_blocked()", "leave()"),
]


@pytest.mark.parametrize(("function", "advice", "act"), MEANT)
def test_what_the_report_says_to_write_makes_the_test_pass(run, function, advice, act):
    result = run(f"def test_it(net):\n    hide({function})")
    assert advice in next(line for line in result.outlines if "If the test means it: " in line)
    around, within = (f"{advice}:", act) if advice.startswith("with") else ("if True:", act)
    mark = advice if advice.startswith("@") else ""
    source = f"import netdouble\n{mark}\ndef test_it(net):\n    {around}\n        {within}"
    # In a process of its own: nobody has imported the guard there.
    run(source, in_process=False).assert_outcomes(passed=1)


def test_such_a_warning_is_a_failure_where_warnings_are_errors(run):
    result = run("def test_it(net):\n    net.get(URL).reply()", "--net-unused=warn", "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a route was never used*"])


def test_a_test_that_fails_by_itself_keeps_its_error_and_gets_sections(run):
    result = run("""
        def test_it(net):
            net.get(URL).reply(text="hello")
            fetch()
            hide(fetch, "http://other.test/")
            assert "mine" == "yours"
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*AssertionError: assert 'mine' == 'yours'",
        "*- netdouble -*",
        "an unmatched request was swallowed*",
        "*- netdouble calls -*",
        "1. GET http://api.test/ -> 200*",
        "2. GET http://other.test/ -> UnmatchedRequest*",
        "FAILED test_it.py::test_it - AssertionError: assert 'mine' == 'yours'",
    ])  # fmt: skip


def test_a_unittest_that_fails_by_itself_gets_sections_too(run):
    result = run("""
        import unittest
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def given(self, net):
                net.get(URL).reply(text="hello")
            def test_it(self):
                self.assertEqual(fetch(), "bye")
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*AssertionError: 'hello' != 'bye'", "*- netdouble calls -*", "1. GET http://api.test/*"]
    )


def test_a_setup_that_fails_shows_the_calls(run):
    result = run("""
        @pytest.fixture
        def api(net):
            net.get(URL).reply(text="hello")
            assert fetch() == "bye"
        def test_it(api):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- netdouble calls -*", "1. GET http://api.test/ -> 200*"])


def test_of_many_calls_the_last_are_shown(run):
    result = run("""
        def test_it(net):
            net.get(URL).reply(text="hello")
            for _ in range(60):
                fetch()
            assert False
    """)
    result.stdout.fnmatch_lines(["(10 before these)", "11. GET*", "60. GET*"])
    result.stdout.no_fnmatch_line("10. GET*")


def test_the_summary_says_in_a_line_why(run):
    result = run("def test_it(net):\n    net.get(URL).reply()")
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_it - netdouble*UnmetExpectation: a route*"])


def test_the_debugger_and_other_plugins_are_given_the_error(run):
    result = run(
        "def test_it(net):\n    net.get(URL).reply()",
        conftest="""
            def pytest_exception_interact(node, call, report):
                print("interact", call.excinfo.typename)
        """,
    )
    result.stdout.fnmatch_lines(["*interact UnmetExpectation*"])


def test_a_problem_of_one_test_is_not_laid_on_the_next(run):
    result = run(
        """
        def test_one(net_module):
            hide(fetch)
            net_module.get("http://other.test/").reply()
        def test_two(net_module):
            pass
        def test_three(net_session, net_module, net):
            hide(leave)
        def test_four(net):
            pass
    """,
        "-rN",
    )  # without the summary, which repeats whole texts where CI is set
    result.assert_outcomes(passed=2, failed=2)
    assert result.stdout.str().count(" was swallowed: ") == 2
