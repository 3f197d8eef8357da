"""The proof: each escape reaches the listener where nothing guards, and what the guard stops reaches nobody.

Judged by what arrived in the arena (`arena.py`), in a network of its own where that can be had.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.guard.escapes import ESCAPES

ARENA = Path(__file__).parent / "arena.py"

# Never absent: a run without one of them proves too little. Go is large, so outside of CI it may be named as not run.
REQUIRED = {"uvloop", "pycurl", "curl_cffi", "grpc", "curl"} | ({"go"} if os.environ.get("CI") else set())

# What Python can't see: C, Rust, other programs, and Pythons that are told to look at nothing.
OUT_OF_SIGHT = {escape.name for escape in ESCAPES if escape.group == "native"} | {
    "pycares", "curl", "a static program", "a static Go program", "python -S",
    "python -I",  # stopped where the wheel's `.pth` file is installed
}  # fmt: skip


def arena(tmp_path, column, record_property):
    """What arrived, and what could not be tried; both are reported at the end of the run (`tests/conftest.py`)."""
    file = tmp_path / "arena.json"
    made = tmp_path.parent / "made_for_the_arena"  # once for all tests of this process
    made.mkdir(exist_ok=True)
    command = [sys.executable, str(ARENA), column, "--json", str(file), "--made", str(made)]
    subprocess.run(command, check=True, timeout=300)
    result = json.loads(file.read_text("utf-8"))
    ran = len(ESCAPES) - len(result["absent"])
    told = f"guard {column}: {ran - len(result['arrived'][column])} of {ran} escapes stopped"
    record_property("told", "; ".join([told, *(f"not run: {name}: {why}" for name, why in result["absent"].items())]))
    print(f"namespace: {result['namespace']}")
    print(result["printed"][column])
    lacking = [why for why in result["absent"].values() if why.split()[0] in REQUIRED]
    assert lacking == []
    return set(result["arrived"][column]), set(result["absent"])


@pytest.mark.timeout(300)
def test_every_escape_arrives_where_nothing_guards(tmp_path, record_property):
    arrived, absent = arena(tmp_path, "none", record_property)
    assert {escape.name for escape in ESCAPES} - absent - arrived == set()


@pytest.mark.timeout(300)
def test_in_process_everything_that_python_sees_is_stopped(tmp_path, record_property):
    arrived, absent = arena(tmp_path, "in process", record_property)
    assert arrived - OUT_OF_SIGHT == set()
    assert len(ESCAPES) - len(OUT_OF_SIGHT) >= 59
    assert OUT_OF_SIGHT - absent - {"python -I"} <= arrived, "more is stopped than the table says"
