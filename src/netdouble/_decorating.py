"""A network as a decorator: of functions, coroutines, generators, async generators and test classes.

Rule: the decorated thing keeps its kind, its name and its signature, less a parameter named `net`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from netdouble.network import Network

T = TypeVar("T")
PARAMETER = "net"


def decorated(network: Network, target: T) -> T:
    """`target`, each run of it inside an entry of `network`."""
    if isinstance(target, type):
        return _decorated_class(network, target)
    if isinstance(target, (staticmethod, classmethod)):
        return type(target)(decorated(network, target.__func__))  # type: ignore[return-value]
    if not callable(target):
        raise DeclarationError(f"a network decorates functions and classes, not a {type(target).__name__}: {target!r}")
    return _decorated_function(network, target)  # type: ignore[return-value]


def _decorated_class(network: Network, target: Any) -> Any:
    for name in dir(target):
        if name.startswith("test"):
            member = inspect.getattr_static(target, name)
            if isinstance(member, (FunctionType, staticmethod, classmethod)):
                setattr(target, name, decorated(network, member))
    return target


def _decorated_function(network: Network, function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    names = list(signature.parameters)
    place = names.index(PARAMETER) if PARAMETER in names else None
    code = getattr(inspect.unwrap(function), "__code__", None)

    def filled(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if place is None or PARAMETER in kwargs:
            return args, kwargs
        if len(args) > place:
            return (*args[:place], network, *args[place:]), kwargs
        return args, {**kwargs, PARAMETER: network}

    wrapper: Callable[..., Any]
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def async_generator(*args: Any, **kwargs: Any) -> Any:
            with network.entry(code):
                args, kwargs = filled(args, kwargs)
                made = function(*args, **kwargs)
                try:
                    async for item in made:
                        yield item
                finally:
                    await made.aclose()

        wrapper = async_generator
    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with network.entry(code):
                args, kwargs = filled(args, kwargs)
                return await function(*args, **kwargs)

        wrapper = coroutine
    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            with network.entry(code):
                args, kwargs = filled(args, kwargs)
                return (yield from function(*args, **kwargs))

        wrapper = generator
    else:

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            with network.entry(code):
                args, kwargs = filled(args, kwargs)
                return function(*args, **kwargs)

        wrapper = plain
    if place is not None:
        kept = [p for p in signature.parameters.values() if p.name != PARAMETER]
        wrapper.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return wrapper
