"""The facade of httpx2-pytest 2.0.0, pytest-httpx's fork for httpx2; its import name is `pytest_httpx2`.

Its fixture comes with `pytest -p netdouble.facades --net-replace=httpx2_pytest`. pytest-httpx2 has the same import name
and fixture with another API: `netdouble.facades.pytest_httpx2`.
"""

from __future__ import annotations

from typing import Any

from netdouble.facades.pytest_httpx.mock import HTTPXMock

__version__ = "2.0.0"

__all__ = ["HTTPXMock"]


def __getattr__(name: str) -> Any:
    if name == "IteratorStream":
        from netdouble.facades.pytest_httpx.streams import iterator_stream_class

        return iterator_stream_class("httpx2")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
