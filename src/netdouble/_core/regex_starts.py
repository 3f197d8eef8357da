"""The texts that a match of a regex must begin with: by them an index finds the regex.

Rule: when in doubt there is no such text, and the regex is searched on every request. A route is never lost.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, NamedTuple

# The standard library's own parser (Lib/re/_parser.py; sre_parse before 3.11): it yields (opcode, argument) pairs.
_parser: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")

_MOST = 16


class Starts(NamedTuple):
    """What is certain about the beginning of every match of a regex.

    Attributes:
        texts: one of them begins the match; empty when nothing is certain.
        anchored: the match begins where the searched text begins, and nowhere else.
    """

    texts: tuple[str, ...]
    anchored: bool


def literal_starts(regex: re.Pattern[str]) -> Starts:
    r"""How every match of `regex` in a URL begins; there is no line break in a URL, so `^` is `\A` in all modes.

    Example:
        >>> literal_starts(re.compile(r"https?://api\.test/users/\d+"))
        Starts(texts=('http://api.test/users/', 'https://api.test/users/'), anchored=False)
    """
    items = list(_parser.parse(regex.pattern, regex.flags))
    anchors = sum(1 for _ in takewhile(_is_anchor, items))
    if regex.flags & re.IGNORECASE:
        return Starts((), bool(anchors))
    starts, _ = _starts_of(items[anchors:])
    kept = [x for x in starts if not any(x != shorter and x.startswith(shorter) for shorter in starts)]
    return Starts(() if "" in kept else tuple(kept), bool(anchors))


def _is_anchor(item: tuple[Any, Any]) -> bool:
    opcode, argument = item
    return bool(opcode.name == "AT" and argument.name in {"AT_BEGINNING", "AT_BEGINNING_STRING"})


def _starts_of(items: Iterable[tuple[Any, Any]]) -> tuple[list[str], bool]:
    """The texts with which a match of `items` begins, and whether they are the whole of it."""
    starts = [""]
    for opcode, argument in items:
        branches = _branches(opcode.name, argument)
        parsed = [_starts_of(branch) for branch in branches]
        tails = list(dict.fromkeys(text for texts, _ in parsed for text in texts))
        if not branches and opcode.name == "LITERAL":
            parsed, tails = [([], True)], [chr(argument)]
        if not tails or len(starts) * len(tails) > _MOST:
            return starts, False
        starts = [start + tail for start in starts for tail in tails]
        if not all(whole for _, whole in parsed):
            return starts, False
    return starts, True


def _branches(opcode: str, argument: Any) -> list[Any]:
    """The alternatives of which one stands here: of a group, of `a|b`, of `a?`; nothing for all else."""
    if opcode == "SUBPATTERN":
        _, flags_on, flags_off, inside = argument
        return [] if flags_on or flags_off else [inside]
    if opcode == "BRANCH":
        return list(argument[1])
    if opcode in {"MAX_REPEAT", "MIN_REPEAT"} and tuple(argument[:2]) == (0, 1):
        return [[], argument[2]]
    return []
