"""Templates: the `{name}` and `{name:converter}` of a host or path, and the `*.` of a host.

A field is taken out of the text before the text is normalised, and put back after it, so that the literal parts of a
template are spelled as in any URL. The functions here raise ValueError; who knows the whole URL words the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote


def _uuid(text: str) -> Any:
    from uuid import UUID  # 3 ms that only this converter pays

    return UUID(text)


CONVERTERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "": (r"[^/]+", unquote),
    "path": (r".+", unquote),
    # No longer than int() reads by default (sys.int_info.default_max_str_digits).
    "int": (r"-?[0-9]{1,4000}", int),
    "float": (r"-?[0-9]+(?:\.[0-9]+)?", float),
    "uuid": (r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", _uuid),
}

_BRACES = re.compile(r"\{([^{}]*)\}")
# As Express, Flask and others write one, `:id` and `<id>`; escaped already.
_FOREIGN_FIELD = re.compile(r":([A-Za-z_]\w*)|%3C(?:\w+:)?([A-Za-z_]\w*)%3E", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """A host or a path with fields or a wildcard in it. Equal by text.

    Attributes:
        text: the normal spelling, fields in braces. source: the regex that stands for it, one group for each field.
        fields: name and converter of each group. start: how it begins, up to the first field or wildcard.
    """

    text: str
    source: str = field(compare=False, repr=False)
    fields: tuple[tuple[str, Callable[[str], Any]], ...] = field(compare=False, repr=False)
    start: str = field(compare=False, repr=False)
    # Compiling costs 0.1 ms: it waits for the first text that begins as the template does.
    _compiled: list[re.Pattern[str]] = field(default_factory=list, init=False, compare=False, repr=False)

    def match(self, text: str) -> re.Match[str] | None:
        """The match of the whole of `text`."""
        if not text.startswith(self.start):
            return None
        if not self._compiled:
            self._compiled.append(re.compile(self.source))
        return self._compiled[0].fullmatch(text)

    def captures(self, text: str) -> dict[str, Any]:
        """Each field's name and converted value; nothing when `text` does not match."""
        found = self.match(text)
        if found is None:
            return {}
        return {name: convert(part) for (name, convert), part in zip(self.fields, found.groups(), strict=True)}

    def __str__(self) -> str:
        return self.text


Part: TypeAlias = "str | Template"


class Field(NamedTuple):
    """One `{name:converter}`; `mark` holds its place while the text around it is normalised."""

    name: str
    converter: str
    mark: str

    def __str__(self) -> str:
        return f"{{{self.name}:{self.converter}}}" if self.converter else f"{{{self.name}}}"


def take_fields(text: str) -> tuple[str, tuple[Field, ...]]:
    """`text` with a mark for each field, and the fields.

    Raises:
        ValueError: braces without partner, a name that is none or is used twice, an unknown converter.
    """
    if "{" not in text and "}" not in text:
        return text, ()
    if set(_BRACES.sub("", text)) & {"{", "}"}:
        raise ValueError('a brace has no partner; a field is written {name}, a literal brace "%7B" or "%7D"')
    stem = "qz"  # of characters that normalising leaves alone
    while stem in text.lower():
        stem += "z"
    fields = tuple(_field(inside, f"{stem}{i}q") for i, inside in enumerate(_BRACES.findall(text)))
    names = [x.name for x in fields]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'the name "{name}" stands in it twice; give each field a name of its own')
    marks = iter(fields)
    return _BRACES.sub(lambda _: next(marks).mark, text), fields


def _field(inside: str, mark: str) -> Field:
    name, _, converter = inside.partition(":")
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{{{inside}}}" is no field; a field is written {{name}} or {{name:int}}')
    if converter not in CONVERTERS:
        known = ", ".join(filter(None, CONVERTERS))
        raise ValueError(f'"{converter}" is no converter; there are {known}: {{{name}}} or {{{name}:path}}')
    return Field(name, converter, mark)


def path_part(path: str, fields: Sequence[Field]) -> Part:
    """A normalised path with its fields put back.

    Raises:
        ValueError: a field was lost to a `..`, two fields touch, or a segment is another library's field or wildcard.
    """
    segments = path.split("/")
    foreign = next((x for x in segments if _FOREIGN_FIELD.fullmatch(x)), "")
    if foreign:
        name = _FOREIGN_FIELD.sub(r"\1\2", foreign)
        raise ValueError(
            f'"{unquote(foreign)}" is no field; write {{{name}}}, or re.compile(...) where it is meant as it is'
        )
    if {"*", "**"} & set(segments):
        raise ValueError('"*" is no wildcard in a path; write {name} for one segment, {rest:path} for all that follow')
    return _part(path, fields, lambda x: CONVERTERS[x.converter])


def host_part(host: str, fields: Sequence[Field]) -> Part:
    """A normalised host with its fields put back, and its wildcard understood.

    Raises:
        ValueError: it can't be a host, or not the whole first label is a wildcard, or no label is literal.
    """
    bare = host.removeprefix("*.")
    if "*" in bare:
        raise ValueError('"*" stands for the first labels of a host and for nothing else, as in "*.example.com"')
    typed = [str(x) for x in fields if x.converter]
    if typed:
        raise ValueError(f"{typed[0]} can't stand in a host; a field of a host has no converter")
    part = _part(bare, fields, lambda _: (r"[^.]+", str))
    if isinstance(part, Template) and not part.text.rpartition("}")[2].partition(".")[2]:
        raise ValueError(f"the host {part} is open at its end; its last label is literal, as in {{name}}.example.com")
    if bare == host:
        return part
    text, source, found = (
        (part, re.escape(part), ()) if isinstance(part, str) else (part.text, part.source, part.fields)
    )
    return Template(f"*.{text}", rf"(?:[^.]+\.)+{source}", found, "")


def _part(text: str, fields: Sequence[Field], group: Callable[[Field], tuple[str, Callable[[str], Any]]]) -> Part:
    if not fields:
        return text
    pieces = re.split("|".join(x.mark for x in fields), text)
    if len(pieces) != len(fields) + 1:
        raise ValueError('".." or an international label takes a field away; write the URL without it')
    if "" in pieces[1:-1]:
        raise ValueError("two fields touch, so nobody can say where the first one ends; put a text between them")
    groups = [group(x) for x in fields]
    spelled = zip(map(str, fields), pieces[1:], strict=True)
    source = zip((f"({regex})" for regex, _ in groups), map(re.escape, pieces[1:]), strict=True)
    return Template(
        pieces[0] + "".join(x + piece for x, piece in spelled),
        re.escape(pieces[0]) + "".join(x + piece for x, piece in source),
        tuple((x.name, convert) for x, (_, convert) in zip(fields, groups, strict=True)),
        pieces[0],
    )
