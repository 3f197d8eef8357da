"""A body in its own time: so many bytes per second, or in so many pieces over so many seconds.

Rule: what is sent stays the same to the byte; only pauses come between.
"""

from __future__ import annotations

from collections.abc import Iterator

from netdouble._core.messages import Response
from netdouble._core.streams import Pause, Step

# Seconds after which a throttled body shows that it is still coming.
_TICK = 0.05


def paced(data: bytes, response: Response) -> Iterator[Step]:
    """A body's bytes as `response` wants them to come."""
    if not data:
        return iter(())
    if response.throttle is not None:
        return throttled(data, response.throttle)
    if response.dribble is not None:
        return _dribbled(data, *response.dribble)
    return iter((data,))


def throttled(data: bytes, rate: float) -> Iterator[Step]:
    """At `rate` bytes per second: each piece comes when it would have come over such a line."""
    size = max(1, int(rate * _TICK))
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        yield Pause(len(piece) / rate)
        yield piece


def _dribbled(data: bytes, pieces: int, seconds: float) -> Iterator[Step]:
    """In `pieces` pieces, as even as can be: the first at once, the last after `seconds`."""
    count = min(pieces, len(data))
    for n in range(count):
        if n:
            yield Pause(seconds / (count - 1))
        yield data[n * len(data) // count : (n + 1) * len(data) // count]
