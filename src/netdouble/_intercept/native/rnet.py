"""rnet: `proxies` and `verify`, given to its clients' constructors.

Seams: the names `rnet.Client` and `rnet.BlockingClient`, types of Rust that can be derived from, and those of the
module's own functions, which take no `verify`, so that a client sends for them (2.4). What was taken out of the module
before (`from rnet import get`) is left alone.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from netdouble._intercept.native.target import Target, derived, original
from netdouble._intercept.seams import marked
from netdouble._patch import Undo, UndoStack

_FUNCTIONS = ("get", "head", "options", "delete", "post", "put", "patch", "trace", "request", "websocket")


def install(module: ModuleType, target: Target) -> Undo:
    """Replace the classes and the functions.

    Raises:
        ClientNotSupported: one is missing.
    """
    proxy = original(module, "Proxy", target).all(target.url)

    def led(kwargs: dict[str, Any]) -> dict[str, Any]:
        trusted = False if kwargs.get("verify") is False else target.bundle_file
        return {**kwargs, "proxies": [proxy], "no_proxy": False, "verify": trusted}

    made = {name: derived(module, name, target, led) for name in ("Client", "BlockingClient")}
    made |= {name: _by_a_client(made["Client"], name, original(module, name, target)) for name in _FUNCTIONS}
    undo = UndoStack()
    for name, value in made.items():
        undo.replace(module, name, value)
    undo.replace(original(module, "blocking", target), "BlockingClient", made["BlockingClient"])
    return undo.undo


def _by_a_client(client: Any, name: str, before: Any) -> Any:
    async def function(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("proxy", None)
        return await getattr(client(), name)(*args, **kwargs)

    return marked(function, before)
