"""Werkzeug's requests and responses, which pytest-httpserver's API is made of: theirs from ours, ours from theirs.

Rule: the one file that imports Werkzeug for the others; without it there is one error, naming the extra.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from netdouble._core.apps import wsgi_environ
from netdouble._core.messages import Request as Neutral
from netdouble._core.messages import Response as NeutralResponse
from netdouble._core.streams import Remembered, Stream
from netdouble.errors import MissingExtra

try:
    from werkzeug.datastructures import Authorization, Headers, MultiDict
    from werkzeug.exceptions import InternalServerError
    from werkzeug.wrappers import Request, Response
except ImportError as error:
    raise MissingExtra(
        "pytest-httpserver's handlers take and give objects of Werkzeug, which is not installed: "
        "pip install 'netdouble[httpserver]'"
    ) from error

__all__ = ["Authorization", "Headers", "InternalServerError", "MultiDict", "Request", "Response", "neutral_of",
           "neutral_response", "werkzeug_request"]  # fmt: skip

_KEY = "netdouble.request"


def werkzeug_request(request: Neutral) -> Request:
    """The request as Werkzeug has it; made once."""
    memo = request._memo
    if "werkzeug" not in memo:
        memo["werkzeug"] = Request(_environ(request))
    made: Request = memo["werkzeug"]
    return made


def _environ(request: Neutral) -> dict[str, Any]:
    environ = wsgi_environ(request)
    path, _, query = request.raw_target.partition("?")
    if "://" in path.partition("/")[0] + "//":
        path = request.url.path
    environ.update(
        PATH_INFO=unquote_to_bytes(path).decode("latin-1"),
        QUERY_STRING=query,
        RAW_URI=request.raw_target,
        REQUEST_URI=request.raw_target,
        CONTENT_LENGTH=request.headers.get("content-length", ""),
    )
    if not environ["CONTENT_LENGTH"] and request.body:  # it came in chunks
        environ["wsgi.input_terminated"] = True
    environ["wsgi.input"] = BytesIO(request.body)
    environ[_KEY] = request
    return environ


def neutral_of(request: Request) -> Neutral:
    """A request of Werkzeug's in our words: the one that it was made of, if any."""
    known: Any = request.environ.get(_KEY)
    if known is None:
        known = Neutral.to(request.method, request.url, headers=list(request.headers), body=request.get_data())
        known._memo["werkzeug"] = request
    found: Neutral = known
    return found


def neutral_response(response: Response, request: Request) -> NeutralResponse:
    """A response of Werkzeug's to `request` in our words; an iterator of chunks is sent as they come."""
    chunks, status, headers = response.get_wsgi_response(request.environ)
    code, _, reason = status.partition(" ")
    body: bytes | Stream
    whole = response.is_sequence or request.method == "HEAD"
    body = b"".join(chunks) if whole else Stream(Remembered(chunks))
    return NeutralResponse.of_parts(int(code), list(headers), body, reason=reason)


def fresh(response: Response) -> Response:
    """The same again, so that what a hook changes is not there the next time."""
    if not response.is_sequence:
        return response
    return type(response)(response.get_data(), status=response.status, headers=response.headers.copy())
