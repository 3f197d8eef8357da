"""Runs of pytest that a test starts with pytester: they are told what is replaced as early as the session was.

pytester hides PYTEST_ADDOPTS from them (pytest 9, `_pytest/pytester.py`), and what PYTEST_PLUGINS names is loaded after
the plugins of installed packages, and after those that their command line names.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


class Told:
    """A plugin that gives the runs of `pytester` options.

    Args:
        options: as in PYTEST_ADDOPTS.
    """

    def __init__(self, options: str) -> None:
        self._options = options

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
        """When the fixture has hidden them."""
        made = yield
        if fixturedef.argname == "pytester":
            request.getfixturevalue("monkeypatch").setenv("PYTEST_ADDOPTS", self._options)
        return made
