"""requests-mock."""

from run import Suite

SUITE = Suite(
    distribution="requests-mock",
    version="1.12.1",
    replaces="requests_mock",
    needs=("requests", "fixtures", "purl", "pytest", "testtools", "requests_futures", "pytest-timeout"),
    arguments=("-W", "ignore", "--timeout=60"),
    baseline=(145, 145),
    goal=140,
)
