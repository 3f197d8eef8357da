"""Every Python block of README.md and docs/ runs as a reader would run it: a page is one test file in an empty folder.

Rule: a page's blocks belong together in their order; a block that can't run is not marked as Python.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = {str(page.relative_to(ROOT)): page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return BLOCK.findall(page.read_text("utf-8"))


# httpx2 and what stands on it need Python 3.11: these pages run from there on, all others everywhere.
NEED_311 = {"docs/how-to/migrate/respx.md", "docs/how-to/streaming.md"}
STANDS_ON_HTTPX2 = re.compile(r"^\s*(?:import|from) (?:httpx2|openai|anthropic)\b", re.MULTILINE)

RUNNABLE = {
    name: code
    for name, page in PAGES.items()
    if (code := "\n\n".join(blocks(page))) and (sys.version_info >= (3, 11) or name not in NEED_311)
}


def test_a_page_says_what_it_needs_besides_pytest_and_requests():
    said = {name: " ".join(re.findall(r"pip install ([^`]*)", page.read_text("utf-8"))) for name, page in PAGES.items()}
    lacking = {name: imported(code) - set(re.findall(r"\w+", said[name])) for name, code in RUNNABLE.items()}
    assert {name: packages for name, packages in lacking.items() if packages} == {}


def imported(code: str) -> set[str]:
    """The packages that a page imports, less those that every page may take for granted."""
    tree = list(ast.walk(ast.parse(code)))
    dotted = [alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names]
    dotted += [str(node.module) for node in tree if isinstance(node, ast.ImportFrom)]
    granted = {"netdouble", "pytest", "requests", "urllib3"}
    return {name.partition(".")[0] for name in dotted} - sys.stdlib_module_names - granted


def test_only_pages_with_httpx2_are_left_out_on_python_3_10():
    assert {name for name, page in PAGES.items() if STANDS_ON_HTTPX2.search("\n".join(blocks(page)))} == NEED_311


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_page_runs_pasted_into_an_empty_folder(name: str, tmp_path: Path):
    code = RUNNABLE[name]
    written = re.findall(r"^ *(?:async )?def (test_\w+)", code, re.MULTILINE)
    assert written, "a page with Python has tests in it"
    assert len(written) == len(set(written)), "two tests of one name: the later one would hide the earlier"
    (tmp_path / "test_page.py").write_text(code, "utf-8")

    # Without the environment of this run: its pytest options are not the reader's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    # pytest-asyncio warns of an option that it wants to be set, and no page uses it.
    options = ["-q", "-W", "error::pytest.PytestWarning", "-p", "no:asyncio", "--tb=short"]
    command = [sys.executable, "-m", "pytest", *options, "test_page.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(written)} passed" in done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(name: str):
    page = PAGES[name]
    targets = [target for target, _ in LINK.findall(page.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_linked_from_the_index_and_the_index_from_the_readme():
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    linked = {target for target, _ in LINK.findall(index)}
    pages = {name.removeprefix("docs/") for name in PAGES if name.startswith("docs/")}
    assert pages - linked == {"index.md"}
    assert "docs/index.md" in (ROOT / "README.md").read_text("utf-8")
