"""For every test of ours: the session keeps no client attached, since many look at how things are put back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netdouble._intercept import catalog


@pytest.fixture(scope="session", autouse=True)
def nothing_is_kept() -> Iterator[None]:
    """As outside pytest, whether our own plugin is loaded or not; `tests/plugin` looks at it in runs of its own."""
    before, catalog._keepers = catalog._keepers, 0
    yield
    catalog._keepers = before
