"""The guard under pytest: what it does where no network is open, what it tells at the end, what it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netdouble._intercept.catalog import CLIENTS

pytest_plugins = ["pytester"]

LEAVES = "def test_it():\n    hide(leave)"

HEADERS = {
    "": "refused in tests with a network, listed at the end elsewhere; allowed: loopback, own",
    "net_guard = block": "refused in Python code and Python child processes; allowed: loopback, own",
    "net_guard = warn": "listed at the end; allowed: loopback, own",
    "net_guard = off": "let through",
    "net_guard = block\nnet_allow = a.test:1": (
        "refused in Python code and Python child processes; allowed: loopback, own, a.test:1"
    ),
    "net_guard = block\nnet_children = allow": "refused in Python code; allowed: loopback, own",
    "net_guard = block\nnet_children = refuse\nnet_loopback = own": (
        "refused in Python code and Python child processes (none may be started in tests); allowed: own"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ini", "line"), HEADERS.items())
def test_the_header_says_in_a_line_what_holds(run, ini, line):
    result = run("def test_it():\n    pass", ini=ini)
    assert f"netdouble: real connections: {line}" in result.stdout.lines


def test_without_a_network_it_is_let_through_and_listed_at_the_end(run):
    result = run("""
        def test_one():
            for _ in range(3): hide(leave)
        def test_two():
            hide(leave)
    """)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([
        "*- netdouble -*",
        "Real connections that no stub answered and nothing allows:",
        "255.255.255.255:80     3x  test_it.py::test_one  app.py:* in leave",
        "255.255.255.255:80     1x  test_it.py::test_two  app.py:* in leave",
        'Stub them, allow them (net_allow), or have them refused: net_guard = "block"',
    ])  # fmt: skip


def test_a_run_that_reached_nothing_says_nothing(run):
    result = run("def test_it(net):\n    net.get(URL).reply()\n    fetch()")
    result.stdout.no_fnmatch_line("*- netdouble -*")


def test_many_are_cut(run):
    result = run("""
        @pytest.mark.parametrize("number", range(25))
        def test_it(number):
            hide(leave)
    """)
    result.stdout.fnmatch_lines(["*test_it[[]19]*", "... and 5 more"])


def test_workers_tell_theirs(run):
    result = run("""
        @pytest.mark.parametrize("number", range(4))
        def test_it(number):
            hide(leave)
    """, "-n2", plugins=["xdist"])  # fmt: skip
    result.assert_outcomes(passed=4)
    for number in range(4):
        result.stdout.fnmatch_lines([f"255.255.255.255:80 * test_it.py::test_it[[]{number}]*"])


# settings -> outcomes, a line
MODES = {
    "block, swallowed": (LEAVES, ["--net-guard=block"], {"failed": 1}, "a refused connection was swallowed*"),
    "block, raised": ("def test_it():\n    leave()", ["--net-guard=block"], {"failed": 1}, "*NetworkBlocked*"),
    "block, caught by the test": (
        "def test_it():\n    with pytest.raises(NetworkBlocked):\n        leave()", ["--net-guard=block"],
        {"passed": 1}, "",
    ),
    "block, swallowed may warn": (LEAVES, ["--net-guard=block", "--net-swallowed=warn"], {"passed": 1}, ""),
    "block names where it was said": (
        "def test_it():\n    leave()", ["--net-guard=block"], {"failed": 1}, "*Refused by: guard=block (--net-guard)*",
    ),
    "the marker blocks": (
        f"@pytest.mark.net(guard='block')\n{LEAVES}", [], {"failed": 1}, "*guard=block (@pytest.mark.net)*",
    ),
    "the marker lifts it": (f"@pytest.mark.net(guard='off')\n{LEAVES}", ["--net-guard=block"], {"passed": 1}, ""),
    "the marker allows": (
        f"@pytest.mark.net('255.255.255.255:80')\n{LEAVES}", ["--net-guard=block"], {"passed": 1}, "",
    ),
    "the option allows": (LEAVES, ["--net-guard=block", "--net-allow=255.255.255.0/24"], {"passed": 1}, ""),
    "guard.allow": (
        "from netdouble import guard\ndef test_it():\n    with guard.allow('255.255.255.255'): hide(leave)",
        ["--net-guard=block"], {"passed": 1}, "",
    ),
    "a network without a guard": (
        "@pytest.mark.net(guard='off')\ndef test_it(net):\n    hide(leave)", ["--net-guard=block"], {"passed": 1}, "",
    ),
    "off": (LEAVES, ["--net-guard=off"], {"passed": 1}, ""),
    "in a setup": (
        "@pytest.fixture\ndef data():\n    leave()\ndef test_it(data):\n    pass", ["--net-guard=block"], {"errors": 1},
        "*NetworkBlocked*",
    ),
    "in a teardown": (
        "@pytest.fixture\ndef data():\n    yield\n    leave()\ndef test_it(data):\n    pass", ["--net-guard=block"],
        {"passed": 1, "errors": 1}, "*NetworkBlocked*",
    ),
    "swallowed in a teardown": (
        "@pytest.fixture\ndef data():\n    yield\n    hide(leave)\ndef test_it(data):\n    pass", ["--net-guard=block"],
        {"passed": 1, "errors": 1}, "*swallowed*",
    ),
    "when a module is imported": (
        "leave()\ndef test_it():\n    pass", ["--net-guard=block"], {"errors": 1}, "*NetworkBlocked*",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "options", "outcomes", "line"), MODES.values(), ids=MODES.keys())
def test_each_mode_does_what_it_says(run, source, options, outcomes, line):
    result = run(source, *options)
    result.assert_outcomes(**outcomes)
    if line:
        result.stdout.fnmatch_lines([line])


def test_a_conftest_is_guarded_while_it_is_imported(run):
    result = run("def test_it():\n    pass", "--net-guard=block", conftest="from app import *\nleave()")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "NetworkBlocked" in result.stderr.str()


def test_the_users_own_frames_end_the_traceback(run):
    result = run("def test_it(net):\n    leave()")
    assert "sockets.py" not in result.stdout.str()
    assert "sockets.py" in run("def test_it(net):\n    leave()", "--full-trace").stdout.str()


def test_long_waits_between_retries_are_named_at_the_end(run):
    # The seconds are those that a client's file noted; waiting for real would take a second here.
    result = run("""
        from netdouble import _active
        def test_slow(net):
            _active.captured().retry_seconds += 2.5
        def test_own():
            with Network():
                _active.captured().retry_seconds += 1.5
        def test_quick(net):
            _active.captured().retry_seconds += 0.5
    """, in_process=False)  # fmt: skip
    result.stdout.fnmatch_lines([
        'Slept between retries (net_retry_wait = "skip" leaves that out):',
        "   2.5 s  test_it.py::test_slow",
        "   1.5 s  test_it.py::test_own",
    ])  # fmt: skip
    result.stdout.no_fnmatch_line("*s  test_it.py::test_quick")


def test_everything_is_put_back_when_the_session_ends(run):
    result = run("def test_it(net):\n    pass", in_process=False, conftest="""
        import atexit, socket, threading
        def look():
            places = [threading.Thread.start, socket.socket.connect, socket.getaddrinfo]
            print("put back", not [place for place in places if hasattr(place, "__wrapped__")])
        atexit.register(look)
    """)  # fmt: skip
    result.stdout.fnmatch_lines(["put back True"])


LOADED = """
import sys, pytest
before = set(sys.modules)
pytest.main([*sys.argv[1:], "-q", "-p", "no:cacheprovider"])
print("LOADED", *sorted(set(sys.modules)))
"""
SLOW = {"ssl", "asyncio", "http.client", "urllib.request", "requests", "urllib3", "httpx", "httpx2", "aiohttp",
        "certifi", "concurrent.futures", "email", "json", "anyio"}  # fmt: skip


def loaded(folder, *options):
    source = Path(__file__).parents[2] / "src"
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(source)}
    env.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run([sys.executable, "-c", LOADED, *options], cwd=folder, env=env, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert "1 passed" in done.stdout
    return set(done.stdout.partition("LOADED")[2].split())


def test_a_suite_that_does_not_use_it_loads_no_client_no_ssl_and_no_asyncio(tmp_path):
    (tmp_path / "test_empty.py").write_text("def test_nothing():\n    pass\n")
    without, with_it = loaded(tmp_path), loaded(tmp_path, "-p", "netdouble.pytest_plugin")
    assert "netdouble.pytest_plugin" in with_it
    more = {name for name in with_it - without if not name.startswith("netdouble")}
    assert {name for name in more if name in SLOW or name.split(".")[0] in SLOW} == set()
    assert {client.file for client in CLIENTS} & with_it == set()
    assert {"netdouble.network", "netdouble._core.router", "netdouble._core.explain"} & with_it == set()
