"""primp: `proxy` and `ca_cert_file`, given to its clients' constructors and to its functions.

Seams: the names `primp.Client` and `primp.AsyncClient`, types of Rust that can be derived from, and those of the
module's own functions (2.0). What was taken out of the module before (`from primp import get`) is left alone.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from netdouble._intercept.native.target import Target, derived, original
from netdouble._intercept.seams import marked
from netdouble._patch import Undo, UndoStack

_FUNCTIONS = ("get", "head", "options", "delete", "post", "put", "patch", "request")


def install(module: ModuleType, target: Target) -> Undo:
    """Replace the classes and the functions.

    Raises:
        ClientNotSupported: one is missing.
    """

    def led(kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**kwargs, "proxy": target.url, "ca_cert_file": target.bundle_file}

    def function(before: Any) -> Any:
        return marked(lambda *args, **kwargs: before(*args, **led(kwargs)), before)

    made = {name: derived(module, name, target, led) for name in ("Client", "AsyncClient")}
    made |= {name: function(original(module, name, target)) for name in _FUNCTIONS}
    undo = UndoStack()
    for name, value in made.items():
        undo.replace(module, name, value)
    return undo.undo
