"""The worlds that answer alike: the oracle, and a network of ours at each layer. What they answer is one site.

Rule: all worlds have the same URLs, so nothing must be renamed before two observations are compared. A name leads to
the oracle, to a server of ours on another address with the same port, or where our gate leads it.
"""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.clients.fidelity.oracle import FULL, HOME, PAUSES, REFUSING, UNKNOWN, Heard, Oracle, Site

from netdouble import Fault, Network, Pause, Response, serve
from netdouble._codec.http1 import MalformedRequest
from netdouble._core.headers import Headers
from netdouble._core.replies import Fail
from netdouble._core.streams import Stream
from netdouble._patch import UndoStack

if sys.platform != "win32":
    import uvloop
else:
    uvloop = None

_OF_THE_ORACLE, _OF_A_SERVER = "127.0.0.1", "127.0.0.2"
# A longer body is a piece of its own (`_codec/spelling.py`).
_IN_ONE_PIECE = 64 * 1024


@dataclass(frozen=True)
class Opened:
    """A world while it stands.

    Attributes:
        heard: the requests that came. rest: waits until every answer was sent; what a client sees of a connection that
        it uses again would depend on who is faster.
    """

    heard: Callable[[], list[Heard]]
    rest: Callable[[], None]


World = Callable[[Oracle, Site], AbstractContextManager[Opened]]

# Where the names under .test lead; None: they are the network's to resolve.
_led_to: str | None = _OF_THE_ORACLE


@contextmanager
def names_on_loopback() -> Iterator[None]:
    """While this lasts, every name under .test is this machine's; for uvloop too, which asks the C library."""
    undo = UndoStack()
    real = socket.getaddrinfo
    undo.replace(socket, "getaddrinfo", lambda host, *args, **options: real(_led(host), *args, **options))
    if uvloop is not None:
        of_uvloop = uvloop.Loop.getaddrinfo
        undo.replace(uvloop.Loop, "getaddrinfo", lambda loop, host, *args, **options: of_uvloop(
            loop, _led(host), *args, **options))  # fmt: skip
    try:
        yield
    finally:
        undo.undo()


# To clients of the oracle; a network of ours raises what they stand for.
_ELSEWHERE = {"refused.test": REFUSING, "full.test": FULL}


def _led(host: Any) -> Any:
    name = host.decode("ascii") if isinstance(host, bytes) else host
    if not isinstance(name, str) or not name.endswith(".test") or _led_to is None:
        return host
    if name == "unknown.test":
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _ELSEWHERE.get(name, _led_to)


@contextmanager
def _leading(address: str | None) -> Iterator[None]:
    global _led_to
    before, _led_to = _led_to, address
    try:
        yield
    finally:
        _led_to = before


@contextmanager
def real(oracle: Oracle, site: Site) -> Iterator[Opened]:
    """The oracle itself."""
    oracle.stage(site)
    yield Opened(lambda: oracle.heard, oracle.rest)


@contextmanager
def _stubbed(oracle: Oracle, site: Site, layer: str) -> Iterator[Opened]:
    """A network that answers clients in this process."""
    before = oracle.connections
    is_wire = layer == "wire"
    with (
        Network(unused="off", swallowed="warn", layer=layer) as net,
        _leading(None if is_wire else _OF_THE_ORACLE),
    ):
        _answer(net.any(), [UNKNOWN])
        for path, answers in site.items():
            timed = [_in_its_time(each, oracle.pause) for each in answers]
            _answer(net.any(oracle.at(path)), timed if is_wire else answers)
        rest = partial(_shortly, oracle) if is_wire else lambda: None
        yield Opened(lambda: [_heard(call.request) for call in net.calls if not _is_unheard(call)], rest)
    assert oracle.connections == before, "a stubbed request reached the real server"


@contextmanager
def _served(oracle: Oracle, site: Site) -> Iterator[Opened]:
    """A server of ours, in place of the oracle."""
    with serve(host=_OF_A_SERVER, port=oracle.port, unused="off") as server, _leading(_OF_A_SERVER):
        _answer(server.any(), [UNKNOWN])
        for key, answers in site.items():
            host, path = re.fullmatch(r"(?://([^/]+))?(.*)", key).groups()
            named = re.compile(rf"^{re.escape(host or HOME)}(:\d+)?$")
            _answer(server.any(path, headers={"Host": named}), [_in_its_time(each, oracle.pause) for each in answers])

        def rest() -> None:  # a connection that is to be closed, is shortly after
            assert server.wait_until(lambda: all(call.closed for call in server.calls), 5)
            _shortly(oracle)

        def heard() -> list[Heard]:  # a request that breaks off is in the journal, too
            return [_heard(call.request) for call in server.calls if not isinstance(call.error, MalformedRequest)]

        yield Opened(heard, rest)


WORLDS: dict[str, World] = {
    "transport": partial(_stubbed, layer="transport"),
    "wire": partial(_stubbed, layer="wire"),
    "server": _served,
}


def _shortly(oracle: Oracle) -> None:
    """Let a far end that is a thread close its connection; a machine on which it had no time for that gets more."""
    time.sleep(oracle.pause - PAUSES[0])


def _answer(route: Any, answers: Any) -> None:
    for n, answer in enumerate(answers):
        (route.then if n else route.reply)(answer)


def _in_its_time(answer: Response | Fault, pause: float) -> Response | Fault:
    """With the silence that the oracle keeps between its pieces, so that the client reads each of them by itself."""
    if isinstance(answer, Fault) or (answer.stream is None and len(answer.body) <= _IN_ONE_PIECE):
        return answer
    pieces, headers = (answer.stream or Stream([answer.body])).steps(), answer.headers
    if answer.stream is None:
        headers = Headers([*headers.fields, ("Content-Length", str(len(answer.body)))])
    steps = [step for piece in pieces for step in (Pause(pause), piece)]
    return answer.replaced(body=b"", stream=Stream([*steps, Pause(pause)]), headers=headers)


def _is_unheard(call: Any) -> bool:
    """It failed before a request was sent."""
    return isinstance(call.answer, Fail) and call.answer.fault is not None and call.answer.fault.before_request


def _heard(request: Any) -> Heard:
    return Heard(request.method, request.raw_target, request.http_version, request.headers.fields, request.body)
