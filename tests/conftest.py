"""For every test of ours: the session keeps no client attached, since many look at how things are put back.

An old plugin that leaves event loops behind blames no test, and a busy machine fails no property. CI tries the same
examples each time; `make properties` looks for new ones. What a test records under `told` is said at the end of the
run, whichever worker ran it. Programs that tests start can be interrupted, also where the run itself was started in
the background with interrupts ignored.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import version

import freezegun
import pytest
from hypothesis import HealthCheck, settings

from netdouble._intercept import catalog

# How long an example takes says how busy the machine is, and nothing of netdouble. What CI says of a change is of that
# change: an example that nobody tried before would fail whichever one is on.
settings.register_profile(
    "netdouble", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.register_profile("thorough", settings.get_profile("netdouble"), derandomize=False, max_examples=5_000)
settings.load_profile("netdouble")

# It asks every module for all it has, and huggingface_hub then asks its home which coding agents there are.
freezegun.configure(extend_ignore_list=["huggingface_hub"])


def pytest_configure(config: pytest.Config) -> None:
    # A program inherits a signal that is ignored, and Python keeps it so.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    # 0.23 makes a loop after each of its tests and never closes it (plugin.py, _provide_clean_event_loop); the
    # collector then warns of it, and of its pair of sockets, in whichever test comes later.
    if version("pytest-asyncio").startswith("0."):
        config.addinivalue_line("filterwarnings", "ignore:unclosed (event loop|<socket.*AF_UNIX):ResourceWarning")
    # asyncio 3.10 leaves the transport of a client that gave up to the collector, which warns in whichever test is on.
    if sys.version_info < (3, 11):
        config.addinivalue_line("filterwarnings", "ignore:unclosed transport:ResourceWarning")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    for report in reports:
        for name, text in getattr(report, "user_properties", ()):
            if name == "told" and report.when == "call":
                terminalreporter.write_line(text)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_kept() -> Iterator[None]:
    """As outside pytest, whether our own plugin is loaded or not; `tests/plugin` looks at it in runs of its own."""
    before, catalog._keepers = catalog._keepers, 0
    yield
    catalog._keepers = before
