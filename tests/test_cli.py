"""The command line: the doctor tells the truth about the clients of its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from netdouble._core.native_clients import NATIVE_CLIENTS
from netdouble._intercept.catalog import CLIENTS


def netdouble(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    python_path = os.pathsep.join([str(path or ""), os.environ.get("PYTHONPATH", ""), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "netdouble", *arguments],
        env={**os.environ, "PYTHONPATH": python_path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_doctor_names_every_client_its_version_and_its_seam():
    run = netdouble("doctor")
    assert run.returncode == 0, run.stderr
    rows = {line.split()[0]: line for line in run.stdout.splitlines()[3:] if line}
    for client in CLIENTS:
        if client.depth:
            assert client.seam in rows[client.name]
            assert "covered" in rows[client.name] or "absent" in rows[client.name]
    import requests

    assert requests.__version__ in rows["requests"]
    assert run.stdout.splitlines()[-1].startswith(("sealed mode: possible here", "sealed mode: not possible here: "))


def test_the_doctor_knows_native_clients_and_what_to_write_for_them():
    run = netdouble("doctor")
    rows = {line.split()[0]: line for line in run.stdout.splitlines()[3:] if line}
    for name in NATIVE_CLIENTS:
        assert f'with net.native("{name}"): ...' in rows[name]
        assert " covered " in rows[name] or " absent " in rows[name]
    import pycurl

    assert pycurl.version.split()[0].removeprefix("PycURL/") in rows["pycurl"]


def test_the_doctor_names_what_nothing_answers_and_who_guards_it(tmp_path):
    (tmp_path / "zmq").mkdir()
    (tmp_path / "zmq" / "__init__.py").touch()
    (tmp_path / "pyzmq-99.0.dist-info").mkdir()
    (tmp_path / "pyzmq-99.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: pyzmq\nVersion: 99.0\n")
    run = netdouble("doctor", path=tmp_path)
    [line] = [line for line in run.stdout.splitlines() if line.startswith("not answered, ")]
    assert "in native code: " in line
    assert "pyzmq 99.0" in line
    assert "sealed mode guards them; what speaks HTTP and takes a proxy can be led to net.proxy()" in run.stdout


def test_a_native_client_that_does_not_fit_is_said_to_be_uncovered_and_why(tmp_path):
    (tmp_path / "pycurl.py").write_text("Curl = None")
    run = netdouble("doctor", path=tmp_path)
    assert run.returncode == 1
    [row] = [line for line in run.stdout.splitlines() if line.startswith("pycurl ")]
    assert "not covered" in row
    assert "\npycurl: " in run.stdout


@pytest.mark.parametrize(
    ("client", "source"), [("aiohttp", "__version__ = '9.0'"), ("requests", "raise ImportError('broken')")]
)
def test_a_client_that_does_not_fit_is_said_to_be_uncovered_and_why(tmp_path, client, source):
    (tmp_path / client).mkdir()
    (tmp_path / client / "__init__.py").write_text(source)
    run = netdouble("doctor", path=tmp_path)
    assert run.returncode == 1
    [row] = [line for line in run.stdout.splitlines() if line.startswith(f"{client} ")]
    assert "not covered" in row
    assert f"\n{client}: " in run.stdout


def test_without_a_command_the_help_is_shown():
    run = netdouble()
    assert run.returncode == 2
    assert "doctor" in run.stdout


ROUTES = """
def routes(net):
    net.get("https://api.test/users/{id}").reply(json={"id": 7})
    net.get("/health").reply(text="ok")
"""


@pytest.fixture
def routes(tmp_path):
    file = tmp_path / "routes.py"
    file.write_text(ROUTES)
    return str(file)


def served(routes: str, *options: str):
    """`netdouble serve` as it runs, and the first line that it says."""
    command = [sys.executable, "-u", "-m", "netdouble", "serve", routes, *options]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return program, program.stdout.readline().strip()


def test_routes_of_a_file_are_served_until_ctrl_c(routes):
    program, url = served(routes, "--origin", "https://api.test")
    with program:
        assert urllib.request.urlopen(f"{url}/users/7", timeout=20).read() == b'{"id":7}'
        assert program.stdout.readline().startswith("GET https://api.test/users/7 -> 200 ")
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 0


def test_a_request_that_nothing_answers_is_reported_when_a_server_ends(routes):
    program, url = served(routes, "--origin", "https://api.test")
    with program:
        assert urllib.request.urlopen(f"{url}/health", timeout=20).read() == b"ok"
        with pytest.raises(urllib.error.HTTPError, match="501"):
            urllib.request.urlopen(f"{url}/typo", timeout=20)
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 1
        assert "no route answers" in program.stderr.read()


def test_a_command_runs_behind_the_proxy(routes):
    run = netdouble("proxy", routes, "--", "curl", "-sS", "https://api.test/users/7")
    assert (run.stdout, run.returncode) == ('{"id":7}', 0), run.stderr
    assert "GET https://api.test/users/7 -> 200" in run.stderr


def test_a_request_that_nothing_answers_fails_the_command(routes):
    run = netdouble("proxy", routes, "--", "curl", "-sS", "https://api.test/typo")
    assert run.returncode == 1
    assert 'expected "/users/{id}", got "/typo"' in run.stderr
    run = netdouble("proxy", routes, "--", "curl", "-sS", "--fail", "https://api.test/typo")
    assert run.returncode == 22  # the command's own


UNFIT = {
    "": "routes.py has no function routes(net)",
    "def routes(net):\n    net.get('x')": "is not absolute",
    "def routes(net):\n    net.get('/x').reply(jsn={})": "did you mean json=?",
    "def routes(): pass": "routes() takes one argument, the network: def routes(net)",
    "async def routes(net): pass": "declaring needs no await: make it a plain function",
    "def routes(net):\n    for name in 'ab': net.get(f'https://{name}.test/')": "(In a shell: --origin, and `netdouble",
    "import nowhere_at_all": "No module named 'nowhere_at_all'",
}


@pytest.mark.parametrize(("source", "why"), UNFIT.items(), ids=list(UNFIT.values()))
def test_a_file_that_can_not_work_is_told_so(tmp_path, source, why):
    (tmp_path / "routes.py").write_text(source)
    run = netdouble("serve", str(tmp_path / "routes.py"))
    assert run.returncode == (1 if "import" in source else 2)
    assert why in run.stderr


CALLS = {
    "a folder": (["serve", "."], "netdouble serve: . is a folder; give the Python file with a function routes(net)"),
    "a file that is not there": (["proxy", "nowhere.py", "--", "true"], "No such file or directory: "),
    "no command": (["run", "--sealed"], "netdouble run: which command? netdouble run --sealed -- pytest -q"),
    "an entry": (["run", "--sealed", "--allow", "a b", "--", "true"], "netdouble run: allow: 'a b' can't be read"),
    "a word that is none": (["dcotor"], "invalid choice: 'dcotor'"),
}


@pytest.mark.parametrize(("arguments", "why"), CALLS.values(), ids=CALLS)
def test_a_call_that_can_not_work_is_told_so(arguments, why):
    run = netdouble(*arguments)
    assert run.returncode == 2
    assert why in run.stderr
