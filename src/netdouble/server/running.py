"""What every door of the loopback has: it listens, it tells where, it ends, and its calls can be waited for.

Rule 1: nothing listens before the address is asked for; then it stands for as long as the door runs.
Rule 2: what it answers and what it saw is its network's: nothing is kept twice.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.calls import Call, Calls
from netdouble._core.declaring import UrlInput, Verbs
from netdouble._core.delays import check_seconds
from netdouble._core.matchers import Conditions
from netdouble._core.router import Router
from netdouble._core.routes import Route
from netdouble._core.scenarios import Step
from netdouble._far_end import Origin
from netdouble.errors import DeclarationError, UnmetExpectation
from netdouble.server.address import Address
from netdouble.server.conversation import Conversation
from netdouble.server.hosting import RoutesHost
from netdouble.server.listening import UNIX, Listener
from netdouble.server.originals import Lock
from netdouble.server.origins import text_of
from netdouble.server.waiting import Waiters

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Owner(Protocol):
    """Whose routes are served: a network."""

    @property
    def router(self) -> Router:
        """Its routes and log."""
        ...

    @property
    def calls(self) -> Calls:
        """Its log."""
        ...

    @property
    def routes(self) -> tuple[Route, ...]:
        """Its routes."""
        ...

    def _scope(self) -> Scope: ...

    def _declare_at(self, base: str, method: str | None, url: UrlInput | None, conditions: Conditions,
                    step: Step | None, kind: type[Route]) -> Route: ...  # fmt: skip

    def __getitem__(self, name: str) -> Route: ...

    def at(self, base_url: str, **conditions: Unpack[Conditions]) -> Verbs:
        """A view."""
        ...

    def reset(self) -> None:
        """Forget."""
        ...

    def assert_all_called(self) -> None:
        """Check."""
        ...

    def assert_order(self, *routes: Route) -> None:
        """Check."""
        ...


class Running:
    """A door of the loopback: a server or a proxy. A context manager, also `async with`."""

    def __init__(self, owner: Owner, address: Address, waiters: Waiters, host: RoutesHost) -> None:
        self._owner, self._address, self._waiters, self._host = owner, address, waiters, host
        self._lock = Lock()
        self._listener: Listener | None = None
        self._stopped = False

    # Running

    def start(self) -> Self:
        """Listen now. Asking for the address does the same, but for a server that was stopped.

        Raises:
            OSError: the port is taken, or the host is none of this machine.
        """
        self._started()
        return self

    def _started(self) -> Listener:
        with self._lock:
            if self._listener is None:
                self._before_listening()
                address, host = self._address, self._host
                name = f"netdouble server {address.host}"
                self._listener = Listener(address.host, address.port, lambda visit: Conversation(visit, host), name)
                self._stopped = False
                host.url, host.own_port = self._url(self._listener.port), self._listener.port
                _active.own_servers.update(address.names(self._listener.port))
            return self._listener

    def _before_listening(self) -> None:
        """Look whether it can work."""

    def stop(self) -> None:
        """Stop: connections that wait are closed, functions that answer are waited for. Stopping twice is fine.

        Raises:
            TimeoutError: a function that answers did not come to its end in 30 s.
        """
        with self._lock:
            listener, self._listener = self._listener, None
            self._stopped = True
        if listener is not None:
            _active.own_servers.difference_update(self._address.names(listener.port))
            listener.stop()

    @property
    def is_running(self) -> bool:
        """It listens now."""
        return self._listener is not None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # Where it is

    @property
    def port(self) -> int:
        """The port it listens on; 0 for a unix socket."""
        return self._running().port

    @property
    def host(self) -> str:
        """The host in its URL."""
        return self._address.name

    @property
    def url(self) -> str:
        """Its own URL without a path, as `"http://127.0.0.1:40101"`.

        Raises:
            RuntimeError: it was stopped.
        """
        return self._url(self._running().port)

    @property
    def socket_path(self) -> str:
        """The path of its unix socket; `""` when it is none."""
        self._running()
        return self._address.host.removeprefix(UNIX) if self._address.host.startswith(UNIX) else ""

    @property
    def ca_file(self) -> str:
        """A PEM file with the authority that signs its certificates, for a client to trust.

        Raises:
            MissingExtra: there is nothing to make certificates with.
        """
        from netdouble._authority import authority

        return authority().file

    @property
    def client_cert_file(self) -> str:
        """A PEM file with key and certificate of a client, which `client_cert=True` accepts."""
        from netdouble._authority import authority

        return authority().client_file()

    def _url(self, port: int) -> str:
        if not port:
            return f"{self._address.scheme}://localhost"
        return text_of(Origin(self._address.scheme, self._address.name, port))

    def _running(self) -> Listener:
        if self._stopped:
            raise RuntimeError("the server was stopped; start() it, or ask for its URL while it runs")
        return self._listener or self._started()

    # What happened

    @property
    def calls(self) -> Calls:
        """Every request that its network saw, oldest first."""
        return self._owner.calls

    @property
    def count(self) -> int:
        """How many requests its network saw."""
        return len(self._owner.calls)

    @property
    def handshake_errors(self) -> tuple[str, ...]:
        """Why TLS handshakes failed: most often a client that does not trust `ca_file`."""
        return tuple(self._host.handshake_errors)

    # Waiting

    def wait_for(self, route: Route, timeout: float = 5.0, *, times: int | None = None) -> Call:
        """Wait until `route` has answered over this server, for a program that calls when it likes.

        Args:
            route: one of its network's. timeout: seconds. times: how many calls in all; by default the route's budget,
                or one.

        Returns:
            The last of these calls, answered to its end.

        Raises:
            UnmetExpectation: it has not in that time; the text names the nearest requests that came.
            DeclarationError: it is no route of this server, or `timeout` no number of seconds.

        Example:
            >>> hook = server.post("/hook").reply(204)
            >>> start_job(callback=server.url_for("/hook"))
            >>> server.wait_for(hook).request.json()
        """
        wanted = self._wanted(route, timeout, times)
        self._waiters.wait(lambda: self._finished(route) >= wanted, timeout)
        return self._waited(route, wanted, timeout)

    async def await_for(self, route: Route, timeout: float = 5.0, *, times: int | None = None) -> Call:  # as `wait_for`
        """As `wait_for`, for a task of asyncio or trio: its loop goes on meanwhile."""
        wanted = self._wanted(route, timeout, times)
        await self._waiters.await_(lambda: self._finished(route) >= wanted, timeout)
        return self._waited(route, wanted, timeout)

    def wait(self, timeout: float = 5.0) -> Wait:
        """At the end of a `with` or `async with`: wait until every route that must be used is used up.

        Raises:
            UnmetExpectation: at the end, when one is not in that time.

        Example:
            >>> with server.wait(timeout=2):
            ...     start_job(callback=server.url_for("/hook"))
        """
        check_seconds("wait(timeout=)", timeout)
        return Wait(self, timeout)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until `ready()` says so, which is asked whenever a call was answered; False when the time is over."""
        return self._waiters.wait(ready, seconds)

    def _wanted(self, route: Route, timeout: float, times: int | None) -> int:
        """How many calls of `route` are waited for, when they can come."""
        given: object = route
        if not isinstance(given, Route):
            raise DeclarationError(f"wait_for() takes a route of this server, not {given!r:.60}")
        if route not in self._owner.routes:
            raise DeclarationError(f"wait_for() would wait in vain: {route} ({route.label}) is no route of this server")
        check_seconds("wait_for(timeout=)", timeout)
        return _wanted(route, times)

    def _finished(self, route: Route) -> int:
        return sum(call.closed for call in self._owner.router.calls_of(route))

    def _waited(self, route: Route, wanted: int, seconds: float) -> Call:
        calls = [call for call in self._owner.router.calls_of(route) if call.closed]
        if len(calls) < wanted:
            self._missed([route], seconds)
        return calls[wanted - 1]

    def _missing(self) -> list[Route]:
        must = [route for route in self._owner.routes if route.must_be_used or route.budget is not None]
        return [route for route in must if self._finished(route) < _wanted(route, None)]

    def _missed(self, routes: list[Route], seconds: float) -> None:
        from netdouble._core import explain

        texts = [explain.unused(route, [self._owner.router]) for route in routes]
        handshakes = [f"A TLS handshake failed: {error}" for error in self.handshake_errors[-1:]]
        raise UnmetExpectation("\n".join([f"waited {seconds:g} s at {self.url}:", *texts, *handshakes]))


class Wait:
    """What `server.wait()` gives: it waits at the end of its `with`."""

    def __init__(self, door: Running, seconds: float) -> None:
        self._door, self._seconds = door, seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._door._waiters.wait(lambda: not self._door._missing(), self._seconds)
            self._check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._door._waiters.await_(lambda: not self._door._missing(), self._seconds)
            self._check()

    def _check(self) -> None:
        missing = self._door._missing()
        if missing:
            self._door._missed(missing, self._seconds)


def _wanted(route: Route, times: int | None) -> int:
    if times is None:
        return 1 if route.budget is None else route.budget
    given: object = times
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise DeclarationError(f"times={given!r}: how many calls to wait for, one or more")
    return times
