"""HTTP/1.1 as a server says it: the script of a response.

Rule: what can be said once is spelled once: `spell` keeps the script of a response without stream in `response.wire`.
"""

from __future__ import annotations

from netdouble._codec.framing import Framer, Framing, Plan, encoded, field_lines, plan
from netdouble._codec.http1 import ParsedRequest
from netdouble._codec.pacing import paced
from netdouble._codec.scripts import Ending, Script, StreamScript
from netdouble._core.messages import Response
from netdouble._core.streams import Pause, Step

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# Up to this size head and body go out as one piece: one write, one packet.
_ONE_PIECE = 64 * 1024

# Methods to which a response is read by other rules (RFC 9112 section 6.3).
_OWN_RULES = frozenset({"HEAD", "CONNECT"})


def spell(response: Response, *, method: str, http_version: str = "1.1", keep_alive: bool = True) -> Script:
    r"""The bytes of a response to a request, and what follows them.

    Args:
        response: what is answered. method: the request's: a HEAD has no body. http_version: the request's, as
            `"1.0"`: such a client knows no chunks. keep_alive: as `ParsedRequest.keep_alive`.

    Example:
        >>> spell(Response(200, text="hi", headers={"Content-Type": "a/b"}), method="GET").pieces
        (b'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi',)
    """
    if response.stream is not None:
        return _spell(response, method, http_version, keep_alive)
    key = (method if method in _OWN_RULES else "", http_version, keep_alive)
    wire: dict[tuple[str, str, bool], Script] | None = response.wire
    if wire is None:
        wire = response.wire = {}
    script = wire.get(key)
    if script is None:
        script = wire[key] = _spell(response, method, http_version, keep_alive)
    return script


def spell_for(asked: ParsedRequest, response: Response) -> Script:
    """As `spell`, for a request that was read."""
    return spell(response, method=asked.method.upper(), http_version=asked.http_version, keep_alive=asked.keep_alive)


def _spell(response: Response, method: str, http_version: str, keep_alive: bool) -> Script:
    planned = plan(response, method, http_version, keep_alive)
    ending = Ending.KEEP_ALIVE if planned.persistent else Ending.CLOSE
    return said(response, planned, Framer(planned, response.trailers), ending, http_version)


def said(
    response: Response, planned: Plan, framer: Framer, ending: Ending, http_version: str, tail: bytes = b""
) -> Script:
    """The script of a response whose head is planned.

    Args:
        framer: how its body is said. ending: what follows. http_version: the request's. tail: bytes behind it all.
    """
    delay, before = _interim(response, http_version)
    if planned.framing is Framing.NO_BODY:
        return Script(*before, planned.head + tail, ending=ending, delay=delay)
    if response.stream is not None:
        return StreamScript((*before, planned.head), response.stream, framer, ending=ending, delay=delay,
                            rate=response.throttle, tail=tail)  # fmt: skip
    body = (
        b"".join([step for step in framer.say(response.body) if not isinstance(step, Pause)]) if response.body else b""
    )
    body += framer.end() + tail
    if ending is Ending.KEEP_ALIVE and not framer.kept_word:
        ending = Ending.CLOSE
    pieces: tuple[Step, ...] = (planned.head + body,)
    if response.is_paced:
        pieces = (planned.head, *paced(body, response))
    elif len(body) > _ONE_PIECE:
        pieces = (planned.head, body)
    return Script(*before, *pieces, ending=ending, delay=delay)


def _interim(response: Response, http_version: str) -> tuple[float, list[Step]]:
    """Seconds before the first byte, and what comes before the head: not to a client of HTTP/1.0, which knows none."""
    if not response.informational or http_version == "1.0":
        return response.delay, []
    steps: list[Step] = []
    for interim in response.informational:
        head = (
            encoded(f"HTTP/1.1 {interim.status} {interim.reason}\r\n") + field_lines(interim.headers.fields) + b"\r\n"
        )
        steps += [Pause(interim.delay), head] if interim.delay and steps else [head]
    if response.delay:
        steps.append(Pause(response.delay))
    return response.informational[0].delay, steps
