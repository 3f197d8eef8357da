"""A network as a decorator: of functions, coroutines, generators, async generators and test classes.

Rule: the decorated thing keeps its kind, its name and its signature, less a parameter named `net`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import CodeType, FunctionType
from typing import Any, Protocol, TypeVar, cast

from netdouble.errors import DeclarationError

T = TypeVar("T")
PARAMETER = "net"


class Entered(Protocol):
    """What a decorator needs of a network."""

    def entry(self, code: CodeType | None = None) -> AbstractContextManager[object]:
        """One entry, from opening to the checks."""
        ...


def decorated(network: Entered, target: T, parameter: str | None = PARAMETER) -> T:
    """`target`, each run of it inside an entry of `network`.

    Args:
        parameter: the one that is given the network and disappears from the signature; None: there is none such.

    Raises:
        DeclarationError: it can't be decorated.
    """
    made: Any
    if isinstance(target, type):
        made = _decorated_class(network, target, parameter)
    elif isinstance(target, (staticmethod, classmethod)):
        made = type(target)(decorated(network, target.__func__, parameter))
    elif callable(target):
        made = _decorated_function(network, target, parameter)
    else:
        raise DeclarationError(f"a network decorates functions and classes, not a {type(target).__name__}: {target!r}")
    return cast("T", made)


def _decorated_class(network: Entered, target: Any, parameter: str | None) -> Any:
    for name in dir(target):
        if name.startswith("test"):
            member = inspect.getattr_static(target, name)
            if isinstance(member, (FunctionType, staticmethod, classmethod)):
                setattr(target, name, decorated(network, member, parameter))
    return target


def _decorated_function(network: Entered, function: Callable[..., Any], parameter: str | None) -> Callable[..., Any]:
    signature = inspect.signature(function)
    given = _Given(network, parameter, list(signature.parameters))
    code = getattr(inspect.unwrap(function), "__code__", None)
    wrapper: Any = functools.wraps(function)(_wrapper(network, function, given, code))
    if given.place is not None:
        kept = [p for p in signature.parameters.values() if p.name != parameter]
        wrapper.__signature__ = signature.replace(parameters=kept)
    return cast("Callable[..., Any]", wrapper)


class _Given:
    """The arguments of a call, with the network put where its parameter stands."""

    def __init__(self, network: Entered, parameter: str | None, names: list[str]) -> None:
        self.network = network
        self.parameter = parameter or ""
        self.place = names.index(parameter) if parameter in names else None

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self.place is None or self.parameter in kwargs:
            return args, kwargs
        if len(args) > self.place:
            return (*args[: self.place], self.network, *args[self.place :]), kwargs
        return args, {**kwargs, self.parameter: self.network}


def _wrapper(
    network: Entered, function: Callable[..., Any], given: _Given, code: CodeType | None
) -> Callable[..., Any]:
    """A function of the same kind as `function`, inside an entry."""

    async def async_generator(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code):
            args, kwargs = given(args, kwargs)
            made = function(*args, **kwargs)
            try:
                async for item in made:
                    yield item
            finally:
                await made.aclose()

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code):
            args, kwargs = given(args, kwargs)
            return await function(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code):
            args, kwargs = given(args, kwargs)
            return (yield from function(*args, **kwargs))

    def plain(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code):
            args, kwargs = given(args, kwargs)
            return function(*args, **kwargs)

    if inspect.isasyncgenfunction(function):
        return async_generator
    if inspect.iscoroutinefunction(function):
        return coroutine
    return generator if inspect.isgeneratorfunction(function) else plain
