"""A body that comes in chunks, with silence between them, and can be made again.

Rule: a stream that could be sent only once is refused where it is declared.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeAlias

from netdouble._core.delays import check_seconds
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


Chunk: TypeAlias = bytes | str | Pause
# What a door carries out of a stream: bytes to send, or silence.
Step: TypeAlias = bytes | Pause
StreamInput: TypeAlias = "Sequence[Chunk] | Callable[[], Iterable[Chunk] | AsyncIterable[Chunk]]"


class Stream:
    """A body in chunks that can be made again: each call of `steps` or `asteps` starts from the first chunk.

    Attributes:
        is_async: the factory gives an async iterable; only `asteps` works then.
    """

    __slots__ = ("_factory", "_kept", "is_async")

    def __init__(self, source: StreamInput) -> None:
        self._kept: tuple[Step, ...] | None = None
        if isinstance(source, Callable):  # type: ignore[arg-type]
            self._factory: Callable[[], Any] = source  # type: ignore[assignment]
            _check_needs_nothing(source)  # type: ignore[arg-type]  # mypy knows it as the other kind of input
        elif isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
            kept = tuple(_step(chunk) for chunk in source)
            self._kept = kept
            self._factory = lambda: kept
        else:
            raise DeclarationError(
                f"stream= must be a list of chunks or a function that makes them, not {type(source).__name__}: "
                "a generator is used up by the first call. Pass the generator function itself: stream=chunks, "
                "not stream=chunks()"
            )
        self.is_async = _is_async_factory(self._factory)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        # What a function makes nobody knows: it is equal to itself.
        return self._factory == other._factory if self._kept is None else self._kept == other._kept

    def __hash__(self) -> int:
        return hash(self._factory if self._kept is None else self._kept)

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


def _check_needs_nothing(function: Callable[..., Any]) -> None:
    """A function whose parameters say that it can't be called without arguments is refused."""
    if type(function) is not FunctionType:
        return  # whether a method, a partial or another callable can, nobody knows before it is called
    code = function.__code__
    needed = code.co_varnames[: code.co_argcount - len(function.__defaults__ or ())]
    if needed:
        raise DeclarationError(
            f"stream= is called without arguments, and {function.__name__}() needs "
            f"{', '.join(needed)}. What depends on the request is a function as the whole answer: "
            "reply(lambda request: Response(stream=...))"
        )


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
