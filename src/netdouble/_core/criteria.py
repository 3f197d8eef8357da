"""The criteria about a request's head, and `where=`: one frozen value for each.

Rule: a criterion is checked when it is made; comparing never fails on what a client sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from netdouble._core.bodies import query_values
from netdouble._core.callers import short_path
from netdouble._core.headers import is_token
from netdouble._core.matching import ABSENT, MATCHED, Composable, Matcher, Mismatch
from netdouble._core.messages import Request
from netdouble._core.values import accepts, as_found, equals, named_mismatches, named_values, rewrapped, unwrapped
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from netdouble._core.url_patterns import UrlPattern

# As in `inspect`, which would cost an import of 10 ms.
_CO_VARARGS, _CO_COROUTINE, _CO_ASYNC_GENERATOR = 0x4, 0x80, 0x200


class Criterion(Composable):
    """A matcher for one keyword of `M`. `spelled` is how it is declared, as `query={'page': '2'}`."""

    __slots__ = ()

    @property
    def spelled(self) -> str:
        """The keyword and its value, as they are declared."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"M({self.spelled})"


@dataclass(frozen=True, slots=True, repr=False)
class Method(Criterion):
    """The method, upper case."""

    expected: str

    @classmethod
    def of(cls, declared: Any) -> Method:
        """From `method=`; the case does not count. Raises DeclarationError: no method (RFC 9110 section 5.6.2)."""
        if not is_token(declared):
            raise DeclarationError(f'method= is a name such as "GET", not {declared!r:.60}; for several write M | M')
        return cls(declared.upper())

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """At most one."""
        return MATCHED if request.method == self.expected else (Mismatch("method", self.expected, request.method),)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"method={self.expected!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Url(Criterion):
    """The URL, by a pattern."""

    pattern: UrlPattern

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Those of the pattern."""
        return self.pattern.mismatches(request)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"url={self.pattern.text!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Query(Criterion):
    """Keys and values of the query. `exact`: there are no others."""

    expected: Mapping[str, Any]
    exact: bool

    @classmethod
    def of(cls, declared: Any) -> Query:
        """From `query=`: a mapping, pairs or a query string, `exactly()` of one of them. Raises DeclarationError."""
        value, exact = unwrapped(declared, exact=False)
        return cls(named_values("query", value), exact)

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One for each key."""
        return named_mismatches("query", self.expected, self.exact, query_values(request))

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"query={rewrapped(self.expected, self.exact, default=False)!r}"


@dataclass(frozen=True, slots=True, repr=False)
class HeaderFields(Criterion):
    """Header fields: a value is one line of that name, or all its lines joined by `", "` (RFC 9110 section 5.3)."""

    expected: Mapping[str, Any]
    exact: bool

    @classmethod
    def of(cls, declared: Any) -> HeaderFields:
        """From `headers=`: a mapping or pairs, `exactly()` of one of them. Raises DeclarationError."""
        value, exact = unwrapped(declared, exact=False)
        expected = named_values("headers", value)
        for name in expected:
            if not is_token(name):
                raise DeclarationError(f"headers= has {name!r}, and no header has such a name (RFC 9110 section 5.1)")
        return cls(expected, exact)

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One for each name."""
        missed: list[Mismatch] = []
        for name, value in self.expected.items():
            lines = request.headers.get_all(name)
            if not _accepts_lines(value, lines):
                missed.append(Mismatch("header", ABSENT if value is None else value, as_found(lines), name))
        if self.exact:
            known = {name.lower() for name in self.expected}
            missed += [
                Mismatch("header", ABSENT, as_found(request.headers.get_all(name)), name)
                for name in request.headers
                if name not in known
            ]
        return missed or MATCHED

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"headers={rewrapped(self.expected, self.exact, default=False)!r}"


def _accepts_lines(expected: Any, lines: list[str]) -> bool:
    if expected is None or type(expected) is list:
        return accepts(expected, lines)
    if len(lines) == 1:
        return equals(expected, lines[0])
    return any(equals(expected, line) for line in lines) or (bool(lines) and equals(expected, ", ".join(lines)))


@dataclass(frozen=True, slots=True, repr=False)
class Cookies(Criterion):
    """Cookies by name."""

    expected: Mapping[str, Any]
    exact: bool

    @classmethod
    def of(cls, declared: Any) -> Cookies:
        """From `cookies=`: a mapping or pairs, `exactly()` of one of them. Raises DeclarationError."""
        value, exact = unwrapped(declared, exact=False)
        return cls(named_values("cookies", value), exact)

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One for each name."""
        found = {name: (value,) for name, value in request.cookies.items()}
        return named_mismatches("cookie", self.expected, self.exact, found)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"cookies={rewrapped(self.expected, self.exact, default=False)!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Where(Criterion):
    """A predicate on the whole request.

    A predicate that raises an `Exception` does not match, nor does its negation: the mismatch carries the exception
    and the line. It is no error of the client, because routes are asked about requests that are not meant for them.
    """

    predicate: Callable[[Request], object]

    @classmethod
    def of(cls, declared: Any) -> Matcher:
        """From `where=`: a matcher stays itself. Raises DeclarationError: not callable, or async."""
        if not callable(declared):
            if isinstance(declared, Matcher):
                return declared
            raise DeclarationError(f"where= is a function of the request or a matcher, not {declared!r:.60}")
        if _is_async(declared):
            raise DeclarationError(
                f"where= is {_name(declared)}, which is async: what it returns would always count as true. "
                "Make it a plain function: a request's body is there already"
            )
        if not takes_one(declared):
            raise DeclarationError(f"where= is {_name(declared)}, which can't be called with the request alone")
        return cls(declared)

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """At most one."""
        try:
            verdict = self.predicate(request)
            matched = bool(verdict)
        except Exception as error:  # noqa: BLE001  whatever a user's function raises is its verdict here
            note = f"it raised {type(error).__name__}: {error}{_line(error)}"
            return (Mismatch("where", self.predicate, error, _name(self.predicate), note),)
        return MATCHED if matched else (Mismatch("where", self.predicate, verdict, _name(self.predicate)),)

    @property
    def spelled(self) -> str:
        """As declared."""
        return f"where={_name(self.predicate)}"


def _code(function: Any) -> Any:
    return getattr(getattr(function, "__func__", function), "__code__", None)


def _is_async(function: Any) -> bool:
    code = _code(function) or _code(getattr(type(function), "__call__", None))  # noqa: B004  its code is wanted
    return bool(code is not None and code.co_flags & (_CO_COROUTINE | _CO_ASYNC_GENERATOR))


def takes_one(function: Any) -> bool:
    """It can be called with one argument; whether a callable of another kind can, nobody knows before it is."""
    if type(function) is not FunctionType:
        return True
    code = function.__code__
    needed = code.co_argcount - len(function.__defaults__ or ())
    takes_more = code.co_argcount > 0 or bool(code.co_flags & _CO_VARARGS)
    return needed <= 1 and takes_more and not code.co_kwonlyargcount - len(function.__kwdefaults__ or ())


def _name(function: Any) -> str:
    name, code = getattr(function, "__qualname__", repr(function)), _code(function)
    name = name.rpartition("<locals>.")[2].strip("<>")
    return f"<{name} at {short_path(code.co_filename)}:{code.co_firstlineno}>" if code is not None else f"<{name}>"


def _line(error: Exception) -> str:
    # The first frame of the traceback is ours, the next one the predicate's.
    frame = error.__traceback__.tb_next if error.__traceback__ else None
    return f" at {short_path(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}" if frame is not None else ""
