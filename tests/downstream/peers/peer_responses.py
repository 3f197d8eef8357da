"""responses: its tests import each other as `responses.tests`."""

from run import Suite

SUITE = Suite(
    distribution="responses",
    version="0.26.3",
    replaces="responses",
    needs=(
        "requests",
        "pytest",
        "pytest-asyncio",
        "pytest-cov",
        "pytest-httpserver",
        "pyyaml",
        "tomli-w",
        "tomli",
        "pytest-timeout",
    ),
    tests="responses/tests",
    below="responses",
    arguments=("--asyncio-mode=auto", "-W", "ignore", "--timeout=60"),
    baseline=(233, 233),
    goal=231,
)
