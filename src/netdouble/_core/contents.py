"""What a response carries: bytes, or a stream of chunks that can be made again; and the spelling of each kind of body.

Rule: a body that could be sent only once is refused where it is declared.
"""

from __future__ import annotations

import json as jsonlib
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

from netdouble.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between two chunks of a stream: the peer sends nothing for some seconds.

    A client whose read timeout is shorter gives up; netdouble raises that at once and does not wait.

    Attributes:
        seconds: how long; zero or more.

    Raises:
        DeclarationError: it is no number of seconds.

    Example:
        >>> net.get("https://api.example.com/feed").reply(stream=[b"one", Pause(0.5), b"two"])
    """

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("a Pause", self.seconds)


def check_seconds(name: str, seconds: object) -> None:
    """Raise DeclarationError unless `seconds` is a number of seconds, zero or more."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise DeclarationError(f"{name} is seconds, zero or more, not {seconds!r}")


Chunk: TypeAlias = bytes | str | Pause
# What a door carries out of a stream: bytes to send, or silence.
Step: TypeAlias = bytes | Pause
StreamInput: TypeAlias = "Sequence[Chunk] | Callable[[], Iterable[Chunk] | AsyncIterable[Chunk]]"


class Stream:
    """A body in chunks that can be made again: each call of `steps` or `asteps` starts from the first chunk.

    Attributes:
        is_async: the factory gives an async iterable; only `asteps` works then.
    """

    __slots__ = ("_factory", "is_async")

    def __init__(self, source: StreamInput) -> None:
        if isinstance(source, Callable):  # type: ignore[arg-type]
            self._factory: Callable[[], Any] = source  # type: ignore[assignment]
        elif isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
            kept = tuple(_step(chunk) for chunk in source)
            self._factory = lambda: kept
        else:
            raise DeclarationError(
                f"stream= must be a list of chunks or a function that makes them, not {type(source).__name__}: "
                "a generator is used up by the first call. Pass the generator function itself: stream=chunks, "
                "not stream=chunks()"
            )
        self.is_async = _is_async_factory(self._factory)

    def steps(self) -> Iterator[Step]:
        """The chunks and pauses, from the first; text is encoded in UTF-8, empty chunks are left out."""
        for chunk in self._factory():
            step = _step(chunk)
            if step:
                yield step

    async def asteps(self) -> AsyncGenerator[Step, None]:
        """The steps of an async factory, or of a sync one; closing this closes what the factory made."""
        made = self._factory()
        if hasattr(made, "__aiter__"):
            try:
                async for chunk in made:
                    step = _step(chunk)
                    if step:
                        yield step
            finally:
                if hasattr(made, "aclose"):
                    await made.aclose()
        else:
            for chunk in made:
                step = _step(chunk)
                if step:
                    yield step


class Remembered:
    """A factory for `Stream`: the chunks of an iterable that can be read once, kept for whoever reads them again.

    What can be read both ways, sync and async, is taken for able to begin again.
    """

    __slots__ = ("_chunks", "_ended", "_lock", "_running", "_source", "is_async")

    def __init__(self, source: Any) -> None:
        self._source = source
        self.is_async = not hasattr(source, "__iter__")
        self._chunks: list[Any] = []
        self._running: Any = None
        self._ended = False
        self._lock = threading.Lock()

    def __call__(self) -> Any:
        if self.is_async:
            return self._aread()
        return self._source if hasattr(self._source, "__aiter__") else self._read()

    def _read(self) -> Iterator[Any]:
        place = 0
        while True:
            with self._lock:
                if place == len(self._chunks):
                    if self._ended:
                        return
                    self._running = self._running or iter(self._source)
                    try:
                        self._chunks.append(next(self._running))
                    except StopIteration:
                        self._ended = True
                        return
            yield self._chunks[place]
            place += 1

    async def _aread(self) -> AsyncGenerator[Any, None]:
        place = 0
        while True:
            if place == len(self._chunks):
                if self._ended:
                    return
                self._running = self._running or aiter(self._source)
                try:
                    self._chunks.append(await anext(self._running))
                except StopAsyncIteration:
                    self._ended = True
                    return
            yield self._chunks[place]
            place += 1


def _is_async_factory(factory: Callable[[], Any]) -> bool:
    if isinstance(factory, Remembered):
        return factory.is_async
    # inspect would cost an import of 10 ms; the flag is CPython's CO_ASYNC_GENERATOR (0x200).
    code = getattr(getattr(factory, "__func__", factory), "__code__", None)
    return bool(code is not None and code.co_flags & 0x200)


def _step(chunk: Any) -> Step:
    if type(chunk) is bytes or isinstance(chunk, Pause):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise DeclarationError(
        f"a chunk of a stream must be bytes, str or Pause, not {type(chunk).__name__}: {chunk!r:.80}"
    )


def encode_body(name: str, value: Any) -> tuple[str, bytes, Stream | None]:
    """Content-Type (or ""), bytes and stream of one body argument.

    Raises:
        DeclarationError: the value can't be sent as that kind of body.
    """
    if name == "json":
        try:
            return "application/json", jsonlib.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), None
        except (TypeError, ValueError) as error:
            raise DeclarationError(f"json= can't be written as JSON: {error}") from None
    if name in {"text", "html"}:
        if not isinstance(value, str):
            raise DeclarationError(f"{name}= must be str, not {type(value).__name__}; bytes go into content=")
        return f"text/{'plain' if name == 'text' else 'html'}; charset=utf-8", value.encode(), None
    if name == "content":
        if isinstance(value, (bytes, bytearray, memoryview)):
            return "", bytes(value), None
        if isinstance(value, str):
            raise DeclarationError("content= must be bytes; a str goes into text=")
        raise DeclarationError(
            f"content= must be bytes, not {type(value).__name__}: a body that is read once could not be sent again. "
            "Chunks go into stream= as a list or as the function that makes them"
        )
    if name == "form":
        return "application/x-www-form-urlencoded", urlencode(value, doseq=True).encode(), None
    if name == "file":
        try:
            with open(value, "rb") as opened:
                data = opened.read()
        except OSError as error:
            raise DeclarationError(f"file= can't be read: {error}") from None
        import mimetypes  # reads the system's tables: 3 ms that only file= pays

        return mimetypes.guess_type(os.fspath(value))[0] or "application/octet-stream", data, None
    if name == "sse":
        if isinstance(value, (str, bytes, Mapping)):
            raise DeclarationError(f"sse= is a list of events, not one {type(value).__name__}: write sse=[...]")
        return "text/event-stream", b"", Stream([sse_event(event) for event in value])
    return "", b"", Stream(value)


def sse_event(event: str | Mapping[str, Any]) -> bytes:
    """One server-sent event as bytes (WHATWG HTML section 9.2.6)."""
    if isinstance(event, str):
        event = {"data": event}
    if not isinstance(event, Mapping):
        raise DeclarationError(f"an event of sse= is a str or a dict, not {type(event).__name__}")
    unknown = set(event) - {"event", "data", "id", "retry", "comment"}
    if unknown:
        raise DeclarationError(
            f"an event of sse= has event, data, id, retry and comment; not {', '.join(sorted(map(str, unknown)))}. "
            "For an event whose data is that object write {'data': {...}}"
        )
    lines = []
    for name in ("comment", "event", "id", "retry", "data"):
        if name in event:
            value = event[name]
            text = value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"))
            lines += [f"{'' if name == 'comment' else name}: {line}" for line in text.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()
