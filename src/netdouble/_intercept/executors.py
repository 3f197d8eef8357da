"""Thread pools: work handed to one belongs to the scope in which it was handed over.

`Executor.submit` runs a function in a thread that may be older than the test, so neither the context nor the thread
tells whose it is.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import Any

from netdouble._active import bound, captured
from netdouble._patch import Undo, replace


def install(module: ModuleType) -> Undo:
    """Make `ThreadPoolExecutor.submit` carry the current scope along."""
    executor = module.ThreadPoolExecutor
    original = executor.submit

    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        scope = captured()
        if scope is None:
            return original(self, fn, *args, **kwargs)  # type: ignore[no-any-return]

        def in_scope(*args: Any, **kwargs: Any) -> Any:
            with bound(scope):
                return fn(*args, **kwargs)

        return original(self, in_scope, *args, **kwargs)  # type: ignore[no-any-return]

    return replace(executor, "submit", submit)
