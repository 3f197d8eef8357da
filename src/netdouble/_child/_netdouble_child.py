"""The first step of the guard in a child process: wait, for next to nothing, until the child uses a socket.

Rule 1: imported at the start of every Python child of a guarded run, so it loads nothing but `sys`; netdouble is loaded
at the first socket, lookup or child process of the child's own.
Rule 2: it stands alone: the child may be another Python than its parent's, and need not have netdouble installed.

PYTEST_DONT_REWRITE: it belongs to a package with a plugin, and a worker of pytest-xdist has imported it before pytest.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock

TYPE_CHECKING = False  # `typing` costs what this file must not
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "NETDOUBLE_GUARD"
_WAKES = frozenset({
    "socket.__new__", "socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "subprocess.Popen", "os.system",
    "os.posix_spawn", "os.exec", "os.spawn",
})  # fmt: skip

_state = {"asleep": True, "waking": False}
_lock = RLock()


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event in _WAKES and _state["asleep"]:
        with _lock:  # another thread waits until there is a guard
            begun = _woken()
        if begun is not None:
            begun.judge(event, args)


def _woken() -> Any:
    """What judges from now on; None when somebody else has woken it, or is about to."""
    value = os.environ.get(VARIABLE, "")
    if not value or not _state["asleep"] or _state["waking"]:
        _state["asleep"] &= bool(value)
        return None
    _state["waking"] = True
    try:
        begun = _begin(value)
        _state["asleep"] = False  # not before: what can't be judged is not let through
    finally:
        _state["waking"] = False
    return begun


def _begin(value: str) -> Any:
    import json

    handed = json.loads(value)
    # The parent's netdouble, whatever the child's environment has. Its packages are found without this path later.
    sys.path.insert(0, handed["root"])
    try:
        from netdouble._gate import inherited
    finally:
        sys.path.remove(handed["root"])
    inherited.begin(handed)
    return inherited


if sys.version_info >= (3, 10) and os.environ.get(VARIABLE):
    sys.addaudithook(_hook)
