"""Threads: one that is started in a scope belongs to it for as long as it runs."""

from __future__ import annotations

import threading
from functools import wraps

from netdouble._active import THREAD_ATTRIBUTE, captured
from netdouble._patch import Undo, replace


def install() -> Undo:
    """Make `Thread.start` note the current scope on the thread."""
    original = threading.Thread.start

    @wraps(original)
    def start(self: threading.Thread) -> None:
        scope = captured()
        if scope is not None:
            self.__dict__[THREAD_ATTRIBUTE] = scope
        original(self)

    return replace(threading.Thread, "start", start)
