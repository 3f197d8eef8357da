"""Bodies of httpx and httpcore on their way to the client: the call is told how they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from typing import Any

from netdouble._core.calls import Call
from netdouble._core.messages import Response


class WatchedBody:
    """A response's body on its way to the client, which tells the call how it went; for sync and async clients.

    Args:
        chunks, achunks: what makes the body. inner: the stream to be closed with it.
        whole: told the whole body when it was read to its end.
    """

    def __init__(self, call: Call, chunks: Callable[[], Iterator[bytes]], achunks: Callable[[], AsyncIterator[bytes]],
                 inner: Any = None, whole: Callable[[bytes], None] | None = None) -> None:  # fmt: skip
        self._call, self._chunks, self._achunks, self._inner, self._whole = call, chunks, achunks, inner, whole
        self._running: Any = None

    @classmethod
    def around(cls, stream: Any, call: Call, whole: Callable[[bytes], None] | None = None) -> Any:
        """A client library's own stream, watched."""
        return cls(call, lambda: iter(stream), lambda: aiter(stream), stream, whole)

    def __iter__(self) -> Iterator[bytes]:
        read: list[bytes] = []
        try:
            for chunk in self._begun(self._chunks()):
                if self._whole is not None:
                    read.append(chunk)
                yield chunk
        except Exception as error:
            self._call.close(error=error)
            raise
        if self._whole is not None:
            self._whole(b"".join(read))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read: list[bytes] = []
        try:
            async for chunk in self._begun(self._achunks()):
                if self._whole is not None:
                    read.append(chunk)
                yield chunk
        except Exception as error:
            self._call.close(error=error)
            raise
        if self._whole is not None:
            self._whole(b"".join(read))

    def _begun(self, running: Any) -> Any:
        self._running = running
        return running

    def close(self) -> None:
        """Close the stream below; what makes the body need not wait for the garbage collector."""
        if hasattr(self._running, "close"):
            self._running.close()
        if hasattr(self._inner, "close"):
            self._inner.close()

    async def aclose(self) -> None:
        """As `close`."""
        if hasattr(self._running, "aclose"):
            await self._running.aclose()
        if hasattr(self._inner, "aclose"):
            await self._inner.aclose()


def pass_noted(call: Call, status: int, raw_headers: Any) -> Callable[[bytes], None]:
    """Note the real service's response; what is returned takes its body when that is known."""
    headers = text_pairs(raw_headers)
    call.close(response=Response.of_parts(status, headers))

    def whole(body: bytes) -> None:
        call.response = Response.of_parts(status, headers, body)

    return whole


def text_pairs(raw_headers: Any) -> list[tuple[str, str]]:
    """Header lines as text, of bytes."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw_headers]


def sent_pairs(raw_headers: Any) -> tuple[tuple[str, str], ...]:
    """Header lines of a request as text, as h11 sends them: Host first (its _writers.py, `write_headers`)."""
    return _sent_pairs(tuple(raw_headers))


@lru_cache(maxsize=256)  # a client's lines are the same for all requests without a body to one host
def _sent_pairs(raw_headers: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[str, str], ...]:
    pairs = text_pairs(raw_headers)
    if pairs and pairs[0][0].lower() != "host":
        pairs.sort(key=lambda pair: pair[0].lower() != "host")
    return tuple(pairs)
