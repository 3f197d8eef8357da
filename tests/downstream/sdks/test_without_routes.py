"""Every job of this folder again, with its routes taken away as soon as they are declared: it must fail.

So no job passes because an SDK swallowed the report, answered from a cache, or never sent anything.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.downstream.sdks.conftest import NEED_311, collect_ignore

from netdouble import Network, UnmatchedRequest

HERE = Path(__file__)
FILES = sorted(path.name for path in HERE.parent.glob("test_*.py") if path != HERE)


def _jobs() -> Iterator[Any]:
    for file in FILES:
        if file not in collect_ignore:
            module = import_module(f"tests.downstream.sdks.{file[:-3]}")
            for name, job in vars(module).items():
                if name.startswith("test_"):
                    yield pytest.param(job, id=f"{file[5:-3]}-{name[5:]}", marks=getattr(module, "pytestmark", ()))


class WithoutRoutes(Network):
    """A network that forgets each route at once."""

    def _declare_at(self, *declaration: Any) -> Any:
        route = super()._declare_at(*declaration)
        route.remove()
        return route


@pytest.mark.parametrize("job", list(_jobs()))
def test_a_job_without_its_routes_fails(job: Callable[..., Any], request: pytest.FixtureRequest):
    given = {"net": None, **_first_values(job)}
    others = {name: request.getfixturevalue(name) for name in inspect.signature(job).parameters if name not in given}
    net = WithoutRoutes(retry_wait="skip")
    scope = net.open_scope()
    try:
        with pytest.raises(BaseException) as caught:  # whatever the SDK makes of it
            job(**{**given, "net": net}, **others)
    finally:
        net.close_scope(scope)
    told = [type(error) for error in _chain(caught.value)]
    assert UnmatchedRequest in told or any(call.unmatched for call in net.calls), told
    assert all(call.unmatched for call in net.calls)


def _first_values(job: Callable[..., Any]) -> dict[str, Any]:
    """What a job with a table of its own is given in the first row."""
    tables = [mark.args for mark in getattr(job, "pytestmark", ()) if mark.name == "parametrize"]
    return {name: rows[0] for name, rows, *_ in tables}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_what_is_left_out_of_this_python_is_what_its_reason_says():
    assert set(NEED_311) <= set(FILES)
    assert collect_ignore == (NEED_311 if sys.version_info < (3, 11) else [])
    assert [file for file in FILES if file not in NEED_311] == [
        "test_boto3.py",
        "test_elasticsearch.py",
        "test_pygithub.py",
        "test_slack_sdk.py",
        "test_stripe.py",
    ]
