"""What a test module does outside of a test's call, and refusals that nobody hears of."""

from __future__ import annotations

import gc
import threading
import unittest
from contextlib import suppress

import pytest
from conftest import leave, left_over, quietly

quietly("import of a test module")


def setup_module():
    quietly("setup_module")


def test_generated():
    pass


@pytest.mark.enable_socket
@pytest.mark.net("127.0.0.1")
def test_first_with_an_allowance(of_an_allowing_test):
    pass


def test_of_the_session(of_the_session):
    pass


@pytest.fixture
def late():
    yield
    quietly("teardown of a fixture")


def test_late(late):
    pass


class TestMethods:
    def teardown_method(self):
        quietly("teardown_method")

    def test_it(self):
        pass


class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        quietly("setUpClass")

    def test_it(self):
        pass


def test_leaves_a_thread():
    threading.Thread(target=left_over, daemon=True).start()


@pytest.mark.allow_hosts(("127.0.0.1",))
@pytest.mark.net(("127.0.0.1",))
def test_tuple():
    leave("allow list as a tuple")


@pytest.mark.allow_hosts({"127.0.0.1"})
@pytest.mark.net({"127.0.0.1"})
def test_set():
    leave("allow list as a set")


def test_swallowed_by_except():
    with suppress(Exception):
        leave("swallowed by except")


@pytest.mark.filterwarnings("ignore")
def test_swallowed_by_a_thread():
    thread = threading.Thread(target=leave, args=("swallowed by a thread",))
    thread.start()
    thread.join()


class Leaving:
    def __del__(self):
        leave("swallowed by __del__")


@pytest.mark.filterwarnings("ignore")
def test_swallowed_by_del():
    made = Leaving()
    del made
    gc.collect()
