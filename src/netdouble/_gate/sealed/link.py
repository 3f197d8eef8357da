"""A process of a sealed run as its supervisor knows it: it tells what holds, and takes what was refused.

Rule 1: nothing here waits for the supervisor but `take`, and that only when something was refused, and `close`.
Rule 2: a forked child tells nothing: what its parent told holds for it.
"""

from __future__ import annotations

import _socket
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import get_native_id

from netdouble._gate import SEALED_VARIABLE
from netdouble._gate.sealed.messages import PAGE, SLOTS, Moment, Page, Refusal, Rules, unpacked
from netdouble._gate.sockets import unjudged

_PATIENCE = 20.0


class Link:
    """The connection to the supervisor at `address`.

    Args:
        address: as `start` returned it. signal: at which this process writes its Python stacks down; 0 for none.
        rules: it says what holds; else it only says where it stands, and what the run began with holds.

    Raises:
        OSError: nobody is there.
    """

    def __init__(self, address: str, signal: int = 0, *, rules: bool = True) -> None:
        self.process = os.getpid()
        descriptor = os.memfd_create("netdouble", os.MFD_CLOEXEC)
        try:
            os.truncate(descriptor, PAGE)
            self._page = Page(descriptor)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.settimeout(_PATIENCE)
            # Ours, not the user's: the guard that this process may have inherited is not asked.
            unjudged(_socket.socket.connect, self._socket, b"\0" + address.encode())
            socket.send_fds(self._socket, [(b"join%d" if rules else b"look%d") % signal], [descriptor])
            if self._socket.recv(16) != b"joined":
                raise OSError("the supervisor has ended")
        finally:
            os.close(descriptor)
        self._taken = 0
        self._free = list(range(SLOTS))
        if rules:
            os.environ[SEALED_VARIABLE] = f"{address}:{self.process}"

    @property
    def is_mine(self) -> bool:
        """This is the process that made the link, not a fork of it."""
        return os.getpid() == self.process

    def tell_rules(self, rules: Rules) -> None:
        """What holds from now on."""
        if self.is_mine:
            self._page.tell_rules(rules)

    def tell_moment(self, moment: Moment) -> None:
        """Where this process stands from now on."""
        if self.is_mine:
            self._page.tell_moment(moment)

    def judged(self) -> Callable[[], None]:
        """The current thread begins a call that was let through; the returned function ends that."""
        if not self._free or not self.is_mine:
            return _nothing
        slot = self._free.pop()
        self._page.set_judged(slot, get_native_id())

        def ended() -> None:
            self._page.set_judged(slot, 0)
            self._free.append(slot)

        return ended

    def take(self) -> list[Refusal]:
        """What was refused since the last time.

        Raises:
            OSError: the supervisor has ended.
        """
        count = self._page.refused
        if count == self._taken or not self.is_mine:
            return []
        self._taken = count
        found: list[Refusal] = []
        while some := self.ask():
            found += some
        return found

    def ask(self) -> list[Refusal]:
        """Some of what was refused, whatever the count says: the supervisor must answer.

        Raises:
            OSError: it has ended.
        """
        self._socket.send(b"take")
        answer = self._socket.recv(1 << 20)
        if not answer:
            raise OSError("the supervisor has ended")
        return unpacked(answer)

    def close(self) -> None:
        """Tell nothing more; what an outer run has told holds again when this returns."""
        if self.is_mine:
            with suppress(OSError):  # the supervisor has ended before
                self._socket.send(b"part")
                self._socket.recv(16)  # it closes its side when it has done so
        self._socket.close()


def _nothing() -> None:
    pass
