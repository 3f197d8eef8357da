"""What pytest-httpx and its fork for httpx2 say differently: a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of the two.

    Attributes:
        peer: its name, for reports. library: whose exceptions and responses. fixture: the fixture's and marker's name.
        readme, issues: where its messages point. loose_params: `match_params` takes numbers too.
    """

    peer: str
    library: str
    fixture: str
    readme: str
    issues: str
    loose_params: bool = False


HTTPX = Dialect(
    "pytest_httpx",
    "httpx",
    "httpx_mock",
    "https://github.com/Colin-b/pytest_httpx/blob/master/README.md",
    "https://github.com/Colin-b/pytest_httpx/issues",
)
HTTPX2 = Dialect(
    "httpx2_pytest",
    "httpx2",
    "httpx2_mock",
    "https://github.com/angryfoxx/httpx2-pytest/blob/master/README.md",
    "https://github.com/angryfoxx/httpx2-pytest/issues",
    loose_params=True,
)
