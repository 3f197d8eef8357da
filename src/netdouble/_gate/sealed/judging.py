"""The judge of the supervisor: may this call go on, and if not, whose is it?

Rule 1: nothing is noted before it is known that the caller still waits: else what was read was another's.
Rule 2: what can't be read or judged is refused, and says so.
Rule 3: the nearest process that told what holds is asked; one that no longer has such an ancestor is asked for the
    variable it was started with; failing that, the run as a whole.
"""

from __future__ import annotations

import errno
import os
from fnmatch import fnmatchcase

from netdouble._gate.policy import Policy
from netdouble._gate.sealed import kernel, listeners, processes
from netdouble._gate.sealed.addresses import Target, targets
from netdouble._gate.sealed.kernel import Notification
from netdouble._gate.sealed.machines import Machine
from netdouble._gate.sealed.messages import Page, Refusal, State
from netdouble._gate.sealed.obstacles import VARIABLE

# The C library asks these first, for any name, and goes on without them: the query that follows is refused and told.
_HELPERS = ("*/nscd/socket", "*/run/systemd/resolve/*", "/var/lib/sss/pipes/*")
# Users and groups, logs, "I am ready": daemons' sockets all the same, but nothing leaves by them.
_HARMLESS = ("*/run/systemd/userdb/*", "*/run/systemd/journal/*", "*/run/systemd/notify", "/dev/log")

# The ports of resolvers, and the one by which getaddrinfo asks the routing table (RFC 6724; it sends nothing).
_LOOKUP_PORTS = frozenset({0, 53, 853})

_MOST_REFUSALS = 500


class Member:
    """A process that tells what holds in it and in those below it, and is told what was refused.

    Args:
        process: its id. page: what it shares; None for the run as a whole, before any has come. signal: what makes it
            write down its Python stack, 0 for nothing.
    """

    def __init__(self, process: int, page: Page | None, state: State, signal: int = 0) -> None:
        self.process, self.page, self.signal = process, page, signal
        self.refusals: dict[tuple[object, ...], Refusal] = {}
        self._counter = -1
        self._state = state
        self._policy = Policy(state.allow, loopback=state.loopback)

    @property
    def state(self) -> State:
        """What holds now."""
        page = self.page
        while page is not None and page.counter != self._counter:
            counter, state = page.counter, page.read()
            if state is not None:
                self._counter, self._state = counter, state
                self._policy = Policy(state.allow, loopback=state.loopback)
        return self._state

    def allows(self, target: Target) -> bool:
        """It may be reached, by the policy alone."""
        state = self.state
        if state.mode == "off":
            return True
        if str(target) in state.closed:
            return self._policy.lists(target.host, target.port)
        return any(self._policy.allows(name, target.port) for name in (target.host, *state.names.get(target.host, ())))

    def note(self, refusal: Refusal) -> None:
        """Keep it until the process asks."""
        known = self.refusals.get(refusal.same_as())
        if known is not None:
            known.times += refusal.times
        elif len(self.refusals) < _MOST_REFUSALS:
            self.refusals[refusal.same_as()] = refusal
        if self.page is not None:
            self.page.refused += 1

    def take(self, most: int) -> list[Refusal]:
        """Refusals noted since the last time, at most so many."""
        return [self.refusals.pop(key) for key in list(self.refusals)[:most]]


class Judge:
    """Decides on calls.

    Args:
        listener: the descriptor of the notifications. hub: the supervisor's own address, open to all.
        outside: what holds where no process has told anything. killable: see `kernel.listen`.
    """

    def __init__(self, machine: Machine, listener: int, hub: str, outside: State, *, killable: bool) -> None:
        self.members: dict[int, Member] = {}
        self.outside = Member(0, None, outside)
        self._machine, self._listener, self._hub, self._killable = machine, listener, hub, killable

    def decide(self, call: Notification) -> None:
        """Let the call go on, or refuse and note it."""
        why, found = "", []
        try:
            found = list(targets(self._machine, call))
        except OSError as error:
            why = str(error)
        if not kernel.is_waiting(self._listener, call):
            return
        if why:
            self.fault(call, why)
            return
        codes = (self._judged(call, target) for target in found)
        self._answer(call, next(filter(None, codes), 0))

    def fault(self, call: Notification, why: str) -> None:
        """Refuse a call that can't be judged."""
        self._note(call, Target("an address that can't be read"), why)
        self._answer(call, errno.EPERM)

    def _answer(self, call: Notification, code: int) -> None:
        teller = self._teller(call) if code == errno.EPERM else None
        # The stack is the one of this very call: the signal is delivered when the call returns. Where signals break a
        # waiting call off (before Linux 5.19), it would be made anew: there it is sent afterwards.
        if teller is not None and self._killable:
            kernel.signal_thread(teller.process, call.thread, teller.signal)
        kernel.answer(self._listener, call, code)
        if teller is not None and not self._killable:
            kernel.signal_thread(teller.process, call.thread, teller.signal)

    def _teller(self, call: Notification) -> Member | None:
        """The member whose own thread made the call, if it can tell its stack."""
        member = self.members.get(processes.process_of(call.thread))
        if member is None or not member.signal or not processes.catches(call.thread, member.signal):
            return None
        return member

    # One target

    def _judged(self, call: Notification, target: Target) -> int:
        """0 to go on, or the number of an error."""
        if target.path == self._hub or all(member.allows(target) for member in self.members.values() or [self.outside]):
            return 0
        process = processes.process_of(call.thread)
        member = self._responsible(process)
        if member.allows(target) or self._stays(call, target, member, process):
            return 0
        if any(fnmatchcase(target.path, pattern) for pattern in _HELPERS):
            return errno.ENOENT
        return self._note(call, target)

    def _stays(self, call: Notification, target: Target, member: Member, process: int) -> bool:
        """It belongs to a lookup that was let through, or stays within the run or the machine."""
        under_way = member.page is not None and process == member.process and member.page.lookups > 0
        if target.path:
            if any(fnmatchcase(target.path, pattern) for pattern in _HELPERS):
                return under_way or listeners.is_nobody(target, call.thread)
            if any(fnmatchcase(target.path, pattern) for pattern in _HARMLESS):
                return True
            return listeners.is_nobody(target, call.thread) or listeners.is_own(target, call.thread, os.getpid())
        if target.port in _LOOKUP_PORTS:
            return under_way
        if not is_local(target):
            return False
        return str(target) not in member.state.closed and listeners.is_own(target, call.thread, os.getpid())

    def _note(self, call: Notification, target: Target, why: str = "") -> int:
        process = processes.process_of(call.thread)
        member = self._responsible(process)
        state = member.state
        refused = state.mode != "warn" or bool(why)
        member.note(
            Refusal(
                call=self._machine.name_of(call.number),
                target=_named(target, state),
                process=process,
                thread=call.thread,
                is_ours=process == member.process,
                command=processes.command(process),
                thread_name=processes.name(call.thread),
                test=state.test,
                spawned_in=_without_phase(processes.variable(process, "PYTEST_CURRENT_TEST")),
                older=processes.began(process, call.thread) < state.began and call.thread != member.process,
                refused=refused,
                why=why,
            )
        )
        return errno.EPERM if refused else 0

    def _responsible(self, process: int) -> Member:
        found = processes.nearest(process, self.members)
        if found is None:  # it outlived its parents
            told = processes.variable(process, VARIABLE).rpartition(":")[2]
            found = int(told) if told.isdecimal() else None
        member = self.members.get(found or 0)
        return member or next(iter(self.members.values()), self.outside)


def is_local(target: Target) -> bool:
    """An IP address of this machine."""
    from netdouble._gate.entries import is_loopback

    return is_loopback(target.host)


def _named(target: Target, state: State) -> str:
    """As an entry says it, by its name when one is known."""
    names = state.names.get(target.host, ())
    return str(Target(names[-1], target.port) if names else target)


def _without_phase(test: str) -> str:
    return test.rpartition(" (")[0]
