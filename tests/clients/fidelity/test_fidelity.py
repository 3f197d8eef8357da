"""Whatever a client shows its user is compared with what it shows against a real server: the oracle.

A row runs twice, once in each world (`wire.py`); what the client shows (`look_*.py`) must be equal, name by name,
except what `losses.py` says is lost.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.clients import fidelity
from tests.clients.fidelity.losses import LOSSES, Loss, is_lost
from tests.clients.fidelity.scenes import SCENES, Scene
from tests.clients.fidelity.showing import Look, Shown, Special, listening, plain, prefixed
from tests.clients.fidelity.wire import Oracle, real, stubbed

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


def shown_in(world: Callable[..., Any], oracle: Oracle, look: Look, row: Scene | Special) -> Shown:
    """What the client shows in one of the two worlds."""
    shown: Shown = {}
    with world(oracle, row.site(oracle.at)) as heard, listening(look.packages) as noticed, look.driver.open() as client:
        if isinstance(row, Special):
            shown |= row.look(client, oracle.at)
        else:
            for n, send in enumerate(row.sends):
                oracle.rest()
                shown |= prefixed(f"{n}.", look.look(client, replace(send, url=oracle.at(send.url))))
        oracle.rest()
        shown |= look.state(client)
        shown |= {f"sent.{n}.{name}": plain(part) for n, one in enumerate(heard()) for name, part in vars(one).items()}
    return {**shown, **noticed}


def differences(
    oracle: Oracle, look: Look, row: Scene | Special, layer: str = "transport"
) -> dict[str, tuple[Any, Any]]:
    """Each observation that differs: over a real connection, and of a stub."""
    stub, different = shown_in(partial(stubbed, layer=layer), oracle, look, row), {}
    for pause in (0.02, 0.05, 0.15):  # on a busy machine the wire is not what it is; a stub has one try
        oracle.pause = pause
        wire = shown_in(real, oracle, look, row)
        assert any(name.startswith("sent.") for name in wire), "the row sends nothing: it would compare nothing"
        pairs = {name: (wire.get(name, "(nothing)"), stub.get(name, "(nothing)")) for name in {**wire, **stub}}
        different = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        if all(is_lost(look.driver.name, name) for name in different):
            break
    return different


# On the wire nothing is lost. These stand for all: on trio a thread is the far end, and what is seen first is chance.
ON_THE_WIRE = ("requests", "http.client", "httpx", "httpx on asyncio", "aiohttp")


def at_once(look: Look, row: Scene | Special) -> bool:
    """The pieces of a body, which the far end sends without a pause, may reach this client's parser together."""
    return look.driver.name == "aiohttp" and row.name in {
        "kinds of bodies", "chunks", "no chunks", "chunks with a length", "server-sent events", "HEAD of chunks",
        "gzip in chunks"}  # fmt: skip


@pytest.mark.parametrize(("look", "row"), [
    pytest.param(look, row, id=f"{look.driver.name}: {row.name}")
    for look, row in rows()
    if look.driver.name in ON_THE_WIRE and isinstance(row, Scene) and not at_once(look, row)
])  # fmt: skip
def test_a_client_shows_at_the_layer_wire_all_that_it_shows_of_a_server(oracle: Oracle, look: Look, row: Scene):
    different = differences(oracle, look, row, "wire")
    assert not different, "".join(f"\n{name}\n  server: {a}\n  wire: {b}" for name, (a, b) in different.items())


@pytest.mark.parametrize(("look", "row"), [
    pytest.param(look, row, id=f"{look.driver.name}: {row.name}") for look, row in rows()
])  # fmt: skip
def test_a_client_shows_of_a_stub_what_it_shows_of_the_wire(oracle: Oracle, look: Look, row: Scene | Special):
    different = differences(oracle, look, row)
    unexpected = [f"\n{name}\n  wire: {wire}\n  stub: {stub}" for name, (wire, stub) in different.items()
                  if not is_lost(look.driver.name, name)]  # fmt: skip
    assert not unexpected, "".join(unexpected)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.what)
def test_what_is_said_to_be_lost_is_lost(oracle: Oracle, loss: Loss):
    seen = {
        look.driver.name: any(re.fullmatch(loss.shown, name) for name in differences(oracle, look, row))
        for look, row in rows()
        if re.fullmatch(loss.clients, look.driver.name) and row.name == loss.row
    }
    assert seen
    assert all(seen.values()), f"not lost any more: take it out of losses.py and {PAGE.name}. {seen}"


def test_the_docs_list_what_is_lost():
    listed = re.findall(r"^\| httpx, httpx2 \| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert listed == [loss.what for loss in LOSSES]
