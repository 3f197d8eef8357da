"""The guard: judges every real connection and lookup that no door took, and remembers what it refused.

Rule 1: refused before anything leaves the machine: no packet, no DNS query.
Rule 2: a refusal is raised in its caller and remembered as well, so that swallowing it does not hide it.
Rule 3: attached once, counted; without an open scope it does what `elsewhere` says (off, unless pytest says more).
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.callers import called_from
from netdouble._gate import sockets
from netdouble._gate.entries import is_loopback, plain_host
from netdouble._gate.policy import Policy
from netdouble._patch import Undo
from netdouble.errors import NetworkBlocked, NetworkWarning


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds where no scope is open: a mode (block, warn, off), what is allowed, and where that was said."""

    mode: str
    policy: Policy
    origin: str


@dataclass(slots=True)
class Attempt:
    """A real connection or lookup that nothing allowed.

    Attributes:
        target: `"host:port"`, or the host alone. test: the test or scope it happened in, or `""`.
        caller: `"FILE:LINE in FUNCTION"` of the first one, or `""`. count: how often. refused: refused, not only noted.
    """

    target: str
    test: str
    caller: str
    refused: bool
    count: int = 1


OFF = Rule("off", Policy(), "")

# What holds where no scope is open; set by the pytest plugin. Its `allow` entries hold in every scope too.
elsewhere: Rule = OFF

_lock = threading.Lock()
_owners = 0
_patches: list[sockets.Patch] = []
_undos: list[Undo] = []
_allowed_now: list[Policy] = []
_attempts: dict[tuple[str, str, bool], Attempt] = {}
_unclaimed: list[NetworkBlocked] = []
# address -> the names that were looked up and gave it
_names: dict[str, set[str]] = {}


# On and off


def attach() -> None:
    """Watch the sockets; counted. Also puts back what a peer took out of its place meanwhile."""
    global _owners
    with _lock:
        _owners += 1
        if not _patches or (_owners == 1 and any(map(_is_stale, _patches))):
            _patches[:] = sockets.patches(_JUDGE)
        for patch in _patches:
            owner, name, stand_in = patch
            present = getattr(owner, name)
            # A stand-in of somebody else's is left: the user asked for that guard, and its own undo comes later.
            if present is not stand_in and present is getattr(stand_in, "__wrapped__", None):
                _undos.append(sockets.put(patch))


def detach() -> None:
    """Give up one `attach`; the last one puts everything back."""
    global _owners
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


@contextmanager
def ruled(rule: Rule) -> Iterator[None]:
    """For a while `rule` holds where no scope is open."""
    global elsewhere
    before, elsewhere = elsewhere, rule
    watches = rule.mode != "off"
    if watches:
        attach()
    try:
        yield
    finally:
        if watches:
            detach()
        elsewhere = before


@contextmanager
def allowing(entries: Iterable[str]) -> Iterator[None]:
    """For a while and for every thread: these may be reached as well.

    Raises:
        DeclarationError: an entry can't be read.
    """
    policy = Policy(entries)
    with _lock:
        _allowed_now.append(policy)
    try:
        yield
    finally:
        with _lock:
            _allowed_now.remove(policy)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a scope with that policy of its own may reach: that, and the entries that hold everywhere now."""

    policy: Policy

    def allows(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """By an entry, or because it is this machine."""
        return self.policy.allows(host, port, lookup=lookup) or _listed(host, port, lookup=lookup)

    def lists(self, host: str, port: int | None, *, lookup: bool = False) -> bool:
        """By an entry."""
        return self.policy.lists(host, port, lookup=lookup) or _listed(host, port, lookup=lookup)


def _listed(host: str, port: int | None, *, lookup: bool) -> bool:
    return any(each.lists(host, port, lookup=lookup) for each in (elsewhere.policy, *_allowed_now))


# The ledger


def attempts() -> tuple[Attempt, ...]:
    """Every attempt that nothing allowed, refused or only noted."""
    return tuple(_attempts.values())


@contextmanager
def new_ledger() -> Iterator[None]:
    """For a while attempts are noted in a ledger of their own."""
    global _attempts, _unclaimed
    before = _attempts, _unclaimed
    _attempts, _unclaimed = {}, []
    try:
        yield
    finally:
        _attempts, _unclaimed = before


def take_unclaimed() -> list[NetworkBlocked]:
    """The refusals outside every scope since the last call."""
    taken = _unclaimed[:]
    del _unclaimed[: len(taken)]
    return taken


# Judging


class _Judge:
    def admit(self, action: str, host: str, port: int | None, sock: socket.socket | None = None) -> None:
        """Return, or raise NetworkBlocked."""
        host = plain_host(host)
        if is_loopback(host) and action == "lookup":
            return
        names = (host, *_names.get(host, ()))
        if any(_active.is_admitted(name, port) for name in names):
            return
        for asked in _active.responsible() or (None,):
            scope = _guarding(asked)
            mode = elsewhere.mode if scope is None else scope.settings.guard
            lookup = action == "lookup"
            if mode != "off" and not any(_allowed(scope, name, port, lookup=lookup) for name in names):
                _stop(_Case(action, names, port, scope), mode, sock)

    def learn(self, name: str, addresses: Iterable[str]) -> None:
        """Remember whose addresses these are."""
        for address in addresses:
            _names.setdefault(plain_host(address), set()).add(plain_host(name))


_JUDGE = _Judge()


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged: an address under each of its names."""

    action: str
    names: tuple[str, ...]
    port: int | None
    scope: Scope | None

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def entry(self) -> str:
        """As it would stand in `allow`."""
        return _with_port(self.name, self.port)

    @property
    def test(self) -> str:
        return self.scope.label if self.scope is not None else _current_test()


def _guarding(scope: Scope | None) -> Scope | None:
    """`scope`, or the nearest around it that guards: a facade's does not."""
    while scope is not None and scope.manner is not None:
        scope = scope.parent
    return scope


def _allowed(scope: Scope | None, host: str, port: int | None, *, lookup: bool) -> bool:
    if scope is None:
        return Reach(elsewhere.policy).allows(host, port, lookup=lookup)
    return scope.reaches(host, port, lookup=lookup)


def _stop(case: _Case, mode: str, sock: socket.socket | None) -> None:
    caller = called_from()
    refused = mode == "block"
    known = _attempts.setdefault((case.test, case.entry, refused), Attempt(case.entry, case.test, caller, refused, 0))
    is_new = known.count == 0
    if is_new or case.action == "lookup" or len(case.names) == 1:  # a lookup and the connects that follow it are one
        known.count += 1
    if not refused:
        if is_new and elsewhere is OFF:  # nobody prints the table
            warnings.warn(f"a real {case.action} to {case.entry}, which nothing allows", NetworkWarning, stacklevel=4)
        return
    if sock is not None and case.action == "connect":
        sock.close()  # the caller may not expect this error, and leave the socket to the collector
    error = NetworkBlocked(_text(case, caller), target=case.entry, test=case.test, caller=caller)
    if case.scope is None:
        _unclaimed.append(error)
    else:
        case.scope.misses.append(error)
    raise error


# Words

_SCHEMES = {80: "http", 443: "https", 8000: "http", 8080: "http", 8443: "https"}


def _text(case: _Case, caller: str) -> str:
    what = "name lookup" if case.action == "lookup" else "connection"
    address = f" (asked for as {_with_port(case.names[0], case.port)})" if len(case.names) > 1 else ""
    lines = [f"a real {what} was refused before anything was sent", f"    {case.action} {case.entry}{address}"]
    if caller:
        lines[-1] += f"        called from {caller}"
    if case.test:
        lines.append(f"    in {case.test}")
    lines.append(f"Refused by: {_policy_text(case.scope)}")
    lines += _ways_out(case)
    return "\n".join(lines)


def _policy_text(scope: Scope | None) -> str:
    policies = [elsewhere.policy, *_allowed_now]
    entries = [entry for policy in policies for entry in policy.entries]
    if scope is None:
        origin = elsewhere.origin
    else:
        entries = [*scope.settings.allow, *entries]
        left_over = ", which is closed: a thread or task that was started in it is left over" if scope.closed else ""
        origin = f"guard=block of the network of {scope.label}{left_over}"
    return f"{origin}. Allowed: {', '.join(dict.fromkeys(('loopback', 'unix', *entries)))}"


def _ways_out(case: _Case) -> list[str]:
    lines = []
    scheme = _SCHEMES.get(case.port or 0)
    if scheme is not None:
        authority = _with_port(case.name, case.port if case.port not in (80, 443) else None)
        lines.append(f'To answer it:  net.get("{scheme}://{authority}/...").reply(200)')
        if case.scope is not None:
            lines.append("               (no client that netdouble answers made it: `netdouble doctor` lists those)")
    places = f'Network(allow="{case.entry}")'
    if "pytest" in sys.modules:
        places = f'@pytest.mark.net("{case.entry}"), or net_allow in the pytest settings, or {places}'
    if not case.names[0].startswith(("AF_", "family ")):
        lines.append(f"To allow it:   {places}")
    else:
        lines.append('To allow it:   no entry stands for such sockets; guard="off" lets everything through')
    return lines


def _with_port(host: str, port: int | None) -> str:
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _current_test() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
