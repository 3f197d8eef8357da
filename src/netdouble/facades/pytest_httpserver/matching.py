"""pytest-httpserver's matchers: what a request must be like, and in which ways it is not.

Rule: what users may override (`match`, `difference`) is what is asked; texts are pytest-httpserver's (1.2.0).
"""

from __future__ import annotations

import json as jsonlib
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from netdouble.facades.pytest_httpserver.werkzeug_objects import Authorization, MultiDict, Request

URI_DEFAULT = ""
METHOD_ALL = "__ALL"


class Undefined:
    """Nothing was said."""

    def __repr__(self) -> str:
        return "<UNDEFINED>"


UNDEFINED = Undefined()


class NoMethodFoundForMatchingHeaderValueError(Exception):
    """A `HeaderValueMatcher` has no function for a header."""


class URIPattern(ABC):
    """Says itself which paths it means."""

    @abstractmethod
    def match(self, uri: str) -> bool:
        """It means the path `uri`."""


class HeaderValueMatcher:
    """Compares the values of headers, each by a function.

    Args:
        matchers: header to `function(actual, expected)`; by default equality, and `Authorization` by its parts.
    """

    @staticmethod
    def authorization_header_value_matcher(actual: str | None, expected: str) -> bool:
        """Equal in its parts: the order in a Digest does not matter."""
        return Authorization.from_header(actual) == Authorization.from_header(expected)

    @staticmethod
    def default_header_value_matcher(actual: str | None, expected: str) -> bool:
        """Equal."""
        return actual == expected

    DEFAULT_MATCHERS: ClassVar[Mapping[str, Callable[[str | None, str], bool]]] = {}

    def __init__(self, matchers: Mapping[str, Callable[[str | None, str], bool]] | None = None) -> None:
        self.matchers = self.DEFAULT_MATCHERS if matchers is None else matchers

    def __call__(self, header_name: str, actual: str | None, expected: str) -> bool:
        """The values match, by the function for that header, whose case does not count."""
        by_name = {name.lower(): function for name, function in self.matchers.items()}
        matcher = by_name.get(header_name.lower())
        if matcher is None:
            try:
                matcher = self.matchers[header_name]
            except KeyError:
                raise NoMethodFoundForMatchingHeaderValueError(
                    f"No method found for matching header value: {header_name}"
                ) from None
        return matcher(actual, expected)


HeaderValueMatcher.DEFAULT_MATCHERS = defaultdict(
    lambda: HeaderValueMatcher.default_header_value_matcher,
    {"Authorization": HeaderValueMatcher.authorization_header_value_matcher},
)


class QueryMatcher(ABC):
    """Compares query strings."""

    def match(self, request_query_string: bytes) -> bool:
        """What it is and what it should be are equal."""
        actual, expected = self.get_comparing_values(request_query_string)
        return bool(actual == expected)

    @abstractmethod
    def get_comparing_values(self, request_query_string: bytes) -> tuple[Any, Any]:
        """What it is, and what it should be."""


class StringQueryMatcher(QueryMatcher):
    """Byte by byte."""

    def __init__(self, query_string: bytes | str) -> None:
        self.query_string = query_string

    def get_comparing_values(self, request_query_string: bytes) -> tuple[bytes, bytes]:
        """Both as bytes."""
        expected = self.query_string
        return request_query_string, expected.encode() if isinstance(expected, str) else expected


class MappingQueryMatcher(QueryMatcher):
    """By names: the first value of each; of a MultiDict all of them."""

    def __init__(self, query_dict: Mapping[str, str]) -> None:
        self.query_dict = query_dict

    def get_comparing_values(self, request_query_string: bytes) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Both as mappings."""
        there: MultiDict[str, str] = MultiDict(parse_qsl(request_query_string.decode(), keep_blank_values=True))
        return there if isinstance(self.query_dict, MultiDict) else there.to_dict(), self.query_dict


class BooleanQueryMatcher(QueryMatcher):
    """Always, or never."""

    def __init__(self, result: bool) -> None:
        self.result = result

    def get_comparing_values(self, request_query_string: bytes) -> tuple[bool, bool]:  # noqa: ARG002  # whatever it is
        """The verdict, and true."""
        return self.result, True


def query_matcher_of(query_string: Any) -> QueryMatcher:
    """The matcher that `query_string=` stands for. Raises TypeError when it is none."""
    if query_string is None:
        return BooleanQueryMatcher(result=True)
    if isinstance(query_string, QueryMatcher):
        return query_string
    if isinstance(query_string, (str, bytes)):
        return StringQueryMatcher(query_string)
    if isinstance(query_string, Mapping):
        return MappingQueryMatcher(query_string)
    raise TypeError(f"Unable to create QueryMatcher from type: {type(query_string)}")


class RequestMatcher:
    """What a request must be like.

    Args:
        uri: the decoded path: text, a regex that matches from its beginning, a `URIPattern`, or what is `==` to it.
        method: in any case. data: the whole body, text in `data_encoding`. headers: others may be there too.
        query_string: see `query_matcher_of`. header_value_matcher: how header values are compared.
        json: the whole body as JSON.

    Raises:
        ValueError: both `data` and `json`.
    """

    def __init__(
        self,
        uri: Any,
        method: str = METHOD_ALL,
        data: str | bytes | None = None,
        data_encoding: str = "utf-8",
        headers: Mapping[str, str] | None = None,
        query_string: Any = None,
        header_value_matcher: Callable[[str, str | None, str], bool] | None = None,
        json: Any = UNDEFINED,
    ) -> None:
        if json is not UNDEFINED and data is not None:
            raise ValueError("data and json parameters are mutually exclusive")
        self.uri = uri
        self.method = method.upper()
        self.query_string = query_string
        self.query_matcher = query_matcher_of(query_string)
        self.json = json
        self.headers: Mapping[str, str] = headers or {}
        self.data = data.encode(data_encoding) if isinstance(data, str) else data
        self.data_encoding = data_encoding
        self.header_value_matcher = header_value_matcher or HeaderValueMatcher()

    def __repr__(self) -> str:
        said = {"uri": self.uri, "method": self.method, "query_string": self.query_string, "headers": self.headers,
                "data": self.data, "json": self.json}  # fmt: skip
        return f"<{type(self).__name__} {' '.join(f'{name}={value!r}' for name, value in said.items())}>"

    def match_uri(self, request: Request) -> bool:
        """The path."""
        if isinstance(self.uri, (URIPattern, re.Pattern)):
            return bool(self.uri.match(request.path))
        return (isinstance(self.uri, str) and self.uri == URI_DEFAULT) or bool(self.uri == request.path)

    def match_data(self, request: Request) -> bool:
        """The body."""
        return self.data is None or request.data == self.data

    def match_json(self, request: Request) -> bool:
        """The body as JSON."""
        if self.json is UNDEFINED:
            return True
        try:
            there = jsonlib.loads(request.data)
        except ValueError:
            return False
        return bool(there == self.json)

    def difference(self, request: Request) -> list[tuple[str, Any, Any]]:
        """What is different: a name, what it is, what it should be."""
        found: list[tuple[str, Any, Any]] = []
        if not self.match_uri(request):
            found.append(("uri", request.path, self.uri))
        if self.method not in {METHOD_ALL, request.method}:
            found.append(("method", request.method, self.method))
        if not self.query_matcher.match(request.query_string):
            found.append(("query_string", request.query_string, self.query_string))
        wrong = {name: value for name, value in self.headers.items()
                 if not self.header_value_matcher(name, request.headers.get(name), value)}  # fmt: skip
        if wrong:
            found.append(("headers", {name: request.headers.get(name) for name in wrong}, wrong))
        if not self.match_data(request):
            found.append(("data", request.data, self.data))
        if not self.match_json(request):
            found.append(("json", request.data, self.json))
        return found

    def match(self, request: Request) -> bool:
        """Nothing is different."""
        if type(self).difference is not RequestMatcher.difference:
            return not self.difference(request)
        return self.match_uri(request) and self.method in {METHOD_ALL, request.method} and not self.difference(request)
