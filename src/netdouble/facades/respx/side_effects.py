"""respx's side effects: what may be one, and what its result is for the core."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from netdouble._core.messages import Request
from netdouble._core.replies import DECLINE, PASS_THROUGH, Fail
from netdouble._intercept.httpx_library import kept
from netdouble.facades._httpx_failures import spoken_to
from netdouble.facades._httpx_objects import is_a
from netdouble.facades.respx.call_lists import note_answer
from netdouble.facades.respx.errors import SideEffectError

__all__ = ["as_answer", "checked", "forked", "is_in_turn", "takes_route", "told", "valid"]


def checked(effect: Any) -> Any:
    """The side effect; an iterator for what is iterable, None for what is empty. Raises TypeError when it is none."""
    if callable(effect) or isinstance(effect, BaseException) or is_a(effect, "Response"):
        return effect
    if not effect:
        return None
    if isinstance(effect, Iterable) and not isinstance(effect, (str, bytes)):
        return iter(effect)
    raise TypeError(f"A side effect is a function, an exception, a response, or an iterable of these. Got {effect!r}")


def forked(effect: Any) -> tuple[Any, Any]:
    """The side effect twice, each to be used up by itself."""
    if not is_in_turn(effect):
        return effect, effect
    try:
        return effect, copy.copy(effect)
    except TypeError:  # a generator
        one, other = itertools.tee(effect)
        return one, other


def is_in_turn(effect: Any) -> bool:
    """Each call takes its next item; a mock of a function can be iterated too, and is called."""
    return isinstance(effect, Iterator) and not callable(effect)


def takes_route(effect: Callable[..., Any]) -> bool:
    """It has a parameter for the route."""
    try:
        return "route" in inspect.signature(effect).parameters
    except (TypeError, ValueError):  # a builtin
        return False


def valid(result: Any) -> Any:
    """The result of a function. Raises TypeError when it is none."""
    if result is None or is_a(result, "Response") or is_a(result, "Request"):
        return result
    raise TypeError(
        "Side effects must return; either a `httpx.Response`,a `httpx.Request` for pass-through, or `None` for a "
        f"non-match. Got {result!r}"
    )


def told(request: Request, failed: SideEffectError) -> Fail:
    """The answer that what a side effect raised is; its cause says which route's it was.

    Raises:
        Exception: what this client is to be told, as it is.
    """
    origin = failed.origin
    cause, before = SideEffectError(failed.route, origin), origin.__cause__
    cause.__cause__ = before.__cause__ if isinstance(before, SideEffectError) else before  # the same one as before
    origin.__cause__ = cause
    note_answer(request)
    return spoken_to(request, origin)


def as_answer(result: Any) -> Any:
    """What the core takes the result of a function for."""
    if valid(result) is None:
        return DECLINE
    return kept(result) if is_a(result, "Response") else PASS_THROUGH
