"""Was an error of ours meant by the test that caught it, or swallowed?

Rule: an error counts as meant when the test function itself caught it, by its name or with `pytest.raises`,
`assertRaises` or the like. Code under test that caught it swallowed it; so did a blanket `except Exception`, wherever
it stands.
"""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, TracebackType

# A function of these packages that caught the error did so for the test: assertRaises(Error, f), raises(Error, f).
_TEST_TOOLS = (f"{os.sep}unittest{os.sep}", f"{os.sep}_pytest{os.sep}")
_BLANKET = frozenset({"Exception", "BaseException"})


def was_meant(error: BaseException, code: CodeType | None) -> bool:
    """Whether the test, whose function has `code`, caught `error` on purpose.

    The frame that caught an error is the outermost of its traceback.
    """
    trace = error.__traceback__
    if trace is None:  # assertRaises clears it after catching
        return True
    caught_in = trace.tb_frame.f_code
    if any(tool in caught_in.co_filename for tool in _TEST_TOOLS):
        return True
    is_test = caught_in is code or caught_in.co_name.startswith("test")
    return is_test and not _is_blanket(trace, {kind.__name__ for kind in type(error).__mro__} - _BLANKET)


def _is_blanket(trace: TracebackType, names: set[str]) -> bool:
    """What caught an error of these names, in the frame where it was caught, would catch every other as well."""
    tree = _tree(trace.tb_frame.f_code.co_filename)
    around = _around(tree, trace.tb_lineno) if tree is not None else ()
    for node in around:  # the innermost first
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                caught = set(_caught(handler.type)) if handler.type is not None else _BLANKET
                if caught & names:
                    return False
                if caught & _BLANKET:
                    return True
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if isinstance(item.context_expr, ast.Call) and _name(item.context_expr.func) == "suppress":
                    caught = {name for argument in item.context_expr.args for name in _caught(argument)}
                    if caught & (names | _BLANKET):
                        return not caught & names
    return False


def _around(tree: ast.AST, line: int) -> list[ast.stmt]:
    """The statements whose body has that line, the innermost first."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Try, ast.With, ast.AsyncWith))
        and node.body[0].lineno <= line <= (node.body[-1].end_lineno or line)
    ]
    return sorted(found, key=lambda node: node.lineno, reverse=True)


def _caught(expression: ast.expr) -> Iterator[str]:
    for part in expression.elts if isinstance(expression, ast.Tuple) else (expression,):
        yield _name(part)


def _name(expression: ast.expr) -> str:
    return str(getattr(expression, "attr", "") or getattr(expression, "id", ""))


@lru_cache(maxsize=32)
def _tree(filename: str) -> ast.AST | None:
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError, SystemError):  # the last: two threads at once (CPython 3.11, gh-106905)
        return None
