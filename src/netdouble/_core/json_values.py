"""Compare JSON: every leaf that differs, with its path.

Rule 1: the types of JSON count: `true` is not `1` and `"1"` is not `1`, but `1` is `1.0` (RFC 8259 section 6 has one
kind of number).
Rule 2: at any depth an object with its own `__eq__` decides by it, a compiled regex searches a string, and `partial()`
and `exactly()` change what they hold.
"""

from __future__ import annotations

import json as jsonlib
import math
import re
from collections.abc import Sequence
from typing import Any

from netdouble._core.matching import ABSENT, MATCHED, Mismatch
from netdouble._core.values import Exactly, Partial, compares_itself, equals
from netdouble.errors import DeclarationError

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)

# Below what Python's recursion limit of 1000 allows, two frames a level.
_DEPTH = 200


def checked_json(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    """A copy of an expected value as JSON has it: tuples as lists, keys as text.

    Raises:
        DeclarationError: some part of it is not JSON and does not compare itself; or it holds itself.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise DeclarationError(f"json= has {value!r} at {json_path(path)}: JSON has no such number; write ANY")
        return value
    if len(path) > _DEPTH:
        raise DeclarationError(f"json= is nested over {_DEPTH} deep: does it hold itself?")
    if isinstance(value, dict):
        return {(name := _key(key, path)): checked_json(item, (*path, name)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [checked_json(item, (*path, i)) for i, item in enumerate(value)]
    if isinstance(value, (Partial, Exactly)):
        if not isinstance(value.value, (dict, list, tuple)):
            raise DeclarationError(f"json= has {value!r:.60} at {json_path(path)}: only a dict or a list has parts")
        return type(value)(checked_json(value.value, path))
    if compares_itself(value):
        return value
    raise DeclarationError(
        f"json= has {value!r:.60} at {json_path(path)}, and JSON has no {type(value).__name__}: "
        "write what the request has there, a regex, ANY, or an object with its own __eq__"
    )


def _key(key: object, path: tuple[str | int, ...]) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        # As json.dumps spells it: 1 becomes "1", None becomes "null".
        return str(next(iter(jsonlib.loads(jsonlib.dumps({key: 0})))))
    raise DeclarationError(f"json= has the key {key!r:.60} at {json_path(path)}: a name in JSON is a text")


def json_mismatches(expected: Any, got: Any) -> Sequence[Mismatch]:
    """Every leaf in which `got` (as `json.loads` makes it) differs from `expected` (as `checked_json` makes it)."""
    found: list[Mismatch] = []
    _compare(expected, got, subset=False, trail=[], found=found)
    return found or MATCHED


def _compare(expected: Any, got: Any, subset: bool, trail: list[str | int], found: list[Mismatch]) -> None:
    kind = type(expected)
    if kind is Partial or kind is Exactly:
        _compare(expected.value, got, kind is Partial, trail, found)
    elif kind is dict and type(got) is dict:
        _compare_objects(expected, got, subset, trail, found)
    elif kind is list and type(got) is list:
        _compare_arrays(expected, got, subset, trail, found)
    elif not _same_leaf(expected, got):
        found.append(Mismatch("json", expected, got, json_path(trail)))


def _compare_objects(expected: dict[str, Any], got: dict[str, Any], subset: bool, trail: list[str | int],
                     found: list[Mismatch]) -> None:  # fmt: skip
    for name, value in expected.items():
        trail.append(name)
        if name in got:
            _compare(value, got[name], subset, trail, found)
        else:
            found.append(Mismatch("json", value, ABSENT, json_path(trail)))
        trail.pop()
    if not subset:
        found += [Mismatch("json", ABSENT, got[n], json_path([*trail, n])) for n in got if n not in expected]


def _compare_arrays(expected: list[Any], got: list[Any], subset: bool, trail: list[str | int],
                    found: list[Mismatch]) -> None:  # fmt: skip
    for i in range(max(len(expected), len(got))):
        trail.append(i)
        if i >= len(got):
            found.append(Mismatch("json", expected[i], ABSENT, json_path(trail)))
        elif i >= len(expected):
            found.append(Mismatch("json", ABSENT, got[i], json_path(trail)))
        else:
            _compare(expected[i], got[i], subset, trail, found)
        trail.pop()


def _same_leaf(expected: Any, got: Any) -> bool:
    # Python's True == 1, JSON's does not.
    if isinstance(expected, bool) or (isinstance(got, bool) and isinstance(expected, (int, float))):
        return expected is got
    return equals(expected, got)


def json_path(trail: Sequence[str | int]) -> str:
    """As `$.items[2].id`; a name that is no identifier as `$["a b"]`."""
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if _NAME.fullmatch(step) else f"[{jsonlib.dumps(step)}]"
        for step in trail
    )
