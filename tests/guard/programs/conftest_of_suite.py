"""The conftest of the suite that tries to escape: hooks, session fixtures, an item that is no Python, a leftover."""

from __future__ import annotations

import atexit
import socket
import threading

import pytest
from escapes import address, is_wanted


def leave(name):
    if is_wanted(name):
        socket.create_connection(address(name), timeout=2).close()


def quietly(name):
    try:
        leave(name)
    except Exception as error:
        print(name, repr(error)[:80])


quietly("import of a conftest")
atexit.register(quietly, "atexit")

between_tests = threading.Event()
left_over_is_done = threading.Event()


def left_over():
    between_tests.wait(30)
    quietly("a thread that is left over")
    left_over_is_done.set()


def pytest_configure(config):
    for line in ("net(*allow): of one guard", "allow_hosts(hosts): of the other", "enable_socket: of the other"):
        config.addinivalue_line("markers", line)


def pytest_sessionstart():
    quietly("pytest_sessionstart")


def pytest_sessionfinish():
    quietly("pytest_sessionfinish")


def pytest_generate_tests(metafunc):
    if metafunc.function.__name__ == "test_generated":
        quietly("pytest_generate_tests")


def pytest_runtest_logfinish(nodeid):
    if nodeid.endswith("::test_leaves_a_thread"):
        between_tests.set()
        left_over_is_done.wait(10)


def pytest_collect_file(file_path, parent):
    return Other.from_parent(parent, path=file_path) if file_path.suffix == ".other" else None


class Other(pytest.File):
    def collect(self):
        yield OtherItem.from_parent(self, name="other")


class OtherItem(pytest.Item):
    def runtest(self):
        leave("an item that is no Python")


@pytest.fixture(scope="session")
def of_the_session():
    quietly("session fixture")
    yield
    quietly("teardown of a session fixture")


@pytest.fixture(scope="session")
def of_an_allowing_test():
    quietly("session fixture of a test with an allowance")
