"""Run every row, print it, and write the page: `python -m benchmarks [--short] [--write docs/benchmarks.md] [ROW ...]`.

Rows that are named take their places in the page that is there; the others stay as they were measured.
Rule: each row runs in a process of its own. The page tells the machine by its number of processors and by versions,
never by names or paths.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.report import Row, loaded

ROWS = ("call_httpx", "call_aiohttp", "call_requests", "own_share", "many_routes", "client_in_test", "suite_httpx",
        "suite_requests", "facades", "scope", "wire", "suite_wire", "startup", "memory", "guard", "server_cpu",
        "server_life", "sealed")  # fmt: skip

PACKAGES = ("netdouble", "httpx", "httpx2", "aiohttp", "requests", "urllib3", "pytest", "respx", "pytest-httpx",
            "pytest-httpx2", "pytest-socket", "responses", "requests-mock", "aioresponses",
            "pytest-httpserver")  # fmt: skip

HEAD = """# Benchmarks

Written by `make bench`, or a row of it by `make bench BENCH="ROW --write docs/benchmarks.md"`; not by hand. What is
compared runs in turns in one process (or in processes in turns), and medians are taken; the times are this machine's,
the ratios are what counts. A goal that is not met says so.

"""


def facts() -> str:
    """The machine and the versions."""
    found = [f"{platform.python_implementation()} {platform.python_version()}", platform.system(),
             f"{os.cpu_count()} processors"]  # fmt: skip
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def run_row(name: str, *, short: bool) -> Row:
    """Run one row in a process of its own.

    Raises:
        CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "row.json")
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(file), *(["--short"] if short else [])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return loaded(json.loads(file.read_text("utf-8")))


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--short", action="store_true", help="a few calls; no time is judged")
    parser.add_argument("--write", metavar="FILE", help="write the page there as well")
    options = parser.parse_args()
    print(facts(), end="\n\n")
    rows = []
    for name in options.rows or ROWS:
        rows.append(run_row(name, short=options.short))
        print(rows[-1].markdown(), flush=True)
    missed = [goal.text for row in rows for goal in row.goals if goal.met is False]
    print("\n".join([_summary("".join(row.markdown() for row in rows)), *missed]))
    if options.write:
        page = Path(options.write)
        page.write_text(paged(rows, page.read_text("utf-8") if options.rows and page.exists() else ""), "utf-8")


def paged(rows: list[Row], before: str) -> str:
    """The page with these rows, each in its place in `before`, the text of the page until now."""
    sections = {text.partition("\n")[0]: text.rstrip() for text in re.split(r"(?m)^(?=## )", before)[1:]}
    sections |= {f"## {row.title}": row.markdown().rstrip() for row in rows}
    body = "\n\n".join(sections.values())
    return f"{HEAD}{facts()}\n\n{_summary(body)}\n\n{body}\n"


def _summary(text: str) -> str:
    met, missed = (len(re.findall(rf"(?m)^- {verdict}:", text)) for verdict in ("met", r"\*\*NOT met\*\*"))
    return f"Goals: {met} met, {missed} not met."


if __name__ == "__main__":
    main()
