"""The rules of the house: who may import whom, what a plain import loads, how a file is made.

Rule: an import counts wherever it stands, inside a function or under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "netdouble"

# What each part may import of ours, besides itself. A part is a folder or file directly under netdouble.
INSIDE = ("errors", "_core")
BENEATH = (*INSIDE, "_codec", "_patch", "_active", "_asking", "_origins", "_manner", "_answering", "_authority")
EDGE = (*BENEATH, "_far_end", "_stepping_aside")
TOP = (*EDGE, "_intercept", "_gate", "guard", "server", "_problems", "network")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "_patch": (),
    "_origins": ("_patch",),
    "_core": INSIDE,
    "_codec": INSIDE,
    "_active": (*INSIDE, "_patch", "_origins", "_manner"),
    "_asking": (*INSIDE, "_active", "_manner"),
    "_manner": INSIDE,
    "_answering": INSIDE,
    "_authority": ("errors", "_patch"),
    "_far_end": BENEATH,
    "_stepping_aside": (*INSIDE, "_active"),
    "_intercept": EDGE,
    "_gate": EDGE,
    "guard": (*EDGE, "_gate"),
    "_certificates": (*INSIDE, "_authority"),
    "_decorating": EDGE,
    "_swallowing": (),
    "_problems": (*INSIDE, "_swallowing"),
    "server": EDGE,
    "_serving": (*EDGE, "_intercept", "server"),
    "_mounting": ("_active", "_intercept"),
    "_views": INSIDE,
    "network": (
        *EDGE,
        "_certificates",
        "_decorating",
        "_problems",
        "_intercept",
        "_gate",
        "guard",
        "_serving",
        "_mounting",
        "_views",
    ),
    "standalone": TOP,
    "_serving_command": (*TOP, "standalone"),
    "_child": ("__init__", "_gate"),
    "__init__": (*TOP, "_views", "standalone"),
    "facades": (*TOP, "_decorating", "__init__"),
    "cli": (*TOP, "_serving_command", "__init__"),
    "__main__": ("cli",),
    "_plugin": (*TOP, "standalone", "__init__"),
    "pytest_plugin": (*TOP, "_plugin", "__init__"),
}

# The core decides and never waits, opens or starts anything; `time.sleep` is looked for apart.
CORE_NEVER = ("socket", "ssl", "asyncio", "select", "selectors", "http.client", "urllib.request", "subprocess")

# Import strings are the one way round these rules, and stand in these files only.
NAMES_IMPORTED_BY_STRING = {
    "netdouble": "the public names, loaded when they are first asked for",
    "netdouble._core.native": "other clients' response objects, looked up by their class's name",
    "netdouble._intercept.catalog": "the table of clients",
    "netdouble._intercept.native.opening": "the native clients and our files for them, by the clients' names",
    "netdouble._intercept.native.pyreqwest": "the parts of that package, which is empty itself",
    "netdouble.facades.respx.mocks": "transport classes of the suite's own, by the names that it gives",
    "netdouble.facades._replacing": "the facades, by their peers' names",
    "netdouble.facades._pytest": "the facades' pytest plugins",
    "netdouble._plugin.preloading": "all of our own modules but the clients' files",
    "netdouble.cli": "the doctor tries every client of the table",
    "netdouble._mounting": "the doors that are mounted by hand: requests_adapter() and its like",
    "netdouble._child.sitecustomize": "the file beside it, which type checkers find in an installed netdouble alone",
    "netdouble._intercept.httpcore_failures": "exceptions of anyio or trio, whichever httpcore itself has loaded",
    "netdouble._core.regex_starts": "the stdlib's regex parser, whose name changed in Python 3.11",
}

# Where a client's package may be named under TYPE_CHECKING, nowhere else, and why.
TYPES_ONLY = {
    "netdouble._core.messages": "what Response.as_requests() and its like return",
    "netdouble._mounting": "what requests_adapter() and its like return",
}

CLIENTS = {"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "boto3", "botocore", "trio"}
CLIENTS |= {"curl_cffi", "primp", "pycurl", "pyreqwest", "rnet"}
# What stands on a package that an extra installs; nobody imports it but where that protocol is spoken.
EXTRAS = {"netdouble._codec.http2": {"h2"}, "netdouble._codec.websocket": {"wsproto"}}
SLOW = {"pytest", "_pytest", "ssl", "asyncio", "anyio"}

BANNED_NAMES = {"utils", "util", "helpers", "models", "types", "common", "misc"}
LINES_IN_A_FILE = 500
LINES_IN_A_FUNCTION = 50


def _name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}


def _dotted(tree: ast.Module) -> set[str]:
    """Every dotted name that could be a module and is imported in `tree`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            assert node.module is not None
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _ours(name: str) -> set[str]:
    """The modules of ours that module `name` imports; a package only when a name of its `__init__` is taken."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and node.module in FILES:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= submodules & FILES.keys()
            if submodules - FILES.keys():
                found.add(node.module)
    return found


class _WithoutTypes(ast.NodeTransformer):
    """Takes away what stands under `if TYPE_CHECKING:`."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


def _foreign(name: str) -> set[str]:
    """The third-party packages that module `name` imports."""
    tree = _WithoutTypes().visit(ast.parse(ast.unparse(TREES[name]))) if name in TYPES_ONLY else TREES[name]
    roots = {dotted.split(".")[0] for dotted in _dotted(tree)}
    return roots - sys.stdlib_module_names - {"netdouble", "typing_extensions"}


def _part(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def _loaded_by(module: str) -> set[str]:
    """The top-level modules that a fresh interpreter loads for `import module`, beyond those it starts with."""
    code = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {loaded.split(".")[0] for loaded in done.stdout.split()}


@pytest.mark.parametrize("name", FILES)
def test_each_part_imports_only_what_stands_below_it(name: str):
    part = _part(name)
    assert part in MAY_IMPORT, f"{part} has no place in the house yet: give it one in MAY_IMPORT"
    wrong = {imported for imported in _ours(name) if _part(imported) not in (*MAY_IMPORT[part], part)}
    assert not wrong, f"{name} may import {', '.join(MAY_IMPORT[part])}"


def test_no_circle_of_imports_even_on_paper():
    graphlib.TopologicalSorter({name: _ours(name) for name in FILES}).prepare()


def test_a_third_party_package_is_imported_by_one_file_only():
    importers: dict[str, list[str]] = {}
    for name in FILES:
        if _part(name) == "facades":
            continue  # a peer's API is made of its client's own objects: exceptions, adapters, responses
        for package in _foreign(name):
            importers.setdefault(package, []).append(name)
    assert {package: names for package, names in importers.items() if len(names) > 1} == {}
    assert {name for package in CLIENTS for name in importers.get(package, []) if _part(name) != "_intercept"} == set()


def test_client_files_never_import_each_other():
    clients = {name for name in FILES if _part(name) == "_intercept" and _foreign(name) & CLIENTS}
    clients |= {"netdouble._intercept.http_client"} & FILES.keys()
    assert {name: _ours(name) & clients for name in clients if _ours(name) & clients} == {}


@pytest.mark.parametrize("name", [name for name in FILES if _part(name) in {"_core", "_codec", "errors", "_patch"}])
def test_the_inside_of_the_house_is_standard_library_only(name: str):
    assert _foreign(name) == EXTRAS.get(name, set())


@pytest.mark.parametrize("name", [name for name in FILES if _part(name) == "_core"])
def test_the_core_never_waits_or_opens_anything(name: str):
    assert {dotted for dotted in _dotted(TREES[name]) if dotted.startswith(CORE_NEVER)} == set()
    sleeps = [node.lineno for node in ast.walk(TREES[name]) if isinstance(node, ast.Attribute) and node.attr == "sleep"]
    assert sleeps == []


@pytest.mark.parametrize("name", FILES)
def test_modules_are_imported_by_string_in_the_named_files_only(name: str):
    if name not in NAMES_IMPORTED_BY_STRING:
        source = FILES[name].read_text("utf-8")
        assert re.search(r"\b(import_module|__import__)\b", source) is None


def test_a_plain_import_loads_no_client_no_pytest_no_ssl_and_no_asyncio():
    assert _loaded_by("netdouble") & (CLIENTS | SLOW) == set()


def test_the_pytest_plugin_loads_no_client():
    assert _loaded_by("netdouble.pytest_plugin") & CLIENTS == set()


@pytest.mark.parametrize("name", FILES)
def test_a_file_opens_by_saying_what_it_is_for(name: str):
    assert ast.get_docstring(TREES[name]), f"{name} has no docstring at its head"
    assert FILES[name].stem not in BANNED_NAMES, f"{name}: say what it holds instead"


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_stay_short(name: str):
    assert len(FILES[name].read_text("utf-8").splitlines()) <= LINES_IN_A_FILE
    functions = [n for n in ast.walk(TREES[name]) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    too_long = {f.name: length for f in functions if (length := _length(f)) > LINES_IN_A_FUNCTION}
    assert too_long == {}


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines, the docstring's left out."""
    body = function.body
    docstring = body[0] if ast.get_docstring(function, clean=False) is not None else None
    lines = (function.end_lineno or 0) - function.lineno + 1
    return lines - (((docstring.end_lineno or 0) - docstring.lineno + 1) if docstring else 0)


def test_every_public_name_is_where_the_face_says_it_is():
    import netdouble

    assert set(netdouble._PLACES) == set(netdouble.__all__)
    assert {name: type(getattr(netdouble, name)) for name in netdouble.__all__}.keys() <= set(dir(netdouble))
    with pytest.raises(AttributeError, match="has no attribute 'Netwrok'"):
        _ = netdouble.Netwrok
