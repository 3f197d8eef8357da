"""The way into child processes where netdouble's `.pth` file is not installed: this folder stands on their PYTHONPATH.

Rule: the child's own `sitecustomize`, if there is one, runs as if this one were not there.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))

# By name: type checkers find it beside an installed netdouble, and nowhere beside a source tree.
__import__("_netdouble_child")

sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != _HERE]
_ours = sys.modules.pop("sitecustomize")
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # pyright: ignore[reportMissingImports]  # its own
except ImportError as error:
    sys.modules["sitecustomize"] = _ours  # the import system looks for it there
    if error.name != "sitecustomize":
        raise
