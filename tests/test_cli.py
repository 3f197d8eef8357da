"""The command line: the doctor tells the truth about the clients of its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netdouble._intercept.catalog import CLIENTS


def netdouble(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    python_path = os.pathsep.join([str(path or ""), os.environ.get("PYTHONPATH", ""), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "netdouble", *arguments],
        env={**os.environ, "PYTHONPATH": python_path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_doctor_names_every_client_its_version_and_its_seam():
    run = netdouble("doctor")
    assert run.returncode == 0, run.stderr
    rows = {line.split()[0]: line for line in run.stdout.splitlines()[3:] if line}
    for client in CLIENTS:
        if client.depth:
            assert client.seam in rows[client.name]
            assert "covered" in rows[client.name] or "absent" in rows[client.name]
    import requests

    assert requests.__version__ in rows["requests"]
    assert run.stdout.splitlines()[-1].startswith(("sealed mode: possible here", "sealed mode: not possible here: "))


@pytest.mark.parametrize(
    ("client", "source"), [("aiohttp", "__version__ = '9.0'"), ("requests", "raise ImportError('broken')")]
)
def test_a_client_that_does_not_fit_is_said_to_be_uncovered_and_why(tmp_path, client, source):
    (tmp_path / client).mkdir()
    (tmp_path / client / "__init__.py").write_text(source)
    run = netdouble("doctor", path=tmp_path)
    assert run.returncode == 1
    [row] = [line for line in run.stdout.splitlines() if line.startswith(f"{client} ")]
    assert "not covered" in row
    assert f"\n{client}: " in run.stdout


def test_without_a_command_the_help_is_shown():
    run = netdouble()
    assert run.returncode == 2
    assert "doctor" in run.stdout
