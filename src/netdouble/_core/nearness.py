"""How near a route comes to a request: the order of a report.

Rule 1: every route is compared, and wholly: a wrong method does not hide a wrong body.
Rule 2: a report about 10,000 routes takes a moment, not seconds: all are ranked by the text of their URL, and only the
foremost are asked for their mismatches (a template compiles its regex when it is first asked).
Rule 3: what would match if its budget were not used up comes before everything else.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple, Protocol

from netdouble._core.bodies import Unreadable, json_body
from netdouble._core.calls import Call
from netdouble._core.matching import ABSENT, Mismatch
from netdouble._core.messages import Request

# WireMock's weights for a start (NearMissCalculator of 3.13), but counted always and never divided: the scores of two
# routes stay comparable. What is not named weighs 1 for each mismatch, 2.5 for each criterion at most; another path
# weighs more than that, however alike it is: an API of procedures (Slack: files.getUploadURLExternal,
# files.completeUploadExternal) has many that are, and the one that was asked with another body is meant.
WEIGHTS = {"host": 10.0, "path": 10.0, "url": 20.0, "port": 5.0, "scheme": 3.0, "method": 3.0}
_AT_MOST = 2.5
_ANOTHER_PATH = 2.6

# So many of the foremost are compared wholly.
_ASKED = 500
# Texts are compared up to here; longer ones by their letters alone would take seconds.
_COMPARED = 2048


class SomeRoute(Protocol):
    """What a report reads of a route (`routes.py` itself asks for reports, and can't be imported here)."""

    @property
    def method(self) -> str | None: ...
    @property
    def pattern(self) -> Any: ...
    @property
    def declared_at(self) -> str: ...
    @property
    def order(self) -> int: ...
    @property
    def budget(self) -> int | None: ...
    @property
    def name(self) -> str: ...
    @property
    def facade(self) -> str: ...
    def mismatches(self, request: Request) -> Sequence[Mismatch]: ...


class SomeRouter(Protocol):
    """What a report reads of a router."""

    calls: list[Call]

    @property
    def routes(self) -> Sequence[SomeRoute]: ...
    def calls_of(self, route: Any) -> Sequence[Call]: ...
    def spent(self, route: Any) -> bool: ...
    def out_of_state(self, route: Any) -> Mismatch | None: ...
    def candidates(self, request: Request) -> Sequence[SomeRoute]: ...
    def names_host(self, host: str, port: int) -> bool: ...


class Near(NamedTuple):
    """A route or a request with its distance and the reasons."""

    distance: float
    mismatches: Sequence[Mismatch]
    route: SomeRoute
    request: Request
    used: int = 0
    state: Mismatch | None = None


def nearest_routes(request: Request, routers: Sequence[SomeRouter], limit: int = 3) -> list[Near]:
    """The routes nearest to `request`, the nearest first, the newer first of two as near."""
    found: dict[int, Near] = {}
    for router in routers:
        # These match: all of them are used up or out of their state, else one would have answered.
        foremost = [r for r in router.candidates(request) if router.spent(r) or router.out_of_state(r) is not None]
        foremost += heapq.nsmallest(_ASKED, router.routes, key=lambda r: (_rough_distance(r, request), -r.order))
        for route in foremost:
            if route.order not in found:
                found[route.order] = near(route, request, len(router.calls_of(route)), router.out_of_state(route))
    return heapq.nsmallest(limit, found.values(), key=lambda n: (n.distance, -n.route.order))


def nearest_calls(route: SomeRoute, calls: Iterable[Call], limit: int = 3) -> list[tuple[Call, Near]]:
    """The calls whose requests come nearest to `route` and were not answered by it; unmatched ones first."""
    others = [call for call in calls if call.route is not route]
    rough = heapq.nsmallest(_ASKED, others, key=lambda c: _rough_distance(route, c.request))
    pairs = [(call, near(route, call.request)) for call in rough]
    return heapq.nsmallest(limit, pairs, key=lambda pair: (pair[1].distance, not pair[0].unmatched, pair[0].index))


def near(route: SomeRoute, request: Request, used: int = 0, state: Mismatch | None = None) -> Near:
    """How near `route` comes to `request`, and why not nearer."""
    found = route.mismatches(request)
    far = distance(found, request) if found else -1.0
    return Near(far, found, route, request, used, state)


def distance(mismatches: Iterable[Mismatch], request: Request) -> float:
    """The weighted sum of how much differs; 0 for nothing."""
    shares: dict[str, float] = {}
    for each in mismatches:
        shares[each.criterion] = shares.get(each.criterion, 0.0) + share(each)
    if "json" in shares:
        shares["json"] *= _AT_MOST / max(1, _leaves(json_body(request)))
    if "path" in shares:
        least = _ANOTHER_PATH / WEIGHTS["path"]
        shares["path"] = least + (1 - least) * shares["path"]
    return sum(WEIGHTS[c] * x if c in WEIGHTS else min(x, _AT_MOST) for c, x in shares.items())


def share(mismatch: Mismatch) -> float:
    """How much of what was expected differs: over 0, and 1 for all of it."""
    expected, got = mismatch.expected, mismatch.got
    if not isinstance(expected, str) or not isinstance(got, str) or mismatch.criterion == "method":
        return 1.0
    differs = path_difference(expected, got) if mismatch.criterion == "path" else 1.0 - resemblance(expected, got)
    return max(differs, 0.05)


def resemblance(one: str, other: str) -> float:
    """0 for nothing in common, 1 for the same text."""
    matcher = SequenceMatcher(None, one[:_COMPARED], other[:_COMPARED], autojunk=False)
    return matcher.ratio() if len(one) + len(other) <= 200 else matcher.quick_ratio()


def path_difference(expected: str, got: str) -> float:
    """The share of segments that differ; one that resembles counts in part, a template's field is any segment."""
    wanted, there = expected.split("/")[1:], got.split("/")[1:]
    wanted = [there[i] if "{" in segment and i < len(there) else segment for i, segment in enumerate(wanted)]
    cost = 0.0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, wanted, there, autojunk=False).get_opcodes():
        if tag != "equal":
            pairs = list(zip(wanted[i1:i2], there[j1:j2], strict=False))
            cost += max(i2 - i1, j2 - j1) - sum(resemblance(one, other) for one, other in pairs)
    return min(1.0, cost / max(len(wanted), len(there)))


def _rough_distance(route: SomeRoute, request: Request) -> float:
    """A distance by the text of the URL, without asking the route."""
    origin = request.url.origin
    text: str = route.pattern.text.partition("?")[0]
    if text.startswith(origin):
        found, path = 0.0, text[len(origin) :]
    else:
        scheme, _, rest = text.rpartition("://")
        host, slash, path = rest.partition("/")
        path = slash + path
        here = origin.partition("://")[2]
        found = (scheme.lower() != request.url.scheme) * WEIGHTS["scheme"]
        found += WEIGHTS["host"] * (host.lower() != here and not (host[:2] == "*." and here.endswith(host[1:])))
    if route.method is not None and route.method != request.method:
        found += WEIGHTS["method"]
    if path == request.url.path:
        return found
    wanted, there = path.split("/"), request.url.path.split("/")
    same = sum(one == other or "{" in one for one, other in zip(wanted, there, strict=False))
    return found + WEIGHTS["path"] * (1 - same / (max(len(wanted), len(there)) + 1))


def _leaves(document: Any) -> int:
    """How many values the JSON has that hold no others."""
    if isinstance(document, Unreadable) or document is ABSENT:
        return 1
    stack, count = [document], 0
    while stack:
        each = stack.pop()
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else None
        if inner is None:
            count += 1
        else:
            stack.extend(inner)
    return count
