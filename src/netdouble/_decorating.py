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
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Entered(Protocol):
    """What a decorator needs of a network."""

    def entry(self, code: CodeType | None = None) -> AbstractContextManager[object]:
        """One entry, from opening to the checks."""
        ...


class Giving(Protocol):
    """How the decorated thing gets what was entered."""

    def signature(self, signature: inspect.Signature) -> inspect.Signature:
        """The signature without the parameter that is given."""
        ...

    def __call__(self, entered: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments of a call, with what was entered among them."""
        ...


def decorated(network: Entered, target: T, giving: Giving | str | None = PARAMETER) -> T:
    """`target`, each run of it inside an entry of `network`.

    Args:
        giving: how it gets what was entered: as the parameter of that name, where it has one; not at all for None.

    Raises:
        DeclarationError: it can't be decorated.
    """
    made: Any
    if isinstance(target, type):
        made = _decorated_class(network, target, giving)
    elif isinstance(target, (staticmethod, classmethod)):
        made = type(target)(decorated(network, target.__func__, giving))
    elif callable(target):
        made = _decorated_function(network, target, giving)
    else:
        raise DeclarationError(f"a network decorates functions and classes, not a {type(target).__name__}: {target!r}")
    return cast("T", made)


def _decorated_class(network: Entered, target: Any, giving: Giving | str | None) -> Any:
    for name in dir(target):
        if name.startswith("test"):
            member = inspect.getattr_static(target, name)
            if isinstance(member, (FunctionType, staticmethod, classmethod)):
                setattr(target, name, decorated(network, member, giving))
    return target


def _decorated_function(
    network: Entered, function: Callable[..., Any], giving: Giving | str | None
) -> Callable[..., Any]:
    signature = inspect.signature(function)
    given = _giver(giving, list(signature.parameters))
    code = getattr(inspect.unwrap(function), "__code__", None)
    wrapper: Any = functools.wraps(function)(_wrapper(network, function, given, code))
    left = given.signature(signature)
    if left is not signature:
        wrapper.__signature__ = left
    return cast("Callable[..., Any]", wrapper)


def _giver(giving: Giving | str | None, names: list[str]) -> Giving:
    if isinstance(giving, str):
        return _ByName(giving, names.index(giving)) if giving in names else _Nowhere()
    return _Nowhere() if giving is None else giving


class _ByName:
    """Gives it as the parameter of a name."""

    def __init__(self, name: str, place: int) -> None:
        self._name, self._place = name, place

    def signature(self, signature: inspect.Signature) -> inspect.Signature:
        return signature.replace(parameters=[p for p in signature.parameters.values() if p.name != self._name])

    def __call__(self, entered: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if self._name in kwargs:
            return args, kwargs
        if len(args) > self._place:
            return (*args[: self._place], entered, *args[self._place :]), kwargs
        return args, {**kwargs, self._name: entered}


class _Nowhere:
    """Gives it nowhere."""

    def signature(self, signature: inspect.Signature) -> inspect.Signature:
        return signature

    def __call__(self, entered: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG002
        return args, kwargs


def _wrapper(
    network: Entered, function: Callable[..., Any], given: Giving, code: CodeType | None
) -> Callable[..., Any]:
    """A function of the same kind as `function`, inside an entry."""

    async def async_generator(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code) as entered:
            args, kwargs = given(entered, args, kwargs)
            made = function(*args, **kwargs)
            try:
                async for item in made:
                    yield item
            finally:
                await made.aclose()

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code) as entered:
            args, kwargs = given(entered, args, kwargs)
            return await function(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code) as entered:
            args, kwargs = given(entered, args, kwargs)
            return (yield from function(*args, **kwargs))

    def plain(*args: Any, **kwargs: Any) -> Any:
        with network.entry(code) as entered:
            args, kwargs = given(entered, args, kwargs)
            return function(*args, **kwargs)

    if inspect.isasyncgenfunction(function):
        return async_generator
    if inspect.iscoroutinefunction(function):
        return coroutine
    return generator if inspect.isgeneratorfunction(function) else plain
