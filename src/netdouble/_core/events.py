"""Server-sent events: their spelling (WHATWG HTML section 9.2), and the time between them."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from netdouble._core.delays import check_seconds
from netdouble._core.keywords import named_fields
from netdouble._core.streams import Pause, Step
from netdouble.errors import DeclarationError

EventInput: TypeAlias = "str | Mapping[str, Any] | Event | Pause"

_FIELDS = ("comment", "event", "id", "retry", "data")


@named_fields
@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event.

    Attributes:
        data: text; anything else is sent as JSON. None: an event without data. event, id, retry (milliseconds),
        comment: the other fields. delay: seconds of silence before it.

    Raises:
        DeclarationError: `delay` is no number of seconds, or `retry` none of milliseconds, or `event` or `id` no line.

    Example:
        >>> net.get("https://api.example.com/feed").reply(sse=[Event("a"), Event({"n": 2}, event="tick", delay=0.2)])
    """

    data: Any = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None
    delay: float = 0.0

    def __post_init__(self) -> None:
        check_seconds("Event(delay=)", self.delay)
        retry: object = self.retry
        for name in ("event", "id"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or any(c in value for c in "\r\n")):
                raise DeclarationError(f"Event({name}=) is one line (WHATWG HTML section 9.2.6), not {value!r:.60}")
        if retry is not None and (isinstance(retry, bool) or not isinstance(retry, int) or retry < 0):
            raise DeclarationError(f"Event(retry=) is milliseconds, a whole number, not {retry!r:.60}")

    def encoded(self) -> bytes:
        """The event as it is sent."""
        return _spelled({name: getattr(self, name) for name in _FIELDS if getattr(self, name) is not None})


def event_steps(events: Iterable[EventInput]) -> Iterator[Step]:
    """What a stream of events is made of.

    Raises:
        DeclarationError: one of them is no event.
    """
    for event in events:
        if isinstance(event, Pause):
            yield event
            continue
        if isinstance(event, Event):
            if event.delay:
                yield Pause(event.delay)
            yield event.encoded()
        else:
            yield _encoded(event)


def _encoded(event: Any) -> bytes:
    if isinstance(event, str):
        return _spelled({"data": event})
    if not isinstance(event, Mapping):
        raise DeclarationError(
            f"an event of sse= is a str, a dict or an Event, not {type(event).__name__}; a Pause may stand between"
        )
    unknown = set(event) - set(_FIELDS)
    if unknown:
        raise DeclarationError(
            f"an event of sse= has event, data, id, retry and comment; not {', '.join(sorted(map(str, unknown)))}. "
            "For an event whose data is that object write {'data': {...}}; for a delay, Event(..., delay=)"
        )
    Event(**event)  # which says what can't be sent
    return _spelled(event)


def _spelled(event: Mapping[str, Any]) -> bytes:
    lines = []
    for name in _FIELDS:
        if name in event:
            value = event[name]
            text = value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"))
            lines += [f"{'' if name == 'comment' else name}: {line}" for line in text.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()
