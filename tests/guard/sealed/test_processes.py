"""A sealed command behaves as the command does: its status, its signals, its children. And it fails closed."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.guard.sealed.conftest import AWAY, PREAMBLE, is_gone, kill, wait_until

from netdouble._gate.sealed.obstacles import obstacle


def test_this_machine_can_be_sealed():
    assert obstacle() == ""


def test_what_is_not_allowed_is_refused_before_anything_is_sent(sealed):
    done = sealed.python("print(attempt(), attempt('127.0.0.1'))")
    assert done.stdout.split() == ["EPERM", "open"]
    assert sealed.nothing_left()
    assert re.search(rf"connect {AWAY}:\d+  1x  pid \d+: ", done.stderr)


# How it ends


@pytest.mark.parametrize("status", [0, 1, 2, 4, 5, 255])
def test_the_status_is_the_commands(sealed, status):
    assert sealed("sh", "-c", f"exit {status}").returncode == status


def test_a_command_that_succeeds_although_something_was_refused_fails(sealed):
    done = sealed.python("attempt()")
    assert done.returncode == 1
    assert "exit status 1" in done.stderr


def test_unless_that_is_only_to_be_told(sealed):
    done = sealed.python("attempt()", options=("--swallowed=warn",))
    assert done.returncode == 0
    assert AWAY in done.stderr


def test_the_status_of_a_command_that_fails_stays(sealed):
    assert sealed.python("attempt(); raise SystemExit(7)").returncode == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_command_that_dies_of_a_signal_dies_of_it_outside_too(sealed, number):
    assert sealed("sh", "-c", f"kill -{int(number)} $$").returncode == -number


WAITS = "import time\nprint('there', os.getpid(), os.getppid(), flush=True)\ntime.sleep(60)"


def started(run) -> tuple[int, int]:
    """The command's process and the supervisor's, once it runs."""
    word, command, supervisor = run.stdout.readline().split()
    assert word == "there"
    return int(command), int(supervisor)


@pytest.fixture
def waiting(sealed):
    """A sealed command that waits, with the numbers of the three processes."""
    run = sealed.popen(sys.executable, "-c", PREAMBLE + WAITS)
    command, supervisor = started(run)
    yield run, command, supervisor
    for process in (run.pid, command, supervisor):
        kill(process)
    run.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_to_the_started_process_reaches_the_command(waiting, number):
    run, command, supervisor = waiting
    run.send_signal(number)
    assert run.wait(30) == -number
    wait_until(lambda: is_gone(command) and is_gone(supervisor))


def test_an_interrupt_reaches_the_command_as_one(waiting):
    run, _, _ = waiting
    run.send_signal(signal.SIGINT)
    assert run.wait(30) in {-signal.SIGINT, 130}
    assert "KeyboardInterrupt" in run.stderr.read()


def test_an_interrupt_from_the_terminal_arrives_once(sealed, tmp_path):
    code = """
import signal, threading
got = []
signal.signal(signal.SIGINT, lambda *_: got.append(1))
print('there', flush=True)
while not got: time.sleep(0.05)
time.sleep(0.5)
open('interrupts', 'w').write(str(len(got)))
"""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        command = sealed.command(sys.executable, "-c", PREAMBLE + code)
        os.execve(command[0], command, sealed.environment)
    heard = b""
    while b"there" not in heard:
        heard += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    wait_until((tmp_path / "interrupts").exists)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "interrupts").read_text() == "1"


def test_killing_the_started_process_ends_the_command(waiting):
    run, command, supervisor = waiting
    run.kill()
    assert run.wait(30) == -signal.SIGKILL
    wait_until(lambda: is_gone(command) and is_gone(supervisor))


# The supervisor's death


def test_without_its_supervisor_every_connection_fails_and_the_status_is_still_told(sealed):
    code = """
os.kill(os.getppid(), signal.SIGKILL)
while attempt() != 'ENOSYS': time.sleep(0.01)
print(attempt(), attempt('127.0.0.1'))
raise SystemExit(5)
"""
    done = sealed.python(code)
    assert done.stdout.split() == ["ENOSYS", "ENOSYS"]
    assert done.returncode == 5
    assert sealed.nothing_left()


def test_a_call_that_waits_when_the_supervisor_dies_fails(sealed):
    code = """
supervisor = os.getppid()
os.kill(supervisor, signal.SIGSTOP)
import threading
answers = []
thread = threading.Thread(target=lambda: answers.append(attempt()))
thread.start()
state = lambda: open(f"/proc/self/task/{thread.native_id}/stat").read().rpartition(") ")[2][0]
while state() != "S": time.sleep(0.01)
assert not answers
os.kill(supervisor, signal.SIGKILL)
thread.join(20)
print(answers)
"""
    assert sealed.python(code).stdout.strip() == "['ENOSYS']"


# Strangers


@pytest.mark.net("unix")
def test_a_process_that_is_not_of_the_run_has_no_say_in_it(waiting):
    _, command, _ = waiting
    variables = Path(f"/proc/{command}/environ").read_bytes().split(b"\0")
    address = (
        next(line for line in variables if line.startswith(b"NETDOUBLE_SEALED=")).split(b"=")[1].partition(b":")[0]
    )
    page = os.memfd_create("stranger")
    os.truncate(page, 1 << 20)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
        visitor.settimeout(20)
        visitor.connect(b"\0" + address)
        socket.send_fds(visitor, [b"join0"], [page])
        assert visitor.recv(16) == b""
    os.close(page)


NONSENSE = """
import array
from netdouble._gate import SEALED_VARIABLE
address = b"\\0" + os.environ[SEALED_VARIABLE].partition(":")[0].encode()
small = os.memfd_create("small")
for message in (b"x", b"take", b"join", b"joinx", b"join99999", b"\\xff" * 64):
    for files in ([], [small]):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
            visitor.connect(address)
            socket.send_fds(visitor, [message], files)
visitors = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
for visitor in visitors: visitor.connect(address)
print(attempt(), attempt("127.0.0.1"))
"""


def test_nonsense_does_not_end_the_supervisor(sealed):
    assert sealed.python(NONSENSE).stdout.split() == ["EPERM", "open"]


# Children


SPAWNED = {
    "a shell": "os.system(command)",
    "subprocess": "subprocess.run(words)",
    "posix_spawn": "os.waitpid(os.posix_spawn(words[0], words, os.environ), 0)",
    "an empty environment": "subprocess.run([*words, AWAY, str(PORT)], env={})",
    "a session of its own": "subprocess.run(words, start_new_session=True)",
    "fork": "pid = os.fork()\nif pid == 0:\n    print(attempt(), flush=True)\n    os._exit(0)\nos.waitpid(pid, 0)",
    "a thread": "import threading; t = threading.Thread(target=lambda: print(attempt())); t.start(); t.join()",
    "exec": "os.execv(words[0], words)",
    "vfork": "subprocess.run(words, close_fds=False)",
}
CHILD = """
import errno, os, socket, sys
away, port = sys.argv[1:] or (os.environ["AWAY"], os.environ["PORT"])
s = socket.socket()
print(errno.errorcode.get(s.connect_ex((away, int(port))), "open"))
"""


@pytest.mark.parametrize("how", SPAWNED)
def test_children_are_sealed_however_they_are_started(sealed, how, tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    code = f"words = [sys.executable, 'child.py']\ncommand = ' '.join(words)\n{SPAWNED[how]}"
    done = sealed.python(code)
    assert done.stdout.split() == ["EPERM"], done.stderr
    assert sealed.nothing_left()
    assert AWAY in done.stderr


MULTIPROCESSING = """
import multiprocessing, os, sys
sys.path.insert(0, os.getcwd())
from work import attempt

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(attempt, [os.environ["AWAY"], "127.0.0.1"]))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_are_sealed_and_talk_to_each_other(sealed, method, tmp_path):
    (tmp_path / "work.py").write_text(PREAMBLE)
    (tmp_path / "main.py").write_text(MULTIPROCESSING)
    done = sealed(sys.executable, "main.py", method)
    assert done.stdout.strip() == "['EPERM', 'open']", done.stderr
    assert sealed.nothing_left()


def test_twenty_threads_at_once_are_each_judged(sealed):
    code = """
import threading
answers = []
def work():
    for _ in range(5):
        answers.append((attempt(), attempt('127.0.0.1')))
threads = [threading.Thread(target=work) for _ in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(set(answers), len(answers))
"""
    done = sealed.python(code)
    assert done.stdout.strip() == "{('EPERM', 'open')} 100"
    assert "100x" in done.stderr


DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        devnull = os.open(os.devnull, os.O_RDWR)
        for number in range(3): os.dup2(devnull, number)
        while not os.path.exists('go'): time.sleep(0.02)
        answers = f"{attempt()} {attempt('127.0.0.1')}"
        open('answers.new', 'w').write(answers)
        os.rename('answers.new', 'answers')
    os._exit(0)
print(os.getppid())
"""


def test_what_outlives_the_command_is_still_judged_and_then_the_supervisor_ends(sealed, tmp_path):
    begun = time.monotonic()
    done = sealed.python(DAEMON)
    assert done.returncode == 0
    assert time.monotonic() - begun < 40  # the daemon does not hold up the end
    (tmp_path / "go").touch()
    wait_until((tmp_path / "answers").exists)
    assert (tmp_path / "answers").read_text() == "EPERM open"
    assert sealed.nothing_left()
    wait_until(lambda: is_gone(int(done.stdout)))


# What it can't do, and where it can't be


def test_there_is_no_such_command(sealed):
    done = sealed("no-such-command-here")
    assert (done.returncode, done.stderr) == (127, "netdouble: there is no command 'no-such-command-here'\n")


def test_an_entry_that_cant_be_read_is_a_usage_error(sealed):
    done = sealed("true", options=("--allow=https://api.test/x",))
    assert done.returncode == 2
    assert "allow: 'https://api.test/x' can't be read" in done.stderr


def test_a_sealed_command_in_a_sealed_one_is_held_by_the_outer(sealed):
    inner = sealed.command(sys.executable, "-c", PREAMBLE + "print(attempt())", options=("--allow=127.0.0.9",))
    done = sealed(*inner)
    assert done.returncode == 2
    assert "netdouble: not sealed: an outer run is sealed already, and its rules hold" in done.stderr
    auto = [word.replace("--sealed", "--sealed=auto") if word == "--sealed" else word for word in inner]
    done = sealed(*auto)
    assert done.stdout.strip() == "EPERM"
    assert "NOT SEALED: an outer run is sealed already" in done.stderr


def test_a_process_with_threads_is_not_forked(sealed):
    code = """
import threading
from netdouble._gate.sealed.obstacles import threads
print(repr(threads()))
threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
print(threads())
"""
    done = sealed.python(code)
    assert done.stdout.splitlines() == [
        "''",
        "1 more thread of this process started before the guard (a debugger?)",
    ]


# Somebody who is not root


ORDINARY = """
import os, sys, importlib, pkgutil
from netdouble import _gate
from netdouble._gate import policy, sealed
for module in pkgutil.iter_modules(sealed.__path__): importlib.import_module(f"netdouble._gate.sealed.{module.name}")
import fnmatch, ipaddress, netdouble._core.urls, resource
from netdouble._gate.sealed.running import run
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(os.getuid(), flush=True)
raise SystemExit(run([sys.argv[1], "connect", AWAY, str(PORT)], mode="require", allow=["127.0.0.1"], loopback="own"))
"""


def test_nobody_may_seal_a_command_too(sealed, program, tmp_path):
    """As root this becomes an ordinary user, after everything is loaded: the interpreter may lie in root's home."""
    if os.getuid() != 0:
        assert sealed(program, "connect", AWAY, str(sealed.listener.port)).stdout.strip() == "EPERM"
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copied = shutil.copy(program, folder)
        done = subprocess.run([sys.executable, "-c", PREAMBLE + ORDINARY, copied], env=sealed.environment, text=True,
                              capture_output=True, timeout=50, check=False)  # fmt: skip
    assert done.stdout.split() == ["65534", "EPERM"], done.stderr
    assert f"connect {AWAY}:{sealed.listener.port}" in done.stderr
    assert sealed.nothing_left()


FEW = """
import os, sys, importlib, pkgutil, resource, subprocess
from netdouble._gate import policy, sealed
for module in pkgutil.iter_modules(sealed.__path__): importlib.import_module(f"netdouble._gate.sealed.{module.name}")
import fnmatch, ipaddress, netdouble._core.urls
from netdouble._gate.sealed.running import run
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(61234)
    os.setuid(61234)
resource.setrlimit(resource.RLIMIT_NPROC, (int(sys.argv[3]), int(sys.argv[3])))
raise SystemExit(run([sys.argv[1], "connect", AWAY, str(PORT)], mode=sys.argv[2], allow=["127.0.0.1"], loopback="own"))
"""


# As root an ordinary user is made who has no other process; anybody else's are not known.
LIMITS = [1, 2, 3] if os.getuid() == 0 else [1]


@pytest.mark.parametrize("most", LIMITS)
def test_where_no_more_processes_can_be_made_the_command_goes_on_unsealed_or_fails(sealed, program, most):
    """The first fork fails, the second, or the helper thread."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copied = shutil.copy(program, folder)

        def run(mode: str):
            command = [sys.executable, "-c", PREAMBLE + FEW, copied, mode, str(most)]
            return subprocess.run(
                command, env=sealed.environment, text=True, capture_output=True, timeout=50, check=False
            )

        required, auto = run("require"), run("auto")
    assert (required.returncode, required.stdout) == (2, "")
    assert required.stderr.startswith("netdouble: not sealed: ")
    assert (auto.returncode, auto.stdout) == (0, "done\n")
    assert auto.stderr.startswith("netdouble: NOT SEALED: ")


# A network of its own


def test_a_network_of_its_own_has_a_loopback_and_nothing_else(sealed, namespace):
    if not namespace:
        return
    code = """
server = socket.create_server(("127.0.0.1", 0))
print(attempt("127.0.0.1", server.getsockname()[1]), attempt(), attempt("127.0.0.1"))
print(*[line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line], os.getuid())
"""
    command = [
        word if word != "--sealed" else "--sealed=netns"
        for word in sealed.command(sys.executable, "-c", PREAMBLE + code)
    ]
    done = subprocess.run(command, env=sealed.environment, capture_output=True, text=True, timeout=50, check=False)
    first, second = done.stdout.splitlines()
    assert first.split() == ["open", "ECONNREFUSED", "ECONNREFUSED"], done.stderr
    assert "lo" in second.split()
    assert not {name for name in second.split() if name.startswith(("eth", "en", "wl"))}
    assert second.split()[-1] == str(os.getuid())
