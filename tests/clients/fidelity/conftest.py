"""The oracle, one for all rows of this folder that run in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.clients.fidelity.oracle import Oracle
from tests.clients.fidelity.worlds import names_on_loopback


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """A real server; names under .test lead to it."""
    made = Oracle()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def names(oracle: Oracle) -> Iterator[None]:
    """Nothing is looked up anywhere else."""
    with names_on_loopback():
        yield
