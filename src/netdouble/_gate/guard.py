"""The guard: judges every real connection and lookup that no door took, and remembers what it refused.

Rule 1: refused before anything leaves the machine: no packet, no DNS query.
Rule 2: a refusal is noted, then raised in its caller, so that swallowing it does not hide it.
Rule 3: attached once, counted; without an open scope it does what `elsewhere` says (off, unless pytest or
`guard.install` says more). The audit hook, which nothing can take out again, is put in only where all is refused.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from netdouble import _active, _origins
from netdouble._active import Scope
from netdouble._core.callers import called_from, client_above
from netdouble._gate import ledger, own, sockets, wire
from netdouble._gate.entries import is_daemon, is_loopback, plain_host
from netdouble._gate.ledger import Attempt, Place
from netdouble._gate.policy import Policy
from netdouble._gate.proxies import variable_naming
from netdouble._gate.refusals import Case, protocol_of, text_of
from netdouble._patch import Undo
from netdouble.errors import NetworkBlocked, NetworkWarning


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds where no scope is open.

    Attributes:
        mode: `block`, `warn`, `off`. policy: what is allowed; its entries hold in every scope too. origin: where that
            was said. children: `guard`, `allow`, `refuse`. error: makes what is raised of a refusal.
    """

    mode: str
    policy: Policy
    origin: str
    children: str = "guard"
    error: Callable[[NetworkBlocked], BaseException] | None = None


OFF = Rule("off", Policy(), "")

# What holds where no scope is open; set by the pytest plugin and by `guard.install`.
elsewhere: Rule = OFF

# What is done outside of tests, for reports: `collection of tests/test_it.py`. Set by the pytest plugin.
phase = ""
# The code that runs now is the runner's own or a plugin's, no test's: it may speak with whoever started it.
of_runner = False

# Those who want to hear when what holds has changed.
watching: list[Callable[[], None]] = []

# Those who have heard of refusals elsewhere, and enter them when they are asked to.
sources: list[Callable[[], None]] = []

# All that were put in force, the newest last.
_rules: list[_Held] = []

_lock = threading.RLock()
_owners = 0
_patches: list[sockets.Patch] = []
_undos: list[Undo] = []
# address -> the names that were looked up and gave it
_names: dict[str, set[str]] = {}


_origins.caller_now = called_from


# On and off


def attach() -> None:
    """Watch the sockets; counted. Also puts back what a peer took out of its place meanwhile."""
    global _owners
    with _lock:
        _owners += 1
        if not _patches or (_owners == 1 and any(map(_is_stale, _patches))):
            _patches[:] = sockets.patches(JUDGE, wire)
        for patch in _patches:
            owner, name, stand_in = patch
            present = getattr(owner, name)
            # A stand-in of somebody else's is left: the user asked for that guard, and its own undo comes later.
            if present is not stand_in and present is getattr(stand_in, "__wrapped__", None):
                _undos.append(sockets.put(patch))
    _origins.attach()


def detach() -> None:
    """Give up one `attach`; the last one puts everything back."""
    global _owners
    _origins.detach()
    with _lock:
        _owners -= 1
        if _owners == 0:
            while _undos:
                _undos.pop()()
            _names.clear()


def _is_stale(patch: sockets.Patch) -> bool:
    """Made before somebody else replaced what it stands in for."""
    owner, name, stand_in = patch
    return getattr(owner, name) is not getattr(stand_in, "__wrapped__", None)


def set_rule(rule: Rule) -> Callable[[], None]:
    """From now on `rule` holds where no scope is open; the returned function takes it back, in whatever order."""
    global elsewhere
    held = _Held(rule)
    _rules.append(held)
    elsewhere = rule
    watches = rule.mode != "off" or ledger.now.notes_passages
    if watches:
        attach()

    def undo() -> None:
        global elsewhere
        _rules.remove(held)
        elsewhere = _rules[-1].rule if _rules else OFF
        if watches:
            detach()

    return undo


@dataclass(slots=True, eq=False)
class _Held:
    """One rule that was put in force, told apart from its like."""

    rule: Rule


def changed() -> None:
    """What holds has changed: a rule, an open scope, an allowance."""
    for tell in tuple(watching):
        tell()


# What is allowed for a while


@dataclass(slots=True, eq=False)
class Allowance(_origins.Mark):
    """What `allow` opened."""

    policy: Policy


@contextmanager
def allowing(entries: Iterable[str]) -> Iterator[None]:
    """For a while, in this thread and in those that it starts or hands work to: these may be reached as well.

    Raises:
        DeclarationError: an entry can't be read.
    """
    allowance = Allowance(Policy(entries))
    _origins.watch_pools()
    try:
        with _origins.marked(allowance):
            changed()
            yield
    finally:
        changed()


def allowances(*, anywhere: bool = False) -> list[Policy]:
    """What `allow` has opened for the current thread, or for any."""
    marks = _origins.marks_anywhere() if anywhere else _origins.here().marks
    return [mark.policy for mark in marks if isinstance(mark, Allowance) and mark.holds]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a scope with that policy of its own may reach: that, and the entries that hold everywhere now."""

    policy: Policy

    def allows(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """By an entry, or because it is this machine."""
        plain = plain_host(host)
        return bool(_base(plain, port, self.policy.loopback)) or self.lists(plain, port, lookup=lookup)

    def lists(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """By an entry."""
        policies = (self.policy, elsewhere.policy, *allowances())
        return any(each.lists(host, port, lookup=lookup) for each in policies)


def _base(host: str, port: int | None, loopback: str) -> str:
    """Why `host` (normal spelling) needs no entry, or `""`."""
    if host.startswith("unix:"):
        return "a unix socket of this run" if own.is_own_unix(host[5:]) else ""
    if not is_loopback(host):
        return ""
    if Policy.stays_here(host, port, loopback) and not variable_naming(host, port):
        return "loopback"
    return "a listener of this process" if own.is_own(host, port) else ""


# Judging


class Judge:
    """Decides on whatever `sockets` and the audit hook see."""

    def admit(self, action: str, host: str, port: int | None, sock: socket.socket | None = None) -> None:
        """Return, or raise NetworkBlocked."""
        host = plain_host(host)
        if action == "lookup" and is_loopback(host):
            return
        names = (host, *_names.get(host, ()))
        for scope in _active.responsible() or (None,):
            mode = elsewhere.mode if scope is None else scope.settings.guard
            why = "guard=off" if mode == "off" else _reason(scope, action, names, port)
            if not why:
                case = Case(action, names, port, scope, test_of(scope), protocol_of(sock))
                stop(case, mode, sock)
                why = "guard=warn"
            if ledger.now.notes_passages and action != "lookup":
                ledger.now.passed(Case(action, names, port, scope).entry, test_of(scope), why)

    def listens(self, sock: socket.socket) -> None:
        """`sock` is about to be bound."""
        own.remember(sock)

    def learn(self, name: str, addresses: Iterable[str]) -> None:
        """Remember whose addresses these are."""
        if is_loopback(plain_host(name)):
            return
        for address in addresses:
            _names.setdefault(plain_host(address), set()).add(plain_host(name))


JUDGE = Judge()


def _reason(scope: Scope | None, action: str, names: tuple[str, ...], port: int | None) -> str:
    """Why it may pass, or `""`."""
    host, lookup = names[0], action == "lookup"
    base = _base(host, port, elsewhere.policy.loopback if scope is None else scope.settings.loopback)
    if base:
        return base
    if of_runner and _is_of_runner(host):
        return "the runner's own"
    if any(_active.is_admitted(name, port) for name in names):
        return "pass_through"
    for name in names:
        if scope is None:
            allowed = Reach(elsewhere.policy).lists(name, port, lookup=lookup)
        else:
            allowed = scope.reaches(name, port, lookup=lookup)
        if allowed:
            return "allow"
    return ""


def _is_of_runner(host: str) -> bool:
    """An IDE's own socket: what runs between tests may speak with the one that started the run."""
    is_its_thread = threading.current_thread() is _origins.runner()
    return is_its_thread and host.startswith("unix:") and not is_daemon(host[5:])


def test_of(scope: Scope | None) -> str:
    """The test, scope or phase that runs, for reports."""
    if scope is not None:
        return scope.label
    running = os.environ.get("PYTEST_CURRENT_TEST", "") if _origins.test is not None or not phase else ""
    return running.rpartition(" (")[0] or phase or _unittest()


def _unittest() -> str:
    """The test that unittest runs in this thread, or `""`."""
    unittest = sys.modules.get("unittest")
    frame = sys._getframe(1) if unittest is not None else None
    while frame is not None:
        if frame.f_code.co_name == "run" and frame.f_globals.get("__name__") == "unittest.case":
            return str(frame.f_locals["self"].id())
        frame = frame.f_back
    return ""


def _phase_of(test: str) -> str:
    """`setup`, `call` or `teardown` of that test, or `""`."""
    running, _, part = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")
    return part.rstrip(")") if running == test else ""


# Refusing


@dataclass(slots=True, eq=False)
class Expectation(_origins.Mark):
    """A while in which refusals are expected: see `guard.expect_blocked`."""

    policy: Policy | None
    errors: list[NetworkBlocked]

    def takes(self, error: NetworkBlocked) -> bool:
        """It is expected."""
        lookup = error.action == "lookup"
        return self.policy is None or self.policy.lists(error.host, error.port, lookup=lookup)


def stop(case: Case, mode: str, sock: socket.socket | None = None) -> None:
    """Note it, and refuse it where `mode` is `block`.

    Raises:
        NetworkBlocked: or what the rule makes of it.
    """
    caller, refused, place = called_from() or _origins.handed_over_by(), mode == "block", place_of(case.scope)
    thread = threading.current_thread().name
    row = ledger.now.tried(Attempt(case.entry, case.test, caller, refused, 0, case.action, thread, place))
    is_new = row.count == 0
    if is_new or case.action == "lookup" or len(case.names) == 1:  # a lookup and the connects that follow it are one
        row.count += 1
    if not refused:
        if is_new and elsewhere is OFF:  # nobody prints the table
            warnings.warn(f"a real {case.action} to {case.entry}, which nothing allows", NetworkWarning, stacklevel=4)
        return
    if sock is not None and case.action == "connect":
        sock.close()  # the caller may not expect this error, and leave the socket to the collector
    client = client_above()
    text = text_of(case, caller=caller, client=client, thread=thread, phase=_phase_of(case.test),
                   rule=rule_text(case.scope))  # fmt: skip
    error = NetworkBlocked(text, target=case.entry, test=case.test, caller=caller, action=case.action, host=case.host,
                           port=case.port, protocol=case.protocol, thread=thread, client=client,
                           pid=os.getpid())  # fmt: skip
    keep(error, case.scope, place)
    made = elsewhere.error(error) if elsewhere.error is not None and case.scope is None else error
    raise made


def keep(error: NetworkBlocked, scope: Scope | None, place: Place) -> None:
    """Give a refusal to whoever asks for it: who expects it, the network, or the run."""
    if ledger.now.is_anothers():
        ledger.now.tell(error)
        return
    for mark in reversed(_origins.here().marks):
        if isinstance(mark, Expectation) and mark.holds and mark.takes(error):
            mark.errors.append(error)
            return
    if scope is not None and place == "test":
        scope.misses.append(error)
    else:
        ledger.now.keep(error, place)


def hear() -> None:
    """Take over what child processes have told, and whoever else refuses in our place."""
    for enter in tuple(sources):
        enter()
    for error in ledger.told():
        running = _origins.test is not None and error.test == test_of(None)
        row = Attempt(error.target, error.test, error.caller, True, 0, error.action, error.thread)
        row.place = "test" if running else "background" if phase and error.test else "outside"
        ledger.now.tried(row).count += 1
        keep(error, None, row.place)


def place_of(scope: Scope | None) -> Place:
    """Whose refusal it is: of the test, of a thread that is left over, or of what runs outside of tests."""
    if scope is not None and scope.closed:
        return "background"
    if scope is not None and (_origins.test is None or _active.is_attributed()):
        return "test"
    if _origins.test is None:
        return "outside"
    return "test" if _origins.is_of_this_test() else "background"


def rule_text(scope: Scope | None) -> str:
    """Which policy holds, and where that was said."""
    policies = [elsewhere.policy, *allowances()]
    entries = [entry for policy in policies for entry in policy.entries]
    loopback = elsewhere.policy.loopback
    if scope is None:
        origin = elsewhere.origin
    else:
        entries, loopback = [*scope.settings.allow, *entries], scope.settings.loopback
        left_over = ", which is closed: a thread or task that was started in it is left over" if scope.closed else ""
        origin = f"guard=block of the network of {scope.label}{left_over}"
    base = ("loopback",) if loopback == "open" else ()
    return f"{origin}. Allowed: {', '.join(dict.fromkeys((*base, 'own', *entries)))}"
