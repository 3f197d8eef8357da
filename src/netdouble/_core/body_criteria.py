"""The criteria about a request's body: one frozen value for each.

Rule 1: a body is compared whole unless `partial()` says otherwise; its Content-Type does not matter.
Rule 2: a body of another kind is one mismatch with a note that says which kind it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from netdouble._core.bodies import (
    Part,
    Unreadable,
    body_kind,
    body_text,
    form_fields,
    json_body,
    multipart_parts,
    plain_body,
)
from netdouble._core.criteria import Criterion
from netdouble._core.json_values import checked_json, json_mismatches
from netdouble._core.matching import ABSENT, MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.values import (
    Exactly,
    Partial,
    compares_itself,
    equals,
    named_mismatches,
    named_values,
    rewrapped,
    unwrapped,
)
from netdouble.errors import DeclarationError


def _as_sent(request: Request) -> object:
    """What a report shows of a body that could not be read as expected."""
    kind = body_kind(request)
    return ABSENT if kind == "empty" else request.body if kind == "bytes" else body_text(request)


@dataclass(frozen=True, slots=True, repr=False)
class Json(Criterion):
    """The body as JSON."""

    expected: Any

    @classmethod
    def of(cls, declared: Any) -> Json:
        """From `json=`: JSON, `partial()` of it, or an object that compares itself. Raises DeclarationError."""
        return cls(checked_json(declared))

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One for each leaf that differs."""
        got = json_body(request)
        if isinstance(got, Unreadable):
            return (Mismatch("json", self.expected, _as_sent(request), note=got.note),)
        return json_mismatches(self.expected, got)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"json={self.expected!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Form(Criterion):
    """The fields of an urlencoded body, or those of a multipart body that are no files. `exact`: no others."""

    expected: Mapping[str, Any]
    exact: bool

    @classmethod
    def of(cls, declared: Any) -> Form:
        """From `form=`: a mapping, pairs or an urlencoded string, or `partial()` of it. Raises DeclarationError."""
        value, exact = unwrapped(declared, exact=True)
        return cls(named_values("form", value), exact)

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One for each field."""
        found = form_fields(request)
        if isinstance(found, Unreadable):
            return (Mismatch("form", self.expected, _as_sent(request), note=found.note),)
        kind = body_kind(request)
        note = f"the body is {kind}" if kind in {"empty", "text"} else ""
        return named_mismatches("form", self.expected, self.exact, found, note)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"form={rewrapped(self.expected, self.exact, default=True)!r}"


@dataclass(frozen=True, slots=True)
class File:
    """What is expected of one file; `...` for what does not matter."""

    content: Any
    filename: Any = ...
    content_type: Any = ...

    @classmethod
    def of(cls, name: str, declared: Any) -> File:
        """From a content, `(filename, content)` or `(filename, content, content_type)`. Raises DeclarationError."""
        if not isinstance(declared, tuple):
            return cls(_checked_content(name, declared))
        if not 2 <= len(declared) <= 3:
            raise DeclarationError(
                f'files= "{name}": {declared!r:.60} has {len(declared)} items; '
                "write (filename, content) or (filename, content, content_type)"
            )
        filename, content, *kind = declared
        if filename is None:
            raise DeclarationError(f'files= "{name}": a part without a filename is a form field; it goes into form=')
        return cls(_checked_content(name, content), _checked_label(name, filename),
                   _checked_label(name, kind[0]) if kind else ...)  # fmt: skip

    def mismatches(self, where: str, part: Part) -> list[Mismatch]:
        """One for each of content, filename and content type."""
        missed = []
        if not _same_content(self.content, part.content):
            missed.append(Mismatch("files", self.content, _shown(self.content, part), where))
        # aiohttp escapes a filename as a URL (3.14 helpers.py content_disposition_header), the others do not.
        names = (part.filename or "", unquote(part.filename or ""))
        if self.filename is not ... and not any(equals(self.filename, name) for name in names):
            missed.append(Mismatch("files", self.filename, part.filename, f"{where}.filename"))
        kind = part.headers.get("content-type", "")
        kinds = (kind, kind.partition(";")[0].rstrip())
        if self.content_type is not ... and not any(equals(self.content_type, k) for k in kinds):
            missed.append(Mismatch("files", self.content_type, kind or ABSENT, f"{where}.content_type"))
        return missed

    def __repr__(self) -> str:
        if self.filename is ...:
            return repr(self.content)
        return repr((self.filename, self.content, *(() if self.content_type is ... else (self.content_type,))))


@dataclass(frozen=True, slots=True, repr=False)
class Files(Criterion):
    """The files of a multipart body; its other fields are `form=`'s. `exact`: no other files."""

    expected: Mapping[str, list[File]]
    exact: bool

    @classmethod
    def of(cls, declared: Any) -> Files:
        """From `files=`: a mapping of field to what `File.of` takes, None, or a list of them; or `partial()` of it.

        Raises:
            DeclarationError: it is something else.
        """
        value, exact = unwrapped(declared, exact=True)
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise DeclarationError(f'files= is a dict such as {{"field": b"content"}}, not {value!r:.60}')
        return cls({name: _checked_files(name, item) for name, item in value.items()}, exact)

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One for each aspect of each file."""
        parts = multipart_parts(request)
        if isinstance(parts, Unreadable):
            if self.expected == {} and body_kind(request) != "multipart":
                return MATCHED
            return (Mismatch("files", self.expected, _as_sent(request), note=parts.note),)
        found: dict[str, list[Part]] = {}
        for part in parts:
            if part.filename is not None:
                found.setdefault(part.name, []).append(part)
        missed: list[Mismatch] = []
        for name, files in self.expected.items():
            missed += _file_mismatches(name, files, found.get(name, []), parts)
        if self.exact:
            missed += [Mismatch("files", ABSENT, _listed(found[n]), n) for n in found if n not in self.expected]
        return missed or MATCHED

    @property
    def spelled(self) -> str:
        """As declared."""
        shown = {name: files[0] if len(files) == 1 else files or None for name, files in self.expected.items()}
        return f"files={rewrapped(shown, self.exact, default=True)!r}"


def _file_mismatches(name: str, files: list[File], found: list[Part], parts: list[Part]) -> list[Mismatch]:
    if len(files) != len(found):
        is_field = not found and any(part.name == name for part in parts)
        note = "that part has no filename: it is a form field" if is_field else ""
        expected = (files[0] if len(files) == 1 else files) if files else ABSENT
        return [Mismatch("files", expected, _listed(found), name, note)]
    missed = []
    for i, (file, part) in enumerate(zip(files, found, strict=True)):
        missed += file.mismatches(name if len(files) == 1 else f"{name}[{i}]", part)
    return missed


def _listed(parts: list[Part]) -> object:
    shown = [(part.filename, part.content) for part in parts]
    return (shown[0] if len(shown) == 1 else shown) if shown else ABSENT


def _checked_files(name: str, declared: Any) -> list[File]:
    if declared is None:
        return []
    return [File.of(name, item) for item in (declared if isinstance(declared, list) else [declared])]


def _checked_content(name: str, declared: Any) -> Any:
    if isinstance(declared, (bytearray, memoryview)):
        return bytes(declared)
    if isinstance(declared, (bytes, str, re.Pattern)) or _compares_itself_with(bytes, declared):
        return declared
    repair = "pass its content, read()" if hasattr(declared, "read") else "write bytes, a text, a regex or ANY"
    raise DeclarationError(f'files= "{name}": {declared!r:.60} never equals the content of a file; {repair}')


def _checked_label(name: str, declared: Any) -> Any:
    if isinstance(declared, str) or _compares_itself_with(str, declared):
        return declared
    raise DeclarationError(f'files= "{name}": {declared!r:.60} is no filename or content type; write a text or ANY')


def _compares_itself_with(kind: type[str | bytes], declared: Any) -> bool:
    """A regex of that kind, or an object that compares itself."""
    if isinstance(declared, re.Pattern):
        return isinstance(declared.pattern, kind)
    return compares_itself(declared) and not isinstance(declared, (Exactly, Partial))


def _same_content(expected: Any, got: bytes) -> bool:
    if isinstance(expected, str):
        return expected.encode() == got
    if isinstance(expected, re.Pattern):
        text = got if isinstance(expected.pattern, bytes) else got.decode("utf-8", "replace")
        return expected.search(text) is not None
    return bool(expected == got)


def _shown(expected: Any, part: Part) -> object:
    texts = isinstance(expected, str) or (isinstance(expected, re.Pattern) and isinstance(expected.pattern, str))
    return part.text if texts else part.content


@dataclass(frozen=True, slots=True, repr=False)
class Text(Criterion):
    """The body as text."""

    expected: Any

    @classmethod
    def of(cls, declared: Any) -> Text:
        """From `text=`: str, a regex, or an object that compares itself. Raises DeclarationError."""
        if isinstance(declared, str) or _compares_itself_with(str, declared):
            return cls(declared)
        raise DeclarationError(
            f"text= is a str, a regex of text or ANY, not {declared!r:.60}; bytes go into content=, part of a text "
            "is found by a regex"
        )

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """At most one."""
        got = body_text(request)
        return MATCHED if equals(self.expected, got) else (Mismatch("text", self.expected, got),)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"text={self.expected!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Content(Criterion):
    """The body as bytes: as sent, or its content coding undone."""

    expected: Any

    @classmethod
    def of(cls, declared: Any) -> Content:
        """From `content=`: bytes, a regex of bytes, or an object that compares itself. Raises DeclarationError."""
        if isinstance(declared, (bytes, bytearray, memoryview)):
            return cls(bytes(declared))
        if _compares_itself_with(bytes, declared):
            return cls(declared)
        raise DeclarationError(
            f"content= is bytes, a regex of bytes or ANY, not {declared!r:.60}; a str goes into text=, part of a body "
            "is found by a regex"
        )

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """At most one."""
        plain = plain_body(request)
        if _same_content(self.expected, plain) or _same_content(self.expected, request.body):
            return MATCHED
        return (Mismatch("content", self.expected, plain),)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"content={self.expected!r}"
