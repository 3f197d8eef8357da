"""One run of pytest: its guard, the networks of its fixtures, and what its tests are judged by.

Rule 1: nothing is attached to a client before the first network is opened; from then on it stays until the end.
Rule 2: a run that opens no network loads no more of netdouble than the guard.
Rule 3: a problem belongs to the test that made it: each look takes what has come since the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import CodeType
from typing import TYPE_CHECKING, Any

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.settings import Settings
from netdouble._gate import guard
from netdouble._gate.policy import Policy
from netdouble._intercept import catalog
from netdouble._plugin.settings import Config, Marked, RunSettings
from netdouble._plugin.summary import LONG_WAIT, Attempted, Waited
from netdouble.errors import DeclarationError, NetworkWarning

if TYPE_CHECKING:
    from netdouble._problems import Problem
    from netdouble.network import Network
    from netdouble.server.serving import Server

# Of the calls of a test that failed, this many are shown.
CALLS_SHOWN = 50


class Session:
    """The state of one run.

    Attributes:
        run: its settings. waits: the tests that slept in a client's retries.

    Raises:
        DeclarationError: a setting can't be read.
    """

    def __init__(self, config: Config, options: Mapping[str, Any]) -> None:
        self.run = RunSettings(config, options)
        self.waits: list[Waited] = []
        self._open: dict[Scope, Network] = {}
        self._closed: list[Scope] = []
        self._since = 0
        self._waited = 0.0
        self._stack = ExitStack()

    def begin(self) -> None:
        """Let the run's settings and guard hold."""
        self._stack.enter_context(catalog.kept())
        self._stack.enter_context(guard.new_ledger())
        self._stack.enter_context(_in_force(self.run.settings, self.run.guard, self.run.origin))

    def end(self) -> None:
        """Put everything back."""
        self._stack.close()

    def test_begins(self) -> None:
        """A test begins: it must use what is declared from now on."""
        if self._open:
            from netdouble._core.router import next_order

            self._since = next_order()
        self._waited = _active.waited()

    def in_force(self, node: Marked) -> AbstractContextManager[None]:
        """For a while the settings under the markers of `node` hold; the run's own when those can't be read."""
        try:
            return _in_force(*self.run.of(node))
        except DeclarationError:
            return _in_force(self.run.settings, self.run.guard, self.run.origin)

    # Networks

    @contextmanager
    def network(self, node: Marked, label: str) -> Iterator[Network]:
        """A network under the settings of `node`, open for every test, thread and task."""
        from netdouble.network import Network

        network = Network()
        with self.in_force(node):
            scope = network.open_scope(label=label, bind=False)
        self._open[scope] = network
        try:
            yield network
        finally:
            del self._open[scope]
            self._closed.append(scope)
            network.close_scope(scope)

    @contextmanager
    def server(self, node: Marked, label: str) -> Iterator[Server]:
        """A server with routes of its own.

        The network around it has none: what clients here send elsewhere is refused, as in every test with a network.
        """
        from netdouble.server.address import Address
        from netdouble.standalone import ServerNetwork, serve_own

        with self.network(node, label), self.in_force(node):
            own = ServerNetwork()
            own.scope.label = label
            self._open[own.scope] = own
            server = serve_own(own, Address())
            try:
                yield server
            finally:
                server.stop()
                del self._open[own.scope]
                self._closed.append(own.scope)

    # Judging

    def problems(self, code: CodeType | None) -> list[Problem]:
        """Why a test whose function has `code` should fail after its call."""
        found = self._outside(code)
        if not self._open:
            return found
        from netdouble._problems import Problem

        try:
            for scope, network in self._open.items():
                found += network.problems(scope, code, self._since)
        except NetworkWarning as warning:  # the suite makes errors of warnings
            found.append(Problem("warning", str(warning)))
        self._looked()
        return found

    def late_problems(self) -> list[Problem]:
        """What was swallowed since, in a teardown."""
        scopes = [scope for scope in (*self._open, *self._closed) if scope.settings.swallowed != "warn"]
        found = self._outside(None)
        for scope in scopes:
            found += _swallowed(scope.misses, None)
        self._looked()
        return found

    def _outside(self, code: CodeType | None) -> list[Problem]:
        unclaimed = guard.take_unclaimed()
        return _swallowed([*unclaimed], code) if _active.defaults.swallowed != "warn" else []

    def _looked(self) -> None:
        for scope in (*self._open, *self._closed):
            scope.misses.clear()

    # Telling

    def test_ended(self, name: str) -> None:
        """Note what is told of the test at the end of the run."""
        self._closed.clear()
        waited = _active.waited() - self._waited
        if waited > LONG_WAIT:
            self.waits.append((name, waited))

    def calls(self) -> str:
        """The calls that the innermost open network saw, and those of servers; the last ones of many."""
        networks = [network for network in self._open.values() if not network.takes_paths][-1:]
        networks += [network for network in self._open.values() if network.takes_paths]
        lines = [line for network in networks if network.count for line in str(network.calls).splitlines()]
        left_out = len(lines) - CALLS_SHOWN
        return "\n".join([f"({left_out} before these)"] * (left_out > 0) + lines[-CALLS_SHOWN:])

    def attempts(self) -> list[Attempted]:
        """What was tried for real and nothing allows."""
        return [(a.test, a.target, a.caller, a.count, a.refused) for a in guard.attempts()]

    def header(self) -> str:
        """One line on what happens to real connections in this run."""
        inside, outside = _WORDS[self.run.settings.guard], _WORDS[self.run.guard]
        what = inside if inside == outside else f"{inside} in tests with a network, {outside} elsewhere"
        if inside == outside == _WORDS["off"]:
            return f"netdouble: real connections: {what}"
        allowed = ", ".join(("loopback", "unix", *self.run.settings.allow))
        return f"netdouble: real connections: {what}; allowed: {allowed}"


_WORDS = {"block": "refused", "warn": "listed at the end", "off": "let through"}


def _swallowed(misses: list[Any], code: CodeType | None) -> list[Problem]:
    if not misses:
        return []
    from netdouble._problems import swallowed

    return swallowed(misses, code)


@contextmanager
def _in_force(settings: Settings, mode: str, origin: str) -> Iterator[None]:
    before, _active.defaults = _active.defaults, settings
    try:
        with guard.ruled(
            guard.Rule(mode, Policy(settings.allow, loopback=settings.loopback), f"guard={mode} ({origin})")
        ):
            yield
    finally:
        _active.defaults = before
