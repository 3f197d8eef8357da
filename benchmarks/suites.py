"""Whole runs of pytest over a made-up suite: every test makes a client, declares three routes and calls each once.

Rule 1: plugins are loaded by name and nothing else is, so that a run pays for one mocker.
Rule 2: everything is compiled before it counts, into a folder of our own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TESTS = 200

_CALLS = """
    with {client}() as client:
        for j in range(3):
            assert client.get(f"https://api.test/{{j}}").json() == {{"a": j}}
"""


@dataclass(frozen=True)
class Suite:
    """A made-up test suite.

    Attributes:
        plugin: pytest's `-p`, or `""`. imports: beside pytest. fixture: the test's parameter, or `""`.
        declare: declares a route for `j`; within `opens`, when that stands there. options: of pytest.
    """

    plugin: str
    imports: str
    client: str
    declare: str
    fixture: str = ""
    opens: str = ""
    options: tuple[str, ...] = ()

    def source(self, tests: int) -> str:
        """The test file."""
        body = f"    for j in range(3):\n        {self.declare}\n" + _CALLS.format(client=self.client).lstrip("\n")
        if self.opens:
            body = f"    {self.opens}\n" + "\n".join(f"    {line}" for line in body.splitlines()) + "\n"
        parameters = f"i, {self.fixture}" if self.fixture else "i"
        mark = f"@pytest.mark.parametrize('i', range({tests}))"
        return f"import pytest\nimport {self.imports}\n\n\n{mark}\ndef test_it({parameters}):\n{body}"


_compiled = tempfile.TemporaryDirectory()


def environment() -> dict[str, str]:
    """The variables of a process that is timed as a whole."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV", "PYTHON"))}
    path = [os.path.abspath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), "PYTHONPYCACHEPREFIX": _compiled.name,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # fmt: skip


def run_pytest(folder: str, *arguments: str) -> float:
    """The seconds that one run of pytest in `folder` takes.

    Raises:
        RuntimeError: it did not pass.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", *arguments]
    begun = time.perf_counter()
    done = subprocess.run(command, check=False, cwd=folder, env=environment(), capture_output=True, text=True)
    taken = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return taken


def seconds(suites: Mapping[str, Suite], tests: int, rounds: int) -> dict[str, float]:
    """The median seconds of each suite's runs, run in turns; a first round does not count."""
    taken: dict[str, list[float]] = {name: [] for name in suites}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: f"test_{number}.py" for number, name in enumerate(suites)}
        for name, suite in suites.items():
            Path(folder, files[name]).write_text(suite.source(tests), "utf-8")
        for _ in range(rounds + 1):
            for name, suite in suites.items():
                plugin = [*(["-p", suite.plugin] if suite.plugin else []), *suite.options]
                taken[name].append(run_pytest(folder, *plugin, files[name]))
    return {name: median(each[1:]) for name, each in taken.items()}
