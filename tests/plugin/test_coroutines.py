"""Coroutine tests: they and the tasks they start belong to their own network, under every runner."""

from __future__ import annotations

from importlib.metadata import version

import pytest

pytest_plugins = ["pytester"]

# pytest-asyncio 0.24 gave the marker's `scope` its name of today, and asks for a default.
IS_OLD = tuple(map(int, version("pytest-asyncio").split(".")[:2])) < (0, 24)
LOOP_SCOPE = "scope" if IS_OLD else "loop_scope"
ASYNCIO_INI = "asyncio_mode = strict\n" + ("" if IS_OLD else "asyncio_default_fixture_loop_scope = function\n")

# runner -> its plugin, its mark
RUNNERS = {
    "pytest-asyncio": ("pytest_asyncio.plugin", "@pytest.mark.asyncio", "asyncio.to_thread"),
    "anyio on asyncio": ("anyio.pytest_plugin", "@pytest.mark.anyio", "anyio.to_thread.run_sync"),
    "anyio on trio": ("anyio.pytest_plugin", "@pytest.mark.anyio", "anyio.to_thread.run_sync"),
}

SOURCE = """
    import anyio, anyio.to_thread, asyncio, httpx

    @pytest.fixture
    def anyio_backend():
        return "{backend}"

    async def get(url=URL):
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text

    async def hide_it():
        try:
            await get()
        except Exception:
            pass

    {mark}
    async def test_used(net):
        net.get(URL).reply(text="hello")
        assert await get() == "hello"
        assert await {to_thread}(fetch) == "hello"
        assert net.count == 2

    {mark}
    async def test_unused(net):
        net.get(URL).reply()

    {mark}
    async def test_swallowed(net):
        await hide_it()

    {mark}
    async def test_caught(net):
        with pytest.raises(UnmatchedRequest):
            await get()

    {mark}
    async def test_unmatched(net):
        await get()

    @Network()
    {mark}
    async def test_decorated(net):
        net.get(URL).reply(text="hello")
        assert await get() == "hello"
"""


@pytest.mark.parametrize(("name", "runner"), RUNNERS.items(), ids=RUNNERS.keys())
def test_coroutine_tests_are_judged_as_others(run, name, runner):
    plugin, mark, to_thread = runner
    source = SOURCE.format(mark=mark, to_thread=to_thread, backend="trio" if "trio" in name else "asyncio")
    ini = ASYNCIO_INI if plugin == "pytest_asyncio.plugin" else ""
    result = run(source, "-W", "default", ini=ini, plugins=[plugin])
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines_random([
        "FAILED test_it.py::test_unused*UnmetExpectation*",
        "FAILED test_it.py::test_swallowed*UnmetExpectation*",
        "FAILED test_it.py::test_unmatched*UnmatchedRequest*",
    ])  # fmt: skip


LEFT_OVER = """
    import asyncio, httpx
    errors = []

    async def late(go):
        await go.wait()
        try:
            async with httpx.AsyncClient() as client:
                await client.get(URL)
        except Exception as error:
            errors.append(error)

    @pytest.mark.asyncio(LOOP_SCOPE="module")
    async def test_one(net):
        global go, task
        net.get(URL).reply(text="hello").optional()
        go = asyncio.Event()
        task = asyncio.create_task(late(go))
        await asyncio.sleep(0)

    @pytest.mark.asyncio(LOOP_SCOPE="module")
    async def test_two(net):
        net.get(URL).reply(text="hello").optional()
        go.set()
        await task
        assert isinstance(errors[0], ScopeClosed)
        assert "test_it.py::test_one" in str(errors[0])
        assert net.count == 0
"""


def test_a_task_left_over_by_a_test_is_refused_and_the_test_named(run):
    result = run(
        LEFT_OVER.replace("LOOP_SCOPE", LOOP_SCOPE), "-W", "default", ini=ASYNCIO_INI, plugins=["pytest_asyncio.plugin"]
    )
    result.assert_outcomes(passed=2)


def test_unittests_own_coroutine_tests_are_bound_and_judged(run):
    result = run("""
        import asyncio, unittest, httpx
        from netdouble import _active

        async def get():
            async with httpx.AsyncClient() as client:
                return (await client.get(URL)).text

        class TestIt(unittest.IsolatedAsyncioTestCase):
            @pytest.fixture(autouse=True)
            def given(self, net):
                self.net = net
            async def asyncSetUp(self):
                self.net.get(URL + "rest").reply()
            async def test_used(self):
                self.net.get(URL).reply(text="hello")
                self.assertEqual(await get(), "hello")
                self.assertIs(_active._current.get().owner, self.net)
            async def test_unused(self):
                self.net.get(URL).reply()
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED test_it.py::TestIt::test_unused*UnmetExpectation*"])


def test_a_hypothesis_test_that_is_a_coroutine_is_bound(run):
    result = run("""
        from hypothesis import given, settings, HealthCheck, strategies as st
        from netdouble import _active
        import httpx

        @pytest.mark.asyncio
        @settings(suppress_health_check=list(HealthCheck), max_examples=3, database=None, deadline=None)
        @given(number=st.integers(1, 9))
        async def test_it(net, number):
            net.get(URL).reply(text="hello")
            async with httpx.AsyncClient() as client:
                assert (await client.get(URL)).text == "hello"
            assert _active._current.get().owner is net
    """, "-W", "default", ini=ASYNCIO_INI, plugins=["pytest_asyncio.plugin"])  # fmt: skip
    result.assert_outcomes(passed=1)


def test_an_async_fixture_may_declare_and_ask(run):
    result = run("""
        import httpx, pytest_asyncio

        @pytest_asyncio.fixture
        async def greeting(net):
            net.get(URL).reply(text="hello")
            net.get(URL + "rest").reply()
            async with httpx.AsyncClient() as client:
                yield (await client.get(URL)).text

        @pytest.mark.asyncio
        async def test_it(greeting, net):
            assert greeting == "hello"
            assert net.count == 1
    """, "-W", "default", ini=ASYNCIO_INI, plugins=["pytest_asyncio.plugin"])  # fmt: skip
    result.assert_outcomes(passed=1)
