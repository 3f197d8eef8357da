"""Write docs/reference/guard-leaks.md (`make leaks`): the same escapes under each guard; the table is what arrived.

Rule: nothing is filled in by hand; an escape that can't be tried here is named as not run.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "reference" / "guard-leaks.md"
sys.path.insert(0, str(HERE))

from arena import COLUMNS  # noqa: E402
from escapes import ESCAPES  # noqa: E402

GROUPS = {"socket": "Python's sockets", "lookup": "Lookups", "native": "C and Rust", "process": "Other processes",
          "phase": "Outside of a test's call", "swallowed": "Refused, and swallowed"}  # fmt: skip
GUARDS = {"pytest-socket": "`pytest --disable-socket --allow-unix-socket`",
          "pytest-socket, allow": "`pytest --allow-hosts=127.0.0.1`",
          "in process": 'netdouble, `net_guard = "block"`',
          "sealed": "netdouble, with `--net-sealed` (Linux)"}  # fmt: skip
HEAD = """# What each guard stops

Written by `make leaks`; not by hand. The same programs run under each guard, which is told to allow 127.0.0.1 alone, or
only this process. A listener at another address of this machine logs each accepted connection, datagram and DNS query,
in a network of its own that leads nowhere. **Stopped** is what did not arrive; what a client said counts for nothing.
Without a guard all of them arrive.

"""


def run(column: str, made: str) -> dict[str, object]:
    """One column in a process of its own: the arena leaves the machine's network for good."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "out.json")
        arguments = [column, "--json", str(file), "--made", made]
        subprocess.run([sys.executable, str(HERE / "arena.py"), *arguments], check=True)
        return json.loads(file.read_text("utf-8"))


def page(results: dict[str, dict]) -> str:
    """The page, of what arrived in each column."""
    ran = [e for e in ESCAPES if not any(e.name in result["absent"] for result in results.values())]
    arrived = {column: set(result["arrived"][column]) for column, result in results.items()}
    useless = [e.name for e in ran if e.name not in arrived["none"]]
    if useless:
        raise SystemExit(f"these escapes arrive nowhere, so stopping them proves nothing: {', '.join(useless)}")
    guards = [column for column in GUARDS if column in results]
    lines = ["| guard | stopped | of |", "|---|---:|---:|"]
    lines += [f"| {GUARDS[g]} | {sum(e.name not in arrived[g] for e in ran)} | {len(ran)} |" for g in guards]
    for group, title in GROUPS.items():
        lines += ["", f"## {title}", "", f"| escape | {' | '.join(guards)} |", f"|---|{'---|' * len(guards)}"]
        for escape in ran:
            if escape.group == group:
                cells = [_cell(escape.name, arrived[g], results[g]["printed"][g]) for g in guards]
                lines.append(f"| {escape.name} | {' | '.join(cells)} |")
    absent = {name: why for result in results.values() for name, why in result["absent"].items()}
    lines += ["", f"Not run here: {'; '.join(f'{n} ({w})' for n, w in absent.items())}." if absent else
              "All of them ran here."]  # fmt: skip
    lines.append(facts())
    return HEAD + "\n".join(lines) + "\n"


# What is swallowed -> the test that swallows it, which is to fail.
SWALLOWING = {"swallowed by except": "test_swallowed_by_except", "swallowed by a thread": "test_swallowed_by_a_thread",
              "swallowed by __del__": "test_swallowed_by_del"}  # fmt: skip


def _cell(name: str, arrived: set[str], printed: str) -> str:
    if name in arrived:
        return "**arrived**"
    if name not in SWALLOWING:
        return "stopped"
    fails = re.search(rf"^FAILED .*::{SWALLOWING[name]}\b", printed, re.MULTILINE) is not None
    return "stopped, the test fails" if fails else "stopped, the test **passes**"


def facts() -> str:
    """The machine and the versions."""
    found = [
        f"{platform.python_implementation()} {platform.python_version()}",
        f"Linux {platform.release().split('-')[0]}",
    ]
    for package in ("netdouble", "pytest", "pytest-socket"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    said = "`python -I` is stopped in process too where netdouble is installed: it reads the `.pth` file of the wheel."
    return f"Run with {', '.join(found)}.\n{said}"


def main() -> None:
    """Run every column that can run, and write the page."""
    results = {}
    with tempfile.TemporaryDirectory() as made:
        for column in COLUMNS:
            results[column] = run(column, made)
            print(f"{column}: {len(results[column]['arrived'][column])} arrived", flush=True)
    PAGE.write_text(page(results), "utf-8")


if __name__ == "__main__":
    main()
