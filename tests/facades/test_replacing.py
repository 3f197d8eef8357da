"""Facades under their peers' names: `replace`, and the pytest option."""

from __future__ import annotations

import subprocess
import sys

import pytest

import netdouble
from netdouble.facades import replace


def test_a_name_that_is_no_peers_is_refused_with_the_nearest_one():
    with pytest.raises(netdouble.DeclarationError, match="netdouble has no facade for 'not_a_peer'"):
        replace("not_a_peer")


@pytest.mark.parametrize(
    ("facade", "missing"),
    [("responses", "requests"), ("requests_mock", "requests"), ("aioresponses", "aiohttp")],
)
def test_a_facade_without_its_client_says_what_to_install(facade, missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import netdouble.facades.{facade}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"netdouble.MissingExtra: the facade needs {missing}, which is not installed: pip install {missing}"
    )


def test_the_framework_loads_no_client_and_no_pytest():
    code = "import sys, netdouble.facades; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"requests", "httpx", "aiohttp", "urllib3", "pytest", "ssl", "asyncio"} == set()
