"""What must not stand in a report: secrets in URLs, headers, cookies, forms, JSON and free text.

Rule 1: by name first, then by shape; a name that only sounds secret (`max_tokens`) is shown.
Rule 2: only what is shown is masked, never what is compared.
Rule 3: when in doubt it is masked: the log has the whole request.
"""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from netdouble._core.urls import URL

# Names are compared in lower case without punctuation: `X-Api-Key`, `api_key` and `apiKey` are one.
_SECRET = re.compile(
    "passw|passphrase|pwd|secret|token|api-?key|(access|account|auth|client|encryption|function|license|master|private|"
    "shared|signing|ssh|subscription)key|signature|credential|authori[sz]ation|session|cookie|jwt|csrf|xsrf|bearer|"
    "samlre|codeverifier|assertion|hmac|^(x?auth|sig|pin|otp|totp|cvv|cvc|ssn|pass|psk|sid)$"
)
# Counted or paged, not secret; measured on real APIs (gitleaks' rules flag all of them).
_PLAIN = re.compile(
    "^(n|num|max|min|total|prompt|completion|input|output|cached|reasoning|thinking|audio|budget|used|remaining)"
    "[a-z]*tokens$|^(token(type|izer|s?count|s?limit)|(next|prev|previous)?(page|sync|continuation)token|nexttoken|"
    "signatureversion|signaturemethod|signedheaders)$"
)
# Names of secrets that are as often names of something else: only a long value counts.
_LONG_ONLY = frozenset({"key", "code", "state", "nonce"})
_LONG = 12

MASK = "***"

_SHAPES = (
    # user:password@ in a URL (RFC 3986 section 3.2.1)
    (re.compile(r"(://)[^/@\s?#]+(?=@)"), r"\1" + MASK),
    (re.compile(r"-----BEGIN[^-]*PRIVATE KEY-----.*?(?:-----END[^-]*-----|\Z)", re.DOTALL), MASK),
    # Authorization's schemes (RFC 9110 section 11.4), and AWS Signature Version 4
    (re.compile(r"\b(Bearer|Basic|Negotiate|NTLM|AWS4-HMAC-SHA256)(\s+)[^\s\"',;<>]+(?:,\s*\w+=[^\s,\"'<>]+)*",
                re.IGNORECASE), r"\1\2" + MASK),
    # JSON Web Tokens (RFC 7519): base64 of `{"`
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){0,4}"), MASK),
    # Prefixes that vendors give their keys, so that scanners find them
    (re.compile(r"(?<![A-Za-z0-9])((?:sk|pk|rk|gsk|xai|whsec|key)[-_]|gh[opsur]_|github_pat_|glpat-|xox[a-z]-|npm_|pypi-|"
                r"hf_|SG\.|AIza|ya29\.|dop_v1_|shp\w\w_|sq0\w{3}-|AKIA|ASIA|AIDA|AROA)[\w.\-]{12,}"), r"\1" + MASK),
    (re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}(?![0-9A-Za-z])"), MASK),
)  # fmt: skip
# An AWS secret key has exactly 40 characters; other base64 has no `/` in it here, which would be a path.
_BASE64 = re.compile(
    r"(?<![\w+/=])(?:[A-Za-z0-9/+]{40}(?![\w+/=])|[A-Za-z0-9_+-]{32,}={0,2})|(?<=/)[A-Za-z0-9_+-]{32,}={0,2}"
)
# `name=value`, `"name": "value"`, `<name>value<` in free text
_NAMED = re.compile(
    r"""(?P<name>[A-Za-z_][\w.\-]{1,60})(?P<gap>["']?\s*[:=>]\s*)(?P<value>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|"""
    r"""(?<=>)[^<]+|[^\s&,;"'<>{}\[\]]+)"""
)


class Masked:
    """Stands where a secret was."""

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masked)

    def __hash__(self) -> int:
        return hash(MASK)


MASKED = Masked()


@lru_cache(maxsize=1024)
def _kind(name: str) -> str:
    plain = re.sub("[^a-z0-9]", "", name.lower())
    if plain in _LONG_ONLY:
        return "long"
    return "secret" if _SECRET.search(plain) and not _PLAIN.search(plain) else ""


def is_secret(name: str, value: object = "") -> bool:
    """What stands under `name` is a secret: for some names any value, for some a long one."""
    kind = _kind(name)
    return kind == "secret" or (kind == "long" and isinstance(value, (str, bytes)) and len(value) >= _LONG)


def masked(value: Any, name: str = "") -> Any:
    """`value`, found under `name`, with every secret in it replaced; True, False and None never are."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {masked_text(key) if isinstance(key, str) else key: masked(each, _inner_name(name, key))
                for key, each in value.items()}  # fmt: skip
    if isinstance(value, (list, tuple)):
        return [masked(each, name) for each in value]
    if is_secret(name, value):
        counted = isinstance(value, (int, float)) and name.lower().endswith("tokens")
        return value if counted else MASKED
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, bytes):
        text = value.decode("latin-1")
        shown = masked_text(text)
        return value if shown == text else shown.encode("latin-1")
    return value


def _inner_name(outer: str, key: object) -> str:
    # Everything inside {"credentials": {...}} is a secret, whatever its own name.
    return outer if _kind(outer) == "secret" else str(key)


def masked_text(text: str) -> str:
    """Free text without what looks like a secret."""
    for shape, shown in _SHAPES:
        text = shape.sub(shown, text)
    return _NAMED.sub(_without_value, _BASE64.sub(_without_base64, text))


def _without_base64(found: re.Match[str]) -> str:
    text = found[0]
    mixed = all(sum(map(test, text)) >= 2 for test in _CLASSES)
    return MASK if mixed else text


_CLASSES: tuple[Callable[[str], bool], ...] = (str.isdigit, str.isupper, str.islower)


def _without_value(found: re.Match[str]) -> str:
    name, gap, value = found["name"], found["gap"], found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    if not is_secret(name, value) or value in {"true", "false", "null", "Bearer", "Basic"} or value.startswith(MASK):
        return found[0]
    return f"{name}{gap}{quote}{MASK}{quote}"


def masked_body(text: str) -> str:
    """A body as text, masked by names when it is JSON or a form, by shape in any case."""
    try:
        document = jsonlib.loads(text)
    except (ValueError, RecursionError):
        pieces = text.split("&") if "=" in text and not re.search(r"\s", text) else []
        return "&".join(map(_masked_pair, pieces)) if pieces else masked_text(text)
    shown = masked(document)
    return text if shown == document else jsonlib.dumps(shown, default=repr, ensure_ascii=False)


def masked_header(name: str, value: str) -> str:
    """A header's value; the scheme of credentials and the names of cookies are kept."""
    plain = name.lower()
    if plain in {"cookie", "set-cookie"}:
        separator = "; "
        pairs = [piece.strip().partition("=") for piece in value.split(";")]
        kept = pairs[1:] if plain == "set-cookie" else []
        shown = [f"{key}={MASK}" if equals else MASK for key, equals, _ in pairs[: len(pairs) - len(kept)]]
        return separator.join(shown + ["".join(pair) for pair in kept])
    if plain in {"authorization", "proxy-authorization"}:
        scheme, space, _ = value.partition(" ")
        return f"{scheme} {MASK}" if space else MASK
    return MASK if is_secret(name, value) else masked_text(value)


def masked_url(url: URL | str) -> str:
    """A URL, template or regex of URLs as text, without user and password, secret query values and tokens in the path.

    Example:
        >>> masked_url("https://ada:pw@api.test/users?api_key=12345678&page=2")
        'https://***@api.test/users?api_key=***&page=2'
    """
    shape, shown = _SHAPES[0]
    place, mark, query = shape.sub(shown, str(url)).partition("?")
    place = "/".join(map(masked_text, place.split("/")))
    return place + mark + "&".join(map(_masked_pair, query.split("&")))


def _masked_pair(piece: str) -> str:
    name, equals, value = piece.partition("=")
    if equals and value and is_secret(unquote_plus(name), value):
        return f"{name}={MASK}"
    return "=".join(MASK if _has_shape(part) else part for part in ((name, value) if equals else (name,)))


def _has_shape(escaped: str) -> bool:
    # A shape may hide behind escapes: then nothing of the value is shown.
    plain = unquote_plus(escaped)
    return masked_text(plain) != plain
