"""A sealed run as the process of its tests knows it: sealed or joined, told what holds, asked what was refused.

Rule 1: what can't be sealed says why; whether that is an error is the caller's to decide.
Rule 2: what the supervisor refused goes into the ledger in which the guard of this process writes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from netdouble import _active
from netdouble._core.callers import called_from_files
from netdouble._gate import SEALED_VARIABLE, guard, ledger, proxies, sockets
from netdouble._gate.ledger import Attempt, Place
from netdouble._gate.refusals import with_port
from netdouble._gate.sealed.link import Link
from netdouble._gate.sealed.messages import Moment, Refusal, Rules
from netdouble._gate.sealed.obstacles import obstacle, threads
from netdouble._gate.sealed.refusals import OUTER, report
from netdouble._gate.sealed.stacks import Frame, Stack, Stacks, of_this_process, thread_of
from netdouble._gate.sealed.start import AtEnd, start
from netdouble.errors import NetworkBlocked

NAMESPACE = "netns"


class Sealing:
    """A sealed process.

    Attributes:
        joined: an outer run had sealed it already. is_namespace: it has a network of its own, and no supervisor.
        follows: the rules are an outer run's, and this process only says which test runs.
    """

    def __init__(self, *, joined: bool, link: Link | None = None, stacks: Stacks | None = None,
                 follows: bool = False) -> None:  # fmt: skip
        self.joined, self.is_namespace, self.follows = joined, link is None, follows
        self._test = ""
        self._began = 0.0
        self._link, self._stacks = link, stacks

    def attach(self) -> Callable[[], None]:
        """Tell what holds from now on, whenever it changes; the returned function ends that."""
        if self._link is None:
            return lambda: None
        link, before = self._link, sockets.on_judged
        guard.watching.append(self.tell)
        guard.sources.append(self.collect)
        if not self.follows:
            sockets.on_judged = link.judged
        self.tell()

        def detach() -> None:
            sockets.on_judged = before
            guard.sources.remove(self.collect)
            guard.watching.remove(self.tell)
            link.close()

        return detach

    def begin_test(self, name: str) -> None:
        """A test begins, or ends (`""`)."""
        self._test, self._began = name, time.clock_gettime(time.CLOCK_BOOTTIME) if name else 0.0
        self._tell_moment()

    def tell(self) -> None:
        """Tell the supervisor what holds now."""
        if self._link is not None:
            if not self.follows:
                self._link.tell_rules(_rules())
            self._tell_moment()

    def _tell_moment(self) -> None:
        if self._link is not None:
            self._link.tell_moment(Moment(self._test or guard.phase, bool(self._test), self._began))

    def collect(self) -> None:
        """Take over what was refused since the last time.

        Raises:
            OSError: the supervisor has ended.
        """
        refusals = self._link.take() if self._link is not None else []
        if refusals:
            stacks = self._stacks.take() if self._stacks is not None else []
            for refusal in refusals:
                refusal.thread_name = _names().get(refusal.thread, refusal.thread_name)
                _enter(refusal, _frames(refusal, stacks), self._rule())

    def _rule(self) -> str:
        return OUTER if self.follows else guard.rule_text(None)

    def is_alive(self) -> bool:
        """Whoever answers for this process still does."""
        try:
            if self._link is not None:
                for refusal in self._link.ask():
                    _enter(refusal, [], self._rule())
        except OSError:
            return False
        return True


def follow() -> Sealing | None:
    """A part in the sealed run of `netdouble run`, if this process belongs to one: it says which test runs.

    Raises:
        OSError: its supervisor does not answer.
    """
    address, _, process = os.environ.get(SEALED_VARIABLE, "").partition(":")
    if process != "0" or address == NAMESPACE:
        return None
    stacks = of_this_process()
    return Sealing(joined=True, link=Link(address, stacks.signal, rules=False), stacks=stacks, follows=True)


def _rules() -> Rules:
    """What holds in this process for whoever has no thread of Python's: of several networks the strictest mode."""
    scopes = _active._innermost(_active._open)
    modes = [scope.settings.guard for scope in scopes] or [guard.elsewhere.mode]
    loopbacks = [scope.settings.loopback for scope in scopes] or [guard.elsewhere.policy.loopback]
    children = [scope.settings.children for scope in scopes] or [guard.elsewhere.children]
    policies = (guard.elsewhere.policy, *guard.allowances(anywhere=True))
    entries = [entry for policy in policies for entry in policy.entries]
    entries += (entry for scope in scopes for each in scope.chain() for entry in each.settings.allow)
    return Rules(
        mode=next(mode for mode in ("block", "warn", "off") if mode in modes),
        allow=tuple(dict.fromkeys(entries)),
        loopback="open" if "open" in loopbacks else "own",
        closed=tuple(with_port(host, port) for host, port in proxies.on_loopback()),
        children="allow" if "allow" in children else "guard",
        names={address: sorted(names) for address, names in guard._names.items()},
        reports=ledger.now.notes_passages,
    )


def seal(mode: str, at_end: AtEnd) -> Sealing:
    """Seal this process, or join the sealed run that started it.

    Args:
        mode: `netns` for a network of its own, else anything. at_end: see `start.start`.

    Raises:
        OSError: it can't be; the text says why.
    """
    outer = os.environ.get(SEALED_VARIABLE, "").partition(":")[0]
    why = "" if outer else obstacle(mode) or threads()
    if why:
        raise OSError(why)
    if NAMESPACE in {mode, outer}:
        if not outer:
            from netdouble._gate.sealed.namespace import enter

            enter()
            os.environ[SEALED_VARIABLE] = f"{NAMESPACE}:0"
        return Sealing(joined=bool(outer))
    stacks = of_this_process()
    try:
        address = outer or start(Rules(), Moment("the start of the run"), at_end)
        return Sealing(joined=bool(outer), link=Link(address, stacks.signal), stacks=stacks)
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(f"the outer run's supervisor does not answer: {why}" if outer else why) from None


def _enter(refusal: Refusal, frames: list[Frame], rule: str) -> None:
    """Into the ledger."""
    if refusal.passed:
        for _ in range(refusal.times):
            ledger.now.passed(refusal.target, refusal.test, refusal.passed)
        return
    caller = called_from_files(frames)
    place = _place(refusal)
    row = ledger.now.tried(Attempt(refusal.target, refusal.test, caller, refusal.refused, 0, refusal.call,
                                   refusal.thread_name, place))  # fmt: skip
    if not refusal.refused:
        # What the guard in this process let through with a note comes by here again.
        row.count += refusal.times if not refusal.is_ours or not row.count else 0
        return
    row.count += refusal.times
    host, _, port = refusal.target.rpartition(":")
    error = NetworkBlocked(
        report(refusal, caller, rule), target=refusal.target, test=refusal.test, caller=caller,
        action=refusal.call, host=host if port.isdecimal() else refusal.target,
        port=int(port) if port.isdecimal() else None, thread=refusal.thread_name, pid=refusal.process,
    )  # fmt: skip
    error.reached_python = False
    guard.keep(error, None, place)


def _place(refusal: Refusal) -> Place:
    if not refusal.in_test:
        return "outside"
    foreign = refusal.spawned_in and refusal.spawned_in != refusal.test and not refusal.is_ours
    return "background" if refusal.older or foreign else "test"


def _names() -> dict[int, str]:
    """The names by which Python knows its threads."""
    return {thread.native_id or 0: thread.name for thread in threading.enumerate()}


def _frames(refusal: Refusal, stacks: list[Stack]) -> list[Frame]:
    """The Python frames behind a refusal; what is found is taken out of `stacks`."""
    if not refusal.is_ours or not stacks:
        return []
    identity = thread_of(refusal.thread)
    found = next((stack for stack in stacks if stack.current == identity), stacks[0])
    stacks.remove(found)
    return found.frames()
