"""The guard in a program, in a unittest run, and in children of an environment where the wheel is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import pytest

import netdouble
from netdouble import DeclarationError, Network, NetworkBlocked, guard

SOURCE = Path(netdouble.__file__).parents[1]
# In the source: the wheel has these files beside the package.
CHILD = Path(__file__).parents[2] / "src" / "netdouble" / "_child"
# Nobody listens there, guarded or not.
REACH = "socket.create_connection(('127.0.0.9', 9), 5)"


def run(program, folder, *, python=sys.executable, options=(), variables=None, module=()):
    """A program of its own, without pytest in its modules."""
    (folder / "program.py").write_text(textwrap.dedent(program), "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NETDOUBLE"))}
    environment |= {"PYTHONPATH": str(SOURCE), **(variables or {})}
    return subprocess.run([python, *options, *module, "program.py"], cwd=folder, env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip


def test_installed_it_refuses_for_every_thread_and_lists_at_the_exit(tmp_path):
    done = run(f"""
        import socket, threading
        from netdouble import guard, NetworkBlocked
        undo = guard.install(allow=["db.test:5432"], loopback="own")
        def hide():
            try: {REACH}
            except NetworkBlocked as error: print(str(error))
        thread = threading.Thread(target=hide)
        thread.start()
        thread.join()
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        print(guard.in_force().mode, [(a.target, a.count) for a in guard.attempts()])
        undo()
        try: {REACH}
        except ConnectionRefusedError: print("taken back", guard.in_force().mode)
    """, tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "thread Thread-1 (hide)" in done.stdout
    assert "Refused by: guard=block (guard.install). Allowed: own, db.test:5432" in done.stdout
    assert 'To allow it:   with guard.allow("127.0.0.9:9"): ..., or allow= of guard.install' in done.stdout
    assert "block [('127.0.0.9:9', 1)]\ntaken back off\n" in done.stdout
    assert done.stderr.startswith("netdouble: refused: connect 127.0.0.9:9  1x")


def test_a_unittest_run_names_the_test(tmp_path):
    done = run(f"""
        import socket, unittest
        from netdouble import guard
        guard.install(loopback="own")
        class TestIt(unittest.TestCase):
            def test_leaves(self):
                {REACH}
            def test_means_it(self):
                with self.assertRaisesRegex(RuntimeError, "in program.TestIt.test_means_it"):
                    {REACH}
    """, tmp_path, module=("-m", "unittest"))  # fmt: skip
    assert "FAILED (errors=1)" in done.stderr
    assert "in program.TestIt.test_leaves" in done.stderr


def test_its_own_exceptions_may_be_raised(tmp_path):
    done = run(f"""
        import socket
        from netdouble import guard
        class Blocked(RuntimeError): pass
        guard.install(loopback="own", error=lambda refusal: Blocked(f"no {{refusal.host}} {{refusal.port}}"))
        try: {REACH}
        except Blocked as error: print(error)
    """, tmp_path)  # fmt: skip
    assert done.stdout == "no 127.0.0.9 9\n"


def test_warn_lets_it_pass_and_lists_it(tmp_path):
    done = run(f"""
        import socket
        from netdouble import guard
        guard.install("warn", loopback="own")
        try: {REACH}
        except ConnectionRefusedError: print("passed")
    """, tmp_path)  # fmt: skip
    assert done.stdout == "passed\n"
    assert done.stderr.startswith("netdouble: allowed by nothing: connect 127.0.0.9:9  1x")


def test_what_was_installed_is_taken_back_in_any_order():
    before = guard.in_force()
    first = guard.install()
    second = guard.install("warn", origin="the second")
    first()
    assert guard.in_force().origin == "guard=warn (the second)"
    second()
    assert guard.in_force() is before


def test_a_network_refuses_children_whatever_holds_outside_of_it():
    command, before = [sys.executable, "-c", ""], dict(os.environ)
    with Network(children="refuse"):
        with Network(children="refuse"), pytest.raises(NetworkBlocked, match="a real child process was refused"):
            subprocess.run(command, check=True)
        with pytest.raises(NetworkBlocked, match='children="guard"'):
            subprocess.run(command, check=True)
    assert subprocess.run(command, check=True).returncode == 0
    assert os.environ == before


MISTAKES = [{"mode": "blok"}, {"allow": "https://api.test"}, {"loopback": "closed"}, {"children": "kill"}, {"allow": 5}]


@pytest.mark.parametrize("wrong", MISTAKES)
def test_what_cannot_be_read_is_an_error_and_nothing_is_installed(wrong):
    before = guard.in_force()
    with pytest.raises(DeclarationError, match=r"^guard\.install: "):
        guard.install(**wrong)
    assert guard.in_force() is before


GRANDCHILD = f"""
import subprocess, sys
from netdouble import guard
guard.install(loopback="own")
for options in ([], ["-I"], ["-E"]):
    code = "import socket; {REACH}"
    done = subprocess.run([sys.executable, *options, "-c", code], env={{}}, capture_output=True, text=True)
    print(options, "NetworkBlocked" in done.stderr)
"""


def test_children_are_guarded_by_the_file_of_the_wheel_however_they_are_started(tmp_path):
    # As the wheel installs it: two files beside the package, which is found over a path file here.
    venv.create(tmp_path / "v", with_pip=False)
    python = tmp_path / "v" / "bin" / "python"
    site = Path(subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                               capture_output=True, text=True, check=True).stdout.strip())  # fmt: skip
    for name in ("_netdouble_child.py", "netdouble-guard.pth"):
        shutil.copy(CHILD / name, site)
    (site / "source.pth").write_text(f"{SOURCE}\n", "utf-8")
    done = run(GRANDCHILD, tmp_path, python=str(python), variables={"PYTHONPATH": ""})
    assert done.stdout == "[] True\n['-I'] True\n['-E'] True\n", done.stderr


def test_the_wheel_installs_that_file_and_what_it_imports():
    settings = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    for name in ("_netdouble_child.py", "netdouble-guard.pth"):
        assert f'"src/netdouble/_child/{name}" = "{name}"' in settings
        assert (CHILD / name).exists()


def test_a_child_that_uses_no_socket_loads_nothing_of_ours(tmp_path):
    done = run("""
        import subprocess, sys
        from netdouble import guard
        guard.install()
        code = "import sys; print(sorted(name for name in sys.modules if 'netdouble' in name))"
        subprocess.run([sys.executable, "-c", code])
    """, tmp_path)  # fmt: skip
    assert done.stdout == "['_netdouble_child']\n", done.stderr


def test_a_child_keeps_its_own_sitecustomize(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("print('its own')", "utf-8")
    done = run(f"""
        import os, subprocess, sys
        from netdouble import guard
        guard.install(loopback="own")
        os.environ["PYTHONPATH"] += os.pathsep + "site"
        code = "import socket; {REACH}"
        print("NetworkBlocked" in subprocess.run([sys.executable, "-c", code], stderr=-1, text=True).stderr, flush=True)
    """, tmp_path)  # fmt: skip
    assert done.stdout == "its own\nTrue\n", done.stderr


def test_a_lookup_of_an_event_loop_names_the_line_that_waits_for_it(tmp_path):
    done = run("""
        import asyncio
        from netdouble import guard
        guard.install()
        async def main():
            await asyncio.open_connection("api.test", 443)
        asyncio.run(main())
    """, tmp_path)  # fmt: skip
    assert "lookup api.test:443        called from program.py:6 in main" in done.stderr
