"""Who asked, and who declared: places in the user's code as `FILE:LINE`.

Rule: only called when a route is declared or a report is written, never for a request that is answered.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from types import FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# `data` and `scripts` are left out: the environment's root may well hold the project itself.
_LIBRARIES = (
    *{
        spelled(path) + os.sep
        for kind, path in sysconfig.get_paths().items()
        if kind not in {"data", "scripts"}
        for spelled in (str, os.path.realpath)
    },
    "<frozen",
)
# Packages of another environment that this one stands on: a user's own, the system's, a folder on PYTHONPATH.
_PACKAGES = re.compile(r"[\\/](?:site|dist)-packages[\\/]")

# Functions in which a test suite prepares; a route declared there may stay unused.
_PREPARING = frozenset({"setUp", "asyncSetUp", "setUpClass", "setUpModule"})


def declared_at() -> str:
    """`FILE:LINE` of the innermost frame outside netdouble."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return place(frame) if frame is not None else ""


def called_from(frames: Iterable[FrameType] | None = None) -> str:
    """`FILE:LINE in FUNCTION` of the innermost frame outside libraries, or `""`.

    Args:
        frames: where to look, innermost first; by default the caller's stack.
    """
    for frame in _stack() if frames is None else frames:
        if not _is_library(frame.f_code.co_filename):
            return f"{place(frame)} in {frame.f_code.co_name}"
    return ""


def called_from_files(frames: Iterable[tuple[str, int, str]]) -> str:
    """As `called_from`, for frames of which only the file, line and function are known."""
    for file, line, function in frames:
        if not _is_library(file):
            return f"{short_path(file)}:{line} in {function}"
    return ""


def client_above() -> str:
    """The library that the innermost frame outside libraries called, with its version when it is told, or `""`."""
    client = ""
    for frame in _stack():
        file = frame.f_code.co_filename
        if not _is_library(file):
            break
        if not file.startswith(_PACKAGE):
            client = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    else:
        return ""
    version = getattr(sys.modules.get(client), "__version__", "")
    return f"{client} {version}" if isinstance(version, str) and version else client


def _is_library(file: str) -> bool:
    return file.startswith((_PACKAGE, *_LIBRARIES)) or _PACKAGES.search(file) is not None


def _stack() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_preparing() -> bool:
    """Some caller is a unittest `setUp` of any kind."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in _PREPARING:
            return True
        frame = frame.f_back
    return False


def place(frame: FrameType) -> str:
    """`FILE:LINE`, the file relative to the working directory when it lies below it."""
    return f"{short_path(frame.f_code.co_filename)}:{frame.f_lineno}"


def short_path(path: str) -> str:
    """`path` relative to the working directory when it lies below it."""
    try:
        here = os.getcwd() + os.sep
    except OSError:  # the working directory was removed
        return path
    return path.removeprefix(here)
