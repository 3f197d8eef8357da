"""Whom a client of the server believes it talks to, as its routes name it.

Rule: one origin or an error that lists them: a request is never judged by a guess.
"""

from __future__ import annotations

from collections.abc import Iterable

from netdouble._core.routes import Route
from netdouble._core.url_patterns import SplitUrl
from netdouble._core.urls import DEFAULT_PORTS, parse_url
from netdouble._far_end import Origin
from netdouble.errors import DeclarationError

_SAME = {"ws": "http", "wss": "https"}  # a WebSocket begins as a request (RFC 6455 section 4.1)


def read_origin(text: str) -> Origin:
    """The origin that `text` says, as `"https://api.example.com"`.

    Raises:
        DeclarationError: it is none.
    """
    try:
        url = parse_url(text)
    except (TypeError, ValueError) as error:
        raise DeclarationError(f'origin={text!r} is no origin ({error}); write "https://api.example.com"') from None
    if url.path != "/" or url.query:
        raise DeclarationError(f'origin={text!r} has a path or a query; an origin is "{url.origin}"')
    if url.scheme not in DEFAULT_PORTS:
        raise DeclarationError(f"origin={text!r}: a server speaks http or https, not {url.scheme}")
    return Origin(_SAME.get(url.scheme, url.scheme), url.host, url.port)


def text_of(origin: Origin) -> str:
    """`https://api.example.com`; the port only where it is not the scheme's own."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    port = "" if DEFAULT_PORTS.get(origin.scheme) == origin.port else f":{origin.port}"
    return f"{origin.scheme}://{host}{port}"


def only_origin(routes: Iterable[Route]) -> Origin | None:
    """The one origin that all of these routes name; None when they name none.

    Raises:
        DeclarationError: they name several, or a wildcard; the text lists them.
    """
    named: dict[str, tuple[Origin | None, Route]] = {}
    for route in routes:
        pattern = route.pattern
        if isinstance(pattern, SplitUrl) and pattern.host is not None:
            scheme = _SAME.get(pattern.scheme or "", pattern.scheme or "http")
            origin = Origin(scheme, str(pattern.host), pattern.port or 0)
            named.setdefault(text_of(origin), (origin if isinstance(pattern.host, str) else None, route))
    if len(named) > 1 or (named and next(iter(named.values()))[0] is None):
        listed = "\n".join(f"    {text:<44} {route.label}" for text, (_, route) in named.items())
        example = next(iter(named))
        raise DeclarationError(
            "a request to the server does not say which of these it is meant for:\n"
            f"{listed}\n"
            f'Name one, net.serve("{example}"), one server for each; or let the program go through net.proxy()'
        )
    return next(iter(named.values()))[0] if named else None
