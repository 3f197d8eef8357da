"""Opening and closing a scope, the clients being attached already."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import is_installed, mended_aioresponses
from benchmarks.timing import Block, in_turns, timed
from netdouble import Network
from netdouble._gate import arming, guard
from netdouble._gate.policy import Policy
from netdouble._intercept import catalog


def _block(enter: Callable[[], None]) -> Block:
    return lambda calls: timed(enter, calls)


def _fresh() -> None:
    with Network():
        pass


def _peers() -> dict[str, Callable[[], None]]:
    found: dict[str, Callable[[], None]] = {}
    if is_installed("responses"):
        import responses

        def with_responses() -> None:
            with responses.RequestsMock():
                pass

        found["responses"] = with_responses
    if is_installed("requests-mock"):
        import requests_mock

        def with_requests_mock() -> None:
            with requests_mock.Mocker():
                pass

        found["requests-mock"] = with_requests_mock
    if is_installed("respx"):
        import respx

        def with_respx() -> None:
            with respx.mock():
                pass

        found["respx"] = with_respx
    if is_installed("aioresponses"):
        mock = mended_aioresponses()

        def with_aioresponses() -> None:
            with mock():
                pass

        found["aioresponses"] = with_aioresponses
    return found


def measure(effort: Effort) -> Row:
    """Measure this row."""
    import aiohttp  # noqa: F401  # the clients are loaded, and so attached
    import httpx  # noqa: F401
    import requests  # noqa: F401

    row = Row("Opening and closing a scope", "No routes, no calls. For netdouble requests, urllib3, http.client, "
              "httpx, httpcore, aiohttp and the guard are all attached, as they are from a pytest run's first scope "
              "on; peers patch their one client each time.", ["", "us"])  # fmt: skip
    network = Network()

    def again() -> None:
        with network:
            pass

    cases: dict[str, Block] = {"netdouble, a new Network": _block(_fresh), "netdouble, the same again": _block(again)}
    cases |= {name: _block(enter) for name, enter in _peers().items()}
    with catalog.kept(), arming.ruled(guard.Rule("warn", Policy(), "as in a pytest run")):
        found = in_turns(cases, effort.of(15, 1), effort.of(100, 3))
    for name in cases:
        row.lines.append([name, number(found.us(name))])
    row.goal("at most 10 us, a new Network", found.us("netdouble, a new Network"), 10, effort, unit=" us",
             why="Two routers are made, the caller's line is noted, the guard looks whether its places are still its "
             "own")  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
