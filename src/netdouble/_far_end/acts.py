"""What a far end wants done with the connection.

Rule: whoever holds the connection carries them out. All are values but `Work`, which keeps what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from netdouble._codec.scripts import Ending
from netdouble._core.calls import Call
from netdouble._core.streams import Pause


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom the client believes it talks to: `Origin("https", "api.example.com", 443)`."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Concurrent:
    """Carry out `acts` beside whatever else goes on: a pause in them holds up nothing but themselves.

    They may be begun at once: before anything that may take its time they say so (`MAY_WAIT`).
    """

    acts: Iterator[Act]


class Work:
    """Let a function of the user's do its part, which may take its time.

    Whoever lets other acts go on meanwhile does it now, outside of what holds those up; what was not done is done when
    this act's own iterator goes on.

    Args:
        function: what is called, without arguments.
    """

    __slots__ = ("_error", "_function", "_is_done", "_made")

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._is_done = False
        self._made: Any = None
        self._error: BaseException | None = None

    def do(self) -> None:
        """Call it."""
        self._is_done = True
        try:
            self._made = self._function()
        except BaseException as error:  # noqa: BLE001  # raised by `outcome`, where it is waited for
            self._error = error

    def outcome(self) -> Any:
        """What it gave back. Raises what it raised."""
        if not self._is_done:
            self.do()
        if self._error is not None:
            raise self._error
        return self._made


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The client was told that its CONNECT succeeded: what follows on this connection is meant for that host.

    Nothing more is heard here. A new far end is due, with TLS before it where the client begins one.

    Attributes:
        host, port: whom it asked for. unread: what it has sent behind the CONNECT.
    """

    host: str
    port: int
    unread: bytes


class MayWait:
    """What follows may take its time: it asks a function or a stream of the user's, or the real service.

    Nothing is to be done. Who drives more than this far end can let another thread go on.
    """

    __slots__ = ()


MAY_WAIT = MayWait()

# Send these bytes; send nothing for a while; what follows the last byte (nothing is heard after it, but for
# KEEP_ALIVE, which is never said); run other acts beside; do some work; nothing; hand the connection over.
Act: TypeAlias = "bytes | Pause | Ending | Concurrent | Work | MayWait | Tunnel"

# How a request is let through to the real service: given the call and its bytes as HTTP/1.1, the acts are what came
# back. It closes the call.
PassedOn: TypeAlias = "Callable[[Call, bytes], Iterator[Act]]"
