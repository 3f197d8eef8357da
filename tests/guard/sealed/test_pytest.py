"""Sealed mode under pytest: whose refusal it is, what it says, what still works, what the header says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.guard.sealed.conftest import AWAY, PREAMBLE, TIMEOUT, environment, wait_until

PLUGIN = "netdouble" if entry_points(group="pytest11", name="netdouble") else "netdouble.pytest_plugin"
INI = {"net_guard": "block", "net_loopback": "own", "net_allow": "127.0.0.1", "net_sealed": "require"}

APPLICATION = (
    PREAMBLE
    + """
import ctypes, pytest, struct, sys, threading
from netdouble import guard

def native(host=AWAY, port=PORT):
    address = struct.pack("=H", 2) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)
    with socket.socket() as sock:
        return "open" if libc.connect(sock.fileno(), address, 16) == 0 else errno.errorcode[ctypes.get_errno()]

libc = ctypes.CDLL(None, use_errno=True)
CHILD = [sys.executable, "-S", "-c", "import errno, socket, sys; s = socket.socket(); print(errno.errorcode.get("
         "s.connect_ex((sys.argv[1], int(sys.argv[2]))), 'open'))"]

def child(host=AWAY, **more):
    done = subprocess.run([*CHILD, host, str(PORT)], capture_output=True, text=True, **more)
    return done.stdout.strip()
"""
)


class Suite:
    """A suite of one file under a sealed pytest."""

    def __init__(self, folder: Path, listener) -> None:
        self.folder, self.listener = folder, listener
        self.environment = environment(AWAY=AWAY, PORT=str(listener.port), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        self.environment["PYTHONPATH"] += os.pathsep + str(folder)

    def write(self, source: str, conftest: str = "", **ini: str) -> None:
        (self.folder / "app.py").write_text(APPLICATION)
        (self.folder / "test_it.py").write_text("from app import *\n" + textwrap.dedent(source))
        lines = [f"{name} = {value}" for name, value in {**INI, **ini}.items()]
        (self.folder / "pytest.ini").write_text("\n".join(["[pytest]", *lines]))
        if conftest:
            (self.folder / "conftest.py").write_text("from app import *\n" + textwrap.dedent(conftest))

    def command(self, *words: str, plugins: tuple[str, ...] = ()) -> list[str]:
        named = [word for plugin in (PLUGIN, *plugins) for word in ("-p", plugin)]
        return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *named, *words]

    def __call__(self, source: str, *words: str, conftest: str = "", plugins: tuple[str, ...] = (),
                 **ini: str) -> subprocess.CompletedProcess[str]:  # fmt: skip
        self.write(source, conftest, **ini)
        return subprocess.run(
            self.command(*words, plugins=plugins), cwd=self.folder, env=self.environment, text=True,
            capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture
def suite(tmp_path, listener):
    return Suite(tmp_path, listener)


def outcomes(done) -> dict[str, int]:
    """`1 failed, 2 passed` as {"failed": 1, "passed": 2}."""
    last = [line for line in done.stdout.splitlines() if re.search(r"\d+ (passed|failed|error)", line)]
    assert last, done.stdout + done.stderr
    return {word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)", last[-1])}


def test_the_test_that_swallowed_it_fails_and_the_line_that_called_is_told(suite):
    done = suite("""
        def test_native():
            assert native() == "EPERM"

        def test_child():
            assert child() == "EPERM"

        def test_nothing():
            assert native("127.0.0.1") == child("127.0.0.1") == "open"
    """)
    assert outcomes(done) == {"failed": 2, "passed": 1}, done.stdout
    port = suite.listener.port
    assert re.search(rf"connect {AWAY}:{port}        called from app.py:\d+ in native", done.stdout)
    assert "by native code of this process, its main thread" in done.stdout
    assert "in test_it.py::test_native" in done.stdout
    assert re.search(r"by pid \d+: \S*python\S* -S -c import errno, socket, sys", done.stdout)
    assert "in test_it.py::test_child" in done.stdout
    assert f'@pytest.mark.net("{AWAY}:{port}")' in done.stdout
    suite.listener.settle()
    assert not suite.listener.seen


def test_the_allow_list_of_a_test_holds_for_native_code_and_children(suite):
    done = suite("""
        @pytest.mark.net(AWAY)
        def test_marker():
            assert native() == child() == attempt() == "open"

        def test_allow():
            with guard.allow(f"{AWAY}:{PORT}"):
                assert native() == child() == "open"

        def test_in_a_thread():
            with guard.allow(AWAY):
                answers = []
                thread = threading.Thread(target=lambda: answers.append(native()))
                thread.start()
                thread.join()
                assert answers == ["open"]

        @pytest.mark.net(guard="off")
        def test_off():
            assert native() == child() == "open"

        def test_network():
            from netdouble import Network
            with Network(allow=AWAY):
                assert native() == child() == "open"

        @pytest.mark.net(children="allow")
        def test_children_are_left_alone():
            assert child() == "open"
    """)
    assert outcomes(done) == {"passed": 6}, done.stdout


def test_what_held_for_one_test_does_not_hold_for_the_next(suite):
    done = suite("""
        @pytest.mark.net(AWAY)
        def test_one():
            assert native() == "open"

        def test_two():
            with guard.expect_blocked():
                assert native() == child() == "EPERM"
    """)
    assert outcomes(done) == {"passed": 2}, done.stdout


def test_a_refusal_that_is_expected_fails_nothing(suite):
    done = suite("""
        def test_it():
            with guard.expect_blocked(AWAY) as refused:
                native()
                child()
            assert {error.target for error in refused} == {f"{AWAY}:{PORT}"}
            assert {error.pid == os.getpid() for error in refused} == {True, False}
            assert not any(error.reached_python for error in refused)
    """)
    assert outcomes(done) == {"passed": 1}, done.stdout


def test_python_code_is_refused_by_the_guard_in_the_process_and_told_once(suite):
    done = suite("""
        def test_it():
            with pytest.raises(RuntimeError, match="a real connection was refused before anything was sent"):
                attempt()

        def test_swallowed():
            try: attempt()
            except Exception: pass
    """)
    assert outcomes(done) == {"failed": 1, "passed": 1}, done.stdout
    assert "kernel" not in done.stdout.partition("FAILURES")[2]


def test_where_it_only_warns_everything_is_listed_once(suite):
    done = suite("""
        def test_python():
            assert attempt() == "open"

        def test_native():
            assert native() == "open"

        def test_child():
            assert child() == "open"
    """, net_guard="warn")  # fmt: skip
    assert outcomes(done) == {"passed": 3}, done.stdout
    told = done.stdout.partition("- netdouble -")[2]
    lines = re.findall(rf"^{AWAY}:\d+ +(\d+)x +test_it.py::(\w+)", told, re.MULTILINE)
    assert lines == [("1", "test_python"), ("1", "test_native"), ("1", "test_child")], told


def test_leftovers_of_an_earlier_test_are_nobodys_fault(suite):
    done = suite("""
        go = threading.Event()
        answers = []

        def test_starts_a_thread():
            def work():
                go.wait(20)
                answers.append(native())
            threading.Thread(target=work).start()
            time.sleep(0.05)

        def test_innocent():
            go.set()
            while not answers: time.sleep(0.01)
            assert answers == ["EPERM"]
    """)
    assert outcomes(done) == {"passed": 2}, done.stdout
    assert f"{AWAY}:{suite.listener.port}" in done.stdout.partition("netdouble -")[2]


PHASES = {
    "import": "native()",
    "session fixture": "@pytest.fixture(scope='session', autouse=True)\ndef early():\n    child()\n    yield",
    "teardown": "@pytest.fixture(autouse=True)\ndef late():\n    yield\n    child()",
    "session finish": "",
}


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_is_judged(suite, phase):
    conftest = "def pytest_sessionfinish():\n    child()" if phase == "session finish" else ""
    done = suite(PHASES[phase] + "\ndef test_it():\n    pass", conftest=conftest)
    assert f"{AWAY}:{suite.listener.port}" in done.stdout
    suite.listener.settle()
    assert not suite.listener.seen


def test_what_comes_after_the_report_is_told_by_the_process_that_was_started(suite):
    done = suite("""
        import atexit
        def test_it():
            atexit.register(child)
    """, net_swallowed="fail")  # fmt: skip
    assert outcomes(done) == {"passed": 1}
    assert f"{AWAY}:{suite.listener.port}" in done.stderr
    suite.listener.settle()
    assert not suite.listener.seen


# Exit statuses


STATUSES = {
    0: ("def test_it(): pass", ()),
    1: ("def test_it(): assert 0", ()),
    2: ("def test_it(): raise KeyboardInterrupt", ()),
    4: ("def test_it(): pass", ("no_such_file.py",)),
    5: ("", ()),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_status_is_pytests(suite, status):
    source, words = STATUSES[status]
    assert suite(source, *words).returncode == status


def test_an_interrupt_ends_the_run_as_it_does_without(suite):
    suite.write("""
        def test_it():
            open("running", "w").close()
            time.sleep(60)
    """)  # fmt: skip
    run = subprocess.Popen(suite.command(), cwd=suite.folder, env=suite.environment, stdout=subprocess.PIPE, text=True)
    wait_until((suite.folder / "running").exists)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=TIMEOUT)
    assert run.returncode == 2, out
    assert "KeyboardInterrupt" in out


def test_what_native_code_and_children_were_let_through_to_is_reported_where_that_is_asked_for(suite):
    done = suite("""
        def test_native():
            assert native("127.0.0.1") == "open"

        @pytest.mark.net(AWAY)
        def test_child():
            assert child() == "open"
    """, "--net-report")  # fmt: skip
    told = done.stdout.partition("- netdouble -")[2]
    port = suite.listener.port
    assert re.search(rf"127.0.0.1:{port} .*test_it.py::test_native", told), told
    assert re.search(rf"{AWAY}:{port} .*test_it.py::test_child", told), told
    assert outcomes(done) == {"passed": 2}


def test_a_run_inside_of_a_test_leaves_the_outer_one_as_it_was(suite):
    (suite.folder / "inner").mkdir()
    inner = "from app import *\n@pytest.mark.net(AWAY)\ndef test_inner():\n    assert native() == child() == 'open'\n"
    (suite.folder / "inner" / "test_inner.py").write_text(inner)
    (suite.folder / "inner" / "pytest.ini").write_text("[pytest]\nnet_guard = block\nnet_sealed = require\n")
    done = suite("""
        def test_outer():
            assert pytest.main(["-q", "-p", "no:cacheprovider", "-p", "PLUGIN", "inner"]) == 0
            with guard.expect_blocked() as refused:
                assert native() == "EPERM"
            assert refused[0].caller.startswith("app.py:")
            with guard.allow(AWAY):
                assert native() == child() == attempt() == "open"
    """.replace("PLUGIN", PLUGIN), "-s", "test_it.py")  # fmt: skip
    assert outcomes(done) == {"passed": 1}, done.stdout


@pytest.mark.parametrize("capture", ["fd", "sys", "no", "tee-sys"])
def test_whatever_pytest_captures_its_output_is_whole(suite, capture):
    done = suite(
        "def test_it(): print('hello')\ndef test_fails(): os.write(2, b'there'); assert 0", f"--capture={capture}"
    )
    assert outcomes(done) == {"failed": 1, "passed": 1}
    assert ("hello" in done.stdout) is (capture in {"no", "tee-sys"})
    assert done.stdout.count("1 failed, 1 passed") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_tests_that_are_killed_end_the_run_as_they_would_without(suite, number):
    done = suite(f"def test_it(): os.kill(os.getpid(), {int(number)})")
    assert done.returncode == -number


# xdist


def test_workers_are_judged_each_by_its_own_test(suite):
    done = suite("""
        @pytest.mark.parametrize("number", range(6))
        def test_refused(number):
            with guard.expect_blocked() as refused:
                assert child() == native() == "EPERM"
            assert {error.test for error in refused} == {f"test_it.py::test_refused[{number}]"}

        @pytest.mark.parametrize("number", range(6))
        @pytest.mark.net(AWAY)
        def test_allowed(number):
            assert child() == native() == "open"

        def test_swallowed():
            child()
    """, "-n", "2", plugins=("xdist.plugin",))  # fmt: skip
    assert outcomes(done) == {"failed": 1, "passed": 12}, done.stdout
    assert "test_it.py::test_swallowed" in done.stdout


# A command that happens to be pytest


def test_under_netdouble_run_each_test_is_told_and_the_rules_are_the_runs(suite):
    suite.write("""
        def test_native():
            native()

        @pytest.mark.net(AWAY)
        def test_child():
            assert child() == "EPERM"

        def test_python():
            assert attempt() == "EPERM"

        def test_nothing():
            assert native("127.0.0.1") == "open"
    """, net_sealed="off", net_guard="warn")  # fmt: skip
    run = [sys.executable, "-m", "netdouble", "run", "--sealed", "--loopback=own", "--allow=127.0.0.1", "--"]
    done = subprocess.run([*run, *suite.command()], cwd=suite.folder, env=suite.environment, text=True,
                          capture_output=True, timeout=TIMEOUT, check=False)  # fmt: skip
    assert outcomes(done) == {"failed": 3, "passed": 1}, done.stdout
    assert "sealed by netdouble run, whose rules hold" in header(done)
    to_allow = r"To allow it:   netdouble run --sealed --allow 127\.\d+\.\d+\.\d+:\d+ -- \.\.\."
    assert re.search(rf"Refused by: netdouble run --sealed\n{to_allow}", done.stdout)
    assert re.search(r"called from app.py:\d+ in native", done.stdout)
    suite.listener.settle()
    assert not suite.listener.seen


# What it says


def header(done) -> str:
    return next(line for line in done.stdout.splitlines() if line.startswith("netdouble: "))


def test_the_header_says_that_it_is_sealed(suite):
    done = suite("def test_it(): pass")
    assert header(done).endswith("; sealed: native code and all child processes too")


def test_where_it_cant_be_auto_says_so_and_names_the_native_clients_that_are_loaded(suite):
    conftest = "import pycurl\n"
    early = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    (suite.folder / "early.py").write_text(early)
    done = suite("import uvloop\ndef test_it(): pass", "--net-sealed=auto", conftest=conftest, plugins=("early",))
    line = header(done)
    assert "NOT SEALED: 1 more thread of this process started before the guard" in line
    assert line.endswith("not covered: child processes, pycurl")
    assert "not covered were child processes, pycurl, uvloop" in done.stdout
    assert outcomes(done) == {"passed": 1}


def test_where_it_cant_be_require_is_an_error(suite):
    early = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    (suite.folder / "early.py").write_text(early)
    done = suite("def test_it(): pass", plugins=("early",))
    assert done.returncode == 4
    assert "netdouble: net_sealed=require: this run can't be sealed: 1 more thread" in done.stderr


def test_a_run_whose_supervisor_was_killed_fails_and_says_why(suite):
    done = suite("""
        def test_it():
            os.kill(os.getppid(), signal.SIGKILL)
            while child("127.0.0.1") != "ENOSYS": time.sleep(0.01)
    """)
    assert done.returncode == 1, done.stdout
    assert "The supervisor of the sealed run has ended before it" in done.stdout


def test_a_network_of_its_own_is_said_in_the_header(suite, namespace):
    if not namespace:
        return
    done = suite("""
        def test_it():
            with pytest.raises(RuntimeError): attempt()
            assert native() == "ECONNREFUSED"
            assert native("127.0.0.1") == "ECONNREFUSED"
    """, "--net-sealed=netns")  # fmt: skip
    assert "sealed in a network of its own" in header(done)
    assert outcomes(done) == {"passed": 1}, done.stdout


def test_a_value_that_is_none_is_a_usage_error(suite):
    done = suite("def test_it(): pass", "--net-sealed=maybe")
    assert done.returncode == 4
    assert "sealed='maybe' is not one of off, auto, require, netns" in done.stderr


def test_nothing_of_it_is_loaded_where_it_is_not_asked_for(suite):
    done = suite("""
        def test_it():
            assert not [name for name in sys.modules if name.startswith("netdouble._gate.sealed")]
    """, "--net-sealed=off")  # fmt: skip
    assert outcomes(done) == {"passed": 1}, done.stdout
