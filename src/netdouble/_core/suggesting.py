"""The stub that would answer a request: valid Python, ready to be pasted.

Rule: pasted as it is, it matches the request; what is secret is `ANY`, in a path a field of a template.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from netdouble._core.bodies import Unreadable, body_kind, body_text, form_fields, json_body, plain_body
from netdouble._core.masking import is_secret, masked, masked_text
from netdouble._core.messages import Request
from netdouble._core.values import values_by_name
from netdouble._core.wording import literal, quoted

# What is longer stands in the way of reading the rest.
_BODY = 300
_LINE = 110
_VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY"})


class _Any:
    """Spelled as `unittest.mock.ANY`."""

    def __repr__(self) -> str:
        return "ANY"


_ANY = _Any()


def stub_for(request: Request, server: str = "") -> list[str]:
    """The lines of a stub that answers `request`; more than one when it is long.

    Args:
        server: the URL of the server that it came to; what is meant for the server itself is declared there, by path.
    """
    is_own = request.url.origin == server
    on = "server" if is_own else "net"
    verb = f"{on}.{request.method.lower()}(" if request.method in _VERBS else f"{on}.route({quoted(request.method)}, "
    url = _url(request)
    arguments = [quoted(url.removeprefix(server) if is_own else url), *_conditions(request)]
    wants_json = "json" in request.headers.get("accept", "")
    end = f").reply({'json={}' if wants_json else '200'})"
    if request.url.scheme in {"ws", "wss"}:
        verb, end = "net.websocket(", ').send("...")'
    line = verb + ", ".join(arguments) + end
    if len(line) <= _LINE:
        return [line]
    return [verb.rstrip(), *(f"    {argument}," for argument in arguments), end]


def needs_any(lines: Iterable[str]) -> bool:
    """Some secret is spelled `ANY`, which has to be imported."""
    return any("ANY" in line for line in lines)


def _url(request: Request) -> str:
    # A `*` in a path would be read as a wildcard, a secret must not be shown: any segment will do there.
    segments = [
        f"{{part{i}}}" if segment == "*" or masked_text(segment) != segment else segment
        for i, segment in enumerate(request.url.segments, 1)
    ]
    return f"{request.url.origin}/{'/'.join(segments)}"


def _conditions(request: Request) -> list[str]:
    found = []
    if request.query:
        found.append(f"query={_named(values_by_name(request.query))}")
    if len(plain_body(request)) <= 4 * _BODY:
        body = _body(request)
        if len(body) <= _BODY:
            found.append(body)
    return [each for each in found if each]


def _body(request: Request) -> str:
    kind = body_kind(request)
    if kind == "JSON":
        return f"json={literal(_without_secrets(json_body(request)))}"
    if kind == "a form":
        fields = form_fields(request)
        return "" if isinstance(fields, Unreadable) else f"form={_named(fields)}"
    if kind == "text":
        text = body_text(request)
        return f"text={quoted(text) if masked_text(text) == text else 'ANY'}"
    return ""


def _named(values: dict[str, list[str]]) -> str:
    return literal({
        name: _without_secrets(each[0] if len(each) == 1 else each, name)
        for name, each in values.items()
        if masked_text(name) == name
    })  # fmt: skip


def _without_secrets(value: Any, name: str = "") -> Any:
    """`value` with ANY in the place of each secret; and of numbers that Python has no literal for."""
    if isinstance(value, dict):
        if any(masked_text(key) != key for key in value):
            return _ANY
        inner = name if is_secret(name) else ""
        return {key: _without_secrets(each, inner or key) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each, name) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _ANY
    return value if masked(value, name) == value else _ANY
