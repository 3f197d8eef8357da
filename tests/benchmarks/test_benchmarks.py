"""The benchmarks in their short form: every row runs, and what is counted instead of timed is right.

Rule: no time is asserted. Peers that are not installed are left out of the rows (`make bench` has them all).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import ROWS, paged
from benchmarks.many_routes import MANY, MISSED, evaluated
from benchmarks.report import Effort, Row
from benchmarks.routes import URL

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", ROWS)
def test_every_row_runs_and_misses_no_goal_that_is_no_time(name, tmp_path):
    file = tmp_path / "row.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--short", "--json", str(file)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    row = json.loads(file.read_text("utf-8"))
    assert row["lines"]
    assert all(len(line) == len(row["columns"]) for line in row["lines"])
    assert [goal["text"] for goal in row["goals"] if goal["met"] is False] == []


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_script_of_its_own(name):
    assert (ROOT / "benchmarks" / f"{name}.py").is_file()


@pytest.mark.parametrize("routes", [1, MANY])
def test_a_request_asks_the_one_route_it_is_for_however_many_there_are(routes):
    assert evaluated(routes, URL) == 1


@pytest.mark.parametrize("routes", [1, MANY])
def test_a_request_for_no_route_asks_none_however_many_there_are(routes):
    assert evaluated(routes, MISSED) == 0


@pytest.mark.parametrize(("got", "met"), [(24.0, True), (25.0, True), (26.0, False)])
def test_a_goal_that_is_not_met_is_said_so(got, met):
    row = Row("title", "how", ["", "us"])
    row.goal("at most 25 us", got, 25, Effort(short=False), unit=" us")
    assert row.goals[0].met is met
    assert ("**NOT met**" in row.markdown()) is not met


def test_the_short_form_judges_no_time():
    row = Row("title", "how", ["", "us"])
    row.goal("at most 25 us", 1e6, 25, Effort(short=True))
    assert row.goals[0].met is None


def test_a_row_that_is_measured_again_takes_its_place_in_the_page():
    def row(title: str, got: float) -> Row:
        made = Row(title, "how", ["", "us"], [["netdouble", str(got)]])
        made.goal("at most 25 us", got, 25, Effort(short=False), unit=" us")
        return made

    page = paged([row("One", 24.0), row("Two", 26.0)], "")
    again = paged([row("Two", 20.0)], page)
    assert "Goals: 1 met, 1 not met." in page
    assert "Goals: 2 met, 0 not met." in again
    assert again == paged([row("One", 24.0), row("Two", 20.0)], "")
