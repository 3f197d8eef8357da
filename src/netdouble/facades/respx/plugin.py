"""respx's pytest plugin: the fixture `respx_mock` and the marker `respx`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from netdouble.errors import MissingExtra
from netdouble.facades import respx
from netdouble.facades._httpx_objects import default
from netdouble.facades.respx.router import MockRouter


def pytest_configure(config: Any) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "respx(assert_all_called=True, assert_all_mocked=True, base_url=..., using=...): settings of the respx_mock "
        "fixture, which is then a router of its own",
    )
    with suppress(MissingExtra):  # who has neither client finds out when a test asks for one
        default()  # loaded once, as by respx: runs of pytester in this process share our modules, and so their client


@pytest.fixture
def respx_mock(request: Any) -> Iterator[MockRouter]:
    """The global router, started; with the marker `respx`, a new one with its settings."""
    marker = request.node.get_closest_marker("respx")
    router: MockRouter = respx.mock if marker is None else respx.mock(**marker.kwargs)
    with router:
        yield router
