"""A door for tests of the core: it asks the open scopes as an interceptor does, and needs no client."""

from __future__ import annotations

from typing import Any

from netdouble import Request, Response, _asking
from netdouble._answering import settle
from netdouble._core.calls import Call


def ask(method: str, url: str, *, body: bytes = b"", headers: Any = ()) -> Any:
    """What the open scopes answer: a Response, a Fail or a PassThrough; None when no scope is open."""
    call = ask_call(method, url, body=body, headers=headers)
    return None if call is None else settle(call)


def ask_call(method: str, url: str, *, body: bytes = b"", headers: Any = ()) -> Call | None:
    """As `ask`, giving the call itself, closed."""
    call = _asking.open_call(Request.to(method, url, headers=headers, body=body, client="test"))
    if call is not None:
        call.close(response=call.answer if isinstance(call.answer, Response) else None)
    return call


def status(method: str, url: str, **more: Any) -> int:
    """The status of the answer."""
    answer = ask(method, url, **more)
    assert isinstance(answer, Response), answer
    return answer.status
