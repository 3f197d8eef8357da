"""httpx2-pytest: pytest-httpx's fork for httpx2."""

from run import Suite

SUITE = Suite(
    distribution="httpx2-pytest",
    version="2.0.0",
    replaces="httpx2_pytest",
    needs=("httpx2==2.*", "pytest==9.*", "pytest-asyncio==1.*"),
    arguments=("-o", "addopts="),
    keep=("pyproject.toml",),
    baseline=(340, 340),
    goal=325,
)
