"""pytest-httpx's pytest plugin: the fixture and the marker `httpx_mock`."""

from __future__ import annotations

from netdouble.facades.pytest_httpx.dialects import HTTPX
from netdouble.facades.pytest_httpx.fixtures import fixture_of, marker_of

httpx_mock = fixture_of(HTTPX)
pytest_configure = marker_of(HTTPX)
