"""A process of a sealed run as its supervisor knows it: it tells what holds, and takes what was refused.

Rule 1: nothing here waits for the supervisor but `take`, and that only when something was refused.
Rule 2: a forked child tells nothing: what its parent told holds for it.
"""

from __future__ import annotations

import os
import socket

from netdouble._gate.sealed.messages import PAGE, Page, Refusal, State, unpacked
from netdouble._gate.sealed.obstacles import VARIABLE

_PATIENCE = 20.0


class Link:
    """The connection to the supervisor at `address`.

    Args:
        address: as `start` returned it. signal: at which this process writes its Python stacks down; 0 for none.

    Raises:
        OSError: nobody is there.
    """

    def __init__(self, address: str, signal: int = 0) -> None:
        self.process = os.getpid()
        descriptor = os.memfd_create("netdouble", os.MFD_CLOEXEC)
        try:
            os.truncate(descriptor, PAGE)
            self._page = Page(descriptor)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.settimeout(_PATIENCE)
            self._socket.connect(b"\0" + address.encode())
            socket.send_fds(self._socket, [b"join%d" % signal], [descriptor])
            if self._socket.recv(16) != b"joined":
                raise OSError("the supervisor has ended")
        finally:
            os.close(descriptor)
        self._taken = 0
        os.environ[VARIABLE] = f"{address}:{self.process}"

    @property
    def is_mine(self) -> bool:
        """This is the process that made the link, not a fork of it."""
        return os.getpid() == self.process

    def tell(self, state: State) -> None:
        """What holds from now on."""
        if self.is_mine:
            self._page.write(state)

    def looking_up(self, change: int) -> None:
        """A lookup that was let through begins (1) or ends (-1)."""
        if self.is_mine:
            self._page.lookups += change

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
        """Tell nothing more."""
        self._socket.close()


def address_here() -> str:
    """The address of the supervisor that this process was started under; `""` when there is none."""
    return os.environ.get(VARIABLE, "").partition(":")[0]
