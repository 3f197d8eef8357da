"""The supervisor: the process between the one that was started and the tests; it answers the kernel's questions.

Rule 1: it never waits for a process that it judges, and touches nobody's standard streams.
Rule 2: an error in judging refuses that call and is noted; it never ends the loop.
Rule 3: it lives as long as a process of the run does, also after the tests have ended: those could not connect to
    anything without it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from netdouble._gate.sealed import kernel
from netdouble._gate.sealed.judging import Judge, Member
from netdouble._gate.sealed.messages import Moment, Page, Rules, packed
from netdouble._gate.sealed.processes import ancestors

# Refusals in one answer; a message of a unix socket has a limit (net.core.wmem_default).
_AT_ONCE = 50

_ENDED = select.POLLHUP | select.POLLERR


class Supervisor:
    """Answers notifications until nobody is left who could make one.

    Args:
        listener: descriptor of the notifications. hub: where processes of the run come to tell what holds.
        child: the process of the tests. parent: a pipe whose other end the started process holds.
        report: is called when the child has ended, with its wait status and the refusals that nobody has taken.
    """

    def __init__(self, listener: int, hub: socket.socket, child: int, parent: int, outside: Member,
                 report: Callable[[int, bytes], None], *, killable: bool) -> None:  # fmt: skip
        self._listener, self._hub, self._child, self._parent, self._report = listener, hub, child, parent, report
        name = hub.getsockname().decode().replace("\0", "@", 1)
        self._sockets: dict[int, tuple[socket.socket, Member | None]] = {}
        self._woken, self._wake = os.pipe()
        self._judge = Judge(kernel.machine(), listener, name, outside, self._wake_up, killable=killable)
        self._poll = select.poll()
        self._over = False

    def run(self) -> None:
        """Until the last process of the run has gone."""
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        for descriptor in (self._listener, self._woken, self._parent, self._hub.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        self._reap()
        while not (self._over and self._is_last()):
            for descriptor, events in self._poll.poll():
                self._serve(descriptor, events)

    def _serve(self, descriptor: int, events: int) -> None:
        if descriptor == self._listener:
            if events & select.POLLIN:
                self._notified()
            elif events & _ENDED:
                self._poll.unregister(descriptor)
        elif descriptor == self._woken:
            os.read(descriptor, 512)
            self._reap()
            self._judge.again()
        elif descriptor == self._parent:
            self._abandoned()
        elif descriptor == self._hub.fileno():
            with suppress(OSError):  # it has gone again
                visitor = self._hub.accept()[0]
                self._sockets[visitor.fileno()] = visitor, None
                self._poll.register(visitor, select.POLLIN)
        else:
            try:
                self._told(descriptor)
            except (OSError, ValueError):  # it has gone, or does not speak as processes of the run do
                self._leave(descriptor)

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):  # it is full: the loop will wake up as it is
            os.write(self._wake, b"!")

    # The kernel's questions

    def _notified(self) -> None:
        call = kernel.receive(self._listener)
        if call is not None:
            self._judge.decide(call)

    # Processes of the run

    def _told(self, descriptor: int) -> None:
        visitor, member = self._sockets[descriptor]
        message, descriptors, _, _ = socket.recv_fds(visitor, 64, 1)
        if descriptors:
            try:
                if message[:4] in {b"join", b"look"}:
                    self._join(visitor, descriptors[0], int(message[4:]), rules=message.startswith(b"join"))
            finally:
                os.close(descriptors[0])
        elif message == b"take" and member is not None:
            visitor.send(packed(member.take(_AT_ONCE)), socket.MSG_DONTWAIT)
        elif message in {b"part", b""}:
            self._leave(descriptor)

    def _join(self, visitor: socket.socket, page: int, number: int, *, rules: bool) -> None:
        process = _peer(visitor)
        if os.getpid() not in ancestors(process):  # a stranger, who has no say in what this run may do
            self._leave(visitor.fileno())
            return
        before = Rules() if rules else self._judge.outside.rules
        member = Member(process, Page(page), before, Moment(), number, follows=not rules)
        self._judge.members[process] = member
        self._sockets[visitor.fileno()] = visitor, member
        visitor.send(b"joined", socket.MSG_DONTWAIT)

    def _leave(self, descriptor: int) -> None:
        visitor, member = self._sockets.pop(descriptor)
        self._poll.unregister(descriptor)
        visitor.close()
        if member is None:
            return
        self._judge.outside.refusals |= member.refusals
        if self._judge.members.get(member.process) is member:
            del self._judge.members[member.process]
            # A run of pytest inside of a test has ended: the outer one holds again.
            for _, other in self._sockets.values():
                if other is not None and other.process == member.process:
                    self._judge.members[member.process] = other

    # Ends

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if process == self._child:
                self._ended(status)

    def _ended(self, status: int) -> None:
        for descriptor in list(self._sockets):
            self._told_last(descriptor)
        self._over = True
        with suppress(OSError):
            os.setsid()  # the terminal's signals are not for those that are left over
        left = self._judge.outside
        self._report(status, packed(list(left.refusals.values())))
        left.refusals.clear()
        self._let_go()

    def _told_last(self, descriptor: int) -> None:
        """What a member has not taken by now is told by the started process."""
        member = self._sockets[descriptor][1]
        if member is not None:
            self._judge.outside.refusals |= member.refusals
            member.refusals.clear()

    def _abandoned(self) -> None:
        """The started process was killed: so are the tests, as if they had been that process."""
        self._let_go()
        if not self._over:
            os.kill(self._child, signal.SIGKILL)

    def _let_go(self) -> None:
        if self._parent >= 0:
            self._poll.unregister(self._parent)
            os.close(self._parent)
            self._parent = -1

    def _is_last(self) -> bool:
        if kernel.version() < kernel.LINGERS:
            return True
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        return any(events & _ENDED for _, events in poll.poll(0))


def _peer(visitor: socket.socket) -> int:
    credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], "little")
