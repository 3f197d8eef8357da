"""What doors and the gate tell each other about requests that go over real sockets.

At the layer `wire` a door steps aside: it only says whose request comes now, and the gate answers below the client's
own sockets. What the gate has to raise and cannot, for no frame of the caller is above it, the door raises.

Rule: a request is decided once, by the gate where it is heard. A door that steps aside opens no call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from netdouble import _active
from netdouble._core.urls import normal_host
from netdouble.errors import AmbiguousScope, ScopeClosed

if TYPE_CHECKING:
    from netdouble._active import Scope
    from netdouble._core.messages import Request

# Where a client speaks HTTP most likely. What is declared for no host in particular (a regex, any URL) answers real
# connections to these only: on any other port the client may wait for the server to speak first.
HTTP_PORTS = frozenset({80, 443, 8000, 8080, 8443})


class Speaker(Protocol):
    """A client as its caller knows it."""

    @property
    def client(self) -> str:
        """Its name and version, as `"urllib3 2.8.0"`."""
        ...


@dataclass(frozen=True, slots=True)
class Aside:
    """A client whose door has stepped aside.

    Attributes:
        client: its name and version. raises: an exception of ours can be raised where the client sends, and comes out
            as it is; else the client would hide it in one of its own, and the door raises it in its place.
        requests: what it was told of, as far as that was known before it was sent.
    """

    client: str
    raises: bool
    requests: list[Request] = field(default_factory=list)


class Carried(BaseException):
    """An exception on its way past a client's own `except` clauses; no `Exception`, so that none of them takes it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


# The topmost client of the call that is going on; None: nobody above will let a `Carried` out of its box.
speaking: ContextVar[Speaker | None] = ContextVar("netdouble_speaking", default=None)

# The request that is about to be sent, as far as it is known before its connection is made.
coming: ContextVar[Request | None] = ContextVar("netdouble_coming", default=None)

# The connections that lead to the gate, by the client's descriptor.
lines: dict[int, Any] = {}

# What the gate refused and could not raise: the scope, method and URL of the request, and the exception.
_refused: list[tuple[Scope, str, str, BaseException]] = []


# What a scope answers on the wire


def stubs(scope: Scope, host: str, port: int | None) -> bool:
    """A real connection to `host` (normal spelling) is answered by `scope`, or by one that it was opened in.

    Args:
        port: None: a lookup, on whatever port.
    """
    chain = scope.chain()
    for each in chain:
        if each.router.names_host(host, port):
            return True
    if port is not None and port not in HTTP_PORTS:
        return False
    return any(each.router.has_open_routes for each in chain) and not scope.reaches(host, port)


def goes_by_wire(scope: Scope, host: str, port: int) -> bool:
    """A door steps aside for a request to `host` (normal spelling)."""
    return scope.settings.layer == "wire" and stubs(scope, host, port)


def is_on_wire(host: str, port: int | None) -> bool:
    """As `goes_by_wire`, of the scope that is asked here and a host in any spelling."""
    if not _active.any_on_wire() or _active.is_passing():
        return False
    try:
        scope = _active.current()
        if scope is None or port is None or scope.settings.layer != "wire":
            return False
        return stubs(scope, normal_host(host), port)
    except (AmbiguousScope, ScopeClosed, ValueError):
        return False  # the door refuses the request, with that reason


def leads_to_wire(sock: Any) -> bool:
    """The connection of that socket, or of what has a descriptor, is answered by the gate."""
    try:
        return sock.fileno() in lines
    except (AttributeError, OSError, ValueError):
        return False


# Raising


def raise_past(error: BaseException) -> NoReturn:
    """Raise `error` to the caller of the topmost client, unseen by the clients between."""
    if speaking.get() is not None and isinstance(error, Exception):
        raise Carried(error) from None
    raise error


def refuse(scope: Scope, request: Request, error: BaseException) -> None:
    """Keep `error` for the door of the client that sent `request`."""
    _refused.append((scope, request.method, str(request.url), error))


def forget(scope: Scope) -> None:
    """Nobody asks for the refusals of `scope` any more."""
    _refused[:] = [kept for kept in _refused if kept[0] is not scope]


def refusal_of(scope: Scope, aside: Aside) -> BaseException | None:
    """The newest refusal of what `aside` was told of; those before it were the same request, tried again."""
    if not _refused:
        return None
    asked = {(request.method, str(request.url)) for request in aside.requests}
    own = [kept for kept in _refused if kept[0] is scope and kept[1:3] in asked]
    for kept in own:
        _refused.remove(kept)
    return own[-1][3] if own else None


@contextmanager
def announced(request: Request | None) -> Iterator[None]:
    """For the time in which a connection for `request` is made."""
    token = coming.set(request)
    try:
        yield
    finally:
        coming.reset(token)


@contextmanager
def stepping_aside(scope: Scope, aside: Aside) -> Iterator[None]:
    """For the time of a client's call over real sockets: what it sends is its own, and our errors come out as they are.

    What was refused while the client saw a response is to be looked for after it: `refusal_of`.
    """
    token = speaking.set(aside)
    try:
        yield
    except Carried as carried:
        raise carried.error from None
    except BaseException as error:
        refused = refusal_of(scope, aside)
        if refused is None or refused is error:
            raise
        raise refused from error
    finally:
        speaking.reset(token)
