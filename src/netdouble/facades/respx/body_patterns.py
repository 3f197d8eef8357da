"""The patterns of a request's body: bytes, JSON, form fields, files.

Rule: a body is read by the core's readers; one of another kind does not match.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from typing import Any
from unittest.mock import ANY

from netdouble._core.bodies import Unreadable, form_fields, multipart_parts
from netdouble.facades._httpx_objects import neutral_request
from netdouble.facades.respx.lookups import Lookup, Match, PathPattern, Pattern
from netdouble.facades.respx.multi_items import MultiItems, MultiPattern


class Content(Pattern):
    """The body as bytes."""

    key = "content"
    lookups = (Lookup.EQUAL, Lookup.CONTAINS)

    def clean(self, value: Any) -> bytes:
        """As bytes."""
        return value.encode() if isinstance(value, str) else value

    def parse(self, request: Any) -> bytes:
        """As it was sent."""
        return _content(request)

    def _contains(self, value: bytes) -> Match:
        return Match(self.value in value)


class JSON(PathPattern):
    """The body as JSON, or a value in it."""

    key = "json"
    lookups = (Lookup.EQUAL,)

    expected: Any

    def clean(self, value: Any) -> str:
        """As text, the keys sorted."""
        self.expected = value
        return self.hash(value)

    def parse(self, request: Any) -> Any:
        """The value at `path`."""
        value: Any = jsonlib.loads(_content(request))
        for name in self.path.split("__") if self.path else ():
            value = value[int(name) if isinstance(value, list) else name]
        return value

    def hash(self, value: Any) -> str:
        """Text that is equal for equal values."""
        return jsonlib.dumps(value, sort_keys=True, default=repr)

    def __hash__(self) -> int:
        return hash((type(self), self.lookup, self.value))

    def _eq(self, value: Any) -> Match:
        # The text tells 1, 1.0 and True apart; only an object with an idea of its own is asked for it.
        return Match(self.hash(value) == self.value or (_has_matchers(self.expected) and self.expected == value))


def _has_matchers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_matchers, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_matchers, value))
    return not isinstance(value, (str, int, float, bool, type(None)))


class Data(MultiPattern):
    """The fields of a form, urlencoded or multipart."""

    key = "data"
    lookups = (Lookup.EQUAL, Lookup.CONTAINS)

    def clean(self, value: Any) -> MultiItems:
        """As texts."""
        return MultiItems(
            (key, one)
            for key, several in value.items()
            for one in ([_form_text(each) for each in several] if isinstance(several, (list, tuple)) else
                        [_form_text(several)])
        )  # fmt: skip

    def parse(self, request: Any) -> MultiItems:
        """As texts."""
        return _form(request)


class Files(MultiPattern):
    """The files of a multipart body: name and content; their content types do not matter."""

    key = "files"
    lookups = (Lookup.CONTAINS, Lookup.EQUAL)

    def clean(self, value: Any) -> MultiItems:
        """As name and bytes."""
        pairs = value.items() if isinstance(value, Mapping) else value
        return MultiItems((key, _file(each)) for key, each in pairs)

    def parse(self, request: Any) -> MultiItems:
        """As name and bytes."""
        parts = multipart_parts(neutral_request(request))
        if isinstance(parts, Unreadable):
            return MultiItems()
        return MultiItems((p.name, (p.filename, p.content)) for p in parts if p.filename is not None)


def _content(request: Any) -> bytes:
    content: bytes = request.content if hasattr(request, "_content") else request.read()
    return content


def _form_text(value: Any) -> Any:
    if value is ANY:
        return value
    return "" if value is None else str(value)


def _form(request: Any) -> MultiItems:
    neutral = neutral_request(request)
    kind = neutral.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return MultiItems(neutral.form)
    fields = form_fields(neutral)
    if isinstance(fields, Unreadable):
        raise TypeError(fields.note)
    return MultiItems((name, value) for name, values in fields.items() for value in values)


def _file(value: Any) -> tuple[Any, Any]:
    name: Any = ANY
    if isinstance(value, tuple):
        name, value = value[0], value[1]
    if isinstance(value, str):
        value = value.encode()
    elif hasattr(value, "read"):
        value = value.read()
        value = value.encode() if isinstance(value, str) else value
    return name, value
