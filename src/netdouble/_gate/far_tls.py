"""The TLS of a line's far side: in memory, with a leaf of our authority; its handshake runs inside the client's.

Rule: the certificate is one of the name that was connected to, whatever name the client says: it is for the client to
find that they differ.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec

from netdouble._active import Scope
from netdouble._authority import HTTP1, HTTP2, authority
from netdouble._codec.scripts import Ending
from netdouble._core.faults import Fault
from netdouble._core.presenting import Presented
from netdouble._gate.connecting import Failing

# Instead of a ServerHello; the alert is handshake_failure, fatal (RFC 8446 section 6).
_INSTEAD = {
    Fault.TLS: b"\x15\x03\x03\x00\x02\x02\x28",
    Fault.GARBAGE_IN_HANDSHAKE: b"this is not TLS\r\n\r\n",
}

# Under this name a connection keeps the server name that its client asked for.
_ASKED = "_netdouble_asked"


class FarTls:
    """One server side of TLS.

    Args:
        refused: how the handshake goes wrong; None: it does not.

    Attributes:
        sni, alpn, version: what the handshake agreed on; see `Connection`. is_over: the client has said that nothing
        more comes, or has refused us.
    """

    def __init__(self, scope: Scope, host: str, port: int, refused: Failing | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._refused = refused
        self._is_shaken = self.is_over = False
        self.sni: str | None = None
        self.alpn: str | None = None
        self.version: str | None = None
        said = (each.router.presented.get((host, port)) for each in scope.chain())
        shown = next((presented for presented in said if presented is not None), Presented())
        context = authority().context(host, certificate=shown.certificate, alpn=_protocols(),
                                      demands_client=shown.demands_client)  # fmt: skip
        context.sni_callback = _note_name
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def opened(self, raw: bytes) -> bytes:
        """What `raw` says; `b""` is the end of what the client has sent."""
        if self._refused is not None:
            self._refuse(self._refused)
            return b""
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()
        plain = bytearray()
        try:
            if not self._is_shaken:
                self._tls.do_handshake()
                self._shaken()
            while piece := self._tls.read(65536):
                plain += piece
                if not (self._incoming.pending or self._tls.pending()):
                    return bytes(plain)  # asking for more would make an exception
        except ssl.SSLWantReadError:
            return bytes(plain)
        except ssl.SSLError:  # it has refused our certificate, say: its own exception is the one to see
            pass
        self.is_over = True
        return bytes(plain)

    def _refuse(self, refused: Failing) -> None:
        if not self._is_shaken:
            self._is_shaken = True
            refused.happens()
            self._outgoing.write(_INSTEAD.get(refused.fault, b""))
            self.is_over = refused.fault is not Fault.HANDSHAKE_TIMEOUT

    @property
    def ending(self) -> Ending:
        """What follows when it is over."""
        is_reset = self._refused is not None and self._refused.fault is Fault.RESET_IN_HANDSHAKE
        return Ending.RESET if is_reset else Ending.CLOSE

    def _shaken(self) -> None:
        self._is_shaken = True
        self.sni = getattr(self._tls, _ASKED, None)
        self.alpn, self.version = self._tls.selected_alpn_protocol(), self._tls.version()

    def said(self) -> bytes:
        """What is to be sent now."""
        return self._outgoing.read()

    def closed(self, data: bytes) -> bytes:
        """`data` as it is sent."""
        self._tls.write(data)
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """That nothing more will be said: the alert close_notify (RFC 8446 section 6.1)."""
        if self._is_shaken and self._refused is None:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
        return self._outgoing.read()


@lru_cache(maxsize=1)
def _protocols() -> tuple[str, ...]:
    """HTTP/2 too, where it can be spoken (the extra `http2`)."""
    return HTTP2 if find_spec("h2") is not None else HTTP1


def _note_name(tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG001  # ssl's callback
    setattr(tls, _ASKED, name)
