"""What requests-mock answers: genuine `requests.Response` objects, from the keywords of a registration."""

from __future__ import annotations

import http.client
import json as jsonlib
from collections.abc import Callable, Mapping
from typing import Any

import requests
import requests.adapters
import requests.cookies
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3._collections import HTTPHeaderDict

from netdouble.facades._requests_objects import Behind, place_of, raw_response, rewound
from netdouble.facades.requests_mock import exceptions

_BODY_ARGS = frozenset({"raw", "body", "content", "text", "json"})
_HTTP_ARGS = frozenset({"status_code", "reason", "headers", "cookies", "json_encoder"})
# Untyped in types-requests.
cookiejar_from_dict: Callable[..., Any] = requests.cookies.cookiejar_from_dict
merge_cookies: Callable[..., Any] = requests.cookies.merge_cookies

_adapter = requests.adapters.HTTPAdapter()


class CookieJar(RequestsCookieJar):
    """A jar whose cookies say where they belong."""

    def set(self, name: Any, value: Any, **kwargs: Any) -> Any:
        """Set a cookie; `kwargs` as of `requests.cookies.create_cookie`: `domain`, `path`, ..."""
        return super().set(name, value, **kwargs)


class _NoConnection:
    """Stands for the adapter of a response that came from none."""

    def send(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002  # an adapter's
        raise exceptions.InvalidRequest(
            "This response was created without a connection, so nothing can be sent on it; give create_response() one"
        )

    def close(self) -> None:
        pass


class _Context:
    """What a callback may change: `status_code`, `headers`, `reason`, `cookies`."""

    def __init__(self, headers: Any, status_code: int, reason: str | None, cookies: Any) -> None:
        self.headers = headers
        self.status_code = status_code
        self.reason = reason
        self.cookies = cookies


def _check_body_arguments(**kwargs: Any) -> None:
    provided = [name for name in _BODY_ARGS if kwargs.get(name) is not None]
    extra = sorted(set(kwargs) - _BODY_ARGS - _HTTP_ARGS)
    if extra:
        raise TypeError(f"Too many arguments provided. Unexpected arguments {', '.join(extra)}.")
    if len(provided) > 1:
        raise RuntimeError(f"You may only supply one body element. You supplied {', '.join(sorted(provided))}")


def create_response(request: Any, **kwargs: Any) -> requests.Response:
    """A genuine response.

    Args:
        request: what it answers. kwargs: one of `json`, `text`, `content`, `body` (a file), `raw`; `status_code`,
        `reason`, `headers`, `cookies`, `json_encoder`; `connection`, the adapter it comes from.

    Raises:
        RuntimeError: two bodies. TypeError: a body of a wrong kind, an unknown keyword.
    """
    connection = kwargs.pop("connection", None)
    _check_body_arguments(**kwargs)
    return _created(request, connection, kwargs)


def _created(request: Any, connection: Any, kwargs: Mapping[str, Any]) -> requests.Response:
    """As `create_response`, of keywords that were checked."""
    given = kwargs.get("headers")
    headers = HTTPHeaderDict(given) if given else HTTPHeaderDict()
    cookies = _jar(kwargs.get("cookies"))
    body, encoding = _body(kwargs, headers)
    raw = kwargs.get("raw")
    if raw is None:
        status = kwargs.get("status_code", 200)
        reason = kwargs.get("reason") or http.client.responses.get(status)
        # As requests-mock has it, what is given as the body of a HEAD is its body; urllib3 would refuse that.
        method = "GET" if body else getattr(request, "method", None) or "GET"
        raw = raw_response(status, reason, headers, body, method)
    # Of the proxy it would ask everything three times over.
    response = _adapter.build_response(getattr(request, "_request", request), raw)
    response.request = request
    source: Any = connection or _NoConnection()
    response.connection = source
    if encoding:
        response.encoding = encoding
    if cookies:
        merge_cookies(response.cookies, cookies)
        _tell_session(raw, cookies)
    return response


def _tell_session(raw: Any, cookies: Any) -> None:
    """Let the session's jar find what was given as cookies, where it looks for those of a real response."""
    lines = HTTPHeaderDict(raw.headers)
    for cookie in cookies:
        place = f"; Domain={cookie.domain}" if cookie.domain else ""
        lines.add("Set-Cookie", f"{cookie.name}={cookie.value}; Path={cookie.path}{place}")
    raw._original_response = Behind(lines, getattr(raw._original_response, "body", None))


def _jar(cookies: Any) -> Any:
    return cookiejar_from_dict(dict(cookies)) if isinstance(cookies, Mapping) and not hasattr(
        cookies, "set_cookie") else cookies  # fmt: skip


def _body(kwargs: Mapping[str, Any], headers: Any) -> tuple[Any, str | None]:
    """The body, and the encoding of one that was text."""
    content, text, body = kwargs.get("content"), kwargs.get("text"), kwargs.get("body")
    if content is not None and not isinstance(content, bytes):
        raise TypeError("Content should be binary data, or a callback that gives it")
    if text is not None and not isinstance(text, str):
        raise TypeError("Text should be string data, or a callback that gives it")
    typed = "content-type" in headers
    if kwargs.get("json") is not None:
        text = jsonlib.dumps(kwargs["json"], cls=kwargs.get("json_encoder"))
        if not typed:
            headers["Content-Type"] = "application/json"
    if text is not None:
        # Slow, and UTF-8 for what says nothing: only asked when the registration says a type.
        encoding = (get_encoding_from_headers(dict_of(headers)) if typed else None) or "utf-8"
        return text.encode(encoding), encoding
    if body is not None and not hasattr(body, "read") and not isinstance(body, (bytes, bytearray)):
        raise TypeError(f"Body should be an open binary file, or a callback that gives one, not {body!r:.60}")
    return (body if body is not None else content if content is not None else b""), None


def dict_of(headers: Any) -> Any:
    """Headers as requests' own functions take them."""
    return CaseInsensitiveDict(headers.items())


class _MatcherResponse:
    """One answer of a matcher: the keywords of its registration."""

    def __init__(self, **kwargs: Any) -> None:
        self._exc = kwargs.pop("exc", None)
        if self._exc is not None and kwargs.keys() - {"json_encoder"}:
            raise TypeError("Cannot provide other arguments with exc.")
        _check_body_arguments(**kwargs)
        self._params = kwargs
        self._asks = any(callable(kwargs.get(name)) for name in _BODY_ARGS)
        self._start = place_of(kwargs.get("body"))
        for name, kinds, what in (("content", bytes, "Content should be a callback or binary data"),
                                  ("text", str, "Text should be a callback or string data")):  # fmt: skip
            given = kwargs.get(name)
            if given is not None and not callable(given) and not isinstance(given, kinds):
                raise TypeError(what)
        for name, value in dict(kwargs.get("headers") or {}).items():
            if not isinstance(value, (str, bytes)):
                raise TypeError(f"headers: {name} is {value!r:.60}; a header's value is text, and there is one of it")

    def get_response(self, request: Any, connection: Any = None) -> requests.Response:
        """The answer to `request`.

        Raises:
            BaseException: it was declared to.
        """
        if self._exc is not None:
            raise self._failure(request)
        if not self._asks:
            params = self._params
            if "body" in params:
                params = {**params, "body": rewound(params["body"], self._start)}
            return _created(request, connection, params)
        context = _Context(_case_free(self._params.get("headers")), self._params.get("status_code", 200),
                           self._params.get("reason"), _fresh(_jar(self._params.get("cookies"))))  # fmt: skip
        said = {name: _called(self._params.get(name), request, context) for name in _BODY_ARGS}
        said["body"] = rewound(said["body"], self._start)
        return create_response(
            request, connection=connection, status_code=context.status_code, reason=context.reason,
            headers=context.headers, cookies=context.cookies, json_encoder=self._params.get("json_encoder"),
            **{name: value for name, value in said.items() if value is not None})  # fmt: skip

    def _failure(self, request: Any) -> BaseException:
        error = self._exc() if isinstance(self._exc, type) else self._exc
        if isinstance(error, requests.RequestException) and error.request is None:
            error.request = request
        return error  # type: ignore[no-any-return]  # the user's


def _case_free(headers: Any) -> Any:
    return CaseInsensitiveDict(headers or {})


def _fresh(cookies: Any) -> Any:
    jar = RequestsCookieJar()
    if cookies is not None:
        merge_cookies(jar, cookies)
    return jar


def _called(given: Any, request: Any, context: _Context) -> Any:
    callback: Callable[..., Any] | None = given if callable(given) else None
    return given if callback is None else callback(request, context)
