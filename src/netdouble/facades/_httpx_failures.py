"""Exceptions as side effects: what is raised in which client.

Rule: a client gets an exception of its own: httpx's for httpx, httpx2's for httpx2, whichever of them was declared;
every other client what stands for it.
"""

from __future__ import annotations

import sys
from typing import Any

from netdouble._core.failures import CLIENT_PACKAGES
from netdouble._core.messages import Request
from netdouble._core.replies import Fail
from netdouble.facades._httpx_objects import loaded, native_request

_TWINS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})


def built(effect: Any, request: Any) -> BaseException:
    """The exception; a class is built as httpx builds its own."""
    if isinstance(effect, BaseException):
        return effect
    if any(issubclass(effect, module.RequestError) for module in loaded()):
        made: BaseException = effect("Mock Error", request=request)
    else:
        made = effect()
    return made


def spoken_to(request: Request, error: BaseException) -> Fail:
    """The answer that an exception is for the client of `request`.

    Raises:
        Exception: what this client is to be told, as it is.
    """
    client = request.client.partition(" ")[0]
    package = type(error).__module__.partition(".")[0]
    if package == client or package not in CLIENT_PACKAGES:
        raise error
    twin = getattr(sys.modules.get(client), type(error).__name__, None)
    if client in _TWINS and package in _TWINS and isinstance(twin, type) and issubclass(twin, Exception):
        said: Any = twin(str(error))
        if client in {"httpx", "httpx2"}:
            said.request = native_request(request)
        raise said from error
    return Fail(error=error)
