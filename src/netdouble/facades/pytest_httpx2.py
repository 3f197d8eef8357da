"""The facade of pytest-httpx2 1.0.0: the fixture `httpx2_mock`, a router of respx's kind, and the marker `httpx2`.

httpx2-pytest has the same import name and fixture with another API: `netdouble.facades.httpx2_pytest`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netdouble.facades.respx.router import MockRouter, Router


def pytest_configure(config: Any) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "httpx2(assert_all_called=True, assert_all_mocked=True, base_url=...): settings of httpx2_mock"
    )


@pytest.fixture
def httpx2_mock(request: Any) -> Iterator[Router]:
    """A router of its own, started, with the marker's settings."""
    marker = request.node.get_closest_marker("httpx2")
    with MockRouter(**{"using": "httpcore2", **(marker.kwargs if marker is not None else {})}) as router:
        yield router
