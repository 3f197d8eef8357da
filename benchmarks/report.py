"""What a row says: figures, and the goal beside each.

Rule: a goal that is not met is said so in the table. The short form judges no time: there a goal about one stays open.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Effort:
    """How much is measured: `short` runs everything a few times, to see that it runs."""

    short: bool

    def of(self, full: int, short: int) -> int:
        """The number for this effort."""
        return short if self.short else full


@dataclass
class Goal:
    """One goal. `met` is None where nothing was judged: in the short form. `why`: what stands in the way, if any."""

    text: str
    got: str
    met: bool | None
    why: str = ""

    def __str__(self) -> str:
        why = f". {self.why}" if self.why and self.met is False else ""
        return f"{_VERDICTS[self.met]}: {self.text}: **{self.got}**{why}"


@dataclass
class Row:
    """One row of the benchmarks: a small table and its goals.

    Attributes:
        title: what is measured. how: in which way, in a sentence or two. columns, lines: the table.
    """

    title: str
    how: str
    columns: Sequence[str]
    lines: list[list[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def goal(self, text: str, got: float, bound: float, effort: Effort, *, unit: str = "", least: bool = False,
             why: str = "") -> None:  # fmt: skip
        """Judge a figure: at most `bound`, or at least."""
        met = got >= bound if least else got <= bound
        self.goals.append(Goal(text, f"{number(got)}{unit}", None if effort.short else met, why))

    def markdown(self) -> str:
        """The row as a section of a page."""
        rule = ["---"] + ["---:"] * (len(self.columns) - 1)
        table = [f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.lines)]
        goals = [f"- {goal}" for goal in self.goals]
        return "\n".join([f"## {self.title}", "", self.how, "", *table, "", *goals, ""])


_VERDICTS = {True: "met", False: "**NOT met**", None: "not judged"}


def number(value: float) -> str:
    """A figure with three digits or so."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def main(measure: Callable[[Effort], Row]) -> None:
    """Run one row from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="a few calls, no time is judged")
    parser.add_argument("--json", metavar="FILE", help="write the row there as well")
    options = parser.parse_args()
    row = measure(Effort(options.short))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(asdict(row), file)
    print(row.markdown())


def loaded(data: dict[str, Any]) -> Row:
    """A row from its JSON."""
    goals = [Goal(**goal) for goal in data.pop("goals")]
    return Row(**data, goals=goals)
