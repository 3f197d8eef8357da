"""What a response carries: bytes, or a stream of chunks; the spelling of each kind of body.

Rule: a body that could be sent only once is refused where it is declared.
"""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from netdouble._core.events import Event, event_steps
from netdouble._core.streams import Stream
from netdouble.errors import DeclarationError


def encode_body(name: str, value: Any) -> tuple[str, bytes, Stream | None]:
    """Content-Type (or ""), bytes and stream of one body argument.

    Raises:
        DeclarationError: the value can't be sent as that kind of body.
    """
    if name == "json":
        try:
            return "application/json", jsonlib.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), None
        except (TypeError, ValueError) as error:
            raise DeclarationError(f"json= can't be written as JSON: {error}") from None
    if name in {"text", "html"}:
        if not isinstance(value, str):
            raise DeclarationError(f"{name}= must be str, not {type(value).__name__}; bytes go into content=")
        try:
            return f"text/{'plain' if name == 'text' else 'html'}; charset=utf-8", value.encode(), None
        except UnicodeEncodeError as error:
            raise DeclarationError(f"{name}= can't be written as UTF-8: {error}; bytes go into content=") from None
    if name == "content":
        if isinstance(value, (bytes, bytearray, memoryview)):
            return "", bytes(value), None
        if isinstance(value, str):
            raise DeclarationError("content= must be bytes; a str goes into text=")
        raise DeclarationError(
            f"content= must be bytes, not {type(value).__name__}: a body that is read once could not be sent again. "
            "Chunks go into stream= as a list or as the function that makes them"
        )
    if name == "form":
        try:
            return "application/x-www-form-urlencoded", urlencode(value, doseq=True).encode(), None
        except (TypeError, ValueError):  # what is not pairs; a text that UTF-8 does not have
            written = "; a form that is written already goes into text=" if isinstance(value, str) else ""
            raise DeclarationError(f"form= is a mapping or pairs of texts, not {value!r:.60}{written}") from None
    if name == "file":
        if not isinstance(value, (str, os.PathLike)):
            raise DeclarationError(f"file= is the path of a file, not {value!r:.60}; its bytes go into content=")
        try:
            with open(value, "rb") as opened:
                data = opened.read()
        except OSError as error:
            raise DeclarationError(f"file= can't be read: {error}") from None
        import mimetypes  # reads the system's tables: 3 ms that only file= pays

        return mimetypes.guess_type(os.fspath(value))[0] or "application/octet-stream", data, None
    if name == "sse":
        if isinstance(value, (str, bytes, Mapping, Event)) or not isinstance(value, Iterable):
            raise DeclarationError(f"sse= is a list of events, not one {type(value).__name__}: write sse=[...]")
        return "text/event-stream", b"", Stream(list(event_steps(value)))
    return "", b"", Stream(value)
