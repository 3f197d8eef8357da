"""Whatever a client shows its user, at every layer, is compared with what it shows of a real server: the oracle.

A row runs in the oracle's world and in that of the layer (`worlds.py`); what the client shows (`look_*.py`) must be
equal, name by name, except what `losses.py` says is lost there.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.clients import fidelity
from tests.clients.fidelity.handshakes import handshakes_noted
from tests.clients.fidelity.losses import LOSSES, Loss, is_lost
from tests.clients.fidelity.oracle import PAUSES, Oracle
from tests.clients.fidelity.scenes import SCENES, Scene
from tests.clients.fidelity.showing import (
    NO_TIME,
    SOME_TIME,
    Look,
    Shown,
    Special,
    listening,
    plain,
    prefixed,
)
from tests.clients.fidelity.worlds import WORLDS, World, real

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "fidelity.md"


def looks() -> list[Look]:
    """Every client that is looked at."""
    names = [found.name for found in pkgutil.iter_modules(fidelity.__path__) if found.name.startswith("look_")]
    return [look for name in names for look in importlib.import_module(f"{fidelity.__name__}.{name}").LOOKS]


def rows() -> list[tuple[Look, Scene | Special]]:
    """Every client with every row that means something to it."""
    return [
        (look, row)
        for look in looks()
        for row in (*SCENES, *look.specials)
        if all(getattr(look.driver, need) for need in getattr(row, "needs", "").split())
    ]


def shown_in(world: World, oracle: Oracle, look: Look, row: Scene | Special) -> Shown:
    """What the client shows in a world."""
    shown: Shown = {}
    with (
        handshakes_noted() as handshakes,  # around the world, which puts its own in these places and takes it out again
        world(oracle, row.site(oracle.at)) as opened,
        listening(look.packages) as noticed,
        look.driver.open() as client,
    ):
        if isinstance(row, Special):
            shown |= row.look(client, oracle.at)
        else:
            for n, send in enumerate(row.sends):
                opened.rest()
                shown |= prefixed(f"{n}.", look.look(client, replace(send, url=oracle.at(send.url))))
        opened.rest()
        shown |= look.state(client)
        for n, one in enumerate(opened.heard()):
            shown |= {f"sent.{n}.{name}": plain(part) for name, part in vars(one).items()}
    if look.driver.name.endswith(" on uvloop"):  # its clock, which older httpx asks on it, goes by milliseconds
        shown = {name: SOME_TIME if value == NO_TIME else value for name, value in shown.items()}
    return {**shown, **noticed, "handshakes": handshakes}


Differences = dict[str, tuple[Any, Any]]


class Comparing:
    """What is shown in the world of a layer beside what is shown of the oracle, which each row is asked for once."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._seen: dict[tuple[str, str], Shown] = {}

    def differences(self, look: Look, row: Scene | Special, layer: str) -> Differences:
        """Each observation that differs: of the oracle, and at this layer."""
        different: Differences = {}
        for pause in PAUSES:  # on a busy machine a real connection is not what it is
            is_first, self._oracle.pause = pause == PAUSES[0], pause
            real = self._real(look, row, again=not is_first)
            if is_first or layer != "transport":  # a stub without a wire has one try
                stub = shown_in(WORLDS[layer], self._oracle, look, row)
            pairs = {name: (real.get(name, "(nothing)"), stub.get(name, "(nothing)")) for name in {**real, **stub}}
            different = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
            if all(is_lost(look.driver.name, name, layer) for name in different):
                break
        return different

    def _real(self, look: Look, row: Scene | Special, *, again: bool) -> Shown:
        key = look.driver.name, row.name
        if again or key not in self._seen:
            self._seen[key] = shown = shown_in(real, self._oracle, look, row)
            something = any(name.startswith(("sent.", "0.error")) for name in shown)
            assert something, "the row sends nothing and raises nothing: it would compare nothing"
        return self._seen[key]


@pytest.fixture(scope="session")
def comparing(oracle: Oracle) -> Comparing:
    return Comparing(oracle)


def layers_of(look: Look, row: Scene | Special) -> list[str]:
    """Where a row runs: at every layer where it says something that no other client's says there."""
    name = look.driver.name
    is_a_twin = "2" in name or " on " in name  # to a server a client is the same on every loop, and httpx2 is httpx
    is_below = name.startswith("httpcore") and is_a_twin  # on the wire the rows of httpx show their trace, log and pool
    without = {"server"} if is_a_twin else set()
    without |= {"wire"} if is_below else set()
    return [layer for layer in WORLDS if layer not in without and layer in row.layers]


@pytest.mark.parametrize(("look", "row", "layer"), [
    pytest.param(look, row, layer, id=f"{look.driver.name} at {layer}: {row.name}")
    for look, row in rows()
    for layer in layers_of(look, row)
])  # fmt: skip
def test_a_client_shows_at_every_layer_what_it_shows_of_a_server(
    comparing: Comparing, look: Look, row: Scene | Special, layer: str
):
    unexpected = [f"\n{name}\n  oracle: {real}\n  {layer}: {stub}"
                  for name, (real, stub) in comparing.differences(look, row, layer).items()
                  if not is_lost(look.driver.name, name, layer)]  # fmt: skip
    assert not unexpected, "".join(unexpected)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.what)
def test_what_is_said_to_be_lost_is_lost(comparing: Comparing, loss: Loss):
    seen = {
        look.driver.name: any(re.fullmatch(loss.shown, name) for name in comparing.differences(look, row, loss.layer))
        for look, row in rows()
        if re.fullmatch(loss.clients, look.driver.name) and row.name == loss.row
    }
    assert seen
    assert all(seen.values()), f"not lost any more: take it out of losses.py and {PAGE.name}. {seen}"


def test_the_docs_list_what_is_lost():
    listed = re.findall(r"^\| httpx, httpx2 \| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert listed == [loss.what for loss in LOSSES]
