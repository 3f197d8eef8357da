"""The fixture and marker of pytest-httpx and of its fork: one source for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netdouble.facades.pytest_httpx.dialects import Dialect
from netdouble.facades.pytest_httpx.expectations import Options
from netdouble.facades.pytest_httpx.mock import HTTPXMock


def fixture_of(dialect: Dialect) -> Any:
    """The fixture: a mock for one test, its options from the markers of every level, the closest winning."""

    def fixture(request: Any) -> Iterator[HTTPXMock]:
        said: dict[str, Any] = {}
        for marker in request.node.iter_markers(dialect.fixture):
            said = {**marker.kwargs, **said}
        mock = HTTPXMock(Options(**said), dialect)
        scope = mock._open()
        try:
            yield mock
        finally:
            mock._close(scope)
        mock._assert_options()

    fixture.__doc__ = f"Answers {dialect.library}; see `HTTPXMock`."
    return pytest.fixture(name=dialect.fixture)(fixture)


def marker_of(dialect: Dialect) -> Callable[[Any], None]:
    """What makes the marker known."""

    def configure(config: Any) -> None:
        config.addinivalue_line(
            "markers",
            f"{dialect.fixture}(*, assert_all_responses_were_requested=True, assert_all_requests_were_expected=True, "
            f"can_send_already_matched_responses=False, should_mock=lambda request: True): Configure {dialect.fixture} "
            "fixture.",
        )

    return configure
