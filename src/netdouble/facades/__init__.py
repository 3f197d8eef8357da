"""Facades: the APIs of netdouble's peers on netdouble's engine. A suite keeps its tests; what is beneath is swapped.

Three ways in: `from netdouble.facades import responses` (one changed line), `replace("responses")` before the first
import of it (unittest suites), and `pytest -p netdouble.facades --net-replace=responses,...` (no changed line).

Rule 1: a facade is loaded when somebody imports it, and loads its client then; this module loads neither.
Rule 2: what is replaced is replaced for good: a name is ours, or its original, never both in one process.

PYTEST_DONT_REWRITE: this module is a plugin of pytest too, and may be loaded before pytest looks at it.
"""

from __future__ import annotations

from typing import Any

from netdouble.facades._replacing import replace

__all__ = ["replace"]


def pytest_addoption(parser: Any, pluginmanager: Any) -> None:
    """Put the facades in the place of their peers, before pytest loads the peers' own plugins.

    Raises:
        pytest.UsageError: a name that is no peer's, or a peer that was imported already.
    """
    from netdouble.facades import _pytest

    _pytest.declare(parser)
    _pytest.replace_early(pluginmanager)


def pytest_report_header(config: Any) -> str | None:
    """One line on what is replaced."""
    from netdouble.facades import _pytest

    return _pytest.header(config)
