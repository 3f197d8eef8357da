"""How a request came: over which connection, as the how-manieth on it, in which bytes.

Rule: facts that only a door with a connection knows. A request that was handed over as an object has none of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection over which requests came, as its far end saw it: `call.connection`.

    Attributes:
        index: position among the connections of the door that took it, from 0. peer: the client's address as the
        operating system spells it: host and port, or the path of a unix socket. sni: the name that the client asked
        for in its TLS handshake (RFC 6066 section 3). alpn: the protocol that both agreed on (RFC 7301), as `"h2"`.
        tls_version: as `"TLSv1.3"`. These three are None without TLS, and where the client said none. server: the URL
        of the server of ours that took it; `""` for other doors.
    """

    index: int = 0
    peer: tuple[str, int] | str = ""
    sni: str | None = None
    alpn: str | None = None
    tls_version: str | None = None
    server: str = ""


@dataclass(slots=True)  # not frozen: one is made for each request, and nobody outside sees it
class Arrival:
    """What a door knows of one request beyond the message itself.

    Attributes:
        raw: its bytes as they came; None when they were released, or an object was handed over. connection: None where
        there is no connection. exchange: position on that connection, from 0. released: how many bytes `raw` had.
    """

    raw: bytes | None
    connection: Connection | None = None
    exchange: int = 0
    released: int = 0
