"""Which clients netdouble knows, and how their files are attached: at once when the client is loaded, else on import.

Rule 1: a client's file is loaded only when the client itself is.
Rule 2: attached once, counted; the last one out puts everything back.
Rule 3: a client without the seam is one loud error (ClientNotSupported), never a silent bypass.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, ClassVar

from netdouble._intercept import threads
from netdouble._intercept.seams import unsupported
from netdouble._patch import Undo, UndoStack


@dataclass(frozen=True, slots=True)
class Client:
    """One row of the table.

    Attributes:
        name: as users say it. trigger: the module whose import means that the client is there.
        file: our module with `install(trigger_module) -> Undo`. seam: where it attaches, for the doctor.
        depth: `bytes` or `objects`. distribution: its name on a package index; "" for the standard library.
    """

    name: str
    trigger: str
    file: str
    seam: str
    depth: str
    distribution: str = ""


CLIENTS = (
    Client("thread pools", "concurrent.futures.thread", "netdouble._intercept.executors",
           "concurrent.futures.ThreadPoolExecutor.submit", ""),
    Client("threads of trio", "trio", "netdouble._intercept.executors",
           "trio._core._thread_cache.ThreadCache.start_thread_soon", ""),
    Client("CA bundle", "ssl", "netdouble._gate.ca_bundle", "ssl.SSLContext.load_verify_locations", ""),
    Client("uvloop", "uvloop", "netdouble._gate.uvloops", "uvloop.Loop.create_connection", "", "uvloop"),
    Client("http.client", "http.client", "netdouble._intercept.http_client",
           "http.client.HTTPConnection.connect", "bytes"),
    Client("urllib.request", "urllib.request", "netdouble._intercept.http_client",
           "urllib.request.AbstractHTTPHandler.do_open", "bytes"),
    Client("urllib3", "urllib3", "netdouble._intercept.urllib3",
           "urllib3.connection.HTTPConnection.connect", "bytes", "urllib3"),
    Client("requests", "requests", "netdouble._intercept.requests",
           "requests.adapters.HTTPAdapter.send", "bytes", "requests"),
    Client("botocore", "botocore.httpsession", "netdouble._intercept.botocore",
           "botocore.httpsession.URLLib3Session.send", "bytes", "botocore"),
    Client("waits of botocore", "botocore.endpoint", "netdouble._intercept.botocore", "botocore.endpoint.time", ""),
    Client("httpx", "httpx", "netdouble._intercept.httpx",
           "httpx.HTTPTransport.handle_request", "objects", "httpx"),
    Client("httpx2", "httpx2", "netdouble._intercept.httpx",
           "httpx2.HTTPTransport.handle_request", "objects", "httpx2"),
    Client("httpcore", "httpcore", "netdouble._intercept.httpcore",
           "httpcore.ConnectionPool.handle_request", "bytes", "httpcore"),
    Client("httpcore2", "httpcore2", "netdouble._intercept.httpcore",
           "httpcore2.ConnectionPool.handle_request", "bytes", "httpcore2"),
    Client("aiohttp", "aiohttp", "netdouble._intercept.aiohttp",
           "aiohttp.TCPConnector._create_connection", "bytes", "aiohttp"),
)  # fmt: skip

_lock = threading.RLock()
_owners = 0
_keepers = 0
_attached: dict[str, UndoStack] = {}
# The newest module of each client that is attached.
_modules: dict[str, ModuleType] = {}
_finder: _AttachOnImport | None = None


def attach() -> None:
    """Attach every client that is loaded, and those still to be imported when they are; counted.

    Raises:
        ClientNotSupported: a loaded client no longer has the seam. Nothing stays attached then.
    """
    global _owners, _finder
    with _lock:
        _owners += 1
        first = _finder is None
        if _finder in sys.meta_path:
            return
        try:
            if first:
                _attached["threads"] = UndoStack()
                _attached["threads"].push(threads.install())
            _finder = _finder or _AttachOnImport()
            sys.meta_path.insert(0, _finder)  # perhaps again: pytester puts that list back after each run of its own
            for client in CLIENTS:
                module = sys.modules.get(client.trigger)
                if module is not None and not _is_loading(module):
                    _attach_one(client, module)
        except BaseException:
            _owners -= 1
            if first:
                _take_out()
            raise


def detach() -> None:
    """Give up one `attach`; the last one puts everything back, unless it is `kept`."""
    global _owners
    with _lock:
        _owners -= 1
        if not _owners and not _keepers:
            _take_out()


@contextmanager
def kept() -> Iterator[None]:
    """For a while the last one out leaves everything attached: a session attaches once, not for each test."""
    global _keepers
    with _lock:
        _keepers += 1
    try:
        yield
    finally:
        with _lock:
            _keepers -= 1
            if not _owners and not _keepers:
                _take_out()


def _take_out() -> None:
    global _finder
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    _finder = None
    _modules.clear()
    for name in reversed(list(_attached)):
        _attached.pop(name).undo()


def is_attached(name: str) -> bool:
    """That client of the table is attached now."""
    return name in _attached


def install(client: Client, module: ModuleType) -> Undo:
    """Attach one client, of which `module` is the trigger.

    Raises:
        ClientNotSupported: it is not what our file for it was written for.
    """
    try:
        undo: Undo = import_module(client.file).install(module)
    except (AttributeError, ImportError) as error:  # our file speaks of something that is gone
        named = f"{client.name} {client_version(client)}"
        raise unsupported(named, client.seam, f"can't be replaced ({error})") from error
    return undo


def client_version(client: Client) -> str:
    """The installed version; Python's for the standard library; `?` when it is not known."""
    import platform
    from importlib.metadata import PackageNotFoundError, version  # 10 ms that only reports pay

    if not client.distribution:
        return platform.python_version()
    try:
        return version(client.distribution)
    except PackageNotFoundError:
        return "?"


def _attach_one(client: Client, module: ModuleType) -> None:
    """Attach a client; one that was imported anew too, as by pytester's runs: each has modules of its own."""
    with _lock:
        if _finder is not None and _modules.get(client.name) is not module:
            undo = install(client, module)
            _attached.setdefault(client.name, UndoStack()).push(undo)
            _modules[client.name] = module


def _is_loading(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _AttachOnImport:
    """A finder that attaches a client right after its module has been executed for the first time.

    Not derived from `importlib.abc`, whose import costs 5 ms.
    """

    _rows: ClassVar[dict[str, Client]] = {client.trigger: client for client in CLIENTS}

    def __init__(self) -> None:
        self._looking = threading.local()

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        client = self._rows.get(fullname)
        if client is None or getattr(self._looking, "name", None) == fullname:
            return None
        self._looking.name = fullname
        try:
            spec = find_spec(fullname)
        finally:
            self._looking.name = None
        if spec is not None and spec.loader is not None:
            loader: Any = _AttachingLoader(spec.loader, client)
            spec.loader = loader
        return spec


class _AttachingLoader:
    """The client's own loader, and one step after it."""

    def __init__(self, loader: Any, client: Client) -> None:
        self._loader = loader
        self._client = client

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        _attach_one(self._client, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
