"""The arena: a listener that sees what arrives, a network without a way out, and one run of the suite for each guard.

Rule 1: what leaves is judged here, by accepts, datagrams and DNS queries; nobody is asked whether it got through.
Rule 2: everything stays on this machine's loopback. In a network namespace of its own (Linux, as root or where users
may make one) the resolver is ours too; elsewhere the escapes by lookup are left out, by name.

`python tests/guard/arena.py COLUMN ... [--json FILE]`: run the columns and print the table.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from escapes import DOMAIN, ESCAPES, FIRST_PORT, HOST, PORTS  # noqa: E402

# column -> pytest's arguments. What each one is told to allow does not cover HOST.
COLUMNS = {
    "none": (),
    "pytest-socket": ("-p", "pytest_socket", "--disable-socket", "--allow-unix-socket"),
    "pytest-socket, allow": ("-p", "pytest_socket", "--allow-hosts=127.0.0.1"),
    "in process": ("-p", "netdouble.pytest_plugin", "--net-guard=block", "--net-loopback=own"),
    "sealed": ("-p", "netdouble.pytest_plugin", "--net-guard=block", "--net-loopback=own", "--net-sealed=require"),
}
SUITE = {"conftest_of_suite.py": "conftest.py", "phases.py": "test_phases.py", "sockets.py": "test_sockets.py",
         "natives.py": "test_natives.py"}  # fmt: skip
DOCTEST = """
>>> from conftest import leave
>>> leave("doctest")
"""
PROGRAMS = frozenset({"curl", "go"})
GO = "a static Go program"
SECONDS = 240


# The listener


class Listener:
    """Logs what arrives at HOST: `arrived` holds the names of the escapes."""

    def __init__(self) -> None:
        self.arrived: set[str] = set()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        for name, port in PORTS.items():
            self._listen(socket.SOCK_STREAM, port, name)
            self._listen(socket.SOCK_DGRAM, port, name)
        self.has_resolver = self._resolver()
        self._thread = threading.Thread(target=self._run)

    def _listen(self, kind: int, port: int, name: str) -> None:
        sock = socket.socket(socket.AF_INET, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.listen(16)
        self._selector.register(sock, selectors.EVENT_READ, name)

    def _resolver(self) -> bool:
        """Answer DNS at port 53, where that is possible and the system asks there."""
        try:
            asked = f"nameserver {HOST}\n" in Path("/etc/resolv.conf").read_text("utf-8")
            if asked:
                self._listen(socket.SOCK_DGRAM, 53, "")
        except OSError:
            return False
        return asked

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._wake.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                if key.data is None:
                    return
                try:
                    if sock.type == socket.SOCK_STREAM:
                        sock.accept()[0].close()  # a client that got this far is done for
                        self.arrived.add(key.data)
                    elif key.data:
                        sock.recvfrom(4096)
                        self.arrived.add(key.data)
                    else:
                        self._answer(sock)
                except OSError:  # it has gone again
                    continue

    def _answer(self, sock: socket.socket) -> None:
        query, sender = sock.recvfrom(4096)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        name = ".".join(labels)
        for escape, port in PORTS.items():
            if name == f"e{port}.{DOMAIN}" or name == f"{port - FIRST_PORT}.2.0.192.in-addr.arpa":
                self.arrived.add(escape)
        no_such_name = query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12 : at + 5]
        sock.sendto(no_such_name, sender)


# A network of its own

_NEWNS, _NEWUSER, _NEWNET = 0x20000, 0x10000000, 0x40000000
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000


def enter_namespace() -> str:
    """Leave the machine's network for one that has a loopback and nothing else; the result says why not, or `""`."""
    if not sys.platform.startswith("linux"):
        return "no network namespaces on this platform"
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    flags = _NEWNET | _NEWNS | (_NEWUSER if user else 0)
    if libc.unshare(flags):
        return f"no network namespace here: {os.strerror(ctypes.get_errno())}"
    if user:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", "ascii")
    with socket.socket() as sock:  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
    libc.mount(b"none", b"/", None, _REC | _PRIVATE, None)
    folder = tempfile.mkdtemp()
    for path, text in {"/etc/resolv.conf": f"nameserver {HOST}\noptions timeout:1 attempts:1\n",
                       "/etc/nsswitch.conf": "hosts: files dns\n"}.items():  # fmt: skip
        ours = Path(folder, Path(path).name)
        ours.write_text(text, "ascii")
        if libc.mount(str(ours).encode(), os.path.realpath(path).encode(), None, _BIND, None):
            return f"{path} can't be replaced here: {os.strerror(ctypes.get_errno())}"
    return ""


# A run


def absent(has_resolver: bool) -> dict[str, str]:
    """The escapes that can't be tried here, and what is lacking."""
    lacking = {}
    for escape in ESCAPES:
        there = shutil.which if escape.needs in PROGRAMS else find_spec
        if escape.needs and there(escape.needs) is None:
            lacking[escape.name] = f"{escape.needs} is not installed"
        elif escape.by == "dns" and not has_resolver:
            lacking[escape.name] = "no resolver of our own here"
    return lacking


def static_go_program(folder: Path) -> Path:
    """`dial.go` as a static program, made in `folder` once; of the standard library alone, so nothing is fetched."""
    made = folder / "dial"
    if not made.exists():
        with tempfile.TemporaryDirectory() as home:
            environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOCACHE": f"{home}/cache",
                           "GOENV": "off", "GOFLAGS": "", "GOPATH": f"{home}/path", "GOPROXY": "off",
                           "GOTOOLCHAIN": "local", "HOME": home}  # fmt: skip
            command = ["go", "build", "-o", f"{home}/dial", str(HERE / "programs" / "dial.go")]
            subprocess.run(command, cwd=home, env=environment, stdin=subprocess.DEVNULL, timeout=SECONDS, check=True)
            shutil.move(f"{home}/dial", made)
    return made


def run(column: str, folder: Path, left_out: set[str], go_program: str) -> str:
    """One run of the suite; gives back what it printed."""
    for file, name in SUITE.items():
        shutil.copy(HERE / "programs" / file, folder / name)
    shutil.copy(HERE / "escapes.py", folder)
    (folder / "test_doctest.txt").write_text(DOCTEST, "utf-8")
    (folder / "it.other").touch()
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    wanted = [escape.name for escape in ESCAPES if escape.name not in left_out]
    path = os.pathsep.join([str(HERE.parent.parent / "src"), str(folder)])
    environment = {**os.environ, "ESCAPES": "|".join(wanted), "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                   "GO_PROGRAM": go_program}  # fmt: skip
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "NETDOUBLE_GUARD"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-glob=*.txt", "--tb=line",
               *COLUMNS[column]]  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=SECONDS, check=False)  # fmt: skip
    return done.stdout.decode("utf-8", "replace")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("columns", nargs="+", choices=COLUMNS, metavar="COLUMN")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--made", metavar="FOLDER", type=Path, help="where programs are kept that had to be built")
    options = parser.parse_args()
    why_not = enter_namespace()
    result: dict[str, object] = {"namespace": why_not or "its own"}
    arrived: dict[str, list[str]] = {}
    printed: dict[str, str] = {}
    for column in options.columns:
        with Listener() as listener, tempfile.TemporaryDirectory() as folder:
            lacking = absent(listener.has_resolver)
            go_program = "" if GO in lacking else static_go_program(options.made or Path(folder))
            printed[column] = run(column, Path(folder), set(lacking), str(go_program))
        arrived[column] = [escape.name for escape in ESCAPES if escape.name in listener.arrived]
        result |= {"absent": lacking}
    result |= {"arrived": arrived, "printed": printed}
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1), "utf-8")
        return
    print(json.dumps({k: v for k, v in result.items() if k != "printed"}, indent=1))


if __name__ == "__main__":
    main()
