"""http.client and urllib.request: connections are made in memory.

Seam: `HTTPConnection.connect` and `HTTPSConnection.connect`, which set `sock`. Whatever is built on http.client
(xmlrpc.client, urllib.request, old SDKs) comes along; urllib3 overrides both, and has a file of its own.
"""

from __future__ import annotations

import http.client
import socket
import sys
from types import ModuleType
from typing import Any

from netdouble._intercept.layers import Dialect, spoken_by
from netdouble._intercept.memory_socket import Door, MemorySocket, is_answered
from netdouble._patch import Undo, UndoStack

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def install(module: ModuleType) -> Undo:
    """Attach to http.client, or to urllib.request, which stands on it."""
    if module.__name__ == "urllib.request":
        return _install_urllib(module)
    undo = UndoStack()
    dialect = Dialect(f"http.client {_PYTHON}", "http")
    # By `module`: when it is just being imported, it is no attribute of the package `http` yet.
    for kind, scheme in ((module.HTTPConnection, "http"), (module.HTTPSConnection, "https")):
        undo.replace(kind, "connect", _connect(Door(dialect, kind.connect), scheme))
    undo.replace(module.HTTPConnection, "putrequest", _putrequest(module.HTTPConnection.putrequest))
    return undo.undo


def _connect(door: Door, scheme: str) -> Any:
    def connect(self: http.client.HTTPConnection) -> None:
        if is_answered():
            door.attach(self, scheme)
        else:
            door.connect(self)

    return connect


def _putrequest(original: Any) -> Any:
    def putrequest(self: http.client.HTTPConnection, *args: Any, **kwargs: Any) -> None:
        sock: Any = self.sock
        if sock is not None and not isinstance(sock, MemorySocket) and _is_internet(sock) and is_answered():
            # A live connection from before the scope would carry the request past us.
            self.sock = None
            sock.close()
        original(self, *args, **kwargs)

    return putrequest


def _is_internet(sock: Any) -> bool:
    """Unix sockets are none of ours. What has no family is TLS over something (urllib3's SSLTransport)."""
    return getattr(sock, "family", socket.AF_INET) in {socket.AF_INET, socket.AF_INET6}


def _install_urllib(module: ModuleType) -> Undo:
    undo = UndoStack()
    handler = module.AbstractHTTPHandler
    # do_open wraps every OSError of the request in a URLError, a declared one too.
    undo.replace(handler, "do_open", spoken_by(Dialect(f"urllib.request {_PYTHON}", "urllib"), handler.do_open))
    return undo.undo
