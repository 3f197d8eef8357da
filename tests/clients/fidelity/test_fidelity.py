"""Whatever a client shows its user is compared with what it shows against a real server: the oracle.

A row runs twice, once in each world (`wire.py`); what the client shows (`look_*.py`) must be equal, name by name,
except what `losses.py` says is lost. A loss that is none any more fails too, so that list and docs stay true.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.clients import fidelity
from tests.clients.fidelity.losses import losses_of
from tests.clients.fidelity.scenes import SCENES, Scene
from tests.clients.fidelity.showing import Look, Shown, Special, listening, plain, prefixed, told
from tests.clients.fidelity.wire import Oracle, real, stubbed


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
            try:
                shown |= row.look(client, oracle.at)
            except Exception as error:
                shown["error"] = told(error)
        else:
            for n, send in enumerate(row.sends):
                oracle.rest()
                shown |= prefixed(f"{n}.", look.look(client, replace(send, url=oracle.at(send.url))))
        oracle.rest()
        shown |= look.state(client)
        shown |= {f"sent.{n}.{name}": plain(part) for n, one in enumerate(heard()) for name, part in vars(one).items()}
    return {**shown, **noticed}


def compared(oracle: Oracle, look: Look, row: Scene | Special) -> tuple[Shown, Shown]:
    """What the client shows over a real connection, and of a stub."""
    return shown_in(real, oracle, look, row), shown_in(stubbed, oracle, look, row)


@pytest.mark.parametrize(("look", "row"), [
    pytest.param(look, row, id=f"{look.driver.name}: {row.name}") for look, row in rows()
])  # fmt: skip
def test_a_client_shows_of_a_stub_what_it_shows_of_the_wire(oracle: Oracle, look: Look, row: Scene | Special):
    wire, stub = compared(oracle, look, row)
    different = {name for name in wire.keys() | stub.keys() if wire.get(name, ...) != stub.get(name, ...)}
    lost = {name for name in wire.keys() | stub.keys() if losses_of(look.driver.name, row.name, name)}
    unexpected = {name: (wire.get(name, "(nothing)"), stub.get(name, "(nothing)")) for name in different - lost}
    assert not unexpected, "".join(
        f"\n{name}\n  wire: {expected}\n  stub: {got}" for name, (expected, got) in sorted(unexpected.items())
    )
    assert not lost - different, "not lost any more: take it out of losses.py and of docs/explanation/fidelity.md"
