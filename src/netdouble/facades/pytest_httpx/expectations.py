"""pytest-httpx's matchers: what a registration says of requests, how it is told, and in which ways a request differs.

Rule 1: a matcher looks at the request in netdouble's words; a client that is not httpx is matched as well.
Rule 2: texts are pytest-httpx's (0.36.2), to the letter: suites compare them.
"""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from netdouble._core.matching import ABSENT, MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.url_patterns import UrlPattern
from netdouble._core.urls import URL, parse_url
from netdouble._core.values import values_by_name
from netdouble.facades._differences import Differences
from netdouble.facades._httpx_objects import is_a, module_of, sent_request
from netdouble.facades.pytest_httpx.dialects import Dialect

# One keyword after the other, in the order in which descriptions name them.
KEYWORDS = ("url", "method", "proxy_url", "match_headers", "match_content", "match_json", "match_data", "match_files",
            "match_extensions", "match_params")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """The keywords of the marker.

    Attributes:
        assert_all_responses_were_requested: each registration must be used. assert_all_requests_were_expected: each
        request must be answered. can_send_already_matched_responses: a registration may answer more than once.
        should_mock: whether a request is looked at at all; others go to the real service.
    """

    assert_all_responses_were_requested: bool = True
    assert_all_requests_were_expected: bool = True
    can_send_already_matched_responses: bool = False
    should_mock: Callable[[Any], bool] = lambda request: True  # noqa: ARG005  # every one


class Expectation(UrlPattern):
    """What a registration says of requests: the URL pattern of its route, which looks at the whole request.

    Args:
        dialect: whose words. options: the marker's. The others are the keywords of `add_response`.

    Raises:
        ValueError: keywords that can't go together.
    """

    def __init__(
        self,
        dialect: Dialect,
        options: Options,
        *,
        url: Any = None,
        method: str | None = None,
        proxy_url: Any = None,
        match_headers: Mapping[str, Any] | None = None,
        match_content: bytes | None = None,
        match_json: Any = None,
        match_data: Mapping[str, Any] | None = None,
        match_files: Any = None,
        match_extensions: Mapping[str, Any] | None = None,
        match_params: Mapping[Any, Any] | None = None,
        is_optional: bool | None = None,
        is_reusable: bool | None = None,
    ) -> None:
        self.dialect = dialect
        self._should_mock = options.should_mock
        self.method = method.upper() if method else None
        self.url = _read_url(url)
        self.proxy_url = _read_url(proxy_url)
        self.headers, self.content, self.json = match_headers, match_content, match_json
        self.data, self.files, self.extensions, self.params = match_data, match_files, match_extensions, match_params
        self.is_optional = not options.assert_all_responses_were_requested if is_optional is None else is_optional
        self.is_reusable = options.can_send_already_matched_responses if is_reusable is None else is_reusable
        self._check()
        self._target = None if self.url is None or isinstance(self.url, re.Pattern) else _Target(self.url)
        self.text = str(getattr(self.url, "pattern", self.url or "any URL"))

    def _check(self) -> None:
        ways = [self.content is not None, self.json is not None, self.files is not None]
        if sum(ways) > 1:
            raise ValueError(
                "Only one way of matching against the body can be provided. If you want to match against the JSON "
                "decoded representation, use match_json. If you want to match against the multipart representation, "
                "use match_files (and match_data). Otherwise, use match_content."
            )
        if self.data is not None and self.files is None:
            raise ValueError(
                "match_data is meant to be used for multipart matching (in conjunction with match_files)."
                "Use match_content to match url encoded data."
            )
        if self.params is None:
            return
        if self.url is None:
            raise ValueError("URL must be provided when match_params is used.")
        if isinstance(self.url, re.Pattern):
            raise ValueError(  # noqa: TRY004  # pytest-httpx's type
                "match_params cannot be used in addition to regex URL. Request this feature via "
                f"{self.dialect.issues}/new?title=Regex%20URL%20should%20allow%20match_params&body=Hi,%20I%20need%20a%20"
                "regex%20to%20match%20the%20non%20query%20part%20of%20the%20URL%20only"
            )
        if self.url.query:
            raise ValueError("Provided URL must not contain any query parameter when match_params is used.")

    # Matching

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Every way in which the request differs, but for its method."""
        if any(True for _ in self._differences(request)):
            return Differences(partial(_all, self, request))
        return MATCHED

    def matches(self, request: Request) -> bool:
        """The request is like that, its method too."""
        return self.method in {None, request.method} and not self.mismatches(request)

    def names_host(self, host: str, port: int) -> bool:
        """It was declared for that host."""
        return self._target is not None and self._target.names(host, port)

    def _differences(self, request: Request) -> Iterator[Mismatch]:
        yield from self._url_differences(request)
        if self.proxy_url is not None and not self._is_proxy(request):
            yield Mismatch("proxy", self.proxy_url, request.proxy or ABSENT)
        if self.headers is not None:
            there = _header_values(request)
            for name, value in self.headers.items():
                if there.get(name, ABSENT) != value:
                    yield Mismatch("header", value, there.get(name, ABSENT), name)
        yield from self._body_differences(request)
        if self.extensions is not None:
            told = _extensions(request)
            for name, value in self.extensions.items():
                if told.get(name, ABSENT) != value:
                    yield Mismatch("extension", value, told.get(name, ABSENT), name)
        if not self._should_mock(sent_request(request)):
            yield Mismatch("where", "should_mock", False)

    def _url_differences(self, request: Request) -> Iterator[Mismatch]:
        if self.url is None:
            return
        if self._target is not None:
            params = self.params if self.params is None or not self.dialect.loose_params else _spelled(self.params)
            yield from self._target.differences(request, params)
        elif self.url.match(str(sent_request(request).url)) is None:
            yield Mismatch("url", self.url, str(request.url))

    def _is_proxy(self, request: Request) -> bool:
        if not request.proxy:
            return False
        if isinstance(self.proxy_url, re.Pattern):
            return self.proxy_url.match(request.proxy) is not None
        return str(module_of(request).URL(request.proxy)) == str(self.proxy_url)

    def _body_differences(self, request: Request) -> Iterator[Mismatch]:
        if self.content is not None and request.body != self.content:
            yield Mismatch("content", self.content, request.body)
        if self.json is not None:
            try:
                there = request.json()
            except ValueError:
                yield Mismatch("json", self.json, ABSENT, note="not JSON")
            else:
                if there != self.json:
                    yield Mismatch("json", self.json, there, "$")
        if self.files is not None:
            expected = _multipart(request, self.data, self.files)
            if expected != request.body:
                yield Mismatch("files", self.files, request.body, note="compared as bytes, with the request's boundary")

    @property
    def looks_at_body(self) -> bool:
        """It says something of the body."""
        return self.content is not None or self.json is not None or self.files is not None

    # In words

    def described(self, *, was_used: bool) -> str:
        """As messages list it."""
        verb = "Match" if self.is_reusable or not was_used else "Already matched"
        which = self.method or ("every" if self.is_reusable else "any")
        where = f" on {getattr(self.url, 'pattern', self.url)}" if self.url is not None else ""
        extra = " and ".join(self._details())
        return f"{verb} {which} request{where}{f' with {extra}' if extra else ''}"

    def _details(self) -> Iterator[str]:
        told = (
            (self.params, "query parameters"),
            (self.headers, "headers"),
            (self.content, "body"),
            (self.json, "json body"),
            (self.data, "multipart data"),
            (self.files, "files"),
        )
        for value, name in told:
            if value is not None:
                yield f"{value!r} {name}"
        if self.proxy_url is not None:
            yield f"{getattr(self.proxy_url, 'pattern', self.proxy_url)} proxy URL"
        if self.extensions is not None:
            yield f"{self.extensions} extensions"


def _all(expectation: Expectation, request: Request) -> Sequence[Mismatch]:
    return list(expectation._differences(request))


class _Target:
    """A URL that is not a regex."""

    def __init__(self, url: Any) -> None:
        self._spelled = str(url)
        try:
            self._url: URL | None = parse_url(self._spelled)
        except ValueError:
            self._url = None
        self._query = None if self._url is None else values_by_name(self._url.query_pairs)

    def names(self, host: str, port: int) -> bool:
        return self._url is not None and (self._url.host, self._url.port) == (host, port)

    def differences(self, request: Request, params: Mapping[Any, Any] | None) -> Iterator[Mismatch]:
        expected, url = self._url, request.url
        if expected is None:
            if self._spelled != str(sent_request(request).url):
                yield Mismatch("url", self._spelled, str(url))
            return
        for part in ("scheme", "host", "port", "path"):
            if getattr(expected, part) != getattr(url, part):
                yield Mismatch(part, getattr(expected, part), getattr(url, part))
        there = values_by_name(url.query_pairs)
        wanted: Mapping[Any, Any] = self._query or {}
        if params is not None:
            wanted, there = params, {k: v[0] if len(v) == 1 else v for k, v in there.items()}  # type: ignore[misc]
        if wanted != there:
            for name in {**wanted, **there}:
                if wanted.get(name, ABSENT) != there.get(name, ABSENT):
                    yield Mismatch("query", wanted.get(name, ABSENT), there.get(name, ABSENT), str(name))


def _spelled(params: Mapping[Any, Any]) -> Mapping[str, Any]:
    """Parameters as httpx spells them; a list of one is that one."""
    found = {}
    for name, value in params.items():
        values = [_spelled_value(each) for each in value] if isinstance(value, (list, tuple)) else _spelled_value(value)
        found[str(name)] = values[0] if isinstance(values, list) and len(values) == 1 else values
    return found


def _spelled_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return str(value) if isinstance(value, (int, float)) else value


def _read_url(url: Any) -> Any:
    """A URL of httpx, or a regex."""
    if url is None or isinstance(url, re.Pattern) or is_a(url, "URL"):
        return url
    from netdouble.facades._httpx_objects import default

    return default().URL(url)


def _header_values(request: Request) -> dict[str, str]:
    """Each name as it was sent, its lines joined."""
    values: dict[str, str] = {}
    for name, value in request.headers.fields:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


def _extensions(request: Request) -> Mapping[str, Any]:
    sent = request.native
    options: Mapping[str, Any] = sent.options if sent is not None else {}
    return options


_BOUNDARY = re.compile(r"boundary=\"?([^\";]+)")


def _multipart(request: Request, data: Any, files: Any) -> bytes | None:
    """The bytes that httpx sends for these; None where the request has no boundary."""
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is None:
        return None
    module = module_of(request)
    made = module.Request("POST", "http://netdouble.invalid/", data=data or {}, files=files,
                          headers={"content-type": f"multipart/form-data; boundary={boundary[1]}"})  # fmt: skip
    content: bytes = made.read()
    return content


def described_request(request: Request, expectations: Sequence[Expectation]) -> str:
    """A request as messages tell it: of headers, body and extensions only what some registration looks at."""
    sent = sent_request(request)
    text = f"{request.method} request on {sent.url}"
    details: list[str] = []
    looked_at = {name.lower() for each in expectations for name in each.headers or ()}
    if looked_at:
        values = {name: value for name, value in _header_values(request).items() if name.lower() in looked_at}
        details.append(f"{values} headers")
    if any(each.looks_at_body for each in expectations):
        details.append(f"{request.body!r} body")
    if any(each.proxy_url is not None for each in expectations):
        details.append(f"{request.proxy or 'no'} proxy URL")
    asked = [name for each in expectations for name in each.extensions or ()]
    if asked:
        told = {name: value for name, value in _extensions(request).items() if name in asked}
        details.append(f"{told} extensions")
    return f"{text} with {' and '.join(details)}" if details else text


def jsonable(value: Any) -> Any:
    """A copy of what is to be sent as JSON: what the test changes later is not sent."""
    return jsonlib.loads(jsonlib.dumps(value))
