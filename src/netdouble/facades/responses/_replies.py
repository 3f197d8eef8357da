"""What responses answers: `Response`, `CallbackResponse`, `PassthroughResponse`, and the base that users derive from.

Rule: they may be changed after they were registered; what they say is read at each request.
"""

from __future__ import annotations

import inspect
import json as jsonlib
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from http.client import responses as reasons
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from urllib3._collections import HTTPHeaderDict

from netdouble._core.router import Router
from netdouble._core.routes import Route
from netdouble._intercept.requests import neutral
from netdouble.facades._requests_objects import place_of, raw_response, rewound
from netdouble.facades.responses._calls import CallList
from netdouble.facades.responses._matching import first_reason, pattern_of, spelled_url

if TYPE_CHECKING:
    from urllib3 import HTTPResponse

# An argument that was not given.
UNSET: Any = type("Unset", (), {"__repr__": lambda self: "unset"})()  # noqa: ARG005  # a method


class BaseResponse:
    """One registered answer: for whom it is, and how to make it.

    Args:
        method: as `"GET"`, in any case. url: text, or a regex that must match from the URL's beginning.
        match_querystring: deprecated; the query counts when the URL has one. match: matchers, all of which must say
        yes. passthrough: the real service answers.

    Raises:
        NotImplementedError: `get_response` of this class itself.
    """

    passthrough: bool = False
    content_type: str | None = None
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None
    stream: bool | None = False
    _matches_itself: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        cls._matches_itself = cls.matches is not BaseResponse.matches

    def __init__(self, method: str, url: str | re.Pattern[str], match_querystring: bool | None = None,
                 match: Iterable[Callable[..., Any]] = (), *, passthrough: bool = False) -> None:  # fmt: skip
        self.method = method
        self.url: Any = spelled_url(url) if isinstance(url, str) else url
        self.match_querystring = self._counts_query(match_querystring)
        self.match = match
        self.passthrough = passthrough
        self._routes: list[tuple[Router, Route]] = []
        self._calls = CallList(self._logged)

    def _counts_query(self, given: bool | None) -> bool:
        if isinstance(self.url, re.Pattern):
            return False
        if given is not None:
            warnings.warn(
                "Argument 'match_querystring' is deprecated. Use 'responses.matchers.query_param_matcher' or "
                "'responses.matchers.query_string_matcher'",
                DeprecationWarning,
                stacklevel=4,
            )
            return bool(given)
        return bool(urlsplit(self.url).query)

    def _logged(self) -> list[Any]:
        return [call for router, route in self._routes for call in router.calls_of(route)]

    @property
    def call_count(self) -> int:
        """How many requests it answered."""
        return len(self._logged())

    @property
    def calls(self) -> CallList:
        """The requests it answered."""
        return self._calls

    def matches(self, request: Any) -> tuple[bool, str]:
        """Whether it answers `request`; and if not, why."""
        if request.method.upper() != self.method.upper():
            return False, "Method does not match"
        if pattern_of(self.url, whole_query=self.match_querystring).mismatches(_asked(request)):
            return False, "URL does not match"
        return first_reason(self.match, request)

    def get_headers(self) -> HTTPHeaderDict:
        """The headers of the answer; the Content-Type is its own unless `headers` has one."""
        fields = list(pairs_of(self.headers))
        headers = _lines(fields)
        if self.content_type and "content-type" not in headers:
            headers = _lines([("Content-Type", self.content_type), *fields])
        return headers

    def check(self) -> None:
        """Raise TypeError when it can't be answered; asked when it is registered."""

    def get_response(self, request: Any) -> HTTPResponse:
        """The answer to `request`; subclasses say it."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseResponse):
            return False
        return self.method == other.method and _text_of(self.url) == _text_of(other.url)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # it may be changed

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in {"_routes", "_calls"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._routes = []
        self._calls = CallList(self._logged)


class Response(BaseResponse):
    """An answer that is known beforehand.

    Args:
        body: text, bytes, an open binary file, or an exception to raise. json: the body as JSON, if not None.
        status, headers: of the answer; headers may be pairs, for a name that comes twice.
        content_type: by default `application/json` with `json`, else `text/plain`; None: none.
        auto_calculate_content_length: add a Content-Length.

    Raises:
        TypeError: a body of another kind. AssertionError: both `body` and `json`.
    """

    def __init__(
        self,
        method: str,
        url: str | re.Pattern[str],
        body: Any = "",
        json: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        stream: bool | None = None,
        content_type: str | None = UNSET,
        auto_calculate_content_length: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(method, url, **kwargs)
        if json is not None:
            if body:
                raise AssertionError("both body= and json= are given; keep one of them")
            body = jsonlib.dumps(json)
            content_type = "application/json" if content_type is UNSET else content_type
        if content_type is UNSET:
            content_type = "text/plain" if not isinstance(body, str) or body.isascii() else "text/plain; charset=utf-8"
        self.body: Any = body
        self._start = place_of(body)
        self.status = status
        self.headers = headers
        self.stream = _old_stream(stream)
        self.content_type = content_type
        self.auto_calculate_content_length = auto_calculate_content_length

    def get_response(self, request: Any) -> HTTPResponse:
        """The answer; a file that can be is read from where it stood when it was declared, at each request.

        Raises:
            Exception: the body is one.
        """
        if isinstance(self.body, BaseException):
            failure: Any = self.body
            failure.request = request  # as requests' own have it
            raise failure
        headers = self.get_headers()
        body = rewound(self.body, self._start)
        if self.auto_calculate_content_length and not hasattr(self.body, "read"):
            body = body.encode() if isinstance(body, str) else body
            headers.setdefault("Content-Length", str(len(body)))
        return raw_response(self.status, reasons.get(self.status), headers, body, request.method)

    def __repr__(self) -> str:
        headers = jsonlib.dumps(dict(self.headers)) if self.headers is not None else "null"
        return (
            f"<Response(url='{self.url}' status={self.status} content_type='{self.content_type}' headers='{headers}')>"
        )

    def check(self) -> None:
        """Raise TypeError when the body can't be answered."""
        check_body(self.body)


class CallbackResponse(BaseResponse):
    """An answer that a function gives.

    Args:
        callback: takes the request; gives `(status, headers, body)`, or an exception to raise.
        content_type: unless the callback gives one.
    """

    def __init__(self, method: str, url: str | re.Pattern[str], callback: Callable[[Any], Any],
                 stream: bool | None = None, content_type: str | None = "text/plain",
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(method, url, **kwargs)
        self.callback = callback
        self.stream = _old_stream(stream)
        self.content_type = content_type

    def get_response(self, request: Any) -> HTTPResponse:
        """What the callback says."""
        result = self.callback(request)
        if isinstance(result, Exception):
            raise result
        status, given, body = result
        if isinstance(body, Exception):
            raise body
        fields = list(pairs_of(given))
        headers = self.get_headers()
        if any(name.lower() == "content-type" for name, _ in fields):
            headers.discard("Content-Type")
        for name, value in fields:
            headers.add(name, value)
        check_body("" if body is None else body)
        return raw_response(status, reasons.get(status), headers, body, request.method)


class PassthroughResponse(BaseResponse):
    """The real service answers; the call is recorded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, passthrough=True, **kwargs)


def _lines(fields: Iterable[tuple[str, str]]) -> HTTPHeaderDict:
    """One by one: its constructor asks first what it was given, which is slow."""
    headers = HTTPHeaderDict()
    for name, value in fields:
        headers.add(name, value)
    return headers


def pairs_of(headers: Any) -> Iterable[tuple[str, str]]:
    """Names and values of headers given as a mapping or as pairs."""
    return () if not headers else headers.items() if hasattr(headers, "items") else headers


def check_body(body: Any) -> None:
    if isinstance(body, (BaseException, str, bytes, bytearray)) or hasattr(body, "read"):
        return
    if isinstance(body, type) and issubclass(body, BaseException):
        raise TypeError(f"body= is the class {body.__name__}; give an instance: body={body.__name__}(...)")
    what = "a generator" if inspect.isgenerator(body) else f"a {type(body).__name__}"
    raise TypeError(f"body= is text, bytes, an open binary file or an exception, not {what}; json= takes anything else")


def _old_stream(stream: bool | None) -> bool | None:
    if stream is not None:
        warnings.warn(
            "stream argument is deprecated. Use stream parameter in request directly", DeprecationWarning, stacklevel=4
        )
    return stream


def _text_of(url: Any) -> str:
    return str(getattr(url, "pattern", url))


def _asked(request: Any) -> Any:
    from netdouble._core.client_objects import ClientObjects

    asked = neutral(request)
    asked._memo["native"] = ClientObjects("requests", request, None, {})
    return asked
