"""httpx2-pytest's pytest plugin: the fixture and the marker `httpx2_mock`."""

from __future__ import annotations

from netdouble.facades.pytest_httpx.dialects import HTTPX2
from netdouble.facades.pytest_httpx.fixtures import fixture_of, marker_of

httpx2_mock = fixture_of(HTTPX2)
pytest_configure = marker_of(HTTPX2)
