"""The pytest plugin: fixtures, hooks, and nothing else; what they do stands in `_plugin`.

Rule 1: what netdouble has to say joins a test's own failure; only a test whose call passed is failed by it.
Rule 2: a setting that can't be read is a usage error, never a setting that is left out.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import CodeType, MethodType, TracebackType
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest

from netdouble import _active
from netdouble._gate import guard
from netdouble._plugin import settings, summary
from netdouble._plugin.phases import AT_EXIT
from netdouble._plugin.session import Session
from netdouble.errors import DeclarationError, NetdoubleError, UnmetExpectation

if TYPE_CHECKING:
    from netdouble._plugin.guard_of_test import TestGuard
    from netdouble._problems import Problem
    from netdouble.network import Network
    from netdouble.server.serving import Server

_SESSION = pytest.StashKey[Session]()
_OF_TEST = pytest.StashKey["Network"]()
# What xdist's workers told at their ends.
_TOLD = pytest.StashKey[list[dict[str, Any]]]()


# Fixtures


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Iterator[Network]:
    """Stubs for every HTTP client, for one test: `net.get("https://api.test/users/7").reply(json={"id": 7})`."""
    yield from _of_test(request)


@pytest.fixture(scope="module")
def net_module(request: pytest.FixtureRequest) -> Iterator[Network]:
    """As `net`, for every test of a module. A test's own `net` is asked first."""
    with _session(request).network(request.node, f"net_module of {request.node.nodeid}") as network:
        yield network


@pytest.fixture(scope="session")
def net_session(request: pytest.FixtureRequest) -> Iterator[Network]:
    """As `net`, for every test. A module's `net_module` and a test's own `net` are asked first."""
    with _session(request).network(request.node, "net_session") as network:
        yield network


@pytest.fixture
def net_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A real server for one test, with routes of its own: `net_server.get("/users/7").reply(json={"id": 7})`."""
    with _session(request).server(request.node, f"net_server of {request.node.nodeid}") as server:
        yield server


@pytest.fixture(scope="module")
def net_server_module(request: pytest.FixtureRequest) -> Iterator[Server]:
    """As `net_server`, for every test of a module."""
    with _session(request).server(request.node, f"net_server_module of {request.node.nodeid}") as server:
        yield server


@pytest.fixture(scope="session")
def net_server_session(request: pytest.FixtureRequest) -> Iterator[Server]:
    """As `net_server`, for every test."""
    with _session(request).server(request.node, "net_server_session") as server:
        yield server


@pytest.fixture(name="netdouble")
def _netdouble(request: pytest.FixtureRequest) -> Iterator[Network]:
    """The same as `net`, for suites that have a fixture of that name."""
    yield from _of_test(request)


@pytest.fixture
def net_guard(request: pytest.FixtureRequest) -> Iterator[TestGuard]:
    """The guard, for one test: `net_guard.allow("db.test:5432")`, `.expect_blocked()`, `.attempts`."""
    from netdouble._plugin.guard_of_test import TestGuard

    with ExitStack() as stack:
        yield TestGuard(request.node.nodeid, stack)


def _of_test(request: pytest.FixtureRequest) -> Iterator[Network]:
    """The test's network, under whichever of its two names it is asked for: what a suite calls `net` is its own."""
    stash = request.node.stash
    if _OF_TEST in stash:
        yield stash[_OF_TEST]
        return
    with _session(request).network(request.node, request.node.nodeid) as network:
        stash[_OF_TEST] = network
        yield network
        del stash[_OF_TEST]


# The run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and ini names."""
    settings.declare(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin before the first conftest is imported: what it does over the network counts."""
    _begin(early_config, early_config.known_args_namespace)  # `option` is empty as yet


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin here when a conftest loaded this plugin."""
    config.addinivalue_line("markers", settings.MARKER)
    _begin(config, config.option)


def _begin(config: pytest.Config, options: argparse.Namespace) -> None:
    if _SESSION in config.stash:
        return
    try:
        session = Session(config, vars(options))
        session.begin(config.pluginmanager)
    except DeclarationError as error:
        raise pytest.UsageError(f"netdouble: {error}") from None
    config.stash[_SESSION] = session
    config.stash[_TOLD] = []
    config.add_cleanup(session.end)


def pytest_plugin_registered(plugin_name: str) -> None:
    """Be whole before tests of plugins run pytest inside pytest."""
    if plugin_name == "pytester":
        from netdouble._plugin.preloading import load_core

        load_core()


def pytest_report_header(config: pytest.Config) -> str:
    """One line on what is refused."""
    return config.stash[_SESSION].header()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker that can't be read is a usage error before the first test runs."""
    if hasattr(config, "workerinput"):
        return  # xdist has no way to tell a usage error of a worker: the test's setup tells it
    for item in items:
        try:
            pytest_runtest_setup(item)
        except DeclarationError as error:
            raise pytest.UsageError(f"netdouble: {error}") from None


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """What is done between the collection and the tests is the runner's."""
    session.config.stash[_SESSION].phases.between("the session, between its tests")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, object, object]:
    """What is imported for a collection is the user's code."""
    where = collector.nodeid or "the session"
    with collector.config.stash[_SESSION].phases.of_users(f"the collection of {where}"):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Judge what ran outside of the tests; under xdist, send what is told at the end to the one who tells it."""
    config = session.config
    config.stash[_SESSION].phases.between("the end of the session")
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output["netdouble"] = _told(config)
        return (yield)
    result = yield
    if session.exitstatus == pytest.ExitCode.OK and any(t["fails"] for t in (_told(config), *config.stash[_TOLD])):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what an xdist worker told; one that crashed told nothing."""
    told = getattr(node, "workeroutput", {}).get("netdouble")
    if told is not None:
        node.config.stash[_TOLD].append(told)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The tables of the end."""
    told = [*config.stash[_TOLD], _told(config)]
    tables = (
        summary.attempts_table(row for each in told for row in each["attempts"]),
        summary.refused_table(row for each in told for row in each["attempts"]),
        summary.passages_table(row for each in told for row in each["passages"]),
        summary.waits_table(row for each in told for row in each["waits"]),
        config.stash[_SESSION].sealed_ending(),
    )
    if any(tables):
        terminalreporter.section("netdouble", "-")
    for table in tables:
        for line in table:
            terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The tables are out: what is refused from here on is told at the exit."""
    if _SESSION in config.stash:
        config.stash[_SESSION].phases.between(AT_EXIT)


def _told(config: pytest.Config) -> dict[str, Any]:
    session = config.stash[_SESSION]
    return {"attempts": session.attempts(), "passages": session.passages(), "waits": session.waits,
            "fails": session.fails}  # fmt: skip


def _session(node: pytest.Item | pytest.FixtureRequest) -> Session:
    return node.config.stash[_SESSION]


# A test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Read the test's markers.

    Raises:
        DeclarationError: one can't be read.
    """
    if item.get_closest_marker("net") is not None:
        _session(item).run.of(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """The settings of the test's markers hold from its setup to the end of its teardown."""
    session = _session(item)
    session.test_begins(item)
    try:
        with session.phases.of_users(), session.in_force(item):
            return (yield)
    finally:
        session.test_ended(item.nodeid)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_logreport() -> Generator[None, object, object]:
    """What a plugin does with a report is the runner's: an IDE is told over its own socket."""
    before, guard.of_runner = guard.of_runner, True
    try:
        return (yield)
    finally:
        guard.of_runner = before


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Routes declared by a fixture may stay unused."""
    before, _active.preparing = _active.preparing, True
    try:
        return (yield)
    finally:
        _active.preparing = before


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A coroutine test runs in its network's own context, and so does every task that it starts and leaves behind."""
    _session(item).call_begins()
    with _bound(item):
        return (yield)


@contextmanager
def _bound(item: pytest.Item) -> Iterator[None]:
    function = getattr(item, "obj", None)
    given = getattr(function, "hypothesis", None)  # pytest-asyncio, anyio and pytest-trio run what was given to it
    coroutine = function if given is None else given.inner_test
    scope = _active.captured()
    if scope is None or not inspect.iscoroutinefunction(coroutine):
        yield
        return
    in_scope = _in_scope(coroutine, scope)
    if _is_unittest(function):  # it looks its coroutine methods up itself
        with _attribute(function.__self__, item.name, in_scope):
            yield
        return
    with _attribute(item, "obj", in_scope) if given is None else _attribute(given, "inner_test", in_scope):
        yield


def _is_unittest(function: Any) -> TypeGuard[MethodType]:
    unittest = sys.modules.get("unittest")
    return unittest is not None and isinstance(getattr(function, "__self__", None), unittest.TestCase)


@contextmanager
def _attribute(owner: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _in_scope(function: Callable[..., Any], scope: _active.Scope) -> Callable[..., Any]:
    @functools.wraps(function)
    async def in_scope(*args: Any, **kwargs: Any) -> Any:
        with _active.bound(scope):
            return await function(*args, **kwargs)

    return in_scope


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge the call, and what a teardown swallowed; show the calls of a test that failed."""
    if call.excinfo is not None and call.excinfo.errisinstance(NetdoubleError) and not item.config.option.fulltrace:
        _leave_out_ours(call.excinfo.tb)
    report = yield
    session = _session(item)
    if report.when == "setup" and not report.failed:
        return report  # its call is judged for both
    problems = session.late_problems() if report.when == "teardown" else session.problems(_code(item))
    if report.skipped or hasattr(report, "wasxfail"):
        return report
    if report.passed and problems:
        _fail(call, report, problems)
    elif problems:
        report.sections.append(("netdouble", _text(problems)))
    calls = session.calls() if report.failed else ""
    if calls:
        report.sections.append(("netdouble calls", calls))
    return report


_OURS = os.path.dirname(__file__) + os.sep


def _leave_out_ours(trace: TracebackType) -> None:
    # In the chain itself: pytest cuts it again from there, and would bring back what a filter had left out.
    while trace.tb_next is not None:
        if trace.tb_next.tb_frame.f_code.co_filename.startswith(_OURS):
            trace.tb_next = trace.tb_next.tb_next
        else:
            trace = trace.tb_next


def _fail(call: pytest.CallInfo[None], report: pytest.TestReport, problems: Iterable[Problem]) -> None:
    try:
        raise UnmetExpectation(_text(problems))  # noqa: TRY301  # pytest wants an error that was raised
    except UnmetExpectation:
        call.excinfo = pytest.ExceptionInfo.from_current()
    report.outcome = "failed"
    report.longrepr = call.excinfo.getrepr(style="value")


def _text(problems: Iterable[Problem]) -> str:
    return "\n\n".join(problem.text for problem in problems)


def _code(item: pytest.Item) -> CodeType | None:
    function = getattr(item, "obj", None)
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return getattr(inspect.unwrap(inner), "__code__", None) if callable(inner) else None
