"""The reports: what happened, the nearest to it, and the next step.

Rule 1: a report is text, made only when something is wrong; it decides nothing.
Rule 2: whatever it shows has gone through `wording` or `masking`: no secret leaves here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netdouble._core.calls import Call
from netdouble._core.hints import hints_for, is_loopback
from netdouble._core.keywords import meant
from netdouble._core.masking import masked, masked_url
from netdouble._core.matching import Mismatch
from netdouble._core.messages import Request
from netdouble._core.nearness import Near, SomeRoute, SomeRouter, nearest_calls, nearest_routes
from netdouble._core.suggesting import needs_any, stub_for
from netdouble._core.wording import counted, cut, line_of, quoted, shown

__all__ = ["masked_url", "not_found", "unanswered", "uncalled", "unmatched", "unused", "wrong_order"]

_COLUMN = 60
_LISTED = 10
# Of one criterion so many differences are shown, of a body with a thousand.
_LINES = 5


# A request without a route


def unmatched(request: Request, routers: Sequence[SomeRouter], *, elsewhere: Sequence[SomeRouter], caller: str,
              label: str, unopened: Sequence[SomeRouter] = (), server: str = "") -> str:  # fmt: skip
    """No route answers `request`: the nearest routes, what was probably meant, and a stub to paste.

    Args:
        routers: those that were asked, innermost first. elsewhere: other open ones. caller: `FILE:LINE in FUNCTION`.
        label: whose network it is. unopened: those of networks that were never opened. server: the URL of the server
        of ours that it came to.
    """
    lines = ["no route answers", *_asked(request, caller, label)]
    total = sum(len(router.routes) for router in routers)
    if total:
        lines.append(f"Nearest of {counted(total, 'route')}:")
        told: set[str] = set()
        for number, each in enumerate(nearest_routes(request, routers), 1):
            lines += _nearest_route(number, each, told)
    else:
        lines.append("No route is declared on this network.")
    lines += _other_networks(request, elsewhere, unopened)
    lines += _next_step(request, routers, server)
    return "\n".join(lines)


def _asked(request: Request, caller: str, label: str) -> list[str]:
    about = [request.client, f"called from {caller}" if caller else "", f"network of {label}" if label else ""]
    return _columns(f"    {_request(request)}", ", ".join(filter(None, about)), indent=8)


def _request(request: Request) -> str:
    return f"{request.method} {masked_url(request.url)}"


def _route(route: SomeRoute) -> str:
    return f"{route.method or 'ANY'} {masked_url(route.pattern.text)}"


def _place(route: SomeRoute) -> str:
    name = f'"{route.name}"' if route.name else ""
    return " ".join(filter(None, (name, route.declared_at, route.facade and f"({route.facade})")))


def _columns(left: str, right: str, *, indent: int) -> list[str]:
    """Both on a line, or on two when that would be long."""
    if not right:
        return [left]
    line = f"{left:<{_COLUMN}}    {right}"
    return [line] if len(line) <= 2 * _COLUMN else [left, " " * indent + right]


def _nearest_route(number: int, each: Near, told: set[str]) -> list[str]:
    route, budget = each.route, each.route.budget
    spent = budget is not None and each.used >= budget
    about = [_place(route), f"used up: {each.used} of {budget}" if spent else ""]
    lines = _columns(f"  {number}. {_route(route)}", "    ".join(filter(None, about)), indent=7)
    if each.state is not None:
        name = f" of scenario {each.state.note!r}" if each.state.note else ""
        would = "it would match" if not each.mismatches else "it answers"
        lines.append(f"       {would} in state {each.state.expected!r}{name}; the state is {each.state.got!r}")
        return lines + _differences(each, told)
    if not each.mismatches:
        then = f"raise its budget with .times({each.used + 1}), or declare a route for what follows"
        return [*lines, f"       it matches; {then}"]
    return lines + _differences(each, told)


def _differences(each: Near, told: set[str]) -> list[str]:
    """A line for each mismatch, below it what was probably meant, unless that was `told` before."""
    lines: list[str] = []
    by_criterion: dict[str, list[Mismatch]] = {}
    for mismatch in each.mismatches:
        by_criterion.setdefault(mismatch.criterion, []).append(mismatch)
    for criterion, found in by_criterion.items():
        for mismatch in found[:_LINES]:
            lines.append(f"       {criterion:<6} {line_of(mismatch)}")
            hints = [hint for hint in hints_for(mismatch, each) if hint not in told]
            told.update(hints)
            lines += [f"              hint: {hint}" for hint in hints]
        if len(found) > _LINES:
            lines.append(f"       {criterion:<6} ... and {len(found) - _LINES} more")
    return lines


def _other_networks(request: Request, elsewhere: Sequence[SomeRouter], unopened: Sequence[SomeRouter]) -> list[str]:
    """Routes that would answer, if they were asked."""
    return [
        f"{_route(route)} at {_place(route)} would answer, but is declared on a network {text}."
        for routers, text in ((elsewhere, _ELSEWHERE), (unopened, _UNOPENED))
        for route in _matching(request, routers)[:1]
    ]


_ELSEWHERE = "that is open elsewhere: this request comes from a context, thread or task that does not belong to it"
_UNOPENED = "that is not open: open it around the request (with net: ...), or declare the route on the one that is"


def _matching(request: Request, routers: Iterable[SomeRouter]) -> list[SomeRoute]:
    found = [r for router in routers for r in router.candidates(request) if not r.mismatches(request)]
    return sorted(found, key=lambda route: -route.order)


def _next_step(request: Request, routers: Sequence[SomeRouter], server: str) -> list[str]:
    url = request.url
    stub = stub_for(request, server)
    label = "To answer it:"
    lines = [f"{label}  {stub[0]}"] if len(stub) == 1 else [label, *(f"    {line}" for line in stub)]
    if needs_any(stub):
        lines[-1] += "    # ANY: a secret (unittest.mock)"
    if server:
        return lines
    if not any(router.names_host(url.host, url.port) for router in routers):
        through = f'allow="{url.host}" among the settings, or .pass_through() in place of .reply(...)'
    elif is_loopback(url.host):
        through = f'.pass_through() in place of .reply(...); routes name "{url.host}", so it never passes by itself'
    else:
        return lines
    return [*lines, f"To let it through:  {through}"]


# A route without an answer, or without a request


def unanswered(route: SomeRoute, request: Request | None) -> str:
    """`route` was never told what to answer; `request` is the one that it matched."""
    lines = ["a route was never told what to answer"]
    lines += _columns(f"    {_route(route)}", f"declared at {_place(route)}", indent=8)
    if request is not None:
        lines += ["asked by", *_asked(request, "", "")]
    step = "Say it where the route is declared: .reply(200), .reply(json=...), .fail(Fault...) or .pass_through()"
    return "\n".join([*lines, step])


def unused(route: SomeRoute, routers: Sequence[SomeRouter]) -> str:
    """`route` was not used, or not as often as its budget says: which route hid it, and the nearest requests."""
    count = sum(len(router.calls_of(route)) for router in routers)
    budget = route.budget
    happened = "was never used" if not count else f"was used {count} of {budget} times"
    if not count and budget not in {None, 1}:
        happened += f"; its budget is {budget} calls"
    lines = [f"a route {happened}", *_columns(f"    {_route(route)}", _place(route), indent=8)]
    calls = _distinct_calls(routers)
    hidden = [call for call in calls if _hides(call, route)]
    lines += _hiders(hidden) if hidden else _nearest_requests(route, calls)
    return "\n".join([*lines, _rest(count)])


def _rest(count: int) -> str:
    if count:
        return f"If {count} is right: .times({count}); if fewer may do: .optional()"
    return "If it may rest: .optional(); else remove it"


def _distinct_calls(routers: Sequence[SomeRouter]) -> list[Call]:
    # A call is in the log of every router that was asked.
    return list({id(call): call for router in routers for call in router.calls}.values())


def _hides(call: Call, route: SomeRoute) -> bool:
    """Another route answered it, and `route` matches it as well."""
    return call.route is not None and call.route is not route and not route.mismatches(call.request)


def _hiders(hidden: Sequence[Call]) -> list[str]:
    counts: dict[int, list[Call]] = {}
    for call in hidden:
        counts.setdefault(call.route.order, []).append(call)
    lines = []
    for calls in list(counts.values())[:3]:
        route = calls[0].route
        lines += _columns(f"hidden by {_place(route)}", f"{_route(route)}", indent=8)
        answered = f"it answered {counted(len(calls), 'request')} that this route matches too"
        lines.append(f"    {answered}, as {_request(calls[0].request)}")
    return [*lines, "For a sequence use .then() or .once(); else keep one of them"]


def _nearest_requests(route: SomeRoute, calls: Sequence[Call]) -> list[str]:
    others = [call for call in calls if call.route is not route]
    if not others:
        return ["No other request was made." if calls else "No request was made."]
    lines = [f"Nearest of {counted(len(others), 'other request')}:"]
    told: set[str] = set()
    for number, (call, each) in enumerate(nearest_calls(route, others), 1):
        outcome = f"answered by {_place(call.route)}" if call.route is not None else call.outcome()
        about = ", ".join(filter(None, (call.request.client, outcome)))
        lines += _columns(f"  {number}. {_request(call.request)}", about, indent=7)
        lines += _differences(each, told)
        if not each.mismatches:
            lines.append("       it matches: was it sent before the route was declared?")
    return lines


# Assertions


def uncalled(route: SomeRoute, times: int | None, conditions: Mapping[str, Any],
             verdicts: Sequence[tuple[Call, Sequence[Mismatch]]]) -> str:  # fmt: skip
    """`route` did not answer as was asserted: every call with its differences.

    Args:
        times: the exact number expected; None for at least one. conditions: what a call had to meet.
        verdicts: each call that it answered, with the ways in which it does not meet the conditions.
    """
    lines = [_assertion(times, conditions, verdicts)]
    lines += _columns(f"    {_route(route)}", _place(route), indent=8)
    if not verdicts:
        return "\n".join([*lines, "It answered no call; print(net.calls) lists the requests that were made"])
    lines.append("Its only call:" if len(verdicts) == 1 else f"Its {len(verdicts)} calls:")
    told: set[str] = set()
    for number, (call, mismatches) in enumerate(verdicts[:_LISTED], 1):
        mark = "    meets that" if conditions and not mismatches else ""
        lines.append(f"  {number}. {_request(call.request)} -> {call.outcome()}{mark}")
        lines += _differences(Near(0, mismatches, route, call.request), told)
    return "\n".join([*lines, *_and_more(len(verdicts))])


def _assertion(times: int | None, conditions: Mapping[str, Any],
               verdicts: Sequence[tuple[Call, Sequence[Mismatch]]]) -> str:  # fmt: skip
    expected = "at least 1 call" if times is None else f"exactly {counted(times, 'call')}"
    if not conditions:
        return f"expected {expected}, got {len(verdicts) or 'none'}"
    values = ", ".join(f"{name}={shown(masked(cut(value), name))}" for name, value in conditions.items())
    met = sum(not mismatches for _, mismatches in verdicts)
    return f"expected {expected} with {values}; {met or 'none'} of {len(verdicts)} meets that"


def _and_more(count: int) -> list[str]:
    return [f"  ... and {count - _LISTED} more"] if count > _LISTED else []


def wrong_order(expected: Sequence[SomeRoute], calls: Sequence[Call]) -> str:
    """The routes did not answer in this order."""
    firsts = [next((i for i, call in enumerate(calls, 1) if call.route is route), None) for route in expected]
    lines = ["the routes did not answer in this order"]
    latest = 0
    for number, (route, first) in enumerate(zip(expected, firsts, strict=True), 1):
        if first is None:
            happened = "never"
        else:
            happened = f"first at call {first}" + (f", which is before call {latest}" if first < latest else "")
            latest = max(latest, first)
        lines += _columns(f"  {number}. {_route(route)}", f"{_place(route)}    {happened}", indent=7)
    if not calls:
        return "\n".join([*lines, "No request was made."])
    lines.append("The calls were:")
    for number, call in enumerate(calls[:_LISTED], 1):
        answered = _place(call.route) if call.route is not None else ""
        lines += _columns(f"  {number}. {_request(call.request)} -> {call.outcome()}", answered, indent=7)
    return "\n".join([*lines, *_and_more(len(calls))])


def not_found(name: object, names: Sequence[str]) -> str:
    """No route has that name: the nearest, and all of them."""
    if not names:
        return f"no route is named {name!r}: none has a name yet; give it one with .named({name!r})"
    hint = meant(name, names, quoted) or "."
    return f"no route is named {quoted(str(name))}{hint} Named routes: {', '.join(map(quoted, names[:_LISTED]))}"
