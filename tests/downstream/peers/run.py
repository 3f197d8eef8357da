"""Run the peers' own test suites, unmodified, against our facades: `python tests/downstream/peers/run.py responses`.

For each peer: its source distribution is downloaded from PyPI into a cache, an environment is made that lacks the peer
and has netdouble, and its tests are run with `pytest -p netdouble.facades --net-replace=NAME`. Every test that fails
must be named, with its reason, in the peer's file here; a test that is named and passes fails the run too.

Rule 1: nothing of a peer is kept in this repository: not its code, not its tests.
Rule 2: the suites run without a network where the system can take it away; loopback stays.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
CACHE = Path(os.environ.get("NETDOUBLE_PEERS", ROOT / ".venv-peers"))


@dataclass(frozen=True, slots=True)
class Suite:
    """One peer's suite.

    Attributes:
        distribution: its name on PyPI. version: pinned. replaces: its name for `--net-replace`.
        needs: what its tests import, besides netdouble. variants: a word for the report -> more requirements.
        tests: where its tests are in the unpacked distribution. keep: what of that is used; the rest, the peer's own
        code above all, is left out. arguments: of pytest. below: the import name that `tests` must be a part of.
        baseline: how many tests the original passes, of how many. goal: how many must pass here.
        fails: test -> why it may fail.
    """

    distribution: str
    version: str
    replaces: str
    needs: tuple[str, ...]
    baseline: tuple[int, int]
    goal: int
    tests: str = "tests"
    keep: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    below: str = ""
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"": ()})
    fails: Mapping[str, str] = field(default_factory=dict)


def main() -> int:
    """Run the suites that are named, or all of them; 0 when each is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = sorted(path.stem.removeprefix("peer_") for path in HERE.glob("peer_*.py"))
    parser.add_argument("names", nargs="*", help=", ".join(known))
    names = parser.parse_args().names or known
    sys.path.insert(0, str(HERE))
    rows: list[tuple[str, str, bool]] = []
    for name in names:
        suite: Suite = import_module(f"peer_{name.replace('-', '_')}").SUITE
        for variant, more in suite.variants.items():
            label = f"{suite.distribution} {suite.version}{f' ({variant})' if variant else ''}"
            print(f"\n=== {label}", flush=True)
            told, good = run(suite, variant, more)
            rows.append((label, told, good))
    print("\n=== peers' suites")
    for label, told, good in rows:
        print(f"{'ok    ' if good else 'FAILED'}  {label}: {told}")
    return 0 if all(good for _, _, good in rows) else 1


def run(suite: Suite, variant: str, more: Iterable[str]) -> tuple[str, bool]:
    """Run one suite; what to tell of it, and whether it is as it should be."""
    where = unpacked(suite)
    python = environment(suite, variant, more)
    report = CACHE / f"{suite.replaces}{variant.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    command = [*without_network(), str(python), "-m", "pytest", "-p", "netdouble.facades",
               f"--net-replace={suite.replaces}", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
               f"--junitxml={report}", *suite.arguments, "tests"]  # fmt: skip
    if suite.below:
        command[command.index("-q") : 0] = ["-p", "below"]
    ended = subprocess.run(command, cwd=where, env=surroundings(suite, where), check=False)
    if not report.exists():
        return f"pytest did not run (exit code {ended.returncode})", False
    return judged(suite, outcomes(report), time.monotonic() - begun)


def judged(suite: Suite, found: Mapping[str, str], seconds: float) -> tuple[str, bool]:
    """What to tell of these outcomes, and whether they are as they should be."""
    failed = {test for test, outcome in found.items() if outcome in {"failed", "error"}}
    passed = sum(outcome == "passed" for outcome in found.values())
    unexplained, mended = sorted(failed - suite.fails.keys()), sorted(suite.fails.keys() - failed)
    for test in sorted(failed & suite.fails.keys()):
        print(f"  fails as it should: {test}: {suite.fails[test]}")
    for test in unexplained:
        print(f"  FAILS WITHOUT A REASON: {test}")
    for test in mended:
        print(f"  PASSES, THOUGH A REASON IS GIVEN WHY NOT: {test}")
    of, total = suite.baseline
    text = f"{passed} of {total} pass in {seconds:.0f} s; goal {suite.goal}, the original {of}"
    return text, passed >= suite.goal and not unexplained and not mended


def outcomes(report: Path) -> dict[str, str]:
    """Test -> passed, failed, error or skipped."""
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
        found[name] = {"failure": "failed"}.get(kinds[0], kinds[0]) if kinds else "passed"
    return found


# The suite and its environment


def unpacked(suite: Suite) -> Path:
    """A folder that has the suite's tests, and nothing of the peer's code."""
    where = CACHE / f"{suite.distribution}-{suite.version}"
    if where.exists():
        return where
    sdists = CACHE / "sdists"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d",
                    str(sdists), f"{suite.distribution}=={suite.version}"], check=True)  # fmt: skip
    spelled = suite.distribution.replace("-", "_")
    (archive,) = [path for path in sdists.glob("*.tar.gz")
                  if path.name.replace("-", "_").startswith(f"{spelled}_{suite.version}")]  # fmt: skip
    raw = CACHE / "unpacking"
    shutil.rmtree(raw, ignore_errors=True)
    with tarfile.open(archive) as file:
        file.extractall(raw, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # type: ignore[arg-type]
    (top,) = raw.iterdir()
    made = raw / "made"
    shutil.copytree(top / suite.tests, made / "tests")
    for name in suite.keep:
        if (top / name).exists():
            (shutil.copytree if (top / name).is_dir() else shutil.copy)(top / name, made / name)
    if not any((made / name).exists() for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")):
        (made / "pytest.ini").write_text("[pytest]\n", "utf-8")  # else the one of the repository around it would hold
    made.rename(where)
    return where


def environment(suite: Suite, variant: str, more: Iterable[str]) -> Path:
    """The Python of an environment that has netdouble and what the suite needs, and not the peer."""
    where = CACHE / f"env-{suite.replaces}{variant.replace(' ', '-')}"
    python = where / "bin" / "python"
    stamp = where / "made"
    wanted = "\n".join([*suite.needs, *more])
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(where)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-e", str(ROOT), *suite.needs, *more], check=True)
        stamp.write_text(wanted)
    listed = subprocess.run([str(python), "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True,
                            text=True).stdout.lower()  # fmt: skip
    if f"{suite.distribution.lower()}==" in listed.replace("_", "-"):
        raise SystemExit(f"{suite.distribution} itself is in {where}: something that its suite needs requires it")
    return python


def surroundings(suite: Suite, where: Path) -> dict[str, str]:
    """The environment variables of a run."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_CA_BUNDLE")}
    return {**kept, "PYTHONPATH": str(HERE / "plugins"), "PEER_NAME": suite.below, "PEER_BELOW": str(where)}


def without_network() -> list[str]:
    """The beginning of a command that has loopback and no other network; nothing where that can't be had."""
    alone = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        works = subprocess.run([*alone, "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        works = False
    return alone if works else []


if __name__ == "__main__":
    sys.exit(main())
