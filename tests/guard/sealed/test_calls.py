"""Every system call that can name an address, in every spelling of it: refused where it is not allowed, else done.

Rule: one C program, linked statically, makes the raw calls; it knows nothing of Python and of the C library's sockets.
"""

from __future__ import annotations

import re
import subprocess

import pytest
from tests.guard.sealed.conftest import AWAY

# What the program is told -> the system call that it makes.
CALLS = {
    "connect": "connect", "connect_udp": "connect", "sendto": "sendto", "sendmsg": "sendmsg", "sendmmsg": "sendmmsg",
    "sendmmsg_second": "sendmmsg", "fastopen": "sendto", "mapped": "connect", "mapped_udp": "sendto",
}  # fmt: skip


def each_call(sealed, program, host: str):
    """Every call once, in one sealed run: what each printed, and the run."""
    loop = f"for call in {' '.join(CALLS)}; do echo $call $({program} $call {host} {sealed.listener.port}); done"
    done = sealed("sh", "-c", loop)
    return dict(line.split() for line in done.stdout.splitlines()), done


def test_what_is_not_allowed_is_refused(sealed, program):
    said, done = each_call(sealed, program, AWAY)
    assert said == dict.fromkeys(CALLS, "EPERM")
    assert sealed.nothing_left()
    told = re.findall(
        rf"^  (\w+) {AWAY}:{sealed.listener.port} +1x +pid \d+: {program} (\w+) ", done.stderr, re.MULTILINE
    )
    assert {call: name for name, call in told} == CALLS


def test_what_is_allowed_is_done(sealed, program):
    said, done = each_call(sealed, program, "127.0.0.1")
    assert said == dict.fromkeys(CALLS, "done")
    assert (done.returncode, done.stderr) == (0, "")


NOT_THERE = {"io_uring": "ENOSYS"}


@pytest.mark.parametrize("call", NOT_THERE)
def test_ways_round_the_calls_are_not_there(sealed, program, call):
    assert sealed(program, call, AWAY, "9").stdout.strip() == NOT_THERE[call]


RAW = {"packet": "AF_PACKET", "vsock": "AF_VSOCK"}


@pytest.mark.parametrize("call", RAW)
def test_other_families_are_refused_by_name(sealed, program, call):
    done = sealed(program, call, AWAY, "9")
    assert done.stdout.strip() in {"EPERM", "EAFNOSUPPORT"}, done.stderr
    if done.stdout.strip() == "EPERM" and done.stderr:
        assert RAW[call] in done.stderr


HARMLESS = ["unspec", "netlink", "socketpair", "unix_nobody", "short", "null", "bad_pointer"]


@pytest.mark.parametrize("call", HARMLESS)
def test_what_stays_in_the_machine_or_means_nothing_is_the_kernels_to_answer(sealed, program, call):
    bare = subprocess.run([program, call, AWAY, "9"], capture_output=True, text=True, timeout=20, check=False)
    done = sealed(program, call, AWAY, "9")
    if call == "bad_pointer":
        assert (bare.stdout.strip(), done.stdout.strip()) == ("EFAULT", "EPERM")
        assert "could not be judged" in done.stderr
    else:
        assert (done.stdout, done.stderr) == (bare.stdout, "")


# Unix sockets


@pytest.mark.parametrize("name", ["there.sock", "@abstract"])
def test_a_unix_socket_of_somebody_else_is_refused(sealed, program, tmp_path, name):
    import socket

    path = str(tmp_path / name) if name[0] != "@" else f"@{tmp_path.name}-{sealed.listener.port}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path if path[0] != "@" else "\0" + path[1:])
        server.listen()
        done = sealed(program, "unix", path, "0")
        assert done.stdout.strip() == "EPERM"
        assert f"connect unix:{path} " in done.stderr
        assert sealed(program, "unix", path, "0", options=(f"--allow=unix:{path}",)).stdout.strip() == "done"


def test_a_unix_socket_of_the_run_itself_is_open(sealed, program):
    code = f"""
server = socket.socket(socket.AF_UNIX)
server.bind("own.sock")
server.listen()
print(subprocess.run([{program!r}, "unix", "own.sock", "0"], capture_output=True, text=True).stdout.strip())
print(subprocess.run([{program!r}, "unix", os.getcwd() + "/own.sock", "0"], capture_output=True, text=True).stdout)
"""
    done = sealed.python(code)
    assert done.stdout.split()[0] == "done", done.stderr


# Listeners


def test_only_listeners_of_the_run_are_reached_where_that_is_asked_for(sealed):
    code = """
own = socket.create_server((AWAY, 0))
print(attempt(AWAY, own.getsockname()[1]), attempt())
wide = socket.create_server(("", 0))
print(attempt(AWAY, wide.getsockname()[1]))
six = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
print(attempt(AWAY, six.getsockname()[1]))
child = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", AWAY, "0"], stdout=subprocess.PIPE, text=True,
                         env={**os.environ, "PYTHONUNBUFFERED": "1"})
port = int(child.stdout.readline().split(" port ")[1].split()[0])
print(attempt(AWAY, port))
child.kill()
"""
    assert sealed.python(code).stdout.split() == ["open", "EPERM", "open", "open", "open"]


# Names


@pytest.mark.parametrize("tool", ["getent hosts", "getent ahosts", "python"])
def test_a_lookup_by_any_program_is_refused_before_the_resolver_hears_of_it(sealed, tool):
    words = (
        tool.split() if tool != "python" else ["python3", "-c", "import socket, sys; socket.gethostbyname(sys.argv[1])"]
    )
    done = sealed(*words, "netdouble.test")
    assert done.returncode != 0
    assert ":53 " in done.stderr


def test_a_resolver_on_loopback_is_refused_where_loopback_is_open(sealed, program):
    for call in ("connect_udp", "sendto", "connect"):
        done = sealed(program, call, AWAY, "53", options=("--loopback=open",))
        assert done.stdout.strip() == "EPERM"
        assert f"{AWAY}:53" in done.stderr


# "0x7f000009" is a host name to the allow list, and the C library finds 127.0.0.9 for it without asking anybody.
NAMED = "0x7f000009"


def test_a_name_on_the_allow_list_is_reached_by_native_code(sealed, program):
    for entry in (NAMED, f"{NAMED}:{sealed.listener.port}"):
        done = sealed(program, "connect", AWAY, str(sealed.listener.port), options=(f"--allow={entry}",))
        assert (done.stdout.strip(), done.stderr) == ("done", "")
    done = sealed(program, "connect", AWAY, str(sealed.listener.port), options=(f"--allow={NAMED}:1",))
    assert done.stdout.strip() == "EPERM"
    done = sealed(program, "connect", "127.0.0.8", str(sealed.listener.port), options=(f"--allow={NAMED}",))
    assert done.stdout.strip() == "EPERM"


def test_many_wait_for_a_name_at_once(sealed):
    code = """
import threading
answers = []
threads = [threading.Thread(target=lambda: answers.append((attempt(), attempt("127.0.0.8")))) for _ in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(set(answers), len(answers))
"""
    done = sealed.python(code, options=(f"--allow={NAMED}",))
    assert done.stdout.strip() == "{('open', 'EPERM')} 20", done.stderr


def test_a_name_on_the_allow_list_opens_the_resolvers(sealed, program):
    for entry, port, answer in (("db.test", "53", "ECONNREFUSED"), ("dns:db.test", "53", "ECONNREFUSED"),
                                ("*.db.test", "53", "ECONNREFUSED"), ("db.test", "54", "EPERM"),
                                ("10.0.0.0/8", "53", "EPERM")):  # fmt: skip
        done = sealed(program, "connect", AWAY, port, options=(f"--allow={entry}",))
        assert (entry, done.stdout.strip()) == (entry, answer)
