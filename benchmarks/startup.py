"""`import netdouble`, and what its plugin adds to a pytest run that does not use it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.report import Effort, Goal, Row, main, number
from benchmarks.routes import is_installed
from benchmarks.suites import environment, run_pytest

# What an empty run must not load for us.
UNWANTED = frozenset({"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "botocore", "ssl",
                      "asyncio", "anyio"})  # fmt: skip

IMPORTS = {"netdouble": "", "netdouble.Network": "", "responses": "requests", "requests-mock": "requests",
           "respx": "httpx", "pytest-httpx": "httpx", "aioresponses": "aiohttp"}  # fmt: skip
PLUGINS = {"(no plugin)": "", "netdouble": "netdouble.pytest_plugin",
           "requests-mock": "requests_mock.contrib._pytest_plugin", "respx": "respx.plugin",
           "pytest-httpx": "pytest_httpx"}  # fmt: skip

_WHY = "A good part is the standard library's: dataclasses (inspect), re, json, socket, typing"
_IMPORT = """
import sys, time
{client}
begun = time.perf_counter()
{statement}
print((time.perf_counter() - begun) * 1e3)
"""
_EMPTY = "def test_nothing():\n    pass\n"
_LISTING = "import sys\ndef pytest_unconfigure():\n    open('modules.txt', 'w').write(' '.join(sorted(sys.modules)))\n"


def _import_ms(name: str) -> float:
    client = IMPORTS[name]
    module, _, used = name.replace("-", "_").partition(".")
    statement = f"from {module} import {used}" if used else f"import {module}"
    code = _IMPORT.format(client=f"import {client}" if client else "", statement=statement)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, env=environment(), capture_output=True, text=True)
    return float(done.stdout)


def modules_of_an_empty_run(*arguments: str) -> set[str]:
    """What is loaded at the end of a pytest run of one empty test."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_empty.py").write_text(_EMPTY, "utf-8")
        Path(folder, "conftest.py").write_text(_LISTING, "utf-8")
        run_pytest(folder, *arguments)
        return set(Path(folder, "modules.txt").read_text("utf-8").split())


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("Import, and an empty pytest run", "Import: beyond the import of the mocker's own client. Empty run: a "
              "whole pytest process with one empty test, this plugin and no other, above the same without a plugin.",
              ["", "import, ms", "empty run, ms more"])  # fmt: skip
    names = [name for name in IMPORTS if name.startswith("netdouble") or is_installed(name)]
    imports: dict[str, list[float]] = {name: [] for name in names}
    runs: dict[str, list[float]] = {name: [] for name in PLUGINS if name in names or name == "(no plugin)"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_empty.py").write_text(_EMPTY, "utf-8")
        for _ in range(effort.of(12, 2)):  # the first of each compiles, and is left out
            for name in names:
                imports[name].append(_import_ms(name))
            for name, each in runs.items():
                each.append(run_pytest(folder, *(["-p", PLUGINS[name]] if PLUGINS[name] else [])) * 1e3)
    for name in names:
        more = [a - b for a, b in zip(runs.get(name, ()), runs["(no plugin)"], strict=False)]
        row.lines.append([name, number(median(imports[name][1:])), number(median(more[1:])) if more else ""])
    for name in ("netdouble", "netdouble.Network"):  # what is public is loaded when it is asked for
        row.goal(f"import of {name} at most 40 ms", median(imports[name][1:]), 40, effort, unit=" ms",
                 why=_WHY)  # fmt: skip
    ours = modules_of_an_empty_run("-p", PLUGINS["netdouble"]) - modules_of_an_empty_run()
    text = f"an empty run loads no client, no ssl, no asyncio for us (of {len(ours)} modules)"
    bad = sorted(ours & UNWANTED)
    row.goals.append(Goal(text, ", ".join(bad) or "none", not bad))
    return row


if __name__ == "__main__":
    main(measure)
