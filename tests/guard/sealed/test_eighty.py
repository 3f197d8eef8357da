"""The escapes of the arena under sealed mode: all of them are stopped.

Judged, as in process, by what arrived.
"""

from __future__ import annotations

import pytest
from tests.guard.test_escapes import arena


@pytest.mark.timeout(300)
def test_sealed_nothing_arrives(tmp_path, record_property):
    arrived, _ = arena(tmp_path, "sealed", record_property)
    assert arrived == set()
