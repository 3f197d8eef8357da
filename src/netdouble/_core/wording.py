"""Values and mismatches in words: short, masked, as one would write them in Python.

Rule 1: nothing is shown that was not masked first.
Rule 2: a long value is cut; two long texts are shown where they begin to differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from netdouble._core.masking import (
    MASKED,
    Masked,
    is_secret,
    masked,
    masked_body,
    masked_header,
    masked_text,
    masked_url,
)
from netdouble._core.matching import ABSENT, Mismatch

# A value takes at most so many characters of a line; two texts are shown around the place where they differ.
WIDTH = 100
_BEFORE = 24
# So much of a text is looked at; what is longer is cut before it is masked.
_READ = 4096
_TOKEN = 256
_ITEMS = 20

_WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=._-"
_QUOTED = frozenset({"query", "form", "cookie", "files"})


def quoted(text: str) -> str:
    """A Python literal, in double quotes where it can be."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def literal(value: Any) -> str:
    """A value, already masked, as one would write it in Python."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, re.Pattern):
        return f"re.compile({literal(masked(value.pattern))})"
    if value is ABSENT:
        return "none"
    if value is ...:
        return "..."
    if value is None or isinstance(value, (bool, int, float, bytes, Masked)):
        return repr(value)
    try:
        return masked_text(repr(value))
    except Exception:  # noqa: BLE001  a foreign __repr__ must not cost the report
        return f"<{type(value).__name__}>"


def shown(value: Any) -> str:
    """A value, already masked, on at most one line."""
    if isinstance(value, (str, bytes)) and len(value) > WIDTH:
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"{literal(value[: WIDTH - 20])}... ({len(value)} {unit})"
    text = literal(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def line_of(mismatch: Mismatch) -> str:
    """What differs, on one line without the criterion's name."""
    expected, got = safe_values(mismatch)
    place = masked_text(mismatch.where[:_TOKEN])
    place = place if len(place) <= WIDTH else f"{place[:WIDTH]}..."
    place = quoted(place) if place and mismatch.criterion in _QUOTED else place
    note = f" ({masked_text(mismatch.note)})" if mismatch.note else ""
    if mismatch.criterion == "where":
        return f"{place}: {masked_text(mismatch.note) if mismatch.raised else f'it returned {shown(got)}'}"
    if mismatch.criterion == "not":
        return f"{shown(got)}: it matches, and must not"
    if mismatch.criterion == "method":
        return f"expected {expected}, got {got}"
    if expected is ABSENT:
        return f"expected no {place}, got {shown(got)}{note}" if place else f"expected none, got {shown(got)}{note}"
    prefix = f"{place}: " if place else ""
    if isinstance(expected, str) and isinstance(got, str):
        if max(len(expected), len(got)) > WIDTH and expected != got:
            at = first_difference(str(mismatch.expected), str(mismatch.got))
            note += f" (they differ from character {at + 1} on)"
        return f"{prefix}{_both(expected, got)}{note}"
    if isinstance(expected, Masked) and isinstance(got, Masked):
        note = " (they differ where they are masked)"
    return f"{prefix}expected {shown(expected)}, got {shown(got)}{note}"


def _both(expected: str, got: str) -> str:
    """Two texts, long ones around the place where they differ."""
    if expected == got:
        return f"expected {shown(expected)}, got the same (they differ where they are masked)"
    if max(len(expected), len(got)) <= WIDTH:
        return f"expected {quoted(expected)}, got {quoted(got)}"
    at = first_difference(expected, got)
    return f"expected {_around(expected, at)}, got {_around(got, at)}"


def first_difference(one: str, other: str) -> int:
    """The index of the first character in which two different texts differ."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _around(text: str, at: int) -> str:
    start = max(0, at - _BEFORE)
    end = start + WIDTH // 2
    return f"{'...' if start else ''}{quoted(text[start:end])}{'...' if end < len(text) else ''}"


# Masking what a mismatch holds


def safe_values(mismatch: Mismatch) -> tuple[Any, Any]:
    """Both values of a mismatch without secrets, long ones cut."""
    expected, got = _cut_together(mismatch.expected, mismatch.got)
    return _safe(mismatch, expected), _safe(mismatch, got)


def _safe(mismatch: Mismatch, value: Any) -> Any:
    if value is ABSENT or value is None:
        return value
    criterion, name = mismatch.criterion, name_of(mismatch)
    if isinstance(value, str):
        if criterion == "header":
            return masked_header(name, value)
        if criterion == "cookie":
            # The value of a session's cookie looks like any other; what is short and has a harmless name is shown.
            return MASKED if is_secret(name) or len(value) >= 16 else masked_text(value)
        if criterion in {"url", "path"}:
            return masked_url(value)
        if not name:
            return masked_body(value)
    if isinstance(value, bytes) and not name:
        return masked_body(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if isinstance(value, (list, tuple)) and criterion in {"header", "cookie"}:
        return [_safe(mismatch, each) for each in value]
    return masked(value, name)


def name_of(mismatch: Mismatch) -> str:
    """The name that decides whether the value is secret; of a JSON path any name on it."""
    if mismatch.criterion not in {"json", "files"}:
        return mismatch.where
    names = [name for name in re.split(r"[.\[\]\"$]+", mismatch.where) if name and not name.isdigit()]
    return next((name for name in names if is_secret(name)), names[-1] if names else "")


def _cut_together(expected: Any, got: Any) -> tuple[Any, Any]:
    """Both values, small enough to be read; of two texts the part around the first difference."""
    if isinstance(expected, str) and isinstance(got, str) and max(len(expected), len(got)) > _READ:
        start = max(0, first_difference(expected, got) - _READ // 2)
        return _slice(expected, start), _slice(got, start)
    return cut(expected), cut(got)


def cut(value: Any, depth: int = 0) -> Any:
    """`value` without what nobody would read: long texts, long lists, deep ones."""
    if isinstance(value, str):
        return _slice(value, 0)
    if isinstance(value, bytes):
        return value[:_READ]
    if isinstance(value, (Mapping, list, tuple)) and depth > 8:
        return ...
    if isinstance(value, Mapping):
        return {key: cut(each, depth + 1) for key, each in _some(value.items())}
    if isinstance(value, (list, tuple)):
        return [cut(each, depth + 1) for each in _some(value)]
    return value


def _slice(text: str, start: int) -> str:
    end = start + _READ
    left, middle, right = text[start : start + _TOKEN], text[start + _TOKEN : end - _TOKEN], text[end - _TOKEN : end]
    # A token that is cut in two is known by its shape no more: what is left of it goes, too.
    return (left.lstrip(_WORD) if start else left) + middle + (right.rstrip(_WORD) if end < len(text) else right)


def _some(items: Iterable[Any]) -> list[Any]:
    return [each for _, each in zip(range(_ITEMS), items, strict=False)]


def counted(number: int, noun: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
