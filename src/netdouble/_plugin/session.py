"""One run of pytest: its guard, the networks of its fixtures, and what its tests are judged by.

Rule 1: nothing is attached to a client before the first network is opened; from then on it stays until the end.
Rule 2: a run that opens no network loads no more of netdouble than the guard.
Rule 3: a problem belongs to the test that made it: each look takes what has come since the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import CodeType
from typing import TYPE_CHECKING, Any

from netdouble import _active, _origins
from netdouble._active import Scope
from netdouble._core.settings import Settings
from netdouble._gate import arming, guard, ledger
from netdouble._gate.policy import Policy
from netdouble._intercept import catalog
from netdouble._plugin import sealing
from netdouble._plugin.phases import Phases, is_worker
from netdouble._plugin.settings import Config, Marked, RunSettings
from netdouble._plugin.summary import LONG_WAIT, Attempted, Passed, Waited
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
        self._before_call: list[Scope] = []
        self._waited = 0.0
        self._stack = ExitStack()
        self._guard = ExitStack()
        self.phases = Phases()
        self.sealed: sealing.SealedRun | None = None

    def begin(self, pluginmanager: Any) -> None:
        """Let the run's settings and guard hold.

        Raises:
            DeclarationError: it can't be sealed as the settings say.
        """
        # First: what the process knows of itself by then would be another's.
        self.sealed = sealing.begin(self.run.session["sealed"], self.run.settings.swallowed, pluginmanager)
        if is_worker():
            from netdouble._gate import children

            children.take_over()
        self._guard.callback(self.phases.begin())
        self._guard.callback(ledger.start(notes_passages=self.run.session["report"] == "on"))
        self._guard.callback(ledger.remove_file)
        self._guard.callback(_put_in_force(self.run.settings, self.run.guard, self.run.origin))
        self._stack.enter_context(catalog.kept())
        if self.sealed is not None:
            self._guard.callback(self.sealed.attach())

    def end(self) -> None:
        """Put everything back; but for the guard, where it refuses everything and the process ends with the run."""
        self._stack.close()
        if self.run.guard == "block" and self.phases.ends_the_process:
            self.phases.after_the_run(self._guard)
        else:
            self._guard.close()

    def test_begins(self, test: Marked) -> None:
        """A test begins: it must use what is declared from now on."""
        _origins.begin_test(test)
        if self.sealed is not None:
            self.sealed.begin_test(test.nodeid)
        if self._open:
            from netdouble._core.router import next_order

            self._since = next_order()
        self._waited = _active.waited()

    def call_begins(self) -> None:
        """The test's own code runs from now on: what it opens it closes."""
        self._before_call = _active.opened()

    def in_force(self, node: Marked) -> AbstractContextManager[object]:
        """For a while the settings under the markers of `node` hold; the run's own when those can't be read."""
        try:
            settings, mode, origin = self.run.of(node)
        except DeclarationError:
            return nullcontext()
        if settings == _active.defaults and mode == guard.elsewhere.mode:
            return nullcontext()
        held = ExitStack()
        held.callback(_put_in_force(settings, mode, origin))
        return held

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
        return found + self._left_open()

    def _left_open(self) -> list[Problem]:
        """Networks that the test started and nothing stopped: they are closed here, and judged as `stop()` judges."""
        left = [scope for scope in _active.opened() if scope.started_at and scope not in self._before_call]
        if not left:
            return []
        from netdouble._problems import left_open

        found: list[Problem] = []
        for scope in left:
            network: Any = scope.owner
            network.close_scope(scope)
            found += [left_open(scope.started_at), *network.problems(scope)]
        return found

    def _outside(self, code: CodeType | None) -> list[Problem]:
        """What no network has: the test's own, and if the setting says so what leftovers did meanwhile."""
        guard.hear()
        unclaimed = ledger.taken(ledger.now.unclaimed)
        if _active.defaults.swallowed == "warn":
            return []
        if _active.defaults.swallowed == "fail":
            unclaimed += ledger.taken(ledger.now.background)
        return _swallowed([*unclaimed], code)

    def _looked(self) -> None:
        for scope in (*self._open, *self._closed):
            scope.misses.clear()

    # Telling

    def test_ended(self, name: str) -> None:
        """Note what is told of the test at the end of the run."""
        _origins.end_test()
        if self.sealed is not None:
            self.sealed.begin_test("")
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
        guard.hear()
        found = ledger.now.attempts.values()
        return [(a.test, a.target, a.caller, a.count, a.refused, a.place) for a in found]

    def passages(self) -> list[Passed]:
        """What was let through, if that is to be told."""
        return [(p.test, p.target, p.why, p.count) for p in ledger.now.passages.values()]

    @property
    def fails(self) -> bool:
        """What was refused outside of the tests fails the run."""
        if self.sealed is not None and self.sealed.fails:
            return True
        return self.run.settings.swallowed == "fail" and any(a[5] == "outside" and a[4] for a in self.attempts())

    def sealed_ending(self) -> list[str]:
        """What is to be said of sealed mode at the end."""
        said = self.sealed.ending() if self.sealed is not None else ""
        return [said] if said else []

    def header(self) -> str:
        """One line on what happens to real connections in this run."""
        inside, outside = _WORDS[self.run.settings.guard], _WORDS[self.run.guard]
        what = inside if inside == outside else f"{inside} in tests with a network, {outside} elsewhere"
        sealed = f"; {self.sealed.header()}" if self.sealed is not None else ""
        if inside == outside == _WORDS["off"]:
            return f"netdouble: real connections: {what}{sealed}"
        base = ("loopback", "own") if self.run.settings.loopback == "open" else ("own",)
        allowed = ", ".join((*base, *self.run.settings.allow))
        if outside == _WORDS["block"]:
            what += " in Python code"
            if self.run.settings.children != "allow":
                what += f" and Python child processes{_CHILDREN[self.run.settings.children]}"
        return f"netdouble: real connections: {what}; allowed: {allowed}{sealed}"


_CHILDREN = {"guard": "", "refuse": " (none may be started in tests)"}
_WORDS = {"block": "refused", "warn": "listed at the end", "off": "let through"}


def _swallowed(misses: list[Any], code: CodeType | None) -> list[Problem]:
    if not misses:
        return []
    from netdouble._problems import swallowed

    return swallowed(misses, code)


def _put_in_force(settings: Settings, mode: str, origin: str) -> Callable[[], None]:
    before, _active.defaults = _active.defaults, settings
    policy = Policy(settings.allow, loopback=settings.loopback)
    undo = arming.put_in_force(guard.Rule(mode, policy, f"guard={mode} ({origin})", settings.children))

    def put_back() -> None:
        _active.defaults = before
        undo()

    return put_back
