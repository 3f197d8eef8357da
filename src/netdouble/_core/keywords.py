"""Keywords that do not exist: the error that names the one that was meant, and the line in which it was written.

Rule: a call that is spelled right pays nothing for the error of one that is not: names are looked at when Python, or
the reader of the keywords, has refused them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any, TypeVar, cast

from netdouble._core.callers import declared_at
from netdouble.errors import DeclarationError

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K", bound=type)


def meant(name: object, known: Iterable[str], shown: Callable[[str], str] = str) -> str:
    """`; did you mean NAME?` with the nearest of the `known` names; `""` where none is near."""
    from difflib import get_close_matches  # only for a mistake

    given, names = str(name), list(known)
    near = get_close_matches(given, names, 1) or [each for each in names if len(given) > 2 and each.startswith(given)]
    return f"; did you mean {shown(near[0])}?" if near else ""


def unknown_keyword(
    call: str, names: Iterable[str], known: Iterable[str], repairs: Mapping[str, str] | None = None
) -> DeclarationError:
    """The error for keywords that `call` does not have.

    Args:
        call: as written, `"reply()"`. names: those that were given. known: those that there are. repairs: for names of
            other libraries, what is written here.
    """
    keywords = list(known)
    name = next(name for name in names if name not in keywords)
    repair = (repairs or {}).get(name)
    hint = f"; {repair}" if repair else meant(name, keywords, lambda near: f"{near}=")
    listed = ", ".join(f"{keyword}=" for keyword in keywords)
    end = "" if hint.endswith("?") else "."
    return DeclarationError(f"{call} takes no {name}={hint}{end} It takes {listed} (written at {declared_at()})")


def named_keywords(function: F) -> F:
    """Decorate a function with keywords of its own: one that it does not have is a `DeclarationError`."""

    @functools.wraps(function)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except TypeError:
            known = keywords_of(function)
            if keywords.keys() <= known.keys():
                raise
            told = unknown_keyword(_call_of(function), keywords, known)
        raise told from None

    return cast("F", checked)  # it takes what `function` takes


def by_keyword(repair: Callable[[Any], str]) -> Callable[[F], F]:
    """Decorate a function whose options are keywords: one that is given by position is a `DeclarationError`.

    Args:
        repair: what to write instead, of the first argument that is one too many.
    """

    def decorated(function: F) -> F:
        code: CodeType = getattr(function, "__wrapped__", function).__code__

        @functools.wraps(function)
        def checked(*arguments: Any, **keywords: Any) -> Any:
            try:
                return function(*arguments, **keywords)
            except TypeError:
                if len(arguments) <= code.co_argcount:
                    raise
                extra = arguments[code.co_argcount]
            raise DeclarationError(f"{_call_of(function)} takes no {extra!r:.60} here; {repair(extra)}") from None

        return cast("F", checked)  # it takes what `function` takes

    return decorated


def named_fields(kind: K) -> K:
    """As `named_keywords`, for the class of a value: the keywords of its `__init__`."""
    made: Any = kind
    made.__init__ = named_keywords(vars(kind)["__init__"])
    return kind


def keywords_of(function: Callable[..., Any]) -> dict[str, None]:
    """The names that can be given by keyword, in order."""
    code: CodeType = getattr(function, "__wrapped__", function).__code__
    first = 1 if code.co_varnames[:1] in {("self",), ("cls",)} else 0
    return dict.fromkeys(
        code.co_varnames[max(first, code.co_posonlyargcount) : code.co_argcount + code.co_kwonlyargcount]
    )


def _call_of(function: Callable[..., Any]) -> str:
    """As it is written: `Response()`, `serve()`."""
    owner, _, name = function.__qualname__.rpartition(".")
    return f"{owner if name == '__init__' else name}()"
