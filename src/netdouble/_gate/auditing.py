"""The audit hook (PEP 578): it sees what the replaced methods miss: C types used directly, saved functions, gevent.

Rule 1: a hook can't be taken out again, so there is one for each process, put in when it is first armed; idle it costs
a call and a look into an empty dict for each audited event.
Rule 2: it never raises anything but a refusal, and never in the middle of what was judged already.

Learnt (CPython 3.10 to 3.13): `socket.connect` and `sendto` are raised after C has looked the name up, so the methods
are replaced as well; `gethostbyname_ex` raises `socket.gethostbyname`; `getnameinfo` tells no flags.
"""

from __future__ import annotations

import _socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from netdouble._gate import children
from netdouble._gate.sockets import (
    Judge,
    addresses_found,
    bound,
    is_inside,
    is_own_name,
    needs_no_answer,
    port_of,
    target_of,
    text_of,
    unjudged,
)

Handler = Callable[[tuple[Any, ...]], None]

_handlers: dict[str, Handler] = {}
_armed = 0
_installed = False


def arm(judge: Judge) -> None:
    """Let the hook judge; counted."""
    global _armed, _installed
    _armed += 1
    _handlers.update(_made(judge))
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)


def disarm() -> None:
    """Give up one `arm`; after the last one the hook is idle."""
    global _armed
    _armed -= 1
    if not _armed:
        _handlers.clear()


def judge(event: str, args: tuple[Any, ...]) -> None:
    """Judge an event now."""
    handler = _handlers.get(event)
    if handler is not None:
        handler(args)


def _hook(event: str, args: tuple[Any, ...], _handlers: dict[str, Handler] = _handlers) -> None:
    handler = _handlers.get(event)
    if handler is not None:
        handler(args)


def _made(judge: Judge) -> dict[str, Handler]:
    def connects(args: tuple[Any, ...]) -> None:
        if not is_inside():
            target = target_of(args[0], args[1])
            if target is not None:
                judge.admit("connect", *target, args[0])

    def sends(args: tuple[Any, ...]) -> None:
        if args[1] is not None and not is_inside():
            target = target_of(args[0], args[1])
            if target is not None:
                judge.admit("send", *target, args[0])

    def binds(args: tuple[Any, ...]) -> None:
        if not is_inside():
            bound(judge, args[0])

    def looks_up(args: tuple[Any, ...]) -> None:
        host = text_of(args[0])
        if host and not is_inside() and not needs_no_answer(host):
            judge.admit("lookup", host, port_of(args[1]) if len(args) > 1 else None)
            if len(args) == 1:  # its caller alone sees what it finds
                with suppress(OSError):
                    judge.learn(host, addresses_found(unjudged(_socket.getaddrinfo, host, None)))

    def asks_back(args: tuple[Any, ...]) -> None:
        host = text_of(args[0][0] if isinstance(args[0], tuple) and args[0] else args[0])
        if host and not is_inside() and not is_own_name(host):
            judge.admit("lookup", host, None)

    return {
        "socket.connect": connects, "socket.sendto": sends, "socket.sendmsg": sends, "socket.bind": binds,
        "socket.getaddrinfo": looks_up, "socket.gethostbyname": looks_up, "socket.gethostbyaddr": asks_back,
        "socket.getnameinfo": asks_back, **children.handlers(),
    }  # fmt: skip
