"""A load generator that is no Python: 64 connections at once, and its count beside the journal.

Where it is missing the run says so at its end, and fails in CI; `test_lifecycle.py` has the same with Python's threads.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

import netdouble

CONNECTIONS = 64
# How long wrk may send: where the machine is too busy for each connection to have its turn, it is given more.
SECONDS = (2, 8, 32)
# Every request asks for a path of its own. wrk loads the script once for each of its threads.
SCRIPT = """
local threads = 0
function setup(thread) threads = threads + 1; thread:set("number", threads) end
function init() count = 0 end
function request() count = count + 1; return wrk.format("GET", "/" .. number .. "/" .. count) end
function done(summary)
    local e = summary.errors
    print("counted", summary.requests, e.connect, e.read, e.write, e.status, e.timeout)
end
"""


@pytest.mark.timeout(150)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_64_connections_of_wrk_see_no_error_and_the_journal_has_each_request_once(tls, tmp_path, record_property):
    kind = "https" if tls else "http"
    if shutil.which("wrk") is None:
        assert "CI" not in os.environ, "wrk is not installed"
        record_property("told", f"64 connections at once, {kind}: not run: wrk is not installed")
        return
    script = tmp_path / "paths.lua"
    script.write_text(SCRIPT, "utf-8")
    for seconds in SECONDS:
        with netdouble.serve(tls=tls) as server:
            route = server.get("/{thread:int}/{count:int}").reply(json={"id": 7})
            completed = sent(server.url, script, seconds)
        # When its time is over wrk leaves without the answers that are on their way: at most one on each connection.
        assert completed <= route.count <= completed + CONNECTIONS
        assert len({call.request.path for call in route.calls}) == route.count == server.count
        heard = {call.connection.index for call in route.calls}
        if completed >= CONNECTIONS == len(heard):
            break
    assert completed >= CONNECTIONS
    assert len(heard) == CONNECTIONS
    told = f"{completed:,} requests of wrk, no error, {route.count:,} in the journal"
    record_property("told", f"64 connections at once, {kind}: {told}")


def sent(url, script, seconds):
    """How many requests wrk saw answered in so many seconds, all of them well."""
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), url]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    counted = next(line.split()[1:] for line in printed.splitlines() if line.startswith("counted"))
    completed, *errors = map(int, counted)
    assert errors == [0, 0, 0, 0, 0], printed
    return completed
