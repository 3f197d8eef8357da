"""TLS as a client sees it: every handshake of this process is noted on the client's side.

Rule: the authority is trusted here by these tests, not by netdouble: the oracle needs nothing of what is tested.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.clients.fidelity.showing import plain

from netdouble._authority import authority
from netdouble._patch import UndoStack


@contextmanager
def handshakes_noted() -> Iterator[list[str]]:
    """What came of the handshakes meanwhile, and of those that failed; the authority is trusted.

    Raises:
        AssertionError: somebody put something in the same places meanwhile and left it there, so that ours stays too.
    """
    noted: list[str] = []
    undo = UndoStack()
    before = _places()
    for name in ("_wrap_socket", "_wrap_bio"):
        undo.replace(ssl.SSLContext, name, _trusting(getattr(ssl.SSLContext, name)))
    for kind in (ssl.SSLSocket, ssl.SSLObject):
        undo.replace(kind, "do_handshake", _noting(kind.do_handshake, noted))
    try:
        yield noted
    finally:
        undo.undo()
    assert _places() == before


def _places() -> list[Any]:
    context = [getattr(ssl.SSLContext, name) for name in ("_wrap_socket", "_wrap_bio")]
    return [*context, ssl.SSLSocket.do_handshake, ssl.SSLObject.do_handshake]


def _trusting(original: Any) -> Any:
    def wrap(context: ssl.SSLContext, *args: Any, **options: Any) -> Any:
        if context.verify_mode != ssl.CERT_NONE:
            context.load_verify_locations(cadata=authority().der)
        return original(context, *args, **options)

    return wrap


def _noting(original: Any, noted: list[str]) -> Any:
    def do_handshake(tls: Any, *args: Any) -> None:
        try:
            original(tls, *args)
        except ssl.SSLWantReadError:
            raise
        except OSError as error:
            if not tls.server_side:
                noted.append(f"{type(error).__name__} {plain(str(error))}")
            raise
        if not tls.server_side:
            noted.append(_facts(tls))

    return do_handshake


def _facts(tls: Any) -> str:
    shown, context = hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest(), tls.context
    return repr((tls.server_hostname, tls.version(), tls.cipher(), tls.selected_alpn_protocol(), tls.session_reused,
                 context.verify_mode, context.check_hostname, tls.getpeercert(), shown))  # fmt: skip
