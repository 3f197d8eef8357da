"""The mocker as a fixture of the library `fixtures`, for testtools."""

from __future__ import annotations

from typing import Any

import fixtures  # pyright: ignore[reportMissingImports]  # of users of testtools

from netdouble.facades.requests_mock import mocker


class Fixture(fixtures.Fixture, mocker.MockerCore):  # type: ignore[misc]  # fixtures ships no types
    """Answers while the fixture is in use."""

    def __init__(self, **kwargs: Any) -> None:
        fixtures.Fixture.__init__(self)
        mocker.MockerCore.__init__(self, **kwargs)

    def setUp(self) -> None:
        """Start it, and stop it at the end of the test."""
        super().setUp()
        self.start()
        self.addCleanup(self.stop)
