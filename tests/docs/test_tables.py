"""What README.md and docs/ say in tables and transcripts is what the code says.

Rule: a table is compared row by row, in both directions; a transcript with a real run.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.clients.conformance.drivers import Driver, all_drivers
from tests.docs.test_examples import blocks

import netdouble
from netdouble import Fault, NetdoubleError
from netdouble._core.native_clients import NATIVE_CLIENTS
from netdouble._core.settings import CHOICES, NAMES, SESSION_CHOICES, Settings
from netdouble._intercept.catalog import CLIENTS

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference"
DRIVERS = {driver.name: driver for driver in all_drivers()}


def rows(page: Path, first: str) -> list[dict[str, str]]:
    """The rows of every table of `page` whose first column is headed `first`."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text("utf-8"), re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()]
        if lines[0][0] == first:
            found += [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]
    return found


def names(cell: str) -> list[str]:
    """The words in code font in a cell."""
    return re.findall(r"`([^`]+)`", cell)


# Clients


def test_the_readme_lists_every_client_and_where_it_is_answered():
    said = {
        client: row["stubs stand at"]
        for row in rows(README, "client")
        for client in re.split(", ", re.sub(r" \(.*\)", "", row["client"]))
    }
    assert said.pop("boto3") == said["botocore"]
    assert said == {client.name: client.depth for client in CLIENTS if client.depth}


def test_the_readme_names_the_oldest_versions_that_are_tested():
    oldest = re.findall(
        r"^([\w.-]+)==([\d.]+?)(?:\.0)*$", (ROOT / ".ci" / "lowest.txt").read_text("utf-8"), re.MULTILINE
    )
    oldest += re.findall(r'"(httpx2)>=([\d.]+); ', (ROOT / "pyproject.toml").read_text("utf-8"))
    said = {client: row["from"] for row in rows(README, "client") for client in re.findall(r"[\w.]+", row["client"])}
    assert {name: said[name] for name, _ in oldest if name in said} == {name: v for name, v in oldest if name in said}
    assert {"requests", "urllib3", "httpx", "httpx2", "httpcore", "aiohttp", "boto3"} <= said.keys() & dict(
        oldest
    ).keys()


def test_the_page_on_the_wire_lists_every_native_client():
    wire = ROOT / "docs" / "how-to" / "wire.md"
    assert tuple(names(row["client"])[0] for row in rows(wire, "client")) == NATIVE_CLIENTS


# Settings


def test_the_settings_page_has_every_setting_with_its_values_the_default_first():
    said = {names(row["X"])[0]: names(row["values, the default first"]) for row in rows(REFERENCE / "settings.md", "X")}
    assert said.pop("bodies") == ["16 MB"]
    assert said == {name: list(CHOICES.get(name, ())) for name in NAMES if name != "bodies"}
    assert Settings().changed({"bodies": "16 MB"}) == Settings()


def test_the_settings_page_has_every_setting_of_a_whole_run():
    table = rows(REFERENCE / "settings.md", "of a run")
    said = {names(row["of a run"])[0]: names(row["values, the default first"]) for row in table}
    assert said == {name: list(choices) for name, choices in SESSION_CHOICES.items()}


def test_the_settings_page_tells_what_each_mode_of_the_guard_does():
    said = [names(row["`guard`"])[0] for row in rows(REFERENCE / "settings.md", "`guard`")]
    assert said == list(CHOICES["guard"])


# Errors


def test_the_page_of_errors_has_every_error_and_what_else_it_is():
    said = {names(row["error"])[0]: names(row["is also a"])[0] for row in rows(REFERENCE / "errors.md", "error")}
    public = [getattr(netdouble, name) for name in netdouble.__all__]
    errors = [kind for kind in public if isinstance(kind, type) and issubclass(kind, NetdoubleError)]
    assert said == {kind.__name__: kind.__mro__[2].__name__ for kind in errors if kind is not NetdoubleError}


# Faults


def test_the_page_of_faults_has_every_fault():
    tables = rows(REFERENCE / "faults.md", "fault")
    said = [(names(row["fault"])[0], row["position"], row["effect"]) for row in tables if "what happens" in row]
    assert said == [(fault.name, fault.position, fault.effect) for fault in Fault]


def column(driver: Driver) -> str:
    """The column that speaks of a driver: `httpx on trio` has that of httpx."""
    return driver.name.partition(" on ")[0]


def is_older(versions: str, client: str) -> bool:
    """Whether this run has what a row says of older versions: `aiohttp before 3.10`, `requests on urllib3 before 2`."""
    named, _, before = versions.partition(" before ")
    installed = [int(part) for part in version(named.split()[-1]).split(".")[:2]]
    return client == named.split()[0] and installed < [int(part) for part in before.split(".")]


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_the_page_of_faults_says_what_each_client_raises(driver: Driver):
    said = {
        names(row["fault"])[0]: row[head].strip("`")
        for row in rows(REFERENCE / "faults.md", "fault")
        for head in row
        if column(driver) in head.split(", ")
    }
    said |= {
        names(row["fault"])[0]: row["raises"].strip("`")
        for row in rows(REFERENCE / "faults.md", "version")
        if is_older(row["version"], column(driver))
    }
    said |= {
        names(row["fault"])[0]: row["raises"].strip("`")
        for row in rows(REFERENCE / "faults.md", "client")
        if driver.name in row["client"].split(", ") and "fault" in row
    }
    nothing = {"NoneType": "nothing: it does not notice"}
    kinds = {fault.name: driver.raises[fault].kind.__name__ for fault in Fault}
    assert said == {fault: nothing.get(kind, kind) for fault, kind in kinds.items()}


# Transcripts


@pytest.mark.parametrize("page", [README, REFERENCE / "errors.md"], ids=lambda page: page.name)
def test_a_report_reads_as_the_page_shows_it(page: Path, tmp_path: Path):
    wrong = blocks(README)[0].replace('"https://users.test/users/7"', '"https://users.test/user/7"', 1)
    (tmp_path / "test_users.py").write_text(wrong, "utf-8")
    options = ["-q", "-p", "no:asyncio", "-p", "no:cacheprovider", "--tb=short", "test_users.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    printed = [line.removeprefix("E  ").strip() for line in done.stdout.splitlines()]

    shown = re.findall(r"^```text\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)

    assert shown
    for line in "".join(shown).splitlines():
        assert re.sub(r"requests [\d.]+", "requests X", line.strip()) in [
            re.sub(r"requests [\d.]+", "requests X", p) for p in printed
        ], done.stdout
