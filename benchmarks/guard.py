"""What the guard costs where everything is refused: unrelated code, connects, refusals, tests; beside pytest-socket."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.report import Effort, Row, main, number
from benchmarks.suites import environment, run_pytest

# guard -> how a program puts it up, and pytest's options. An audit hook stays: each guard has a process of its own.
GUARDS = {
    "(no guard)": ("", ()),
    "pytest-socket": (
        "import pytest_socket; pytest_socket.socket_allow_hosts(['127.0.0.1'], allow_unix_socket=True)",
        ("-p", "pytest_socket", "--allow-hosts=127.0.0.1", "--allow-unix-socket"),
    ),
    "netdouble": (
        "from netdouble import guard; guard.install(allow='127.0.0.1', loopback='own')",
        ("-p", "netdouble.pytest_plugin", "--net-guard=block", "--net-loopback=own", "--net-allow=127.0.0.1"),
    ),
}

# what is timed -> one call of it, in microseconds
CALLS = {
    "id": "id(thing)",
    "open and close": "open(path, 'rb').close()",
    "logging.info": "logger.info('a message with %s', 7)",
    "copy.deepcopy": "copy.deepcopy(nested)",
    "connect, allowed": "reach(server.getsockname()); server.accept()[0].close()",
    "sendto, allowed": "sender.sendto(b'x', receiver.getsockname())",
    "connect, refused": "refused()",
}
PROGRAM = """
import copy, json, logging, os, socket, sys, time
from statistics import median
{guard}
thing, path = object(), __file__
nested = {{"a": [{{"b": list(range(9)), "c": {{"d": [1, 2, 3]}}}} for _ in range(4)]}}
logger = logging.getLogger("bench")
logger.addHandler(logging.FileHandler(os.devnull))
logger.setLevel(logging.INFO)
server = socket.create_server(("127.0.0.1", 0), backlog=128)
receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
receiver.bind(("127.0.0.1", 0))

def reach(target):
    with socket.socket() as sock:
        sock.connect(target)

def refused():
    try:
        reach(("127.0.0.9", 9))
    except (OSError, RuntimeError):
        pass

found = {{}}
for name, code in {calls!r}.items():
    exec("def call():\\n    " + code)
    taken = []
    for _ in range({blocks}):
        begun = time.perf_counter_ns()
        for _ in range({calls_each}):
            call()
        taken.append((time.perf_counter_ns() - begun) / {calls_each} / 1e3)
    found[name] = median(taken)
json.dump(found, open(sys.argv[1], "w"))
"""
# Nothing but tests: what is left of a run's time per test is pytest's, and the guard's.
SUITE = "import pytest\n\n@pytest.mark.parametrize('number', range({tests}))\ndef test_it(number):\n    pass\n"


def _calls(guard: str, effort: Effort) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        program, out = Path(folder, "program.py"), Path(folder, "out.json")
        program.write_text(PROGRAM.format(guard=GUARDS[guard][0], calls=CALLS, blocks=effort.of(15, 2),
                                          calls_each=effort.of(60, 3)), "utf-8")  # fmt: skip
        subprocess.run([sys.executable, program, out], check=True, env=environment(), stderr=subprocess.DEVNULL)
        found: dict[str, float] = json.loads(out.read_text("utf-8"))
        return found


def _per_test(guard: str, tests: int) -> float:
    """Microseconds of one empty test."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text(SUITE.format(tests=1), "utf-8")
        alone = run_pytest(folder, *GUARDS[guard][1])
        Path(folder, "test_one.py").write_text(SUITE.format(tests=tests), "utf-8")
        return (run_pytest(folder, *GUARDS[guard][1]) - alone) / (tests - 1) * 1e6


def measure(effort: Effort) -> Row:
    """Measure this row."""
    guards = [name for name in GUARDS if name != "pytest-socket" or find_spec("pytest_socket")]
    row = Row("The guard", "Microseconds of one call, each guard in processes of its own, in turns; at the end of an "
              "empty test in a suite of them. pytest-socket refuses another address than 127.0.0.1 as netdouble does; "
              "what each of them stops: docs/reference/guard-leaks.md.",
              ["", *guards])  # fmt: skip
    calls: dict[str, list[dict[str, float]]] = {name: [] for name in guards}
    tests: dict[str, list[float]] = {name: [] for name in guards}
    for _ in range(effort.of(7, 1)):
        for name in guards:
            calls[name].append(_calls(name, effort))
            tests[name].append(_per_test(name, effort.of(2000, 5)))
    for call in CALLS:
        row.lines.append([call, *(number(median(each[call] for each in calls[name])) for name in guards)])
    row.lines.append(["an empty test", *(number(median(tests[name])) for name in guards)])
    more = median(a - b for a, b in zip(tests["netdouble"], tests["(no guard)"], strict=True))
    row.goal("at most 100 us more for a test", more, 100, effort, unit=" us",
             why="Hooks at the phases of each test; what is measured are whole pytest runs, which vary by more than "
             "that")  # fmt: skip
    for call, bound in (("connect, allowed", 60), ("sendto, allowed", 40), ("connect, refused", 1000)):
        above = median(a[call] - b[call] for a, b in zip(calls["netdouble"], calls["(no guard)"], strict=True))
        row.goal(f"{call}: at most {bound} us more", above, bound, effort, unit=" us")
    return row


if __name__ == "__main__":
    main(measure)
