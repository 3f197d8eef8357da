"""requests-mock's pytest plugin: the fixture `requests_mock`, and the ini name `requests_mock_case_sensitive`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini name."""
    parser.addini("requests_mock_case_sensitive", "Use case sensitive matching in requests_mock", type="bool",
                  default=False)  # fmt: skip


@pytest.fixture
def requests_mock(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Stubs for requests, in requests-mock's way."""
    from netdouble.facades.requests_mock import mocker

    with mocker.Mocker(case_sensitive=request.config.getini("requests_mock_case_sensitive")) as mock:
        yield mock
