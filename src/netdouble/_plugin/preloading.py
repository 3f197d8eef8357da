"""Load the whole of netdouble's core at once, where what is loaded later would be lost again.

pytester's `runpytest_inprocess` takes out of `sys.modules` what a run inside has imported (pytest 8.0 to 9.2,
`SysModulesSnapshot`). The package keeps such modules as its attributes nevertheless, so the next run inside would mix
two generations of one class, and `isinstance` would say no.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import netdouble


def load_core() -> None:
    """Import every module of netdouble but the clients' files, which come and go with their clients."""
    for package in ("netdouble", "netdouble._core", "netdouble._codec", "netdouble._gate"):
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            if module.name not in _ELSEWHERE:
                import_module(module.name)
    for name in netdouble.__all__:
        getattr(netdouble, name)


# The command's entry, the plugin that calls this, what loads ssl, and what needs an extra.
_ELSEWHERE = frozenset(
    {
        "netdouble.__main__",
        "netdouble.cli",
        "netdouble.pytest_plugin",
        "netdouble._gate.ca_bundle",
        "netdouble._codec.received",
        "netdouble._codec.http2",
        "netdouble._codec.websocket",
    }
)
