"""`net_guard = "block"` in every phase, thread and child process: told to whom it belongs, and nothing own is refused.

Nothing leaves this machine, guarded or not: the target is a port of 127.0.0.9 at which nobody listens.
"""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewriter
from tests.plugin.conftest import SOURCE

pytest_plugins = ["pytester"]

STRICT = ("--net-guard=block", "--net-loopback=own")
TARGET = """
import subprocess, sys, threading
def reach(*_):
    socket.create_connection(("127.0.0.9", 9), 5)
CODE = "import socket; socket.create_connection(('127.0.0.9', 9), 5)"
def child(code=CODE, **keywords):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **keywords)
"""


def refused(run, source, *options, **keywords):
    return run(TARGET + textwrap.dedent(source), *STRICT, *options, **keywords)


# Whose refusal it is

IN_THREAD = """
    def test_one():
        thread = threading.Thread(target=hide, args=(reach,))
        thread.start()
        thread.join()
"""
LEFT_OVER = """
    go, done = threading.Event(), threading.Event()
    def later():
        go.wait(10)
        hide(reach)
        done.set()
    def test_one():
        threading.Thread(target=later).start()
    def test_two():
        go.set()
        assert done.wait(10)
"""
IN_A_HOOK = """
    import socket
    def pytest_sessionstart():
        try:
            socket.create_connection(("127.0.0.9", 9), 5)
        except Exception:
            pass
"""
OWNERS = {
    "swallowed in a thread of the test": (IN_THREAD, "", [], {"failed": 1}, "*a refused connection was swallowed*"),
    "left over by an earlier test": (LEFT_OVER, "", [], {"passed": 2}, "127.0.0.9:9*1x*in reach"),
    "left over, and the setting says fail": (
        LEFT_OVER, "", ["--net-swallowed=fail"], {"passed": 1, "failed": 1}, "*a refused connection was swallowed*",
    ),
    "in a hook": ("def test_one(): pass", IN_A_HOOK, [], {"passed": 1}, "127.0.0.9:9*1x  the start of the session*"),
    "warn fails nothing": (IN_THREAD, "", ["--net-swallowed=warn"], {"passed": 1}, ""),
    "in a unittest": ("""
        import unittest
        class TestIt(unittest.TestCase):
            def test_it(self):
                hide(reach)
            def test_meant(self):
                with self.assertRaises(NetworkBlocked):
                    reach()
        """, "", [], {"failed": 1, "passed": 1}, "*a refused connection was swallowed*"),
    "in a setUpClass": ("""
        import unittest
        class TestIt(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                hide(reach)
            def test_it(self):
                pass
        """, "", [], {"failed": 1}, "*in test_it.py::TestIt::test_it (setup)*"),
    "in a coroutine": ("""
        import asyncio
        async def go():
            await asyncio.open_connection("127.0.0.9", 9)
        def test_one():
            hide(asyncio.run, go())
        """, "", [], {"failed": 1}, "*a refused connection was swallowed*"),
    "of a name, in a coroutine": ("""
        import asyncio
        async def go():
            await asyncio.open_connection("api.test", 9)
        def test_one():
            hide(asyncio.run, go())
        """, "", [], {"failed": 1}, "*lookup api.test:9 *called from test_it.py:* in go"),
    "on trio": ("""
        import trio
        def test_one():
            hide(trio.run, trio.open_tcp_stream, "api.test", 9)
        """, "", [], {"failed": 1}, "*lookup api.test:9*"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "conftest", "options", "outcomes", "line"), OWNERS.values(), ids=OWNERS.keys())
def test_a_refusal_is_told_to_whom_it_belongs(run, source, conftest, options, outcomes, line):
    result = refused(run, source, *options, conftest=conftest)
    result.assert_outcomes(**outcomes)
    if line:
        result.stdout.fnmatch_lines([line])


def test_what_was_refused_outside_of_the_tests_fails_the_run_where_that_is_asked_for(run):
    passing = "def test_one(): pass"
    assert refused(run, passing, conftest=IN_A_HOOK).ret == pytest.ExitCode.OK
    assert refused(run, passing, "--net-swallowed=fail", conftest=IN_A_HOOK).ret == pytest.ExitCode.TESTS_FAILED


def test_a_doctest_is_guarded(run, pytester):
    pytester.maketxtfile(test_doc=">>> import socket\n>>> socket.create_connection(('127.0.0.9', 9), 5)\n")
    result = refused(run, "", "--doctest-glob=*.txt")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NetworkBlocked*"])


@pytest.mark.parametrize("late", ["@atexit.register\n        def late()", "def pytest_unconfigure()"])
def test_the_guard_stays_until_the_interpreter_exits(run, late):
    result = refused(run, "def test_one(): pass", in_process=False, conftest=f"""
        import atexit, socket
        {late}:
            try:
                socket.create_connection(("127.0.0.9", 9), 5)
            except RuntimeError:
                print("refused in time")
    """)  # fmt: skip
    result.stdout.fnmatch_lines(["refused in time"])
    result.stderr.fnmatch_lines(["netdouble: refused at the exit of the interpreter: connect 127.0.0.9:9*"])


def test_a_program_that_only_calls_pytest_gets_its_network_back(run, pytester):
    pytester.makepyfile(test_it="def test_one(): pass", program="""
        import pytest, socket
        pytest.main(["-q", "-p", "netdouble.pytest_plugin", "--net-guard=block", "--net-loopback=own", "test_it.py"])
        try:
            socket.create_connection(("127.0.0.9", 9), 5)
        except ConnectionRefusedError:
            print("nobody listens")
    """)  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([sys.executable, "program.py"], env=environment, capture_output=True, text=True, check=True)
    assert "1 passed" in done.stdout
    assert "nobody listens" in done.stdout


def test_under_xdist_each_worker_refuses_and_tells_its_own(run):
    result = refused(run, """
        @pytest.mark.parametrize("number", range(4))
        def test_swallowed(number):
            hide(reach)
        @pytest.mark.net("127.0.0.9")
        def test_allowed():
            with pytest.raises(ConnectionRefusedError):
                reach()
    """, "-n2", plugins=["xdist"])  # fmt: skip
    result.assert_outcomes(failed=4, passed=1)


def test_a_worker_of_xdist_hears_its_children_though_it_was_guarded_as_a_child_itself(run, pytester):
    pytester.makepyfile(early="import socket\nsocket.socket().close()")  # wakes what the worker was handed
    source = "def test_swallowed(): child()"
    result = refused(run, source, "-n1", plugins=["xdist", "early"], in_process=False)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a refused connection of a child process was swallowed*"])


def test_what_a_worker_has_imported_before_pytest_is_none_that_pytest_would_warn_of():
    source = (Path(__file__).parents[2] / "src/netdouble/_child/_netdouble_child.py").read_text("utf-8")
    assert AssertionRewriter.is_rewrite_disabled(ast.get_docstring(ast.parse(source)) or "")


def test_in_random_order_each_test_has_its_own_allowance(run):
    result = refused(run, """
        @pytest.mark.parametrize("number", range(12))
        def test_it(number, net_guard):
            if number % 3 == 0:
                net_guard.allow("127.0.0.9")
            with pytest.raises(ConnectionRefusedError if number % 3 == 0 else NetworkBlocked):
                reach()
    """, "-p", "randomly", plugins=["randomly"])  # fmt: skip
    result.assert_outcomes(passed=12)


# Child processes

# setting -> what becomes of a child that connects
CHILDREN = {
    "guard": ([], "def test_it():\n    assert 'handed down' in child().stderr", {"failed": 1},
              "*a refused connection of a child process was swallowed*"),
    "guard, expected": ([], """
        from netdouble import guard
        def test_it():
            with guard.expect_blocked("127.0.0.9:9") as refused:
                child()
            assert refused[0].test == "test_it.py::test_it" and refused[0].pid != os.getpid()
        """, {"passed": 1}, ""),
    "guard, env of its own": ([], """
        from netdouble import guard
        def test_it():
            with guard.expect_blocked() as refused:
                child(env={})
            assert refused[0].test == "test_it.py::test_it"
        """, {"passed": 1}, ""),
    "guard, allowed by the marker": ([], """
        @pytest.mark.net("127.0.0.9")
        def test_it():
            assert "ConnectionRefusedError" in child().stderr
        """, {"passed": 1}, ""),
    "guard, allowed by the network": ([], """
        def test_it():
            with Network(allow="127.0.0.9"):
                assert "ConnectionRefusedError" in child().stderr
        """, {"passed": 1}, ""),
    "guard, allowed for a while": ([], """
        from netdouble import guard
        def test_it():
            with guard.allow("127.0.0.9"):
                assert "ConnectionRefusedError" in child(env={}).stderr
            assert "NetworkBlocked" in child(env={}).stderr
        """, {"failed": 1}, ""),
    "a grandchild": ([], """
        from netdouble import guard
        def test_it():
            code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CODE!r}], env={{}})"
            with guard.expect_blocked() as refused:
                child(code)
            assert len(refused) == 1
        """, {"passed": 1}, ""),
    "a fork": ([], """
        from netdouble import guard
        def test_it():
            with guard.expect_blocked():
                pid = os.fork()
                if not pid:
                    try: reach()
                    finally: os._exit(0)
                os.waitpid(pid, 0)
        """, {"passed": 1}, ""),
    "allow": (["--net-children=allow"], """
        def test_it():
            assert "ConnectionRefusedError" in child().stderr
            assert "NETDOUBLE_GUARD" not in os.environ
        """, {"passed": 1}, ""),
    "allow, by the marker": ([], """
        @pytest.mark.net(children="allow")
        def test_it():
            assert "ConnectionRefusedError" in child(env={}).stderr
            assert "ConnectionRefusedError" in child().stderr
        """, {"passed": 1}, ""),
    "refuse": (["--net-children=refuse"], "def test_it():\n    child()", {"failed": 1},
               "*a real child process was refused before anything was started*"),
    "refuse, os.system": (["--net-children=refuse"], "def test_it():\n    os.system('true')", {"failed": 1},
                          "*    start true *"),
    "refuse, and who says so": (["--net-children=refuse"], "def test_it():\n    child()", {"failed": 1},
                                "*Refused by: children=refuse, beside guard=block (--net-guard)*"),
    "refuse, but for one test": (["--net-children=refuse"], """
        import netdouble
        @pytest.mark.net(children="guard")
        def test_it():
            with netdouble.guard.expect_blocked():
                child()
        """, {"passed": 1}, ""),
    "refuse, os.fork": (["--net-children=refuse"], """
        def test_it():
            with pytest.raises(NetworkBlocked, match=r"start os.fork"):
                os.fork()
        """, {"passed": 1}, ""),
    "refuse, multiprocessing": (["--net-children=refuse"], """
        import multiprocessing
        @pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
        def test_it(method):
            with pytest.raises(NetworkBlocked, match="start .*Process of multiprocessing"):
                multiprocessing.get_context(method).Process(target=print).start()
        """, {"passed": 3}, ""),
    "refuse, by the network": ([], """
        def test_it():
            with Network(children="refuse"), pytest.raises(NetworkBlocked, match='children="guard"'):
                child()
        """, {"passed": 1}, ""),
    "a child without sockets": ([], """
        def test_it():
            assert child("import sys; print('netdouble' in sys.modules)").stdout == "False\\n"
        """, {"passed": 1}, ""),
    "a child of a test's server": ([], """
        def test_it():
            with socket.create_server(("127.0.0.1", 0)) as server:
                code = f"import socket; socket.create_connection({server.getsockname()!r})"
                assert child(code).returncode == child(code, env={}).returncode == 0
        """, {"passed": 1}, ""),
    "a child of a network's proxy": ([], """
        def test_it(net):
            net.get(URL).reply(text="hello")
            code = f"import urllib.request; print(urllib.request.urlopen({URL!r}).read())"
            assert child(code, env=net.proxy().env).stdout == "b'hello'\\n"
        """, {"passed": 1}, ""),
    "a child's own listener": ([], """
        def test_it():
            code = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
            assert child(code + "socket.create_connection(s.getsockname())").returncode == 0
        """, {"passed": 1}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("options", "source", "outcomes", "line"), CHILDREN.values(), ids=CHILDREN.keys())
def test_children_are_guarded_left_alone_or_refused(run, options, source, outcomes, line):
    result = refused(run, "import os\n" + textwrap.dedent(source), *options)
    result.assert_outcomes(**outcomes)
    if line:
        result.stdout.fnmatch_lines([line])


REFUSING = """
    def test_it{net}:
        with pytest.raises(NetworkBlocked, match="a real child process was refused"):
            child("")
"""
# Who says so: options, the line before the test, its parameters.
REFUSERS = {
    "the option": (["--net-children=refuse"], "", ""),
    "the marker": ([], '@pytest.mark.net(children="refuse")', ""),
    "the marker, for the fixture": ([], '@pytest.mark.net(children="refuse")', "net"),
}


@pytest.mark.parametrize("mode", ["block", "warn", "off"])
@pytest.mark.parametrize(("options", "mark", "net"), REFUSERS.values(), ids=REFUSERS)
def test_children_are_refused_in_every_mode_and_only_where_that_was_said(run, options, mark, net, mode):
    source = textwrap.dedent(REFUSING).format(net=f"({net})").replace("\ndef", f"\n{mark}\ndef")
    after = "" if options else 'def test_next():\n    assert child("").returncode == 0\n'
    result = run(TARGET + source + after, f"--net-guard={mode}", *options)
    result.assert_outcomes(passed=1 if options else 2)


def test_xdist_may_start_its_workers_where_tests_may_start_no_child(run):
    source = "def test_it():\n    with pytest.raises(NetworkBlocked):\n        child()"
    refused(run, source, "--net-children=refuse", "-n1", plugins=["xdist"]).assert_outcomes(passed=1)


# What is one's own

OWN = {
    "an asyncio server": """
        import asyncio
        async def talk():
            server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            await reader.read()
            writer.close()
            server.close()
        def test_it():
            asyncio.run(talk())
        """,
    "http.server": """
        import http.server
        def test_it():
            with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
                threading.Thread(target=server.handle_request).start()
                for host in ("localhost", "127.0.0.1"):
                    socket.create_connection((host, server.server_port)).close()
        """,
    "a socketpair as on Windows": """
        def test_it():
            with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as one:
                one.setblocking(False)
                try: one.connect(server.getsockname())
                except BlockingIOError: pass
                server.accept()[0].close()
        """,
    "a server of uvloop": """
        import asyncio, uvloop
        def test_it():
            loop = uvloop.new_event_loop()
            server = loop.run_until_complete(loop.create_server(asyncio.Protocol, "127.0.0.1", 0))
            socket.create_connection(server.sockets[0].getsockname()).close()
            server.close()
            loop.run_until_complete(server.wait_closed())
            loop.close()
        """,
    "multiprocessing's manager": """
        import multiprocessing
        def test_it():
            with multiprocessing.Manager() as manager:
                assert manager.dict(a=1)["a"] == 1
        """,
    "a unix socket of the test": """
        import os
        def test_it(tmp_path, monkeypatch):
            monkeypatch.chdir(tmp_path)
            with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
                server.bind("docker.sock")
                server.listen()
                client.connect("docker.sock")
        """,
    "an abstract unix socket": """
        def test_it():
            with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
                server.bind("\\0netdouble-test-" + str(id(server)))
                server.listen()
                client.connect(server.getsockname())
        """,
    "a server beside a netlink socket": """
        def test_it():
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as netlink, \\
                 socket.create_server(("127.0.0.1", 0)) as server:
                netlink.bind((0, 0))
                socket.create_connection(server.getsockname()).close()
        """,
    "a resolver of the test": """
        def test_it():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
                server.bind(("127.0.0.1", 0))
                server.sendto(b"x", server.getsockname())
        """,
}  # fmt: skip


@pytest.mark.parametrize("source", OWN.values(), ids=OWN.keys())
def test_nothing_of_ones_own_is_refused(run, source):
    refused(run, source).assert_outcomes(passed=1)


@pytest.fixture
def daemon(tmp_path_factory):
    """A unix socket that was there before the run: by the file's time, which the inner run is told to be long ago."""
    folder, before = tmp_path_factory.mktemp("d"), os.getcwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)  # such a path must be short
        server.bind("s")
        os.chdir(before)
        server.listen()
        yield str(folder / "s")


EARLIER = """
    import socket, time
    from netdouble._gate import own
    own.since = time.time() + 3600
    def speak(path):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
"""


@pytest.fixture(autouse=True)
def _since(monkeypatch):
    from netdouble._gate import own

    monkeypatch.setattr(own, "since", own.since)


def test_a_unix_socket_of_somebody_else_is_refused_unless_it_is_listed(run, daemon):
    source = f"from conftest import speak\ndef test_it():\n    speak({daemon!r})"
    result = refused(run, source, conftest=EARLIER)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Open are unix sockets that this run made itself*", f'*net("unix:{daemon}")*'])
    for entry in ("unix", f"unix:{daemon}", "unix:*/s"):
        refused(run, source, f"--net-allow={entry}", conftest=EARLIER).assert_outcomes(passed=1)


def test_an_ide_may_be_told_over_a_socket_of_its_own_between_the_phases(run, daemon):
    telling = f"{EARLIER}    def pytest_runtest_logreport(report):\n        speak({daemon!r})\n"
    telling += f"    def pytest_sessionfinish():\n        speak({daemon!r})\n"
    refused(run, "def test_it(): pass", conftest=telling).assert_outcomes(passed=1)


# What looks like this machine and is not

WAYS_ROUND = {
    "a resolver on loopback": ("test", 'socket.create_connection(("127.0.0.9", 53), 5)', "A resolver on this machine"),
    "DNS over UDP": ("test", 'with udp() as it: it.sendto(b"x", ("127.0.0.53", 53))', "A resolver on this machine"),
    "a proxy": (
        "proxy", 'socket.create_connection(("127.0.0.9", 3128), 5)', "http_proxy names it as a proxy",
    ),
    "docker": ("test", 'with unix() as sock: sock.connect("/var/run/docker.sock")', "a container engine"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "way", "text"), WAYS_ROUND.values(), ids=WAYS_ROUND.keys())
def test_ways_round_over_this_machine_are_closed_where_loopback_is_open(run, monkeypatch, given, way, text):
    monkeypatch.delenv("http_proxy", raising=False)
    if given == "proxy":
        monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.9:3128/")
    result = run(f"""
        from netdouble._gate import own
        def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        def unix(): return socket.socket(socket.AF_UNIX)
        def test_it(monkeypatch):
            monkeypatch.setattr(own, "is_own_unix", lambda path: False)
            {way}
    """, "--net-guard=block")  # fmt: skip
    result.assert_outcomes(failed=1)
    assert text in result.stdout.str()
    assert "secret" not in result.stdout.str()


# What was let through


def test_the_report_lists_every_real_connection_and_why_it_was_let_through(run):
    result = run(TARGET + textwrap.dedent("""
        from netdouble import guard
        def test_own():
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname()).close()
        def test_allowed(net_guard):
            net_guard.allow("127.0.0.9:9")
            hide(reach)
        @pytest.mark.net(guard="off")
        def test_off():
            hide(reach)
        def test_refused():
            with guard.expect_blocked():
                reach()
    """), *STRICT, "--net-report")  # fmt: skip
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines([
        "Real connections that were let through, and why:",
        "127.0.0.1:*  1x  test_it.py::test_own * a listener of this process",
        "127.0.0.9:9 *  1x  test_it.py::test_allowed * allow",
        "127.0.0.9:9 *  1x  test_it.py::test_off * guard=off",
    ])  # fmt: skip


def test_without_the_option_nothing_is_listed(run):
    result = run("def test_it():\n    with socket.create_server(('127.0.0.1', 0)) as server:\n"
                 "        socket.create_connection(server.getsockname()).close()", *STRICT)  # fmt: skip
    result.stdout.no_fnmatch_line("*let through*")


# The fixture


def test_the_fixture_opens_the_guard_until_the_test_ends_or_for_a_while(run):
    result = refused(run, """
        def test_until_the_end(net_guard):
            net_guard.allow("127.0.0.9")
            with pytest.raises(ConnectionRefusedError):
                reach()
        def test_the_next():
            with pytest.raises(NetworkBlocked):
                reach()
        def test_for_a_while(net_guard):
            with net_guard.allow(["127.0.0.9"]), pytest.raises(ConnectionRefusedError):
                reach()
            with net_guard.expect_blocked() as refused:
                hide(reach)
            assert [each.target for each in refused] == ["127.0.0.9:9"]
            assert [(a.target, a.count, a.action) for a in net_guard.attempts] == [("127.0.0.9:9", 1, "connect")]
        def test_nothing_of_the_kind(net_guard):
            with pytest.raises(UnmetExpectation, match="no real connection was refused .expected: db.test."):
                with net_guard.expect_blocked("db.test"):
                    hide(reach)
            with pytest.raises(DeclarationError):
                net_guard.allow("https://api.test")
    """)  # fmt: skip
    result.assert_outcomes(passed=3, failed=1)  # the last one swallowed what it did not expect


def test_a_password_in_the_command_of_a_child_is_masked(run):
    result = refused(run, """
        def test_it():
            child(CODE + "  # https://me:hunter2@api.test/")
        def test_refused():
            with Network(children="refuse"):
                child("# https://me:hunter2@api.test/")
    """, "--tb=short")  # fmt: skip
    result.assert_outcomes(failed=2)
    told = [line for line in result.stdout.lines if "api.test/" in line and "child(" not in line]
    assert told
    assert not [line for line in told if "hunter2" in line]
