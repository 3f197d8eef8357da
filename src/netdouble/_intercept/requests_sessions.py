"""requests' sessions: a door above its adapters, for a facade whose peer stands there.

Seams: `requests.Session.send`, or one session's own; `requests.Session.get_adapter`, which gives a door while it sends.

Rule 1: attached by whoever asks for it, counted; the last one out puts everything back.
Rule 2: what is not to be answered here goes on to the session's own adapter, and so does what that one would send
again: it is asked for below it, at each try.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from types import MethodType
from typing import Any

from netdouble import _active, _asking
from netdouble._answering import settle_for
from netdouble._core.client_objects import ClientObjects, carrying
from netdouble._core.replies import Verbatim
from netdouble._intercept.layers import unspoken
from netdouble._intercept.requests import DIALECT, LIBRARY, body_at_hand, is_retrying, neutral, send_for_real
from netdouble._intercept.seams import seam
from netdouble._patch import Undo, UndoStack

ENTRANCE = "requests.Session.send"

_lock = threading.RLock()
_attached: dict[int, tuple[int, UndoStack]] = {}
# The session that is sending here.
_sending: ContextVar[Any] = ContextVar("netdouble_session", default=None)


def attach(session: Any = None) -> Undo:
    """Stand above every session, or above one; the returned function gives it up.

    Raises:
        ClientNotSupported: a seam is missing or has changed.
    """
    owners: list[Any] = [LIBRARY.Session] if session is None else [session]
    keys = [(id(owner), owner, _put_send) for owner in owners]
    keys.append((id(_put_get_adapter), LIBRARY.Session, _put_get_adapter))
    with _lock:
        for key, owner, put in keys:
            count, stack = _attached.get(key, (0, UndoStack()))
            if not count:
                put(owner, stack)
            _attached[key] = count + 1, stack

    def undo() -> None:
        with _lock:
            for key, _, _ in keys:
                count, stack = _attached.pop(key)
                if count == 1:
                    stack.undo()
                else:
                    _attached[key] = count - 1, stack

    return undo


def _put_send(owner: Any, stack: UndoStack) -> None:
    if isinstance(owner, type):
        original = seam(owner, "send", ("self", "request"), client=DIALECT.client)
        stack.replace(owner, "send", _send(original))
    else:
        stack.replace(owner, "send", MethodType(_send(type(owner).send), owner))


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        token = _sending.set(self)
        try:
            return original(self, request, **kwargs)
        finally:
            _sending.reset(token)

    return send


def _put_get_adapter(owner: Any, stack: UndoStack) -> None:
    original = seam(owner, "get_adapter", ("self", "url"), client=DIALECT.client)

    @wraps(original)
    def get_adapter(self: Any, url: Any) -> Any:
        if _sending.get() is not self or _active.is_passing():
            return original(self, url)
        return _Door(self, original, url)

    stack.replace(owner, "get_adapter", get_adapter)


class _Door:
    """Asks who answers, in the place of a session's own adapter, which need not be there."""

    __slots__ = ("_adapter_of", "_session", "_url")

    def __init__(self, session: Any, adapter_of: Callable[[Any, Any], Any], url: Any) -> None:
        self._session, self._adapter_of, self._url = session, adapter_of, url

    def send(self, request: Any, **kwargs: Any) -> Any:
        request.body = body_at_hand(request.body)
        objects = ClientObjects("requests", request, self, kwargs)
        objects.session = self._session
        token = _sending.set(None)  # what a callback sends is its own
        try:
            return self._sent_on(objects) if self._is_retried() else self._answer(objects)
        finally:
            _sending.reset(token)

    def _answer(self, objects: ClientObjects) -> Any:
        asked = neutral(objects.request)
        asked._memo["native"] = objects
        call = _asking.ask_above(ENTRANCE, asked)
        if call is None:
            return self._sent_on(objects)
        try:
            answer = unspoken(lambda: settle_for("requests", call))
            if isinstance(answer, Verbatim):
                call.close(response=answer.neutral)
                call.native = None  # nobody above asks for it: the log need not keep all of it
                return answer.native
            objects.sender = self._beneath()
            call.native = send_for_real(objects)
        except BaseException as error:
            call.close(error=error)
            raise
        return call.native

    def _is_retried(self) -> bool:
        if not any(map(is_retrying, self._session.adapters.values())):
            return False
        try:
            return is_retrying(self._beneath())
        except LIBRARY.exceptions.InvalidSchema:
            return False  # it need not be there

    def _sent_on(self, objects: ClientObjects) -> Any:
        with carrying(objects):
            return self._beneath().send(objects.request, **objects.options)

    def _beneath(self) -> Any:
        return self._adapter_of(self._session, self._url)

    def close(self) -> None:
        """Nothing to close."""
