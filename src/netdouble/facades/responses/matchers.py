"""responses' matchers: functions of what is wanted, each giving a function of the request.

That one returns whether the request is as wanted, and if not, why.
"""

from __future__ import annotations

import gzip
import json as jsonlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlparse

import requests

__all__ = ["body_matcher", "fragment_identifier_matcher", "header_matcher", "json_params_matcher",
           "multipart_matcher", "query_param_matcher", "query_string_matcher", "request_kwargs_matcher",
           "urlencoded_params_matcher"]  # fmt: skip

Verdict = Callable[[Any], "tuple[bool, str]"]


def body_matcher(params: str | bytes, *, allow_blank: bool = False) -> Verdict:  # noqa: ARG001  # the peer's signature
    """The body is this text, or these bytes."""

    def match(request: Any) -> tuple[bool, str]:
        body = _bytes(request.body)
        wanted = params.encode() if isinstance(params, str) else params
        return _verdict(body == wanted, f"request.body doesn't match {_readable(body)} doesn't match {params!r}")

    return match


def urlencoded_params_matcher(
    params: Mapping[str, Any] | None, *, allow_blank: bool = False, strict_match: bool = True
) -> Verdict:
    """The body is a form with these fields; others may be there too unless `strict_match`.

    Args:
        params: None for no body. A field that comes several times has a list. allow_blank: fields without a value
        count too.
    """

    def match(request: Any) -> tuple[bool, str]:
        body = _bytes(request.body)
        got = _grouped(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=allow_blank)) if body else {}
        wanted = dict(params or {})
        if not params:
            return _verdict(not body, _body_differs(got, wanted))
        compared = got if strict_match else {name: value for name, value in got.items() if name in wanted}
        return _verdict(compared == wanted, _body_differs(compared, wanted))

    return match


def json_params_matcher(params: Mapping[str, Any] | list[Any] | None, *, strict_match: bool = True) -> Verdict:
    """The body is this JSON, gzip undone; objects may have other members unless `strict_match`.

    Args:
        params: None for no body, or an empty one.
    """

    def match(request: Any) -> tuple[bool, str]:
        try:
            got = _json_of(request)
        except ValueError:
            return False, "request.body doesn't match: JSONDecodeError: Cannot parse request.body"
        wanted = params if params is not None else {}
        compared = got if strict_match else _only(got, wanted)
        return _verdict(compared == wanted, _body_differs(compared, wanted))

    return match


def _json_of(request: Any) -> Any:
    body = _bytes(request.body)
    if body[:2] == b"\x1f\x8b":  # RFC 1952 section 2.3.1: no JSON begins so
        body = gzip.decompress(body)
    return jsonlib.loads(body) if body else {}


def _only(got: Any, wanted: Any) -> Any:
    """Of `got` what `wanted` names, at every depth."""
    if isinstance(got, Mapping) and isinstance(wanted, Mapping):
        return {name: _only(value, wanted[name]) for name, value in got.items() if name in wanted}
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        return [_only(left, right) for left, right in zip(got, wanted, strict=True)]
    return got


def fragment_identifier_matcher(identifier: str | None) -> Verdict:
    """The URL has this fragment; one of names and values in any order."""

    def match(request: Any) -> tuple[bool, str]:
        got = urlparse(request.url).fragment
        same = (got or None) == (identifier or None)
        if not same and identifier:
            pairs = sorted(parse_qsl(got, keep_blank_values=True))
            same = bool(pairs) and pairs == sorted(parse_qsl(identifier, keep_blank_values=True))
        return _verdict(same, f"URL fragment identifier is different: {identifier} doesn't match {got}")

    return match


def query_param_matcher(params: Mapping[str, Any] | None, *, strict_match: bool = True) -> Verdict:
    """The query has these values, numbers spelled as text; others may be there too unless `strict_match`."""
    wanted = {name: _spelled(value) for name, value in (params or {}).items()}

    def match(request: Any) -> tuple[bool, str]:
        got = dict(request.params)
        if not strict_match:
            got = {name: value for name, value in got.items() if name in wanted}
        reason = f"Parameters do not match. {_sorted(got)} doesn't match {_sorted(wanted)}"
        if not strict_match:
            reason += "\nYou can use `strict_match=True` to do a strict parameters check."
        return _verdict(_listed(got) == _listed(wanted), reason)

    return match


def query_string_matcher(query: str | None) -> Verdict:
    """The query is this one, in any order."""

    def match(request: Any) -> tuple[bool, str]:
        got = sorted(parse_qsl(urlparse(request.url).query or "", keep_blank_values=True))
        wanted = sorted(parse_qsl(query or "", keep_blank_values=True))
        return _verdict(got == wanted, f"Query string doesn't match. {dict(got)} doesn't match {dict(wanted)}")

    return match


def request_kwargs_matcher(kwargs: Mapping[str, Any] | None) -> Verdict:
    """The session sent it with these options: `stream`, `verify`, `timeout`, `proxies`, `cert`."""

    def match(request: Any) -> tuple[bool, str]:
        wanted = dict(kwargs or {})
        got = {name: value for name, value in request.req_kwargs.items() if name in wanted}
        same = (not wanted and not request.req_kwargs) or (bool(wanted) and got == wanted)
        return _verdict(same, f"Arguments don't match: {_sorted(got)} doesn't match {_sorted(wanted)}")

    return match


def multipart_matcher(files: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> Verdict:
    """The body is a multipart form of these files and fields, as requests writes it.

    Raises:
        TypeError: there are no files.
    """
    if not files:
        raise TypeError("files argument cannot be empty")
    wanted = requests.Request("POST", "http://netdouble.invalid", files=files, data=data or {}).prepare()

    def match(request: Any) -> tuple[bool, str]:
        start = "multipart/form-data doesn't match. "
        if "Content-Type" not in request.headers:
            return False, start + "Request is missing the 'Content-Type' header"
        got_type, wanted_type = _text(request.headers["Content-Type"]), _text(wanted.headers["Content-Type"])
        got_boundary = re.search(r"boundary=\"?([^\";]+)", got_type)
        wanted_boundary = wanted_type.partition("boundary=")[2]
        if got_boundary is None or not got_type.startswith("multipart/form-data"):
            return False, (
                f"{start}Request headers['Content-Type'] is different. {got_type} isn't equal to {wanted_type}"
            )
        body = _bytes(request.body)
        expected = _bytes(wanted.body).replace(wanted_boundary.encode(), got_boundary[1].encode())
        return _verdict(body == expected, f"{start}Request body differs. {body!r} aren't equal {expected!r}")

    return match


def header_matcher(headers: Mapping[str, Any], strict_match: bool = False) -> Verdict:
    """The request has these headers, each a text or a regex; no others when `strict_match`. Names in any case."""

    def match(request: Any) -> tuple[bool, str]:
        present = {name.lower(): (name, _text(value)) for name, value in (request.headers or {}).items()}
        spelled = {name.lower(): name for name in headers}
        got = {
            spelled.get(low, name): value for low, (name, value) in present.items() if strict_match or low in spelled
        }
        same = got.keys() == dict(headers).keys() and all(_fits(headers[name], got[name]) for name in headers)
        return _verdict(same, f"Headers do not match: {_sorted(got)} doesn't match {_sorted(headers)}")

    return match


def _fits(wanted: Any, got: str) -> bool:
    return wanted.match(got) is not None if isinstance(wanted, re.Pattern) else bool(_text(wanted) == got)


# Values and words


def _verdict(matched: bool, reason: str) -> tuple[bool, str]:
    return matched, "" if matched else reason


def _body_differs(got: Any, wanted: Any) -> str:
    return f"request.body doesn't match: {_sorted(got)} doesn't match {_sorted(wanted)}"


def _sorted(value: Any) -> str:
    """As Python shows it, the names of an outer mapping in order where nothing else is said."""
    return (
        f"{{{', '.join(f'{k!r}: {v!r}' for k, v in sorted(value.items()))}}}" if isinstance(value, dict) else str(value)
    )


def _bytes(body: Any) -> bytes:
    return b"" if body is None else body.encode() if isinstance(body, str) else bytes(body)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _readable(body: bytes) -> str:
    try:
        return repr(body.decode())
    except UnicodeDecodeError:
        return repr(body)


def _spelled(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_spelled(each) for each in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _listed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A list of one value is that value."""
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in values.items()}


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    grouped: dict[str, Any] = {}
    for name, value in pairs:
        if name in grouped:
            known = grouped[name]
            grouped[name] = [*(known if isinstance(known, list) else [known]), value]
        else:
            grouped[name] = value
    return grouped
