"""pyreqwest: a proxy and a root certificate, given to its builders right before they build a client.

Seams: `build` of `ClientBuilder` and `SyncClientBuilder`, which are types of Rust that can be written to (0.15). What
`pyreqwest.simple` makes builds its client out of sight: it is refused.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from netdouble._intercept.native.target import Target, original
from netdouble._intercept.seams import marked
from netdouble._patch import Undo, UndoStack
from netdouble.errors import DeclarationError

_REFUSED = (
    "pyreqwest.simple has no place at which netdouble could answer it: send with a client that ClientBuilder or "
    "SyncClientBuilder built, or leave 'pyreqwest' out of native()"
)


def install(module: ModuleType, target: Target) -> Undo:  # noqa: ARG001  # the package itself is empty
    """Replace what builds, and what can't be led.

    Raises:
        ClientNotSupported: one is missing.
    """
    clients, proxies, requests = (import_module(f"pyreqwest.{name}") for name in ("client", "proxy", "request"))
    proxy, pem = original(proxies, "ProxyBuilder", target), Path(target.ca_file).read_bytes()

    def building(before: Any) -> Any:
        def build(self: Any) -> Any:
            return before(self.no_proxy().proxy(proxy.all(target.url)).add_root_certificate_pem(pem))

        return marked(build, before)

    def refusing(before: Any) -> Any:
        def send(_builder: Any) -> Any:
            raise DeclarationError(_REFUSED)

        return marked(send, before)

    made = []
    for module_of, name, method, around in (
        (clients, "ClientBuilder", "build", building),
        (clients, "SyncClientBuilder", "build", building),
        (requests, "OneOffRequestBuilder", "send", refusing),
        (requests, "SyncOneOffRequestBuilder", "send", refusing),
    ):
        owner = original(module_of, name, target)
        made.append((owner, method, around(original(owner, method, target))))
    undo = UndoStack()
    for owner, method, value in made:
        undo.replace(owner, method, value)
    return undo.undo
