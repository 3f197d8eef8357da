"""Opening, closing, nesting, checking: the Network without pytest's help."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import pickle
import unittest
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Event, Thread

import pytest
from tests.core.asking import ask, status

from netdouble import (
    AmbiguousScope,
    Network,
    NetworkWarning,
    Response,
    ScopeClosed,
    UnmatchedRequest,
    UnmetExpectation,
    _active,
)
from netdouble._intercept import catalog

URL = "https://api.test/"


def swallow(url: str = URL) -> None:
    with contextlib.suppress(Exception):  # the code under test that hides everything
        ask("GET", url)


# Entries


def test_routes_declared_before_entry_live_on_and_those_inside_end_with_it():
    net = Network()
    kept = net.get(URL).reply(200)
    with net:
        net.get("https://inside.test/").reply(201).optional()
        assert status("GET", URL) == 200
    assert kept.count == 1
    with net:
        assert kept.count == 0
        assert [str(r) for r in net.routes] == ["GET https://api.test/"]
        assert status("GET", URL) == 200
    assert len(net.calls) == 1


def test_entering_again_nests_with_a_fresh_log_and_budget():
    net = Network()
    route = net.get(URL).reply(200).once()
    with net:
        status("GET", URL)
        with net:
            assert route.count == 0
            status("GET", URL)
            assert route.count == 1
        assert route.count == 1


def test_an_inner_network_never_blanks_an_outer_one():
    with Network() as outer:
        shared = outer.get(URL).reply(200)
        with Network() as inner:
            inner.get(URL).reply(201).once()
            assert [status("GET", URL) for _ in range(3)] == [201, 200, 200]
            assert inner.count == 3
            assert shared.count == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_networks_close_in_any_order(order):
    before = dict(vars(Thread))
    nets = [Network(unused="off").start() for _ in range(3)]
    for depth, net in enumerate(nets):
        net.get(f"https://n{depth}.test/").reply(200 + depth)
    closed = set()
    for which in order:
        nets[which].stop()
        closed.add(which)
        for depth in range(3):
            if depth not in closed:
                assert status("GET", f"https://n{depth}.test/") == 200 + depth
    assert ask("GET", URL) is None
    assert dict(vars(Thread)) == before
    assert not _active.anything_open()


def test_reset_goes_back_to_how_it_was_opened():
    net = Network()
    net.get(URL).reply(200)
    with net:
        net.get("https://b.test/").reply(200)
        status("GET", URL)
        net.reset()
        assert (net.count, len(net.routes)) == (0, 1)
        status("GET", URL)


# Which scope


def test_two_networks_in_two_tasks_do_not_see_each_other():
    async def one(code: int) -> list[int]:
        async with Network() as net:
            net.get(URL).reply(code)
            seen = []
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(status("GET", URL))
            return seen

    async def both() -> list[list[int]]:
        return await asyncio.gather(one(200), one(201))

    assert asyncio.run(both()) == [[200] * 3, [201] * 3]


def test_two_networks_in_two_threads_do_not_see_each_other():
    def one(code: int) -> list[int]:
        with Network() as net:
            net.get(URL).reply(code)
            return [status("GET", URL) for _ in range(20)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, [200, 201])) == [[200] * 20, [201] * 20]


def test_threads_and_pools_find_the_network_they_were_started_in():
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()  # the worker is older than both networks
    outcomes = []

    async def scoped(code: int) -> None:
        async with Network() as net:
            net.get(URL).reply(code)
            await asyncio.sleep(0)
            thread = Thread(target=lambda: outcomes.append(status("GET", URL)))
            thread.start()
            await asyncio.to_thread(thread.join)
            outcomes.append(await asyncio.wrap_future(pool.submit(status, "GET", URL)))

    async def both() -> None:
        await asyncio.gather(scoped(200), scoped(201))

    asyncio.run(both())
    pool.shutdown()
    assert sorted(outcomes) == [200, 200, 201, 201]


def test_a_thread_that_outlives_its_network_is_refused_and_the_network_named():
    go, caught = Event(), []

    def late() -> None:
        go.wait(5)
        try:
            ask("GET", URL)
        except ScopeClosed as error:
            caught.append(str(error))

    with Network():
        thread = Thread(target=late)
        thread.start()
    with Network() as later:
        later.get(URL).reply(200).optional()
        go.set()
        thread.join()
    assert "test_network" in caught[0]


def test_a_task_that_outlives_its_network_is_refused():
    async def main() -> None:
        go = asyncio.Event()

        async def late() -> int:
            await go.wait()
            return status("GET", URL)

        async with Network():
            task = asyncio.ensure_future(late())
            await asyncio.sleep(0)
        async with Network() as later:
            later.get(URL).reply(200).optional()
            go.set()
            with pytest.raises(ScopeClosed):
                await task

    asyncio.run(main())


def test_two_unrelated_networks_and_an_outsider_are_an_error_naming_both():
    caught = []
    go, asked = Event(), Event()

    def outsider() -> None:  # started before either
        go.wait(5)
        try:
            ask("GET", URL)
        except AmbiguousScope as error:
            caught.append(str(error))
        asked.set()

    thread = Thread(target=outsider)
    thread.start()

    async def one(ready: asyncio.Event, other: asyncio.Event) -> None:
        async with Network():
            ready.set()
            await other.wait()
            go.set()
            await asyncio.to_thread(asked.wait, 5)

    async def both() -> None:
        a, b = asyncio.Event(), asyncio.Event()
        await asyncio.gather(one(a, b), one(b, a))

    asyncio.run(both())
    thread.join()
    assert "2 unrelated networks" in caught[0]


def test_fixtures_scopes_hold_wherever_the_scope_they_were_opened_in_does():
    outer, inner = Network(), Network()
    with outer:
        outer.get(URL).reply(200).optional()
        scope = inner.open_scope(bind=False)
        inner.get(URL).reply(201)
        assert status("GET", URL) == 201
        inner.close_scope(scope)
        assert status("GET", URL) == 200


# Checks on leaving


def test_an_unused_route_fails_on_leaving():
    with pytest.raises(UnmetExpectation, match=r"test_network\.py:\d+"), Network() as net:
        net.get(URL).reply(200)


def test_a_budget_half_used_fails_on_leaving():
    with pytest.raises(UnmetExpectation, match="1 of 2"), Network() as net:
        net.get(URL).reply(200).times(2)
        status("GET", URL)


@pytest.mark.parametrize("spare", [lambda r: r.optional(), lambda r: r.times(0)])
def test_optional_and_never_routes_may_stay_unused(spare):
    with Network() as net:
        spare(net.get(URL).reply(200))


def test_unused_may_warn_or_be_ignored():
    with pytest.warns(NetworkWarning, match="api.test"), Network(unused="warn") as net:
        net.get(URL).reply(200)
    with Network(unused="off") as net:
        net.get(URL).reply(200)


def test_a_swallowed_unmatched_request_fails_on_leaving_once_with_a_count():
    with pytest.raises(UnmetExpectation, match="3 times") as caught, Network():
        for _ in range(3):
            swallow()
    assert str(caught.value).count("no route answers") == 1


def test_an_unmatched_request_that_the_test_itself_catches_is_not_swallowed():
    with Network(), pytest.raises(UnmatchedRequest):
        ask("GET", URL)
    with Network():
        case = unittest.TestCase()
        with case.assertRaises(UnmatchedRequest):  # noqa: PT027  # the subject
            ask("GET", URL)
        case.assertRaises(UnmatchedRequest, ask, "GET", URL)  # noqa: PT027


def blanket_except() -> None:
    try:  # noqa: SIM105  # the subject
        ask("GET", URL)
    except Exception:
        pass


def blanket_suppress() -> None:
    with contextlib.suppress(ValueError), contextlib.suppress(OSError, Exception):
        ask("GET", URL)


def by_name() -> None:
    try:
        try:
            ask("GET", URL)
        except ValueError:
            raise
    except (KeyError, UnmatchedRequest):
        pass


def by_base_name_around_a_blanket_that_is_over() -> None:
    try:
        try:
            ask("GET", URL)
        finally:
            contextlib.suppress(Exception)
    except RuntimeError:
        pass


def suppressed_by_name() -> None:
    with contextlib.suppress(UnmatchedRequest):
        ask("GET", URL)


@pytest.mark.parametrize(
    ("caught", "meant"),
    [
        (blanket_except, False),
        (blanket_suppress, False),
        (by_name, True),
        (by_base_name_around_a_blanket_that_is_over, True),
        (suppressed_by_name, True),
    ],
)
def test_the_test_itself_may_catch_by_name_but_a_blanket_swallows(caught, meant):
    net = Network()
    scope = net.open_scope()
    caught()
    net.close_scope(scope)
    assert (not net.problems(scope, caught.__code__)) is meant


def test_outage_answers_an_unmatched_request_with_a_refused_connection():
    from netdouble import Fault

    with Network(unmatched="outage") as net:
        assert ask("GET", URL).fault is Fault.CONNECT_REFUSED
        assert net.calls[0].unmatched


def test_the_checks_never_hide_the_error_of_the_test():
    with pytest.raises(ZeroDivisionError) as caught, Network() as net:
        net.get(URL).reply(200)
        1 / 0  # noqa: B018
    assert "api.test" in caught.value.__notes__[0]


def test_errors_survive_pickling():
    with Network(), pytest.raises(UnmatchedRequest) as caught:
        ask("GET", URL)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.method, again.url, again.client) == (str(caught.value), "GET", URL, "test")


def test_assert_order_and_assert_all_called():
    with Network(unused="off") as net:
        a, b = net.get("https://a.test/").reply(200), net.get("https://b.test/").reply(200)
        ask("GET", "https://b.test/")
        with pytest.raises(UnmetExpectation, match=r"a\.test"):
            net.assert_all_called()
        ask("GET", "https://a.test/")
        net.assert_all_called()
        net.assert_order(b, a)
        with pytest.raises(UnmetExpectation):
            net.assert_order(a, b)


def test_the_log_prints_one_line_a_call():
    with Network() as net:
        net.get(URL).reply(200).named("root")
        ask("GET", URL)
        assert str(net.calls) == '1. GET https://api.test/ -> 200   test   "root"'


def test_the_log_masks_secrets_and_keeps_them_in_the_request():
    with Network() as net:
        net.get(URL).reply(200)
        ask("GET", "https://api.test/?api_key=s3cr3tvalue")
        assert "s3cr3tvalue" not in str(net.calls)
        assert net.calls[0].request.query == (("api_key", "s3cr3tvalue"),)


def test_a_host_that_the_guard_allows_and_no_route_names_passes_through():
    with Network(allow=["db.test:5432"]) as net:
        passed = [ask("GET", "http://127.0.0.1:8000/"), ask("GET", "http://db.test:5432/")]
        assert all(call.passed_through for call in net.calls)
        assert len(passed) == 2
        with pytest.raises(UnmatchedRequest):
            ask("GET", "http://db.test:1/")
        net.get("http://127.0.0.1:8000/named").reply(200).optional()
        with pytest.raises(UnmatchedRequest):
            ask("GET", "http://127.0.0.1:8000/")


# The decorator

double = Network()
double.get(URL).reply(200)


@double
def decorated_function(net, word: str = "x") -> tuple[int, int, str]:
    return status("GET", URL), net.count, word


@double
async def decorated_coroutine(word: str, net) -> tuple[int, int, str]:
    await asyncio.sleep(0)
    return status("GET", URL), net.count, word


@double
def decorated_generator(net):
    yield status("GET", URL)
    yield status("GET", URL)
    return net.count


@double
async def decorated_async_generator():
    yield status("GET", URL)
    await asyncio.sleep(0)
    yield status("GET", URL)


def test_functions_and_coroutines_run_inside_an_entry_each():
    assert decorated_function("w") == (200, 1, "w")
    assert decorated_function(word="v") == (200, 1, "v")
    assert asyncio.run(decorated_coroutine("w")) == (200, 1, "w")
    assert inspect.iscoroutinefunction(decorated_coroutine)
    assert list(inspect.signature(decorated_coroutine).parameters) == ["word"]
    assert ask("GET", URL) is None


def test_one_decorated_coroutine_runs_twice_at_once():
    async def both():
        return await asyncio.gather(decorated_coroutine("a"), decorated_coroutine("b"))

    assert asyncio.run(both()) == [(200, 1, "a"), (200, 1, "b")]


def test_generators_of_both_kinds_stay_what_they_are():
    assert list(decorated_generator()) == [200, 200]
    assert inspect.isgeneratorfunction(decorated_generator)

    async def collect():
        return [item async for item in decorated_async_generator()]

    assert asyncio.run(collect()) == [200, 200]
    assert inspect.isasyncgenfunction(decorated_async_generator)


def test_a_decorated_test_case_keeps_its_tests_and_really_runs_the_async_ones():
    ran = []

    @double
    class Case(unittest.IsolatedAsyncioTestCase):
        def test_sync(self, net):
            ran.append(("sync", status("GET", URL), net.count))

        async def test_async(self):
            await asyncio.sleep(0)
            ran.append(("async", status("GET", URL)))

        async def test_unused(self, net):
            ran.append("unused")
            status("GET", URL)
            net.get("https://never.test/").reply(200)

        def helper(self):
            return ask("GET", URL)

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    assert result.testsRun == 3
    assert sorted(map(str, ran)) == ["('async', 200)", "('sync', 200, 1)", "unused"]
    assert len(result.failures) == 1
    assert "never.test" in result.failures[0][1]


def test_routes_of_set_up_may_rest():
    class Case(unittest.TestCase):
        def setUp(self):
            self.net = Network().start()
            self.addCleanup(self.net.stop)
            self.net.get(URL).reply(200)

        def test_nothing(self):
            pass

        def test_unused(self):
            self.net.get("https://never.test/").reply(200)

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    problems = result.errors + result.failures
    assert [case.id().rpartition(".")[2] for case, _ in problems] == ["test_unused"]


def test_leaving_gives_the_clients_back():
    with Network():
        assert catalog.is_attached("threads")
    assert not catalog.is_attached("threads")


def test_a_response_says_what_it_is():
    assert repr(Response(json={})) == "<Response 200 application/json 2 bytes>"
