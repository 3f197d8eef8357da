"""What is allowed for a while: restored in whatever order it is left, and never open to another thread's test."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from netdouble import Network, NetworkBlocked, UnmetExpectation, _active, guard

# An address of this machine at whose low ports nobody listens, and which no policy here covers.
HOST = "127.0.0.9"


def passes(port=9):
    """Whether a connection to that port is let through."""
    try:
        with guard.expect_blocked(), socket.socket() as sock:
            sock.connect((HOST, port))
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def strict():
    """The guard without pytest's: everything is refused but what this process listens on."""
    undo = guard.install(loopback="own")
    yield
    undo()


KINDS = {
    "allow": lambda port: guard.allow(f"{HOST}:{port}"),
    "network": lambda port: Network(allow=f"{HOST}:{port}", loopback="own"),
    "pass-through": lambda port: _active.admitted(HOST, port),
}


@given(kinds=st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5), data=st.data())
def test_scopes_that_are_left_in_any_order_restore_what_held_without_them(kinds, data):
    order = data.draw(st.permutations(range(len(kinds))))
    undo = guard.install(loopback="own")
    try:
        opened = [KINDS[kind](port) for port, kind in enumerate(kinds, 1)]
        for each in opened:
            each.__enter__()
        for left, number in enumerate(order):
            allowed = {port for port in range(1, len(kinds) + 1) if passes(port)}
            assert allowed == {number + 1 for number in order[left:]}
            opened[number].__exit__(None, None, None)
        assert not any(passes(port) for port in range(1, len(kinds) + 1))
    finally:
        undo()


@given(st.lists(st.booleans(), min_size=2, max_size=4))
def test_tests_in_threads_do_not_open_the_guard_for_each_other(opens):
    undo = guard.install(loopback="own")
    barrier, seen = threading.Barrier(len(opens), timeout=30), {}

    def test(number):
        if opens[number]:
            with guard.allow(HOST):
                barrier.wait()
                seen[number] = passes()
                barrier.wait()
        else:
            barrier.wait()
            seen[number] = passes()
            barrier.wait()

    try:
        threads = [threading.Thread(target=test, args=(number,)) for number in range(len(opens))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == dict(enumerate(opens))
        assert not passes()
    finally:
        undo()


def test_a_thread_that_was_there_before_is_not_opened_and_one_that_is_started_is(strict):
    go, seen = threading.Event(), []

    def look():
        go.wait(30)
        seen.append(passes())

    before = threading.Thread(target=look)
    before.start()
    with guard.allow(HOST):
        after = threading.Thread(target=look)
        after.start()
        go.set()
        before.join()
        after.join()
    assert sorted(seen) == [False, True]


def test_work_handed_to_an_older_pool_carries_what_holds_where_it_was_handed_over(strict):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(passes).result() is False
        with guard.allow(HOST):
            assert pool.submit(passes).result() is True
        assert pool.submit(passes).result() is False


async def in_asyncio():
    loop = asyncio.get_running_loop()
    return [await asyncio.to_thread(passes), await loop.run_in_executor(None, passes)]


async def in_trio():
    return [await trio.to_thread.run_sync(passes)]


@pytest.mark.parametrize("run", [lambda: asyncio.run(in_asyncio()), lambda: trio.run(in_trio)], ids=["asyncio", "trio"])
def test_the_helper_threads_of_event_loops_carry_it_too(strict, run):
    assert True not in run()
    with guard.allow(HOST):
        assert False not in run()
    assert True not in run()


def test_an_allowance_that_ended_is_open_nowhere_not_even_in_a_thread_that_it_started(strict):
    go, seen = threading.Event(), []

    def look():
        go.wait(30)
        seen.append(passes())

    with guard.allow(HOST):
        thread = threading.Thread(target=look)
        thread.start()
    go.set()
    thread.join()
    assert seen == [False]


# What is expected to be refused


def test_an_expected_refusal_is_given_and_fails_nothing(strict):
    with Network(loopback="own"), guard.expect_blocked(f"{HOST}:9") as refused:
        with socket.socket() as sock:
            sock.connect((HOST, 9))
        pytest.fail("it was let through")
    (error,) = refused
    assert (error.host, error.port, error.protocol, error.action) == (HOST, 9, "tcp", "connect")


def test_a_refusal_of_something_else_is_raised(strict):
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.9:9"), guard.expect_blocked("db.test"), socket.socket() as sock:
        sock.connect((HOST, 9))


def test_where_nothing_was_refused_the_error_says_what_was_expected():
    with (
        pytest.raises(UnmetExpectation, match=r"expected: db\.test, 10\.0\.0\.0/8"),
        guard.expect_blocked("db.test", ["10.0.0.0/8"]),
    ):
        pass


def test_the_error_names_what_was_tried_meanwhile_though_it_was_tried_before_as_well():
    with Network(loopback="own"):
        for _ in range(2):
            with (
                pytest.raises(UnmetExpectation, match=r"Tried meanwhile: 127\.0\.0\.9:9\n"),
                guard.expect_blocked("db.test"),
                pytest.raises(NetworkBlocked),
                socket.socket() as sock,
            ):
                sock.connect((HOST, 9))
        with pytest.raises(UnmetExpectation, match=r"Tried meanwhile: nothing\n"), guard.expect_blocked("db.test"):
            pass
