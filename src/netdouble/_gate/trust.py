"""Trust: a client that shakes hands with a stubbed host accepts our authority, and checks everything as it always does.

Rule 1: added to a context at its first client-side handshake with a stubbed host (or any, while a server of ours
presents the authority's certificates), whenever and by whomever the context was made. It stays there; the authority's
key is gone with this process.
Rule 2: nothing is switched off: a wrong name, an expired certificate or another issuer are refused by the client.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import ModuleType
from typing import Any

from netdouble import _active
from netdouble._authority import authority, context_class, serving
from netdouble._gate import wire
from netdouble._patch import Undo, UndoStack

# Under this name a context notes that it trusts the authority.
_TRUSTS = "_netdouble_trusts"

# What `SSLSocket` and `SSLObject` call whoever made them (CPython 3.10 to 3.13, ssl.py `_create`); where the arguments
# `server_side` and `server_hostname` stand.
WRAPS = {"_wrap_socket": 1, "_wrap_bio": 2}


def install(module: ModuleType) -> Undo:
    """Let the contexts of `module` (ssl) trust the authority when they need to."""
    undo = UndoStack()
    context = context_class(module)
    for name in WRAPS:
        undo.replace(context, name, _wrap(name, getattr(context, name)))
    return undo.undo


def _wrap(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def wrap(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (
            _active.anything_open()
            and not _said(name, args, kwargs)[0]
            and (serving or is_answered_here(name, args, kwargs))
        ):
            _trust(self)
        return original(self, *args, **kwargs)

    return wrap


def is_answered_here(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """The handshake that the method `name` of a context begins is one with our own far side."""
    server_side, hostname = _said(name, args, kwargs)
    if server_side or not _active.anything_open() or _active.is_passing():
        return False
    if name == "_wrap_socket" and (leads := wire.leads_here(args[0])) is not None:
        return leads
    return isinstance(hostname, str) and wire.is_stubbed(hostname)


def _said(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
    """Whether it is a server's, and the name of the host."""
    place = WRAPS[name]
    side = kwargs.get("server_side", args[place] if len(args) > place else False)
    return bool(side), kwargs.get("server_hostname", args[place + 1] if len(args) > place + 1 else None)


def _trust(context: Any) -> None:
    if _TRUSTS not in context.__dict__ and context.verify_mode != ssl.CERT_NONE:
        context.load_verify_locations(cadata=authority().der)
        context.__dict__[_TRUSTS] = True
