"""The CA bundle, read when it is needed: a stubbed connection makes no handshake and never looks at a root.

Reading certifi's ~140 roots takes 25 to 35 ms, the largest cost of a mocked test that builds a client.
Rule 1: while a scope is open, loading a well-known bundle is only noted on the context; every other file is loaded at
once.
Rule 2: the first handshake on that context with a host that is not stubbed, or a question about its certificates,
loads what was noted. The hook for it sits on the context itself, so that a context is right wherever and however long
it is used.
Rule 3: a context is given what stood at the noted place when it was noted; environment variables may change meanwhile.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from netdouble import _active
from netdouble._authority import context_class
from netdouble._gate import trust
from netdouble._patch import Undo, UndoStack
from netdouble.errors import ClientNotSupported

Load = Callable[[Any], None]

# Packages that bring a bundle along, and where they keep it.
_PACKAGED = {"certifi": "cacert.pem", "botocore": "cacert.pem", "pip._vendor.certifi": "cacert.pem"}
# Where distributions keep theirs, as certifi of Debian and Fedora say it.
_SYSTEM = frozenset({
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
})  # fmt: skip
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# A bundle named by a variable is worth deferring from about this size (bytes); a test's own authority is smaller.
_LARGE = 65536

# What makes use of the certificates. SSLSocket and SSLObject call the private two whoever made them (CPython 3.10 to
# 3.13, ssl.py `_create`), so a subclass that overrides wrap_socket is covered as well.
_USES = ("_wrap_socket", "_wrap_bio", "get_ca_certs", "cert_store_stats")
_LOADS = ("load_verify_locations", "set_default_verify_paths", "load_default_certs")
_NOTED = "_netdouble_deferred"


def install(module: ModuleType) -> Undo:
    """Defer what `module` (ssl) loads, whenever a scope is open.

    Raises:
        ClientNotSupported: the context class lacks a method that this relies on.
    """
    context = context_class(module)
    for name in (*_LOADS, *_USES):
        if not hasattr(context, name):
            raise ClientNotSupported(
                f"ssl of Python {sys.version.split()[0]} has no SSLContext.{name}, by which netdouble defers the CA "
                "bundle. Please report it",
                client="ssl", version=sys.version.split()[0], seam=f"ssl.SSLContext.{name}",
            )  # fmt: skip
    undo = UndoStack()
    undo.push(trust.install(module))
    for name, stand_in in _stand_ins(context).items():
        undo.replace(context, name, stand_in)
    return undo.undo


def _stand_ins(context: Any) -> dict[str, Any]:
    locations, default_paths, default_certs = (getattr(context, name) for name in _LOADS)
    named = frozenset(os.environ[name] for name in _VARIABLES if name in os.environ)

    def load_verify_locations(self: Any, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        given = [path for path in (cafile, capath) if path is not None]
        if cadata is None and given and _defers(self) and all(_is_well_known(path, named) for path in given):
            _note(self, lambda ctx: locations(ctx, cafile, capath))
        else:
            locations(self, cafile, capath, cadata)

    def set_default_verify_paths(self: Any) -> None:
        if _defers(self):
            _note(self, _with_variables(default_paths, locations))
        else:
            default_paths(self)

    def load_default_certs(self: Any, purpose: Any = ssl.Purpose.SERVER_AUTH) -> None:
        if _defers(self) and isinstance(purpose, ssl._ASN1Object):
            _note(self, _with_variables(lambda ctx: default_certs(ctx, purpose), locations))
        else:
            default_certs(self, purpose)

    return dict(zip(_LOADS, (load_verify_locations, set_default_verify_paths, load_default_certs), strict=True))


# Held to note a load, and to take the hooks away when nothing is noted any more.
_noting = threading.Lock()


class _Deferred:
    """What one context still has to load."""

    def __init__(self, context: Any) -> None:
        self.loads: list[Load] = []
        self.is_loading = False
        self._lock = threading.RLock()
        self._context = weakref.ref(context)  # no circle: the context goes as soon as its last user does

    def load(self) -> Any:
        """Load it, other threads waiting meanwhile; gives back the context."""
        context: Any = self._context()
        with self._lock:
            self.is_loading = True
            try:
                while not self._is_done(context):
                    self.loads[0](context)
                    del self.loads[0]
            finally:
                self.is_loading = False
        return context

    def _is_done(self, context: Any) -> bool:
        with _noting:
            if not self.loads:
                for name in (*_USES, _NOTED):
                    context.__dict__.pop(name, None)
            return not self.loads

    def before(self, name: str) -> Callable[..., Any]:
        """The context's method `name`, everything being loaded first."""

        def hook(*args: Any, **kwargs: Any) -> Any:
            context: Any = self._context()
            if name in trust.WRAPS and trust.is_answered_here(name, args, kwargs):  # our authority is all it needs
                return getattr(type(context), name)(context, *args, **kwargs)
            return getattr(self.load(), name)(*args, **kwargs)

        return hook


def _defers(context: Any) -> bool:
    if not _active.anything_open() or _active.setting("ca_bundle") != "deferred":
        return False
    deferred = context.__dict__.get(_NOTED)
    return deferred is None or not deferred.is_loading


def _note(context: Any, load: Load) -> None:
    with _noting:
        deferred = context.__dict__.get(_NOTED)
        if deferred is None:
            deferred = context.__dict__[_NOTED] = _Deferred(context)
            for name in _USES:
                context.__dict__[name] = deferred.before(name)
        deferred.loads.append(load)


def _is_well_known(path: Any, named: frozenset[str]) -> bool:
    path = os.fsdecode(path)
    if not os.access(path, os.R_OK):
        return False  # the error is raised at once
    if path in named:
        return os.path.isdir(path) or os.path.getsize(path) >= _LARGE
    defaults = ssl.get_default_verify_paths()
    return path in _SYSTEM or path in (defaults.openssl_cafile, defaults.openssl_capath) or _is_packaged(path)


def _is_packaged(path: str) -> bool:
    for package, name in _PACKAGED.items():
        file = getattr(sys.modules.get(package), "__file__", None)
        if file is not None and path == os.path.join(os.path.dirname(file), name):
            return True
    return False


def _with_variables(load: Load, locations: Callable[..., None]) -> Load:
    """`load`, which reads OpenSSL's variables, as it would work now."""
    before = _openssl_variables()
    paths = ssl.get_default_verify_paths()

    def later(context: Any) -> None:
        if _openssl_variables() == before:
            load(context)
        elif paths.cafile or paths.capath:
            locations(context, paths.cafile, paths.capath)

    return later


def _openssl_variables() -> tuple[str | None, str | None]:
    return os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
