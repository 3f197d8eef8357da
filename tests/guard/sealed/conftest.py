"""What the tests of sealed mode share: a listener outside the allow list that writes down what reaches it.

Rule 1: nothing leaves the loopback even when the guard fails: AWAY is an address of this machine, closed by
    `loopback=own` (the listener is no process of the sealed run), and 127.0.0.1 is on the allow list.
Rule 2: every sealed run is a process of its own, with a timeout; a bug must not hang this one.
Rule 3: a machine on which nothing can be sealed fails these tests, and the first says why.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

import netdouble

AWAY = "127.0.0.9"
SOURCE = str(Path(netdouble.__file__).parents[1])
TIMEOUT = 50


class Listener:
    """TCP and UDP on one port of AWAY and of 127.0.0.1.

    Attributes:
        port: the port. seen: what reached AWAY, as `tcp` and `udp`. allowed: what reached 127.0.0.1.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.allowed: list[str] = []
        self._knocks: dict[tuple[int, int], threading.Event] = {}  # by kind of socket and port of who knocks
        self._sockets: list[socket.socket] = []
        self.port = self._open()
        self._threads = [threading.Thread(target=self._serve, args=(sock,), daemon=True) for sock in self._sockets]
        for thread in self._threads:
            thread.start()

    def _open(self) -> int:
        while True:
            port = 0
            try:
                for address in (AWAY, "127.0.0.1"):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        sock = socket.socket(socket.AF_INET, kind)
                        self._sockets.append(sock)
                        sock.bind((address, port))
                        port = sock.getsockname()[1]
                        if kind == socket.SOCK_STREAM:
                            sock.listen(64)
            except OSError:  # one of the four has the port already: another try
                self.close()
            else:
                return port

    def _serve(self, sock: socket.socket) -> None:
        log = self.seen if sock.getsockname()[0] == AWAY else self.allowed
        while True:
            try:
                if sock.type == socket.SOCK_DGRAM:
                    peer = sock.recvfrom(2048)[1]
                    if peer is None:  # it was closed
                        return
                    self._write_down("udp", log, sock, peer)
                    continue
                connection, peer = sock.accept()
            except OSError:
                return
            self._write_down("tcp", log, sock, peer)
            with connection:
                connection.settimeout(0.5)
                try:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                except OSError:
                    pass

    def _write_down(self, what: str, log: list[str], sock: socket.socket, peer: tuple[str, int]) -> None:
        knock = self._knocks.get((sock.type, peer[1]))
        if knock is not None:
            knock.set()
        else:
            log.append(what)

    def settle(self) -> None:
        """Wait until what came before this is written down: a socket's queue is read in order."""
        for address in (AWAY, "127.0.0.1"):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as knocking:
                    knocking.bind(("127.0.0.1", 0))
                    knocking.settimeout(10)
                    key = kind, knocking.getsockname()[1]
                    heard = self._knocks[key] = threading.Event()
                    knocking.connect((address, self.port))
                    knocking.send(b"knock")
                    assert heard.wait(10)
                    del self._knocks[key]

    def close(self) -> None:
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._sockets.clear()


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


def environment(**more: str) -> dict[str, str]:
    """This process's, less what it says of a run of pytest."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_", "NETDOUBLE_"))}
    return {**kept, "PYTHONPATH": SOURCE, **more}


class Sealed:
    """`netdouble run --sealed` with 127.0.0.1 alone to be reached.

    Attributes:
        listener: what may not be reached, and what may.
    """

    def __init__(self, listener: Listener, folder: Path) -> None:
        self.listener, self.folder = listener, folder
        self.environment = environment(AWAY=AWAY, PORT=str(listener.port))

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        base = ("--loopback=own", "--allow=127.0.0.1", *options)
        return [sys.executable, "-m", "netdouble", "run", "--sealed", *base, "--", *words]

    def __call__(self, *words: str, options: tuple[str, ...] = (), **more) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, options=options), cwd=self.folder, env=self.environment, text=True,
            capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL, **more,
        )  # fmt: skip

    def python(self, code: str, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Python code in the sealed run; `AWAY`, `PORT` and `attempt` are there for it."""
        return self(sys.executable, "-c", PREAMBLE + code, *words, options=options)

    def popen(self, *words: str, **more) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **more,
        )  # fmt: skip

    def nothing_left(self) -> bool:
        """Nothing reached AWAY."""
        self.listener.settle()
        return not self.listener.seen

    def reached(self) -> bool:
        """Something reached 127.0.0.1."""
        self.listener.settle()
        return bool(self.listener.allowed)


PREAMBLE = """
import errno, os, signal, socket, subprocess, sys, time
AWAY, PORT = os.environ["AWAY"], int(os.environ["PORT"])

def attempt(host=AWAY, port=PORT):
    with socket.socket() as s:
        s.settimeout(10)
        return errno.errorcode.get(s.connect_ex((host, port)), "open")
"""


@pytest.fixture
def sealed(listener, tmp_path):
    return Sealed(listener, tmp_path)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """calls.c as a static program; without a C compiler its tests fail."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "these tests need a C compiler"
    made = tmp_path_factory.mktemp("program") / "calls"
    source = Path(__file__).with_name("calls.c")
    subprocess.run([compiler, "-O1", "-static", "-o", str(made), str(source)], check=True, timeout=120)
    return str(made)


@pytest.fixture
def namespace(capfd):
    """Network namespaces can be had here; an ordinary user may be forbidden them (Ubuntu 24.04), and that is said."""
    command = [sys.executable, "-m", "netdouble", "run", "--sealed=netns", "--", "true"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        assert (done.returncode, os.getuid() != 0) == (2, True), done.stderr
        with capfd.disabled():
            sys.stderr.write(f"\nNOT RUN: the test of a network of its own: {done.stderr}")
    return not done.returncode


def wait_until(condition, seconds: float = 30) -> None:
    """Fails after so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
