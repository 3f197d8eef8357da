"""Carry out what a far end says, in memory: the clock is added up instead of waited for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from netdouble import Connection, Network
from netdouble._asking import ask, preview_in
from netdouble._codec.scripts import Ending
from netdouble._core.calls import Call
from netdouble._core.streams import Pause
from netdouble._far_end import Act, Concurrent, FarEnd, MayWait, Origin, Tunnel, Work

ORIGIN = Origin("https", "api.test", 443)
CONNECTION = Connection(3, ("127.0.0.1", 5000), "api.test", "http/1.1", "TLSv1.3")


@dataclass
class Told:
    """What came of the acts: bytes in order, seconds of silence, how it ended."""

    said: bytes = b""
    paused: list[float] = field(default_factory=list)
    ending: Ending | None = None
    tunnel: Tunnel | None = None

    def take(self, acts: Iterable[Act]) -> Told:
        for act in acts:
            if isinstance(act, bytes):
                self.said += act
            elif isinstance(act, Pause):
                self.paused.append(act.seconds)
            elif isinstance(act, Concurrent):
                self.take(act.acts)
            elif isinstance(act, Tunnel):
                self.tunnel = act
            elif not isinstance(act, (Work, MayWait)):
                self.ending = act
        return self


def far_end(net: Network, **options: Any) -> FarEnd:
    """A far end whose requests `net`, which is open, decides."""
    scope = net._scope()

    def decide(request: Any) -> Call:
        return ask(scope, request, lambda: "")

    given = {"connection": CONNECTION, "malformed": scope.router.record,
             "foresee": lambda request: preview_in(scope, request), **options}  # fmt: skip
    return FarEnd(given.pop("origin", ORIGIN), decide=decide, **given)


def hear(end: FarEnd, data: bytes) -> Told:
    return Told().take(end.hear(data))
