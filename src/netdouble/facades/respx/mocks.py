"""respx's mockers: where requests are met, by name. Here every door is open anyway; a name only adds to that.

Rule 1: a mocker knows which routers are started under its name; opening and closing is their networks' business.
Rule 2: targets that netdouble has no door at are answered too, as transport classes, while a router is started.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from netdouble._intercept.httpx import above_transports, at_transport
from netdouble._patch import UndoStack
from netdouble.facades._httpx_objects import loaded
from netdouble.facades.respx.errors import AllMockedAssertionError, PassThrough

__all__ = [
    "DEFAULT_MOCKER", "AbstractRequestMocker", "AllMockedAssertionError", "HTTPCoreMocker", "HTTPXMocker", "Mocker",
    "PassThrough",
]  # fmt: skip

# The mocker of a router that names none; suites set it.
DEFAULT_MOCKER = "httpcore"

_PARTS = ("connection.{}HTTPConnection", "connection_pool.{}ConnectionPool", "http_proxy.{}HTTPProxy")
# Where netdouble has doors already.
_KNOWN = ("httpcore.", "httpcore2.", "httpx.", "httpx2.", "httpx._client.", "httpx2._client.")


class Router(Protocol):
    """What is known here of a router."""

    _network: Any
    _assert_all_mocked: bool
    _by_itself: Any


class Mocker:
    """A place where requests are met. A subclass with a `name` of its own can be named in `using=`.

    Attributes:
        registry: the mockers by name. routers: those that are started under this name. targets: dotted names of the
            classes at which requests are met. target_methods: their methods.

    Raises:
        TypeError: a subclass whose name another one has.
    """

    name: ClassVar[str]
    registry: ClassVar[MappingProxyType[str, type[Mocker]]]
    routers: ClassVar[list[Router]]
    targets: ClassVar[list[str]] = []
    target_methods: ClassVar[list[str]] = []

    _named: ClassVar[dict[str, type[Mocker]]] = {}
    _scopes: ClassVar[list[tuple[Router, Any]]]
    _undo: ClassVar[UndoStack | None] = None

    def __init_subclass__(cls) -> None:
        cls.routers, cls._scopes, cls.targets = [], [], list(cls.targets)
        name = vars(cls).get("name")
        if not name:
            return
        if name in Mocker._named:
            raise TypeError(
                f"Subclasses of Mocker must define a unique name. {name!r} is already defined as "
                f"{Mocker._named[name]!r}"
            )
        Mocker._named[name] = cls

    @classmethod
    def register(cls, router: Router) -> None:
        """Let a router answer clients; once more, it stays open longer."""
        if router not in cls.routers:
            cls._scopes.append((router, router._network.open_scope(bind=False)))
        cls.routers.append(router)

    @classmethod
    def unregister(cls, router: Router) -> bool:
        """Let it answer no more, if it was registered."""
        if router not in cls.routers:
            return False
        cls.routers.remove(router)
        if router not in cls.routers:
            for each in [each for each in cls._scopes if each[0] is router]:
                cls._scopes.remove(each)
                router._network.close_scope(each[1])
        return True

    @classmethod
    def add_targets(cls, *targets: str) -> None:
        """Meet requests at these classes too."""
        cls.targets.extend(target for target in targets if target not in cls.targets)
        cls.restart()

    @classmethod
    def remove_targets(cls, *targets: str) -> None:
        """Meet requests at these classes no more."""
        cls.targets[:] = [target for target in cls.targets if target not in targets]
        cls.restart()

    @classmethod
    def start(cls) -> None:
        """Attach to the targets, if a router is registered."""
        if cls.routers and cls._undo is None:
            cls._undo = cls._attach()

    @classmethod
    def stop(cls, force: bool = False) -> None:
        """Let the targets go, if no router is registered, or by `force`."""
        if cls._undo is not None and (force or not cls.routers):
            cls._undo.undo()
            cls._undo = None

    @classmethod
    def restart(cls) -> None:
        """Attach anew, if attached."""
        if cls._undo is not None:
            cls.stop(force=True)
            cls.start()

    @classmethod
    def _attach(cls) -> UndoStack:
        undo = UndoStack()
        for target in cls.targets:
            module, _, name = target.rpartition(".")
            if not target.startswith(_KNOWN) or "_transports.asgi" in target or "_transports.wsgi" in target:
                undo.push(at_transport(getattr(import_module(module), name)))
        return undo


Mocker.registry = MappingProxyType(Mocker._named)


class HTTPXMocker(Mocker):
    """The clients of httpx and httpx2, whatever transport they have."""

    name = "httpx"
    targets: ClassVar[list[str]] = ["httpx._client.Client", "httpx._client.AsyncClient"]
    target_methods: ClassVar[list[str]] = ["_transport_for_url"]

    @classmethod
    def _attach(cls) -> UndoStack:
        undo = UndoStack()
        undo.push(super()._attach().undo)
        for module in loaded():
            undo.push(above_transports(module))
        return undo


class AbstractRequestMocker(Mocker):
    """The base of those that meet requests one by one."""


class HTTPCoreMocker(AbstractRequestMocker):
    """The transports of httpx and httpx2, and httpcore."""

    name = "httpcore"
    targets: ClassVar[list[str]] = [
        f"httpcore.{folder}.{part.format(prefix)}"
        for folder, prefix in (("_sync", ""), ("_async", "Async"))
        for part in _PARTS
    ]
    target_methods: ClassVar[list[str]] = ["handle_request", "handle_async_request"]


def mocker(name: str | None) -> type[Mocker] | None:
    """The mocker of that name; None for None.

    Raises:
        ValueError: there is none.
    """
    if name is None:
        return None
    if name == "httpcore2":
        return Mocker._named.get(name, HTTPCoreMocker)  # pytest-httpx2's; here it is one door
    if name not in Mocker._named:
        raise ValueError(f"no mocker is called {name!r}; using= is None or one of {', '.join(Mocker._named)}")
    return Mocker._named[name]


def started() -> list[Router]:
    """Every router that is started, the first first."""
    return [router for kind in Mocker._named.values() for router in kind.routers]
