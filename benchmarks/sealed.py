"""Sealed mode: what it costs to begin, for each system call that it watches, and for each test.

Rule: the same calls in two processes, one sealed and one not; all of them stay on the loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from benchmarks.report import Effort, Row, main, number
from benchmarks.suites import environment

# Prints the microseconds of each call, and the milliseconds of the start.
_SCRIPT = """
import json, socket, sys, time
from statistics import median

sealed, calls = sys.argv[1] == "sealed", int(sys.argv[2])
figures = {}
if sealed:
    from netdouble._gate.sealed.session import seal
    begun = time.perf_counter()
    sealing = seal("require", lambda status, refusals: status)
    figures["start"] = (time.perf_counter() - begun) * 1e3
    from netdouble._gate import arming, guard
    from netdouble._gate.policy import Policy
    arming.put_in_force(guard.Rule("block", Policy(["db.test:5432", "10.0.0.0/8"]), "a benchmark"))
    sealing.attach()

def of(call):
    clock, taken = time.perf_counter_ns, []
    for _ in range(calls + 3):
        begun = clock()
        call()
        taken.append(clock() - begun)
    return median(taken[3:]) / 1e3

def test():
    sealing.begin_test("tests/test_it.py::test_it[0]")
    guard.hear()
    guard.hear()
    sealing.begin_test("")

there = ("127.0.0.1", 9)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
server = socket.create_server(("127.0.0.1", 0))

def tcp():
    with socket.socket() as client:
        client.connect(server.getsockname())
        server.accept()[0].close()

def sendmsg():
    near.sendmsg([b"x"])
    far.recv(1)

def send():
    near.send(b"x")
    far.recv(1)

import _socket
connect = _socket.socket.connect
figures["connect"] = of(lambda: connect(udp, there))
figures["connect and accept"] = of(tcp)
figures["sendmsg"] = of(sendmsg)
figures["send"] = of(send)
if sealed:
    figures["test"] = of(test)
print(json.dumps(figures))
"""
_CALLS = {"connect": "connect(2) alone, of a UDP socket", "connect and accept": "a TCP connection, made and accepted",
          "sendmsg": "sendmsg(2) on a socketpair, and recv", "send": "send(2) on a socketpair, and recv"}  # fmt: skip


def _figures(kind: str, calls: int) -> dict[str, float]:
    command = [sys.executable, "-c", _SCRIPT, kind, str(calls)]
    done = subprocess.run(command, check=True, env=environment(), capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(effort: Effort) -> Row:
    """Measure this row."""
    from netdouble._gate.sealed.obstacles import obstacle

    row = Row("Sealed mode", "Processes in turns, sealed and not. A test: what the plugin tells and asks. "
              "Whatever names no address (send, recv, read, write) never leaves the kernel.",
              ["", "not sealed, us", "sealed, us", "more, us"])  # fmt: skip
    why_not = obstacle()
    if why_not:
        row.lines.append([f"not on this machine: {why_not}", "", "", ""])
        return row
    rounds, calls = effort.of(7, 1), effort.of(2000, 10)
    found = [(_figures("plain", calls), _figures("sealed", calls)) for _ in range(rounds)]
    for name, text in _CALLS.items():
        plain, sealed = median(a[name] for a, _ in found), median(b[name] for _, b in found)
        row.lines.append([text, number(plain), number(sealed), number(median(b[name] - a[name] for a, b in found))])
    test, start = median(b["test"] for _, b in found), median(b["start"] for _, b in found)
    row.lines.append(["a test that connects to nothing", "", number(test), number(test)])
    row.lines.append(["the start of a run, once", "", number(start * 1e3), number(start * 1e3)])
    row.goal("a test costs less than 100 us", test, 100, effort, unit=" us")
    row.goal("the start takes at most 50 ms", start, 50, effort, unit=" ms")
    return row


if __name__ == "__main__":
    main(measure)
