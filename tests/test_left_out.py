"""What can't run on every Python that we support, and that nothing else is left out.

Rule: a file is left out by its folder's `collect_ignore`, for a reason that stands in the table below. Tests are never
skipped: a skip is not seen.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# httpx2 needs Python 3.11, and so does whatever stands on it.
NEED_311 = {
    "examples/tests/test_assistant.py",
    "examples/tests/test_orders.py",
    "tests/clients/test_openai.py",
    "tests/downstream/sdks/test_anthropic.py",
    "tests/downstream/sdks/test_broken_streams.py",
    "tests/downstream/sdks/test_huggingface_hub.py",
    "tests/downstream/sdks/test_openai.py",
    "tests/facades/test_httpx2.py",
}

FILES = sorted(path for folder in ("tests", "examples") for path in (ROOT / folder).rglob("*.py"))
# Tests of the plugin have tests in them, as text, that skip.
SKIPS = re.compile(r"importorskip|mark\.skip|^(?! {8})\s*pytest\.skip\(", re.MULTILINE)


def test_only_what_stands_on_httpx2_is_left_out_and_only_on_python_3_10():
    left_out = {
        str((conftest.parent / name).relative_to(ROOT))
        for conftest in FILES
        if conftest.name == "conftest.py"
        for name in runpy.run_path(str(conftest)).get("collect_ignore", [])
    }
    assert left_out == (NEED_311 if sys.version_info < (3, 11) else set())


def test_what_may_be_left_out_is_there():
    assert {name for name in NEED_311 if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("path", [path for path in FILES if path != Path(__file__)], ids=lambda path: path.stem)
def test_no_test_is_skipped(path: Path):
    assert SKIPS.findall(path.read_text("utf-8")) == []
