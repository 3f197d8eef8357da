"""http.client and urllib.request: connections are made in memory.

Seam: `HTTPConnection.connect` and `HTTPSConnection.connect`, which set `sock`. Whatever is built on http.client
(xmlrpc.client, urllib.request, old SDKs) comes along; urllib3 overrides both, and has a file of its own.
"""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from netdouble._active import any_on_wire
from netdouble._core.messages import Request
from netdouble._intercept.layers import Dialect, spoken_by
from netdouble._intercept.memory_socket import Door, MemorySocket, is_answered, target_of
from netdouble._patch import Undo, UndoStack
from netdouble._stepping_aside import announced, coming, is_on_wire, leads_to_wire

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
    undo.replace(module.HTTPConnection, "send", spoken_by(dialect, module.HTTPConnection.send))
    return undo.undo


def _connect(door: Door, scheme: str) -> Any:
    def connect(self: http.client.HTTPConnection) -> None:
        if not is_answered():
            door.connect(self)
        elif is_on_wire(*target_of(self)):
            with announced_by(self, scheme):
                door.connect(self)
        else:
            door.attach(self, scheme)

    return connect


# Under this name a connection notes the method and target that it is to send.
_ASKED = "_netdouble_asked"


def _putrequest(original: Any) -> Any:
    def putrequest(self: http.client.HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        sock: Any = self.sock
        # A live connection from before the scope would carry the request past us, and one of another layer would
        # answer where it is not asked to.
        is_ours = type(sock) is MemorySocket
        if sock is not None and not (is_ours and not any_on_wire()) and _is_internet(sock) and is_answered():
            fits = leads_to_wire(sock) if is_on_wire(*target_of(self)) else is_ours
            if not fits:
                self.sock = None
                sock.close()
        setattr(self, _ASKED, (method, url))
        original(self, method, url, *args, **kwargs)

    return putrequest


@contextmanager
def announced_by(connection: Any, scheme: str) -> Iterator[None]:
    """While a connection is made: what it is going to send, as far as it has been told."""
    method, url = getattr(connection, _ASKED, ("", ""))
    if coming.get() is not None or not method:
        yield
        return
    where = url if "://" in url else f"{scheme}://{_authority(*target_of(connection))}{url}"
    try:
        request = Request.to(method, where)
    except ValueError:
        yield
        return
    with announced(request):
        yield


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _is_internet(sock: Any) -> bool:
    """Unix sockets are none of ours. What has no family is TLS over something (urllib3's SSLTransport)."""
    return getattr(sock, "family", socket.AF_INET) in {socket.AF_INET, socket.AF_INET6}


def _install_urllib(module: ModuleType) -> Undo:
    undo = UndoStack()
    handler = module.AbstractHTTPHandler
    # do_open wraps every OSError of the request in a URLError, a declared one too.
    undo.replace(handler, "do_open", spoken_by(Dialect(f"urllib.request {_PYTHON}", "urllib"), handler.do_open))
    return undo.undo
