"""Read a request's body: content coding undone, as JSON, as form fields, as the parts of a multipart body.

Rule 1: a body is read once, however many routes ask; what was read is kept with the request.
Rule 2: a body that can't be read in some way is an `Unreadable` that says why, never an exception.
"""

from __future__ import annotations

import json as jsonlib
import re
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

from netdouble._core.headers import Headers, charset_of
from netdouble._core.messages import Request
from netdouble._core.urls import parse_pairs
from netdouble._core.values import values_by_name

T = TypeVar("T")


class Unreadable(NamedTuple):
    """Why a body can't be read in the way that was asked for."""

    note: str


class Part(NamedTuple):
    """One part of a multipart body (RFC 7578). `filename` is None where there is none: a form field, not a file."""

    name: str
    filename: str | None
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        """The content by its charset, else UTF-8."""
        return self.content.decode(charset_of(self.headers.get("content-type", "")), "replace")


def _remembered(request: Request, name: str, read: Callable[[Request], T]) -> T:
    memo = request._memo  # the request's own store for what was derived from it
    if name not in memo:
        memo[name] = read(request)
    kept: T = memo[name]
    return kept


def query_values(request: Request) -> dict[str, list[str]]:
    """The values of each key of the query."""
    return _remembered(request, "query_values", _read_query)


def plain_body(request: Request) -> bytes:
    """The body, gzip or deflate undone when it is clean; else as sent."""
    if not request.body or "content-encoding" not in request.headers:
        return request.body
    return _remembered(request, "plain_body", _read_plain)


def json_body(request: Request) -> Any | Unreadable:
    """The body as JSON, whatever its Content-Type says."""
    return _remembered(request, "json_body", _read_json)


def form_fields(request: Request) -> dict[str, list[str]] | Unreadable:
    """The values of each field of an urlencoded body, or of the parts of a multipart body that are no files."""
    return _remembered(request, "form_fields", _read_form)


def multipart_parts(request: Request) -> list[Part] | Unreadable:
    """The parts of a multipart body."""
    return _remembered(request, "multipart_parts", _read_parts)


def body_text(request: Request) -> str:
    """The body as text: by the charset of its Content-Type, else UTF-8; undecodable bytes become U+FFFD."""
    return plain_body(request).decode(charset_of(request.headers.get("content-type", "")), "replace")


def body_kind(request: Request) -> str:
    """What the body looks like: `empty`, `JSON`, `a form`, `multipart`, `text` or `bytes`."""
    return _remembered(request, "body_kind", _read_kind)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _read_query(request: Request) -> dict[str, list[str]]:
    return values_by_name(request.query)


def _read_plain(request: Request) -> bytes:
    body = request.body
    # The coding applied last is undone first (RFC 9110 section 8.4).
    for coding in reversed(request.headers["content-encoding"].lower().split(",")):
        try:
            body = _undone(coding.strip(), body)
        except (ValueError, zlib.error):
            return request.body
    return body


def _undone(coding: str, body: bytes) -> bytes:
    if coding in {"", "identity"}:
        return body
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise ValueError(coding)
    plain = b""
    while body:
        reader = zlib.decompressobj(15 if coding == "deflate" else 31)
        plain += reader.decompress(body)
        if not reader.eof:
            raise ValueError("cut off")
        body = reader.unused_data  # gzip may have several members (RFC 1952 section 2.2)
    return plain


def _read_json(request: Request) -> Any | Unreadable:
    body = plain_body(request)
    if not body:
        return Unreadable("the body is empty")
    try:
        return jsonlib.loads(body)
    except (ValueError, RecursionError) as error:
        kind = "multipart" if _media_type(request).startswith("multipart/") else _kind_unless_json(request)
        return Unreadable(f"the body is {kind}" if kind in {"a form", "multipart"} else f"not JSON: {error}")


def _read_kind(request: Request) -> str:
    body, media = plain_body(request), _media_type(request)
    if not body:
        return "empty"
    if media.startswith("multipart/"):
        return "multipart"
    # urllib.request calls every body a form unless told otherwise (CPython 3.13 urllib/request.py do_request_).
    may_be_json = media != "application/x-www-form-urlencoded" or body.lstrip()[:1] in {b"{", b"["}
    if may_be_json and not isinstance(json_body(request), Unreadable):
        return "JSON"
    return _kind_unless_json(request)


# What hardly anything but a form looks like: no white space, and a `=`.
_FORM = re.compile(r"[!-~]*=[!-~]*")


def _kind_unless_json(request: Request) -> str:
    try:
        text = plain_body(request).decode()
    except UnicodeDecodeError:
        return "bytes"
    return "a form" if _media_type(request) == "application/x-www-form-urlencoded" or _FORM.fullmatch(text) else "text"


def _read_form(request: Request) -> dict[str, list[str]] | Unreadable:
    kind = body_kind(request)
    if kind == "multipart":
        parts = multipart_parts(request)
        if isinstance(parts, Unreadable):
            return parts
        return values_by_name((part.name, part.text) for part in parts if part.filename is None)
    if kind in {"JSON", "bytes"}:
        return Unreadable(f"the body is {kind}")
    return values_by_name(parse_pairs(plain_body(request).decode()))


_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)', re.DOTALL)
_QUOTED_PAIR = re.compile(r'\\(["\\])')


def parameters(value: str) -> dict[str, str]:
    """The parameters of a header value such as Content-Disposition; names in lower case, `name*` decoded (RFC 8187)."""
    found: dict[str, str] = {}
    for key, text in _PARAMETER.findall(value):
        found[key.lower()] = _QUOTED_PAIR.sub(r"\1", text[1:-1]) if text.startswith('"') else text
    for key in [k for k in found if k.endswith("*")]:
        charset, _, rest = found.pop(key).partition("'")
        found[key[:-1]] = unquote(rest.partition("'")[2], charset_of(f";charset={charset}"))
    return found


def _read_parts(request: Request) -> list[Part] | Unreadable:
    kind = body_kind(request)
    if kind != "multipart":
        return Unreadable(f"the body is {kind}, not multipart")
    boundary = parameters(request.headers.get("content-type", "")).get("boundary")
    if not boundary:
        return Unreadable("the Content-Type of the multipart body has no boundary")
    # A delimiter is a line of its own (RFC 2046 section 5.1.1): the content may hold what only looks like one.
    delimiter = re.compile(rb"\r\n--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r\n|\Z)")
    body = b"\r\n" + plain_body(request)
    parts: list[Part] = []
    start: int | None = None
    for found in delimiter.finditer(body):
        if start is not None:
            parts.append(_part(body[start : found.start()]))
        if found[1]:
            return parts
        start = found.end()
    return Unreadable("the multipart body has no closing boundary")


def _part(raw: bytes) -> Part:
    # `raw` begins with the CRLF that ends the delimiter: an empty head is a CRLF of its own.
    head, _, content = raw.partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n") if line)
    headers = Headers([(name.strip(), value.strip()) for name, _, value in lines])
    disposition = parameters(headers.get("content-disposition", ""))
    filename = disposition.get("filename")
    return Part(_unescaped(disposition.get("name", "")), None if filename is None else _unescaped(filename), headers,
                content)  # fmt: skip


def _unescaped(text: str) -> str:
    # HTML escapes these three, and not the percent sign (WHATWG HTML section 4.10.21.8).
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n") if "%" in text else text
