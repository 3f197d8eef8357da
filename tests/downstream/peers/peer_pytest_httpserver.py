"""pytest-httpserver. Its tests of its release need its author's tools, and skip themselves."""

from run import Suite

SUITE = Suite(
    distribution="pytest-httpserver",
    version="1.2.0",
    replaces="pytest_httpserver",
    needs=("requests", "pytest", "werkzeug>=2.3", "tomli; python_version < '3.11'"),
    keep=("example.py", "example_pytest.py", "pyproject.toml"),
    baseline=(145, 145),
    goal=138,
)
