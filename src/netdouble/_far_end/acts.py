"""What a far end wants done with the connection.

Rule: values. Whoever holds the connection carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

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
    """Carry out `acts` beside whatever else goes on: a pause in them holds up nothing but themselves."""

    acts: Iterator[Act]


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


# Send these bytes; send nothing for a while; what follows the last byte (nothing is heard after it, but for
# KEEP_ALIVE, which is never said); run other acts beside; hand the connection over.
Act: TypeAlias = "bytes | Pause | Ending | Concurrent | Tunnel"

# How a request is let through to the real service: given the call and its bytes as HTTP/1.1, the acts are what came
# back. It closes the call.
PassedOn: TypeAlias = "Callable[[Call, bytes], Iterator[Act]]"
