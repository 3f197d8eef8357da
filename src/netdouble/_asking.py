"""Asking the open scopes: which route answers a request, and what is raised when none does.

Rule 1: every door asks here, with a request in our words; who is asked is `_active`'s to say.
Rule 2: loaded by the doors alone: whoever opens a network and sends nothing needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile

from netdouble._active import Scope, besides, captured, current, is_passing, own_servers, unopened
from netdouble._core import router
from netdouble._core.callers import called_from
from netdouble._core.calls import Call
from netdouble._core.client_objects import carry
from netdouble._core.faults import Fault
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Fail, Reply
from netdouble._manner import audience, unrouted
from netdouble.errors import UnansweredRoute, UnmatchedRequest


def open_call(request: Request) -> Call | None:
    """Decide what answers `request` and record it; None when no scope is open.

    The returned call's `answer` is a Response, a Fail, a Compute or a PassThrough, never None.

    Raises:
        UnmatchedRequest: no route answers. UnansweredRoute: one does, but was told no answer.
        AmbiguousScope, ScopeClosed: see `current`.
    """
    scope = current()
    if scope is None:
        return None
    return ask(scope, request)


def ask(scope: Scope, request: Request, caller: Callable[[], str] = called_from, again: Call | None = None,
        chain: list[Scope] | None = None) -> Call:  # fmt: skip
    """As `open_call`, for a door that knows its scope: it was mounted on one client by hand, or is a server.

    Args:
        caller: where the request was made, for a door that decides in another task.
        again: the call to be answered by another route than those that declined it.
        chain: the scopes that are asked, where that is known already, and the request carries its client's objects.
    """
    server = "" if request._arrival is None else server_of(request)
    if own_servers and not server and (request.url.host, request.url.port) in own_servers:
        return _passing_by(scope, request)
    if chain is None:
        carry(request)
        chain = scope.chain()
        if len(chain) != 1 or chain[0].manner is not None:
            chain = audience(chain, request)
    if not chain:
        return _passing_by(scope, request)
    if scope.manner is None and len(chain) == 1:
        routers, otherwise = [chain[0].router], None
    else:
        routers, otherwise = [s.router for s in chain], partial(unrouted, chain)
    call = router.open_call(routers, request, _nothing if server else scope.reaches, otherwise, again)
    if call is None:
        call = _miss(scope, chain, request, caller(), again)
    return _opened(call, scope)


def answer_again(call: Call) -> None:
    """Another route is to answer `call`: the function of its own one gave the request back.

    Raises:
        UnmatchedRequest: none does. UnansweredRoute: one does, but was told no answer.
    """
    scope: Scope = call.scope
    for each in scope.chain():
        each.router.withdraw(call)
    call.declined |= {call.route.order}
    ask(scope, call.request, again=call)


def ask_above(entrance: str, request: Request) -> Call | None:
    """As `open_call`, for a door above a client's usual one; None: the request is to go on to that.

    The innermost scopes that want to be asked at `entrance` are asked; where all want to, what they say is final.
    """
    scope = current()
    if scope is None or scope.manner is None or is_passing():
        return None
    carry(request)
    chain = scope.chain()
    if len(chain) == 1:
        wants = entrance in scope.manner.entrances and scope.manner.concerns(request)
        return ask(scope, request, chain=chain) if wants else None
    chain = audience(chain, request)
    above = list(takewhile(lambda s: s.manner is not None and entrance in s.manner.entrances, chain))
    if above and len(above) == len(chain):
        return ask(scope, request, chain=chain)
    if not above:
        return None
    call = router.open_call([s.router for s in above], request, lambda host, port: False)  # noqa: ARG005
    return None if call is None else _opened(call, scope)


def _opened(call: Call, scope: Scope) -> Call:
    call.scope, call.again = scope, answer_again
    native = call.request.native
    if native is not None:
        native.call = call
    if call.answer is None:
        from netdouble._core import explain

        error = UnansweredRoute(explain.unanswered(call.route, call.request))
        call.close(error=error)
        raise error
    return call


def server_of(request: Request) -> str:
    """The URL of the server of ours that it came to: such a request reaches no real service unless a route says so."""
    arrival = request._arrival
    return "" if arrival is None or arrival.connection is None else arrival.connection.server


def _passing_by(scope: Scope, request: Request) -> Call:
    """A request to a server of ours: it is a call where it arrives, so it stands in no log here."""
    return _opened(Call(request, None, PASS_THROUGH), scope)


def _nothing(host: str, port: int | None) -> bool:  # noqa: ARG001  # the signature of `Scope.reaches`
    return False


def _miss(scope: Scope, chain: list[Scope], request: Request, caller: str, again: Call | None) -> Call:
    from netdouble._core import explain

    call = Call(request, None, None) if again is None else again
    call.route = call.answer = None
    for each in chain:
        each.router.record(call)
    asked = [s.router for s in chain]
    text = explain.unmatched(request, asked, elsewhere=[s.router for s in besides(chain)], caller=caller,
                             label=scope.label, unopened=[r for r in unopened if r not in asked],
                             server=server_of(request))  # fmt: skip
    error = UnmatchedRequest(text, method=request.method, url=explain.masked_url(request.url), client=request.client,
                             caller=caller, server=server_of(request))  # fmt: skip
    if scope.settings.unmatched == "outage":
        call.answer = Fail(fault=Fault.CONNECT_REFUSED)
        return call
    scope.misses.append(error)
    call.close(error=error)
    raise error


def preview(request: Request) -> Reply | None:
    """What `open_call` would answer now; None when nothing would. Nothing is recorded or raised."""
    scope = captured()
    return None if scope is None else preview_in(scope, request)


def preview_in(scope: Scope, request: Request) -> Reply | None:
    """As `preview`, for a door that knows its scope."""
    return router.preview([s.router for s in scope.chain()], request)
