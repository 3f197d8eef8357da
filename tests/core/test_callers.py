"""Whose line is named: the first that is no library's."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from netdouble._core.callers import called_from


def _frame(file: str) -> FrameType:
    """A frame of a function that stands in `file`."""
    names: dict = {"sys": sys}
    exec(compile("def function():\n    return sys._getframe()", file, "exec"), names)
    return names["function"]()


@pytest.mark.parametrize("library", [
    "/home/ada/.local/lib/python3.12/site-packages/requests/api.py",
    "/usr/lib/python3/dist-packages/requests/api.py",
    r"C:\Users\ada\venv\Lib\site-packages\requests\api.py",
    "<frozen importlib._bootstrap>",
    sys.modules["json"].__file__,
    pytest.__file__,
])  # fmt: skip
def test_a_frame_of_a_library_wherever_it_is_installed_is_passed_over(library: str):
    assert called_from([_frame(library), _frame("/shop/app/client.py")]) == "/shop/app/client.py:2 in function"


def test_an_application_whose_folder_is_much_like_a_librarys_is_named():
    assert called_from([_frame("/shop/my-site-packages.py")]) == "/shop/my-site-packages.py:2 in function"
