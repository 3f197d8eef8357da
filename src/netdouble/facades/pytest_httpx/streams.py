"""pytest-httpx's `IteratorStream`: a body in chunks, for both kinds of clients, and again."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from netdouble._intercept.httpx_library import named


@functools.cache
def iterator_stream_class(library: str) -> Any:
    """The class for one of the two libraries; made when it is first asked for."""
    module: Any = named(library)

    class IteratorStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]  # of one of two libraries
        """A body in chunks.

        Args:
            stream: the chunks; an iterable that can be read once is remembered.
        """

        def __init__(self, stream: Iterable[bytes]) -> None:
            self._source = iter(stream)
            self._chunks: list[bytes] = []

        def __iter__(self) -> Iterator[bytes]:
            yield from self._chunks
            for chunk in self._source:
                self._chunks.append(chunk)
                yield chunk

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self:
                yield chunk

    IteratorStream.__qualname__ = "IteratorStream"
    return IteratorStream
