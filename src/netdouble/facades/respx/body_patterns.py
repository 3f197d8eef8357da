"""The patterns of a request's body: bytes, JSON, form fields, files.

Rule: a body is read by the core's readers; one of another kind does not match.
"""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from unittest.mock import ANY

from netdouble._core.bodies import Unreadable, multipart_parts
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

    def parse(self, request: Any) -> str:
        """The value at `path`, as text."""
        value: Any = jsonlib.loads(_content(request))
        for name in self.path.split("__") if self.path else ():
            value = value[int(name) if isinstance(value, list) else name]
        return self.hash(value)

    def hash(self, value: Any) -> str:
        """Text that is equal for equal values. Raises TypeError for what JSON has no form of."""
        return jsonlib.dumps(value, sort_keys=True, default=_matcher)

    def __hash__(self) -> int:
        return hash((type(self), self.lookup, self.value))

    def _eq(self, value: str) -> Match:
        # The text tells 1, 1.0 and True apart; only an object with an idea of its own is asked for it.
        return Match(value == self.value or (_has_matchers(self.expected) and self.expected == jsonlib.loads(value)))


def _has_matchers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_matchers, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_matchers, value))
    return not isinstance(value, (str, int, float, bool, type(None)))


def _matcher(value: Any) -> str:
    """A value that is none of JSON's, but compares: `ANY`, a matcher of the user's own."""
    package = type(value).__module__.partition(".")[0]
    compares = any("__eq__" in vars(kind) for kind in type(value).__mro__[:-1])
    if value is not ANY and (package in sys.stdlib_module_names or not compares):
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return repr(value)


class Data(MultiPattern):
    """The fields of a form, urlencoded or multipart."""

    key = "data"
    lookups = (Lookup.EQUAL, Lookup.CONTAINS)

    def clean(self, value: Any) -> MultiItems:
        """As texts."""
        return MultiItems(
            (key, list(map(_form_text, several)) if isinstance(several, (list, tuple)) else _form_text(several))
            for key, several in value.items()
        )

    def parse(self, request: Any) -> MultiItems:
        """As texts."""
        return decode_data(request)[0]


class Files(MultiPattern):
    """The files of a multipart body: name and content; their content types do not matter."""

    key = "files"
    lookups = (Lookup.CONTAINS, Lookup.EQUAL)

    def clean(self, value: Any) -> MultiItems:
        """As name and bytes."""
        pairs = value.items() if isinstance(value, Mapping) else value
        return MultiItems((key, [_file(each)]) for key, each in pairs)

    def parse(self, request: Any) -> MultiItems:
        """As name and bytes."""
        return decode_data(request)[1]


def _content(request: Any) -> bytes:
    content: bytes = request.content if hasattr(request, "_content") else request.read()
    return content


def _form_text(value: Any) -> Any:
    if value is ANY:
        return value
    return "" if value is None else str(value)


def decode_data(request: Any) -> tuple[MultiItems, MultiItems]:
    """The fields of a form, as texts, and its files, as name and bytes; one without a name is a file unless it is text.

    Raises:
        TypeError: a multipart body that can't be read.
    """
    neutral = neutral_request(request)
    fields, files = MultiItems(), MultiItems()
    if not neutral.headers.get("content-type", "").startswith("multipart/"):
        return MultiItems(neutral.form), files
    parts = multipart_parts(neutral)
    if isinstance(parts, Unreadable):
        raise TypeError(parts.note)
    for part in parts:
        if part.filename is None and part.headers.get("content-type", "text/plain").startswith("text/"):
            fields.append(part.name, part.text)
        else:
            files.append(part.name, (part.filename, part.content))
    return fields, files


def _file(value: Any) -> tuple[Any, Any]:
    if isinstance(value, tuple):
        name, value = value[:2]
    else:
        name = PurePath(str(value.name)).name if hasattr(value, "name") else ANY
    if isinstance(value, str):
        value = value.encode()
    elif hasattr(value, "read"):
        value = value.read()
        value = value.encode() if isinstance(value, str) else value
    return name, value
