"""Conditions: the keywords that say which requests are meant, and the matcher they make.

Rule: the keywords are written down once, here, as `Conditions`; every function that takes them says
`**conditions: Unpack[Conditions]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from netdouble._core.body_criteria import Content, Files, Form, Json, Text
from netdouble._core.callers import declared_at
from netdouble._core.criteria import Cookies, Criterion, HeaderFields, Method, Query, Url, Where
from netdouble._core.keywords import by_keyword, meant
from netdouble._core.matching import MATCHED, And, Composable, Matcher, Mismatch
from netdouble._core.messages import Request
from netdouble._core.url_patterns import UrlPattern, compile_url
from netdouble._core.values import Exactly, NamedValues, Partial, exactly, named_values, partial, rewrapped, unwrapped
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    import re

    from typing_extensions import Unpack

    from netdouble._core.urls import URL

__all__ = [
    "Conditions",
    "M",
    "check_names",
    "check_query_once",
    "conditions_matcher",
    "exactly",
    "merge_conditions",
    "partial",
]


class Conditions(TypedDict, total=False):
    """What a request must be like; what is not named, or is None (`json`: `...`), does not matter.

    In each value `unittest.mock.ANY`, an object with its own `__eq__` (dirty-equals) or a compiled regex may stand for
    a text; in JSON at any depth.

    Keys:
        query, headers, cookies: name to value; others may be there too unless it is `exactly({...})`. A number is
            spelled as text; None: the name is absent; a list: all its values in order; anything else needs the name
            once. Pairs may be given as well, and for `query` a query string. A header's value is one of its lines
            or all of them joined by `", "`.
        json: the whole body as JSON, or `partial({...})`. None is `null`.
        form: all fields of an urlencoded body, or all of a multipart body that are no files; or `partial({...})`.
        files: all files of a multipart body, field to content, `(filename, content)` or
            `(filename, content, content_type)`; or `partial({...})`.
        text: the whole body as str, or a regex. content: the whole body as bytes, or a regex of bytes.
        where: a function of the `Request`, true for a match; or a matcher.
    """

    query: NamedValues | Exactly[Any] | None
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] | Exactly[Any] | None
    cookies: Mapping[str, Any] | Iterable[tuple[str, Any]] | Exactly[Any] | None
    json: Any
    form: NamedValues | Partial[Any] | None
    files: Mapping[str, Any] | Partial[Any] | None
    text: Any
    content: Any
    where: Callable[[Request], object] | Matcher | None


_CRITERIA: dict[str, Callable[[Any], Matcher]] = {
    "query": Query.of,
    "headers": HeaderFields.of,
    "cookies": Cookies.of,
    "json": Json.of,
    "form": Form.of,
    "files": Files.of,
    "text": Text.of,
    "content": Content.of,
    "where": Where.of,
}

BODIES = ("json", "form", "files", "text", "content")

# The words of clients and of other libraries, and what is said elsewhere.
_REPAIRS = {
    "params": "did you mean query=?", "data": "did you mean form= or content=?", "body": "did you mean content=?",
    "header": "did you mean headers=?", "cookie": "did you mean cookies=?", "file": "did you mean files=?",
    "match": "did you mean where=?", "matcher": "did you mean where=?", "predicate": "did you mean where=?",
    "method": "the verb says it: net.post(url), net.any(url)", "url": "it comes first: net.get(url)",
    "times": "it is said of the route: net.get(url).reply(...).times(2)",
    "name": 'it is said of the route: net.get(url).reply(...).named("users")',
}  # fmt: skip
_OF_A_ROUTE = ("when", "then_state", "scenario")
_OF_AN_ANSWER = ("status", "status_code", "html", "stream", "sse", "delay", "throttle", "dribble", "informational",
                 "http_version", "trailers", "reason")  # fmt: skip


def _named_condition(given: object) -> str:
    name = "method" if isinstance(given, str) and "/" not in given else "url" if isinstance(given, str) else "where"
    return f"conditions have names: M({name}={given!r:.60})"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class M(Composable):
    """A matcher made of conditions; all of them must hold. Combine with `&`, `|` and `~`.

    Args:
        method: the request's method, in any case. url: as in `net.get(url)`.
        conditions: as in `net.get(url, ...)`: see `Conditions`.

    Attributes:
        matchers: one for each condition, holding its expected values.

    Raises:
        DeclarationError: a condition that could never match or is not known, a body given twice, a query given twice.

    Example:
        >>> M(method="POST", json=partial({"name": "Ada"})) | ~M(headers={"authorization": None})
        M(method='POST', json=partial({'name': 'Ada'})) | ~M(headers={'authorization': None})
    """

    matchers: tuple[Matcher, ...]

    @by_keyword(_named_condition)
    def __init__(self, *, method: str | None = None, url: str | URL | re.Pattern[str] | None = None,
                 **conditions: Unpack[Conditions]) -> None:  # fmt: skip
        declared = given_conditions(conditions)
        matchers: list[Matcher] = []
        if method is not None:
            matchers.append(Method.of(method))
        if url is not None:
            pattern = compile_url(url)
            check_query_once(pattern, conditions)
            matchers.append(Url(pattern))
        matchers += [make(declared[name]) for name, make in _CRITERIA.items() if name in declared]
        object.__setattr__(self, "matchers", tuple(matchers))

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Those of every condition."""
        found: Sequence[Mismatch] = MATCHED
        for matcher in self.matchers:
            missed = matcher.mismatches(request)
            if missed:
                found = (*found, *missed)
        return found

    def __repr__(self) -> str:
        return f"M({', '.join(m.spelled if isinstance(m, Criterion) else f'where={m!r}' for m in self.matchers)})"


def conditions_matcher(conditions: Conditions) -> M:
    """The matcher for the conditions of a route. Raises DeclarationError as `M`."""
    check_names(conditions)  # `M` takes method= and url= as well
    return M(**conditions)


def given_conditions(conditions: Conditions) -> dict[str, Any]:
    """The conditions that are set.

    Raises:
        DeclarationError: one is not known, or two of them give a body.
    """
    check_names(conditions)
    given = {k: v for k, v in conditions.items() if v is not (... if k == "json" else None)}
    bodies = [name for name in BODIES if name in given]
    if len(bodies) > 1 and bodies != ["form", "files"]:
        raise DeclarationError(
            f"a body is given twice: {' and '.join(f'{name}=' for name in bodies)}; keep one of them "
            "(only form= and files= go together)"
        )
    return given


def check_names(conditions: Conditions, *others: str) -> None:
    """Raises DeclarationError when a condition is not known; `others` are the further keywords of the call."""
    for name in conditions:
        if name not in _CRITERIA:
            known = (*others, *_CRITERIA)
            hint = _elsewhere(name) or meant(name, (*known, *_OF_A_ROUTE), lambda near: f"{near}=")
            listed = ", ".join(f"{each}=" for each in known)
            end = "" if hint.endswith("?") else "."
            raise DeclarationError(
                f"no condition is called {name}={hint}{end} There are {listed} (written at {declared_at()})"
            )


def _elsewhere(name: str) -> str:
    """What is written instead, where that is known."""
    if name in _OF_AN_ANSWER:
        written = "404" if name.startswith("status") else f"{name}=..."
        return f"; it is a part of the answer: net.get(url).reply({written})"
    if name in _OF_A_ROUTE:
        return f"; a route says that, not what a request is like: net.get(url, {name}=...)"
    return f"; {_REPAIRS[name]}" if name in _REPAIRS else ""


def check_query_once(pattern: UrlPattern, conditions: Conditions) -> None:
    """Raises DeclarationError when the URL has a query and `query=` is given as well."""
    if pattern.query_declared and conditions.get("query") is not None:
        raise DeclarationError(
            f"the query is given twice: in the URL {pattern.text!r} and as query={conditions.get('query')!r}; "
            "move the URL's into query=, or drop query="
        )


def merge_conditions(base: Conditions, extra: Conditions) -> Conditions:
    """Both together, as `net.at(url, **base).get(path, **extra)` means it.

    `query`, `headers` and `cookies` are merged name by name, `extra` winning; `exactly()` in either forbids others;
    both `where` must hold.

    Raises:
        DeclarationError: both give a body, or one of them is wrong by itself.
    """
    first, second = given_conditions(base), given_conditions(extra)
    twice = [name for name in BODIES if name in first and name in second]
    if twice:
        raise DeclarationError(f"a body is given twice: {twice[0]}= by at() and by the route; keep one of them")
    merged = {**first, **second}
    for name in ("query", "headers", "cookies"):
        if name in first and name in second:
            merged[name] = _merged_names(name, first[name], second[name])
    if "where" in first and "where" in second:
        merged["where"] = And(Where.of(first["where"]), Where.of(second["where"]))
    checked = cast("Conditions", merged)
    given_conditions(checked)
    return checked


def _merged_names(argument: str, base: Any, extra: Any) -> Any:
    (below, below_exact), (above, above_exact) = unwrapped(base, exact=False), unwrapped(extra, exact=False)
    replaced, kept = named_values(argument, above), named_values(argument, below)
    names = {name.lower() if argument == "headers" else name for name in replaced}
    kept = {n: v for n, v in kept.items() if (n.lower() if argument == "headers" else n) not in names}
    return rewrapped({**kept, **replaced}, below_exact or above_exact, default=False)
