"""pytest-httpx."""

from run import Suite

SUITE = Suite(
    distribution="pytest-httpx",
    version="0.36.2",
    replaces="pytest_httpx",
    needs=("httpx==0.28.*", "pytest==9.*", "pytest-asyncio==1.*"),
    keep=("pyproject.toml",),
    baseline=(298, 298),
    goal=290,
)
