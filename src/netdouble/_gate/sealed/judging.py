"""The judge of the supervisor: may this call go on, and if not, whose is it?

Rule 1: nothing is noted before it is known that the caller still waits: else what was read was another's.
Rule 2: what can't be read or judged is refused, and says so.
Rule 3: a name on the allow list opens the machine's resolvers to native code, for its queries can't be told apart.
Rule 4: the nearest process that told what holds is asked; one that no longer has such an ancestor is asked for the
    variable it was started with; failing that, the run as a whole.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase

from netdouble._gate import SEALED_VARIABLE
from netdouble._gate.entries import RESOLVER_PORTS, is_loopback
from netdouble._gate.policy import Policy
from netdouble._gate.sealed import kernel, listeners, processes
from netdouble._gate.sealed.addresses import Target, targets
from netdouble._gate.sealed.kernel import Notification
from netdouble._gate.sealed.machines import Machine
from netdouble._gate.sealed.messages import Moment, Page, Refusal, Rules
from netdouble._gate.sealed.names import Names

# The C library asks these first, for any name, and goes on without them: the query that follows is refused and told.
_HELPERS = ("*/nscd/socket", "*/run/systemd/resolve/*", "/var/lib/sss/pipes/*")
# Users and groups, logs, "I am ready": daemons' sockets all the same, but nothing leaves by them.
_HARMLESS = ("*/run/systemd/userdb/*", "*/run/systemd/journal/*", "*/run/systemd/notify", "/dev/log")

_MOST_NOTES = 500  # of calls that were let through; refusals are always kept

_LATER = -1  # no error's number: the call is judged again when a name's addresses are known


class Member:
    """A process that tells what holds in it and in those below it, and is told what was refused.

    Args:
        process: its id. page: what it shares; None for the run as a whole, before any has come.
        rules, moment: what holds until it tells. signal: what makes it write down its Python stack, 0 for nothing.
        follows: it tells no rules.
    """

    def __init__(self, process: int, page: Page | None, rules: Rules, moment: Moment, signal: int = 0, *,
                 follows: bool = False) -> None:  # fmt: skip
        self._follows = follows
        self.process, self.page, self.signal = process, page, signal
        self.refusals: dict[tuple[object, ...], Refusal] = {}
        self._counter = 0
        self._moment = moment
        self._rules, self._policy = rules, Policy(rules.allow, loopback=rules.loopback)

    @property
    def moment(self) -> Moment:
        """Where it stands."""
        value = self.page.moment.read()[1] if self.page is not None else None
        if isinstance(value, list):
            self._moment = Moment(*value)
        return self._moment

    @property
    def rules(self) -> Rules:
        """What holds now."""
        if self.page is not None and not self._follows and self.page.rules.counter != self._counter:
            self._counter, value = self.page.rules.read()
            if isinstance(value, dict):
                self._rules = Rules.of(value)
                self._policy = Policy(self._rules.allow, loopback=self._rules.loopback)
        return self._rules

    def allows(self, target: Target) -> bool:
        """It may be reached, by the policy alone."""
        rules = self.rules
        if rules.mode == "off":
            return True
        names = (target.host, *rules.names.get(target.host, ()))
        if rules.closed and {str(target), f"localhost:{target.port}"} & set(rules.closed):
            return any(self._policy.lists(name, target.port) for name in names)
        return any(self._policy.allows(name, target.port) for name in names)

    def lets_ask(self, target: Target) -> bool:
        """It is a resolver, and some name may be looked up: by native code nobody sees which."""
        is_resolver = target.port in RESOLVER_PORTS or any(fnmatchcase(target.path, each) for each in _HELPERS)
        return is_resolver and self._policy.has_names

    def names_for(self, target: Target) -> list[str]:
        """The names on the allow list that would let it through if they had its address."""
        return self._policy.names(target.port) if target.port is not None else []

    def has_judged(self, thread: int) -> bool:
        """The guard in the process has let through what that thread does now."""
        return self.page is not None and thread in self.page.judged

    def note(self, refusal: Refusal) -> bool:
        """Keep it until the process asks; whether it is the first of its kind."""
        known = self.refusals.get(refusal.same_as())
        if known is not None:
            known.times += refusal.times
        elif refusal.refused or len(self.refusals) < _MOST_NOTES:
            self.refusals[refusal.same_as()] = refusal
        if self.page is not None:
            self.page.refused += 1
        return known is None

    def take(self, most: int) -> list[Refusal]:
        """Refusals noted since the last time, at most so many."""
        return [self.refusals.pop(key) for key in list(self.refusals)[:most]]


class Judge:
    """Decides on calls.

    Args:
        listener: the descriptor of the notifications. hub: the supervisor's own address, open to all.
        outside: what holds where no process has told anything. wake: called in another thread when `again` is due.
        killable: see `kernel.listen`.
    """

    def __init__(self, machine: Machine, listener: int, hub: str, outside: Member, wake: Callable[[], None], *,
                 killable: bool) -> None:  # fmt: skip
        self.members: dict[int, Member] = {}
        self._names = Names(wake)
        self._waiting: list[Notification] = []
        self.outside = outside
        self._machine, self._listener, self._hub, self._killable = machine, listener, hub, killable

    def decide(self, call: Notification) -> None:
        """Let the call go on, or refuse and note it."""
        try:
            self._decide(call)
        except Exception as error:  # noqa: BLE001  # whatever it was: this call is refused, the next one is judged
            kernel.answer(self._listener, call, errno.EPERM)
            with suppress(Exception):
                self._note(call, Target("an address that can't be judged"), f"{type(error).__name__}: {error}")

    def _decide(self, call: Notification) -> None:
        why, found = "", []
        if any(member.has_judged(call.thread) for member in self.members.values()):
            kernel.answer(self._listener, call, 0)
            return
        try:
            found = list(targets(self._machine, call))
        except OSError as error:
            why = str(error)
        if not kernel.is_waiting(self._listener, call):
            return
        if why:
            kernel.answer(self._listener, call, self._note(call, Target("an address that can't be read"), why))
            return
        codes = (self._judged(call, target) for target in found)
        code = next(filter(None, codes), 0)
        if code == _LATER:
            self._waiting.append(call)
        else:
            kernel.answer(self._listener, call, code)

    def again(self) -> None:
        """Names have been found: judge what waits for them."""
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            self.decide(call)

    # One target

    def _judged(self, call: Notification, target: Target) -> int:
        """0 to go on, the number of an error, or `_LATER`."""
        everyone = list(self.members.values()) or [self.outside]
        if target.path == self._hub:
            return 0
        if all(member.allows(target) and not member.rules.reports for member in everyone):
            return 0
        process = processes.process_of(call.thread)
        member = self._responsible(process)
        passed = self._passes(call, target, member, process)
        if not passed:
            unknown = self._names.unknown(member.names_for(target))
            if unknown:
                self._names.ask(unknown)
                return _LATER
            if any(fnmatchcase(target.path, pattern) for pattern in _HELPERS):
                return errno.ENOENT
        return 0 if passed and not member.rules.reports else self._note(call, target, passed=passed)

    def _passes(self, call: Notification, target: Target, member: Member, process: int) -> str:
        """Why it may go on, as far as is known, or `""`."""
        if member.allows(target):
            is_here = is_loopback(target.host)
            return f"guard={member.rules.mode}" if member.rules.mode == "off" else "loopback" if is_here else "allow"
        if self._stays(call, target):
            return "a listener of this run"
        wanted = member.names_for(target)
        if member.lets_ask(target) or any(name in wanted for name in self._names.of(target.host)):
            return "allow"
        return "children=allow" if process != member.process and member.rules.children == "allow" else ""

    @staticmethod
    def _stays(call: Notification, target: Target) -> bool:
        """It stays within the run or the machine, or nobody is there."""
        path = target.path
        if path:
            if any(fnmatchcase(path, pattern) for pattern in _HARMLESS) or listeners.is_nobody(target, call.thread):
                return True
        elif not is_loopback(target.host):
            return False
        return listeners.is_own(target, call.thread, os.getpid())

    def _note(self, call: Notification, target: Target, why: str = "", passed: str = "") -> int:
        process = processes.process_of(call.thread)
        member = self._responsible(process)
        moment, rules = member.moment, member.rules
        refused = not passed and (rules.mode != "warn" or bool(why))
        is_new = member.note(
            Refusal(
                call=self._machine.name_of(call.number),
                target=_named(target, rules),
                process=process,
                thread=call.thread,
                is_ours=process == member.process,
                command=processes.command(process),
                thread_name=processes.name(call.thread),
                test=moment.test,
                in_test=moment.in_test,
                spawned_in=processes.variable(process, "PYTEST_CURRENT_TEST").rpartition(" (")[0],
                older=processes.began(process, call.thread) < moment.began and call.thread != member.process,
                refused=refused,
                why=why,
                passed=passed,
            )
        )
        # A call that goes on would be broken off by the signal, and judged twice: it has no stack.
        is_telling = refused and process == member.process and member.signal
        if is_new and is_telling and processes.catches(call.thread, member.signal):
            self._ask_for_stack(call, member)
        return errno.EPERM if refused else 0

    def _ask_for_stack(self, call: Notification, member: Member) -> None:
        """The signal is delivered when the call returns, so the stack is the one of this very call."""
        if not self._killable:  # it would break the waiting call off and have it made anew: answered first, it is late
            kernel.answer(self._listener, call, errno.EPERM)
        kernel.signal_thread(member.process, call.thread, member.signal)

    def _responsible(self, process: int) -> Member:
        found = processes.nearest(process, self.members)
        if found is None:  # it outlived its parents
            told = processes.variable(process, SEALED_VARIABLE).rpartition(":")[2]
            found = int(told) if told.isdecimal() else None
        member = self.members.get(found or 0)
        return member or next(iter(self.members.values()), self.outside)


def _named(target: Target, rules: Rules) -> str:
    """As an entry says it, by its name when one is known."""
    names = rules.names.get(target.host, ())
    return str(Target(names[-1], target.port) if names else target)
