"""The libraries of the httpx family that run here: httpx2 needs Python 3.11."""

from __future__ import annotations

import sys

import httpx
import pytest

LIBRARIES = [httpx]
if sys.version_info >= (3, 11):
    import httpx2

    LIBRARIES.append(httpx2)

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)
