"""The facade of pytest-httpx 0.36.2: its public API on netdouble's engine.

Its fixture comes with `pytest -p netdouble.facades --net-replace=pytest_httpx`; this module has the names that tests
import. What is different: httpx2 is answered as httpx is, and so is every other client by the routes that match;
`https://host` is `https://host/`; a compressed body is given to the client as it is.

Rule: nothing here imports httpx by itself.
"""

from __future__ import annotations

from typing import Any

from netdouble.facades.pytest_httpx.mock import HTTPXMock

__version__ = "0.36.2"

__all__ = ["HTTPXMock"]


def __getattr__(name: str) -> Any:
    if name == "IteratorStream":
        from netdouble.facades.pytest_httpx.streams import iterator_stream_class

        return iterator_stream_class("httpx")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
