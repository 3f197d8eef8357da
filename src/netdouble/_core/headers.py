"""Header fields: in the order sent, repeats kept, names case-free; and what is read out of them.

Rule: fields are never merged, re-cased or re-ordered; only looking one up is case-free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import unquote

from netdouble.errors import DeclarationError

# What a name is made of (RFC 9110 section 5.6.2).
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

HeadersInput: TypeAlias = "Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]"


class Headers(Mapping[str, str]):
    """Header fields in the order sent, repeats kept; names are case-free (RFC 9110 section 5.1).

    As a mapping, `headers["accept"]` is every line of that name joined by `", "` (RFC 9110 section 5.3).
    `fields` has the lines as they are.

    Example:
        >>> h = Headers([("Via", "a"), ("via", "b")])
        >>> h["VIA"], h.get_all("via")
        ('a, b', ['a', 'b'])
    """

    __slots__ = ("_lines", "fields")

    fields: tuple[tuple[str, str], ...]

    def __init__(self, headers: HeadersInput = ()) -> None:
        if type(headers) is tuple:  # first: it is what doors give, and asking for a Mapping is slow
            self.fields = headers
        elif isinstance(headers, Headers):
            self.fields = headers.fields
        elif isinstance(headers, Mapping):
            self.fields = tuple(  # pyright: ignore[reportAttributeAccessIssue]  # "pairs might be a Mapping of pairs"
                (name, line)
                for name, value in headers.items()
                for line in ((value,) if isinstance(value, str) else value)
            )
        else:
            self.fields = tuple(headers)
        self._lines: dict[str, list[str]] | None = None

    def _by_name(self) -> dict[str, list[str]]:
        lines = self._lines
        if lines is None:
            lines = {}
            for name, value in self.fields:
                lines.setdefault(name.lower(), []).append(value)
            self._lines = lines
        return lines

    def get_all(self, name: str) -> list[str]:
        """Every line of that name, in order; empty when there is none."""
        return list(self._by_name().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._by_name()[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._by_name())

    def __eq__(self, other: object) -> bool:
        """Equal when every name has the same lines in the same order; the case of names does not count."""
        if isinstance(other, Headers):
            return self._by_name() == other._by_name()
        if isinstance(other, Mapping):
            return self._by_name() == Headers(other)._by_name()
        return NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset((name, tuple(lines)) for name, lines in self._by_name().items()))

    def __repr__(self) -> str:
        return f"Headers({list(self.fields)!r})"


def checked_headers(headers: HeadersInput, argument: str) -> Headers:
    """`headers` as Headers, when every name and value can stand in a message (RFC 9110 section 5)."""
    if isinstance(headers, (str, bytes)):
        raise DeclarationError(f"{argument}= is a mapping or pairs, not {type(headers).__name__}")
    try:
        made = Headers(headers)
    except (TypeError, ValueError):
        raise DeclarationError(f"{argument}= is a mapping of str to str (or a list of str), or pairs of them") from None
    for line in made.fields:
        if not _is_field(line):
            raise DeclarationError(f"{argument}= has {line!r}: name and value must be str")
        name, value = line
        if not is_token(name) or any(c in value for c in "\r\n\0"):
            raise DeclarationError(f"{argument}= has a line that can't be sent: {name!r}: {value!r}")
    return made


def is_token(name: object) -> bool:
    """A name of HTTP: of a method, of a header (RFC 9110 section 5.6.2)."""
    return isinstance(name, str) and bool(name) and _TOKEN.issuperset(name)


def _is_field(line: Sequence[object]) -> bool:
    return len(line) == 2 and all(isinstance(part, str) for part in line)


def charset_of(content_type: str) -> str:
    """The charset parameter of a Content-Type, when Python knows it; else UTF-8."""
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == "charset":
            try:
                b"".decode(value.strip(" \"'"))
            except LookupError:
                return "utf-8"
            return value.strip(" \"'")
    return "utf-8"


def parse_cookies(lines: Iterable[str]) -> Mapping[str, str]:
    """Cookie header lines as a mapping (RFC 6265 section 4.2.1)."""
    found: dict[str, str] = {}
    for line in lines:
        for pair in line.split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals:
                found.setdefault(name, unquote(value.strip('"')) if "%" in value else value.strip('"'))
    return found
