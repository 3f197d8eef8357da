"""Thread pools: work handed to one belongs to the scope in which it was handed over.

`Executor.submit` runs a function in a thread that may be older than the test, so neither the context nor the thread
tells whose it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from types import ModuleType
from typing import Any

from netdouble._active import THREAD_ATTRIBUTE, bound, captured
from netdouble._patch import Undo, replace
from netdouble._stepping_aside import announced, coming


def install(module: ModuleType) -> Undo:
    """Make `ThreadPoolExecutor.submit`, or the pool of trio, carry the current scope along."""
    if module.__name__ == "trio":
        return _install_trio(module)
    executor = module.ThreadPoolExecutor
    original = executor.submit

    @wraps(original)
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        scope = captured()
        if scope is None:
            return original(self, fn, *args, **kwargs)  # type: ignore[no-any-return]

        request = coming.get()  # a loop looks names up in its pool

        def in_scope(*args: Any, **kwargs: Any) -> Any:
            with bound(scope), announced(request):
                return fn(*args, **kwargs)

        return original(self, in_scope, *args, **kwargs)  # type: ignore[no-any-return]

    return replace(executor, "submit", submit)


def _install_trio(module: Any) -> Undo:
    cache = module._core._thread_cache.ThreadCache
    original = cache.start_thread_soon

    @wraps(original)
    def start_thread_soon(self: Any, fn: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        scope = captured()

        def in_scope() -> Any:
            # By the thread: trio runs `fn` in a context of its own making.
            own = threading.current_thread().__dict__
            before = own.get(THREAD_ATTRIBUTE)
            own[THREAD_ATTRIBUTE] = scope
            try:
                return fn()
            finally:
                own[THREAD_ATTRIBUTE] = before

        return original(self, in_scope, *args, **kwargs)

    return replace(cache, "start_thread_soon", start_thread_soon)
