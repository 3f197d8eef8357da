"""Many requests from many threads, faults among them: every one is in the journal once, and nothing is left.

`make soak` sends 100,000 through 32 threads; `make test` sends fewer.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from tests.server.conftest import descriptors, settled
from tests.server.speaking import TIMEOUT

import netdouble
from netdouble import Fault, Response

REQUESTS = int(os.environ.get("NETDOUBLE_SOAK", "3000"))
THREADS = 32 if REQUESTS > 10_000 else 8

# Path -> how it ends for the client: a status, or an error.
FAULTS = {
    "reset": Fault.RESET,
    "empty": Fault.EMPTY_RESPONSE,
    "cut": Fault.TRUNCATED_BODY,
    "broken": Fault.RESET_IN_BODY,
    "junk": Fault.MALFORMED_RESPONSE,
}
KINDS = [*FAULTS, *["plain"] * 20, *["function"] * 10, *["late"] * 3, *["stream"] * 3, "nowhere"]


def declare(server):
    server.any("/plain/{n}").reply(json={"ok": True})
    server.any("/function/{n:int}").reply(lambda request: Response(201, json=request.path_params["n"]))
    server.any("/late/{n}").reply(delay=0.001)
    server.any("/stream/{n}").reply(stream=[b"one", b"two"])
    for kind, fault in FAULTS.items():
        server.any(f"/{kind}/{{n}}").fail(fault)


def client(server, numbers):
    """Send these requests over connections that are kept; what came of each."""
    seen = []
    connection = http.client.HTTPConnection(server.host, server.port, timeout=TIMEOUT)
    choice = random.Random(numbers[0])
    for n in numbers:
        kind = choice.choice(KINDS)
        body = b"x" * choice.randrange(3000)
        try:
            connection.request("POST", f"/{kind}/{n}", body)
            with connection.getresponse() as response:
                response.read()
                seen.append((kind, response.status))
        except (OSError, http.client.HTTPException):
            seen.append((kind, 0))
            connection.close()
    connection.close()
    return seen


@pytest.mark.timeout(1800)
def test_every_request_is_in_the_journal_once_and_nothing_is_left():
    threads, open_before = threading.active_count(), descriptors()
    with netdouble.serve(unused="off", swallowed="warn", bodies="1 GB") as server:
        declare(server)
        share = REQUESTS // THREADS
        with ThreadPoolExecutor(THREADS) as pool:
            shares = [range(i * share, (i + 1) * share) for i in range(THREADS)]
            seen = [each for found in pool.map(lambda numbers: client(server, numbers), shares) for each in found]
        total = share * THREADS
        assert Counter(call.request.path.rpartition("/")[2] for call in server.calls) == Counter(map(str, range(total)))
        assert len({(call.connection.index, call.exchange) for call in server.calls}) == total
        sent = Counter(kind for kind, _ in seen)
        assert Counter(call.request.path.split("/")[1] for call in server.calls) == sent
        answered = {("plain", 200), ("function", 201), ("late", 200), ("stream", 200), ("nowhere", 501)}
        assert set(seen) == answered | {(kind, 0) for kind in FAULTS}
        assert all(call.closed for call in server.calls)
        server._owner.scope.misses.clear()
    assert settled(threading.active_count, threads) <= threads
    with suppress(FileNotFoundError):
        assert settled(descriptors, open_before) <= open_before
