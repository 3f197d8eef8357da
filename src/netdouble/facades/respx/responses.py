"""respx's responses: `MockResponse`, `SetCookie`, and what a function's answer becomes.

Rule: a Response of httpx or of httpx2 will do, whichever client asks; it is handed over as it stands.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from netdouble._core.messages import Response
from netdouble._intercept.httpx_library import kept, library_of
from netdouble.facades._httpx_objects import default

__all__ = ["EmptyAnswer", "SetCookie", "clone_response", "empty", "mock_response_class"]


class _Header(NamedTuple):
    header_name: str
    header_value: str


class SetCookie(_Header):
    """A `Set-Cookie` header line, as a pair for `headers=[...]` or `cookies=[...]`.

    Args:
        name, value: the cookie. path, domain, expires, max_age, http_only, same_site, secure, partitioned: its
            attributes (RFC 6265 section 4.1); `expires` is text or a datetime, `max_age` seconds.

    Example:
        >>> SetCookie("id", "7", path="/", http_only=True).header_value
        'id=7; Path=/; HttpOnly'
    """

    __slots__ = ()

    def __new__(  # noqa: PYI034  # typing_extensions is not ours to load
        cls,
        name: str,
        value: str,
        *,
        path: str | None = None,
        domain: str | None = None,
        expires: str | datetime | None = None,
        max_age: int | None = None,
        http_only: bool = False,
        same_site: Literal["Strict", "Lax", "None"] | None = None,
        secure: bool = False,
        partitioned: bool = False,
    ) -> SetCookie:
        """See the class."""
        said = {"Path": path, "Domain": domain, "Expires": _date(expires), "Max-Age": max_age}
        said_later = {"HttpOnly": http_only, "SameSite": same_site}
        flags = {"Secure": secure or same_site == "None", "Partitioned": partitioned}
        parts = [f"{name}={value}"]
        for attribute, given in {**said, **said_later, **flags}.items():
            if given is True:
                parts.append(attribute)
            elif given is not None and given is not False:
                parts.append(f"{attribute}={given}")
        return super().__new__(cls, "Set-Cookie", "; ".join(parts))


def _date(expires: str | datetime | None) -> str | None:
    if not isinstance(expires, datetime):
        return expires
    moment = expires.astimezone(timezone.utc) if expires.tzinfo is not None else expires
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


@functools.cache
def mock_response_class() -> Any:
    """`MockResponse`: made when it is first asked for, because it stands on httpx's Response."""
    base: Any = default().Response
    base_headers: Any = default().Headers

    class MockResponse(base):  # type: ignore[misc]  # of one of two libraries
        headers: Any
        """A Response with a status of 200 unless told otherwise, and a few more keywords.

        Args:
            status_code: by default 200. content: text, bytes or a stream of bytes. content_type: sets that header.
            http_version: as `"HTTP/2"`. cookies: name to value, pairs, or `SetCookie`s. kwargs: those of Response.

        Raises:
            TypeError: content that is neither.
        """

        def __init__(
            self,
            status_code: int | None = None,
            *,
            content: Any = None,
            content_type: str | None = None,
            http_version: str | None = None,
            cookies: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
            **kwargs: Any,
        ) -> None:
            if not _is_content(content):
                raise TypeError(
                    f"MockResponse content can only be str, bytes or byte streamgot {content!r}. "
                    "Please use json=... or side effects."
                )
            if http_version:
                kwargs["extensions"] = {**kwargs.get("extensions", {}), "http_version": http_version.encode("ascii")}
            super().__init__(status_code or 200, content=content, **kwargs)
            if content_type:
                self.headers["Content-Type"] = content_type
            lines = [line if isinstance(line, SetCookie) else SetCookie(*line) for line in _pairs(cookies)]
            if lines:
                self.headers = base_headers([*self.headers.multi_items(), *lines])

    MockResponse.__qualname__ = "MockResponse"
    return MockResponse


def _is_content(content: Any) -> bool:
    return not callable(content) and not isinstance(content, (dict, BaseException))


def _pairs(cookies: Any) -> list[Any]:
    return list(cookies.items() if isinstance(cookies, Mapping) else cookies or ())


def clone_response(response: Any, request: Any) -> Any:
    """The same Response again, as the answer to `request`."""
    module = library_of(response).module
    return module.Response(response.status_code, headers=response.headers, stream=response.stream, request=request,
                           extensions=dict(response.extensions))  # fmt: skip


_EMPTY: list[Response] = []


def empty() -> Response:
    """An answer of 200 without headers, body or anything else."""
    if not _EMPTY:
        _EMPTY.append(kept(default().Response(200, headers=[])))
    return _EMPTY[0]


class EmptyAnswer:
    """What a router answers by itself: one object for each router, by which its calls are known."""

    def __init__(self) -> None:
        self._reply: Response | None = None

    @property
    def reply(self) -> Response:
        """The same each time."""
        if self._reply is None:
            self._reply = kept(default().Response(200, headers=[]))
        return self._reply
