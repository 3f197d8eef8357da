"""urllib3's response object from ours, for its object seam (`fast`) and for `Response.as_urllib3()`, `.as_requests()`.

Rule: urllib3 comes as an argument, because requests reaches it as `requests.packages.urllib3`; nothing is imported.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from netdouble import _active, _asking
from netdouble._active import Scope
from netdouble._answering import settle_for, sleep, whole
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Verbatim
from netdouble._intercept.layers import raise_past, unspoken
from netdouble._intercept.memory_socket import hand_down, is_handed_down


def fast_scope(body: object) -> Scope | None:
    """The scope that answers at the object seam: it asks for that, and the body can be looked at without using it up.

    Raises:
        AmbiguousScope, ScopeClosed: see `_active.current`.
    """
    if not _active.any_fast() or not (body is None or isinstance(body, (bytes, str))):
        return None
    if is_handed_down() or _active.is_passing():
        return None
    scope = _active.current()
    return scope if scope is not None and scope.settings.fast == "on" and scope.settings.layer != "wire" else None


def answered(scope: Scope, request: Request, build: Callable[[Response], Any], send: Callable[[], Any],
             timeout: float | None, library: str = "") -> Any:  # fmt: skip
    """What a client's send is to return: `build(response)` for a plain response, else what `send` makes of the call.

    Args:
        scope: as `fast_scope` gave it. build: the client's object for a response. send: the client's own way, down to
            the bytes; faults, streams and pass-throughs take it. timeout: seconds after which the client would stop
            waiting for the response. library: whose response objects are returned as they are; `build` has no part in
            these.
    """
    call = _asking.ask(scope, request)
    try:
        answer = call.answer if type(call.answer) is Response else unspoken(lambda: settle_for(library, call))
    except Exception as error:  # noqa: BLE001  # the user's function raised it
        call.close(error=error)
        raise_past(error)
    if isinstance(answer, Verbatim):
        call.close(response=answer.neutral)
        return answer.native
    late = timeout is not None and isinstance(answer, Response) and answer.delay > timeout
    if late or not isinstance(answer, Response) or not answer.is_at_once:
        call.answer = answer
        return hand_down(call, send)
    if answer.delay:
        sleep(answer.delay)
    built = build(answer)
    call.close(response=answer)
    return built


def read_timeout(timeout: Any) -> float | None:
    """Seconds for which a client waits for a response: of a number, a (connect, read) pair or a `urllib3.Timeout`."""
    if timeout is None:
        return None
    if isinstance(timeout, tuple):
        timeout = timeout[1]
    elif hasattr(timeout, "clone"):
        timeout = timeout.clone()
        timeout.start_connect()  # one with a total time tells what is left of it
        timeout = timeout.read_timeout
    return timeout if isinstance(timeout, (int, float)) else None


def of_the_wire(*, decoded: bool) -> frozenset[str]:
    """Headers that told of a body as it was on the wire, and are wrong for what a client made of it."""
    return frozenset({"content-length", "transfer-encoding"} | ({"content-encoding"} if decoded else set()))


class _Original:
    """What is asked of the http.client response behind a urllib3 response: its headers, and whether it is read up."""

    def __init__(self, headers: Any, method: str, body: io.BytesIO, size: int) -> None:
        self.msg = self.headers = headers
        self._method, self._body, self._size = method, body, size

    def isclosed(self) -> bool:
        return self._body.closed or self._body.tell() >= self._size

    def close(self) -> None:
        self._body.close()


def bare_response(urllib3: Any, response: Response, method: str, **options: Any) -> Any:
    """A `urllib3.HTTPResponse` over the bytes of `response`; `options` go to its constructor."""
    body = response.body if response.stream is None else whole(response.stream)
    headers = urllib3._collections.HTTPHeaderDict(_lines(response, len(body)))
    if method == "HEAD" or response.status in _BODILESS:
        body = b""
    file = io.BytesIO(body)
    built = urllib3.HTTPResponse(
        body=file, headers=headers, status=response.status, reason=response.reason,
        version=10 if response.http_version == "1.0" else 11, request_method=method,
        original_response=_Original(headers, method, file, len(body)), **options)  # fmt: skip
    built.version_string = f"HTTP/{response.http_version}"  # a keyword since 2.2
    return built


_BODILESS = frozenset({204, 304})


def _lines(response: Response, size: int) -> list[tuple[str, str]]:
    """The header lines, with how long the body is; made once, and kept beside the codec's spellings of the response."""
    if response.wire is None:
        response.wire = {}
    lines: list[tuple[str, str]] | None = response.wire.get("urllib3")
    if lines is None:
        lines = list(response.headers.fields)
        if response.status not in _BODILESS and not {"content-length", "transfer-encoding"} & set(response.headers):
            lines.append(("Content-Length", str(size)))
        if response.stream is None:  # else another run may be of another length
            response.wire["urllib3"] = lines
    return lines
