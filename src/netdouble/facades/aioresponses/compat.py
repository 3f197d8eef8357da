"""aioresponses' helpers for URLs, and the version of aiohttp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netdouble.errors import MissingExtra

try:
    import aiohttp
    from yarl import URL
except ImportError as error:
    raise MissingExtra("the facade needs aiohttp, which is not installed: pip install aiohttp") from error
try:
    from packaging.version import Version
except ImportError:  # aiohttp does not need it; aioresponses does
    Version = str  # type: ignore[assignment, misc]  # what is left to compare

__all__ = ["AIOHTTP_VERSION", "URL", "merge_params", "normalize_url"]

AIOHTTP_VERSION = Version(aiohttp.__version__)


def merge_params(url: URL | str, params: Mapping[str, Any] | None = None) -> URL:
    """`url` with `params` added to its query."""
    whole = URL(url)
    return whole.extend_query(params) if params else whole


def normalize_url(url: URL | str) -> URL:
    """`url` with its query in order."""
    whole = URL(url)
    return whole.with_query(sorted(whole.query.items()))
