"""Runs of pytest inside a test: the plugin, those named, and none besides.

Nothing in them can leave the machine, even when the guard fails: AWAY is the broadcast address, to which the kernel
makes no TCP connection.
"""

from __future__ import annotations

import os
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import netdouble
from netdouble._plugin.preloading import load_core

load_core()  # as the plugin does where it is loaded and meets pytester

SOURCE = Path(netdouble.__file__).parents[1]

# Where netdouble is installed pytest knows it by its entry point, and the module must not be registered twice.
PLUGIN = "netdouble" if entry_points(group="pytest11", name="netdouble") else "netdouble.pytest_plugin"

# What every inner test file begins with: code under test, which hides whatever happens to it.
APPLICATION = """
import socket
import urllib.request

AWAY = ("255.255.255.255", 80)
URL = "http://api.test/"


def fetch(url=URL):
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def hide(function, *args):
    try:
        return function(*args)
    except Exception:
        return None


def leave():
    socket.create_connection(AWAY, timeout=5)
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """`run(source, *args, ini=..., plugins=...)`: a file of tests, run in this process."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(source, *args, ini="", plugins=(), conftest="", in_process=True):
        pytester.makefile(".py", app=APPLICATION)
        header = "import pytest\nfrom netdouble import *\nfrom app import *\n"
        pytester.makepyfile(test_it=header + textwrap.dedent(source))
        if conftest:
            pytester.makeconftest(textwrap.dedent(conftest))
        pytester.makefile(".ini", pytest="[pytest]\n" + textwrap.dedent(ini))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(pytester.path), str(SOURCE))))
        named = [word for plugin in (PLUGIN, *plugins) for word in ("-p", plugin)]
        # From a source tree the outer run has loaded netdouble without rewriting its asserts; the inner one warns
        rewritten = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
        command = (*named, "-p", "no:cacheprovider", *args, *rewritten)
        return pytester.runpytest_inprocess(*command) if in_process else pytester.runpytest_subprocess(*command)

    return run
