"""One stubbed GET and its JSON, over the client's own floor: httpx and httpx2, sync and async."""

from __future__ import annotations

import importlib
import importlib.util

from benchmarks.clients import httpx_async_calls, httpx_calls, httpx_floor, mocked
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import netdouble, peers
from benchmarks.timing import Block, in_turns

ROUTES = 10
_WHY = (
    "The client itself reads the body of a response, which that of the floor is not in need of. Ours are the request "
    "in our form, to decide and record, and the response that is handed over"
)
PEERS = {"httpx": ("respx", "pytest-httpx"), "httpx2": ("pytest-httpx2",)}


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("One GET with httpx and httpx2", f"A GET and `.json()`, client reused, {ROUTES} routes, the last one "
              "answers. Floor: the client over a transport that makes one fresh genuine response. pytest-httpx2 is "
              "respx over httpcore2.", ["client", "", "us", "over the floor, us", "times the floor"])  # fmt: skip
    cases: dict[str, Block] = {}
    groups: dict[str, list[str]] = {}
    for library in filter(importlib.util.find_spec, PEERS):
        module = importlib.import_module(library)
        for client, calls in ((library, httpx_calls(module)), (f"{library} async", httpx_async_calls(module))):
            named = {"floor": httpx_floor(module, calls), "netdouble": mocked(netdouble, calls, ROUTES)}
            named |= {peer: mocked(mocker, calls, ROUTES) for peer, mocker in peers(*PEERS[library]).items()}
            groups[client] = list(named)
            cases |= {f"{client} {name}": block for name, block in named.items()}
    found = in_turns(cases, effort.of(20, 1), effort.of(60, 3))
    for client, names in groups.items():
        floor = f"{client} floor"
        for name in names:
            case = f"{client} {name}"
            over = [number(found.above(case, floor)), number(found.ratio(case, floor))] if name != "floor" else ["", ""]
            row.lines.append([client, name, number(found.us(case)), *over])
        row.goal(f"{client}: at most 25 us over the floor", found.above(f"{client} netdouble", floor), 25, effort,
                 unit=" us", why=_WHY)  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
