"""What a refusal of the kernel's guard says: how what was refused is answered by a stub after all."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from netdouble._core.native_clients import NATIVE_CLIENTS
from netdouble._gate.sealed.messages import Refusal
from netdouble._gate.sealed.refusals import report


def said(*, is_ours: bool, target: str = "127.9.9.9:443") -> str:
    refusal = Refusal("connect", target, 7, 7, is_ours, "curl https://api.test", "MainThread", "test_it.py::test_it",
                      in_test=True, spawned_in="", older=False, refused=True)  # fmt: skip
    text = report(refusal, "app.py:1 in f", "guard=block")
    return next((line for line in text.splitlines() if line.startswith("To answer it:")), "")


@pytest.mark.parametrize("name", NATIVE_CLIENTS)
def test_a_native_client_that_is_loaded_is_led_to_the_routes(monkeypatch, name):
    for each in NATIVE_CLIENTS:
        monkeypatch.delitem(sys.modules, each, raising=False)
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert said(is_ours=True) == (
        f'To answer it:  native code opens connections where no layer stands: with net.native("{name}"): ...'
    )


def test_of_native_code_that_is_no_such_client_the_proxy_is_named(monkeypatch):
    for each in NATIVE_CLIENTS:
        monkeypatch.delitem(sys.modules, each, raising=False)
    assert said(is_ours=True).endswith("lead it to the url of net.proxy(), and let it trust its ca_file")


def test_a_program_is_given_an_address_or_an_environment():
    assert said(is_ours=False) == (
        "To answer it:  give the process net_server's address, or run it in the environment net.proxy().env"
    )


def test_what_does_not_look_like_http_gets_no_stub_offered():
    assert said(is_ours=True, target="127.9.9.9:5432") == ""
