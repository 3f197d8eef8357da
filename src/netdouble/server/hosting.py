"""What the conversations of one server ask: whom a request is meant for, which call answers it, what went wrong.

Rule 1: the scope of a request that comes in is the server's own, whatever thread or task the client runs in.
Rule 2: what the client can only see as a status is kept as an error too, so that it fails the test by itself.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from netdouble import _active, _asking
from netdouble._active import Scope
from netdouble._core.calls import Call
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Compute, Reply
from netdouble._far_end import Act, Origin, Tunnel
from netdouble.errors import DeclarationError, HandlerFailed, NetdoubleError, UnmatchedRequest
from netdouble.server.address import Address
from netdouble.server.listening import Visit
from netdouble.server.originals import current_thread
from netdouble.server.origins import only_origin
from netdouble.server.tls import Line
from netdouble.server.waiting import Waiters

if TYPE_CHECKING:
    import ssl

UNEXPECTED = 501


class RoutesHost:
    """Answers with the routes of a scope.

    Args:
        scope: the one that holds now. shares: it is a network's that is open in the process; what functions of the
            user send while they answer belongs to it too.

    Attributes:
        url, own_port: where the server stands, when it does. handshake_errors: why TLS handshakes failed.
    """

    def __init__(self, scope: Callable[[], Scope], waiters: Waiters, *, shares: bool) -> None:
        self.url, self.own_port = "", 0
        self.handshake_errors: list[str] = []
        self._scope, self._waiters, self._shares = scope, waiters, shares

    @property
    def came_to(self) -> str:
        """Requests that come here came to a server."""
        return self.url

    # To be said by the kinds of server

    def origin(self, sni: str | None) -> Origin:
        """Whom a client believes it talks to."""
        raise NotImplementedError

    def context(self, name: str | None) -> ssl.SSLContext:
        """How to answer a TLS handshake."""
        raise NotImplementedError

    def passed(self, call: Call, said: bytes) -> Iterator[Act]:
        """Let a request through to the real service."""
        from netdouble.server.upstream import passed_on

        return passed_on(call, said)

    def grants(self, host: str, port: int) -> bool:  # noqa: ARG002  # a proxy's business
        """A CONNECT is a request as any other."""
        return False

    def tunnels(self, tunnel: Tunnel, visit: Visit, line: Line) -> bool:  # noqa: ARG002  # a proxy's business
        """Nothing is tunnelled."""
        return False

    # The same for all

    def decide(self, request: Request) -> Call:
        """Open the call of a request."""
        belongs_to = current_thread().__dict__
        belongs_to[_active.THREAD_ATTRIBUTE] = None
        scope = self._scope()
        if self._shares:
            belongs_to[_active.THREAD_ATTRIBUTE] = scope
        return self.opened(scope, request)

    def opened(self, scope: Scope, request: Request) -> Call:
        """Open a call whose answer is always one, also where a function of the user's raises."""
        call = self._ask(scope, request)
        if isinstance(call.answer, Compute):
            call.answer = Compute(_Guarded(call, call.answer.function, self.failed), call.answer.is_async)
        return call

    def _ask(self, scope: Scope, request: Request) -> Call:
        return _asking.ask(scope, request, str)

    def foresee(self, request: Request) -> Reply | None:
        """What would answer a request now."""
        return _asking.preview_in(self._scope(), request)

    def malformed(self, call: Call) -> None:
        """Log a request that could not be read."""
        self._scope().router.record(call)

    def answered(self) -> None:
        """Wake those who wait for calls."""
        self._waiters.notify()

    def no_handshake(self, error: OSError) -> None:
        """Keep the reason: there is no request that could tell it."""
        self.handshake_errors.append(str(error))

    def failed(self, call: Call | None, error: Exception) -> Response:
        """Keep the error, and say it to the client."""
        if isinstance(error, UnmatchedRequest):
            error.server = self.url
            return Response(UNEXPECTED, text=f"{error}\n")
        try:
            raise HandlerFailed(_report(call, error, self.url)) from error  # noqa: TRY301  # one that was raised
        except HandlerFailed as failure:
            (call.scope or self._scope() if call is not None else self._scope()).misses.append(failure)
            return Response(500, text=f"{failure}\n")


class _Guarded:
    """A function that answers. What it raises is an answer too: the connection and its other streams live on."""

    def __init__(
        self, call: Call, function: Callable[[Request], Any], failed: Callable[[Call, Exception], Response]
    ) -> None:
        self._call, self._function, self._failed = call, function, failed

    def __call__(self, request: Request) -> Any:
        try:
            made = self._function(request)
        except Exception as error:  # noqa: BLE001  # whatever it raises
            return self._answer(error)
        return self._awaited(made) if hasattr(made, "__await__") else made

    async def _awaited(self, made: Awaitable[Any]) -> Any:
        try:
            return await made
        except Exception as error:  # noqa: BLE001  # whatever it raises
            return self._answer(error)

    def _answer(self, error: Exception) -> Response:
        self._call.close(error=error)
        return self._failed(self._call, error)


def _report(call: Call | None, error: Exception, url: str) -> str:
    if call is None or isinstance(error, NetdoubleError):
        return f"the server {url} could not answer a request: {error}" if call is None else str(error)
    where = f"{call.route} ({call.route.label})" if call.route is not None else str(call.request)
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return f"answering {call.request} failed: {where} raised {type(error).__name__}\n{''.join(lines).rstrip()}"


class Scoped(Protocol):
    """Whose scope holds: a network."""

    def _scope(self) -> Scope: ...


class ServerHost(RoutesHost):
    """A host behind which one origin stands, or the server itself."""

    def __init__(self, owner: Scoped, origin: Origin | None, address: Address, waiters: Waiters, *,
                 shares: bool) -> None:  # fmt: skip
        super().__init__(owner._scope, waiters, shares=shares)
        self._origin, self._address = origin, address
        self._unclear: DeclarationError | None = None

    def origin(self, sni: str | None) -> Origin:
        """What was given; else the one origin of the routes; else the server's own address."""
        if sni is not None and sni not in {self._address.name, "localhost"}:
            return Origin("https", sni, 443)
        found = self._origin
        if found is None and self._shares:
            try:
                found = only_origin(route for scope in self._scope().chain() for route in scope.router.routes)
                self._unclear = None
            except DeclarationError as error:
                self._unclear = error
        return found or Origin(self._address.scheme, self._address.name, self.own_port)

    def context(self, name: str | None) -> ssl.SSLContext:
        """By the name asked for."""
        return self._address.context(name)

    def _ask(self, scope: Scope, request: Request) -> Call:
        if self._unclear is not None:
            raise self._unclear
        return super()._ask(scope, request)
