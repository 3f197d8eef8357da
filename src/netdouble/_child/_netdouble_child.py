"""The first step of the guard in a child process: wait, for next to nothing, until the child uses a socket.

Rule 1: imported at the start of every Python child of a guarded run, so it loads nothing but `sys`; netdouble is loaded
at the first socket, lookup or child process of the child's own.
Rule 2: it stands alone: the child may be another Python than its parent's, and need not have netdouble installed.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "NETDOUBLE_GUARD"
_WAKES = frozenset({
    "socket.__new__", "socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "subprocess.Popen", "os.system",
    "os.posix_spawn", "os.exec", "os.spawn",
})  # fmt: skip

_state = {"asleep": True}


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event in _WAKES and _state["asleep"]:
        _state["asleep"] = False
        value = os.environ.get(VARIABLE, "")
        if value:
            _wake(value, event, args)


def _wake(value: str, event: str, args: tuple[object, ...]) -> None:
    import json

    handed = json.loads(value)
    try:
        import netdouble  # noqa: F401  # is it there?
    except ImportError:  # another environment than the parent's: netdouble is standard library only
        sys.path.append(handed["root"])
    from netdouble._gate import inherited

    inherited.begin(handed)
    inherited.judge(event, args)


if sys.version_info >= (3, 10) and os.environ.get(VARIABLE):
    sys.addaudithook(_hook)
