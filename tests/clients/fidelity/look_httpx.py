"""What httpx and httpx2 show, sync and async."""

from __future__ import annotations

from typing import Any

from tests.clients.conformance.driver_httpx import DRIVERS, ON_UVLOOP, AsyncHttpx, Httpx, _content
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.showing import Look, Shown, Traced, ask, jar, prefixed, public, told
from tests.clients.fidelity.special_httpx import SPECIALS


def asked(request: Any) -> Shown:
    """A request."""
    return public(request, besides="extensions headers stream") | ask(
        headers=lambda: request.headers.raw,
        extensions=lambda: sorted((name, value) for name, value in request.extensions.items() if name != "trace"),
        stream=lambda: type(request.stream).__name__,
    )


def shown_by(response: Any) -> Shown:
    """A response that was read, without its history."""
    shown = public(response, "json raise_for_status __repr__", besides="extensions history request stream next_request")
    shown |= ask(
        raw_headers=lambda: response.headers.raw,
        jar=lambda: jar(response.cookies.jar),
        extensions=lambda: sorted((name, value) for name, value in response.extensions.items()
                                  if name != "network_stream"),
        lines=lambda: list(response.iter_lines()),
        pieces=lambda: list(response.iter_bytes(5)),
        next_request=lambda: response.next_request and sorted(asked(response.next_request).items()),
        stream=lambda: type(response.stream).__name__,
        network_stream=lambda: type(response.extensions["network_stream"]).__module__.partition(".")[0],
    )  # fmt: skip
    return shown | prefixed("request.", asked(response.request))


def failure(error: Any) -> Shown:
    """An exception: most know their request, some a response."""
    return prefixed("error.", told(error)) | prefixed(
        "error.request.", ask(request=lambda: sorted(asked(error.request).items()))
    )


def _shown(response: Any) -> Shown:
    shown = shown_by(response)
    for n, hop in enumerate(response.history):
        shown |= prefixed(f"history.{n}.", shown_by(hop))
    return shown


def look(client: Any, send: Send) -> Shown:
    """Send one request, with a trace."""
    traced, is_async = Traced(), not isinstance(client, Httpx)
    options = {
        "headers": list(send.headers), "timeout": send.timeout, "follow_redirects": send.follow,
        "content": _content(send, is_async=is_async),
        "extensions": {"trace": traced.anote if is_async else traced.note},
    }  # fmt: skip

    async def work() -> Any:
        return await client.session.request(send.method, send.url, **options)

    try:
        shown = _shown(client.run(work) if is_async else client.session.request(send.method, send.url, **options))
    except Exception as error:
        shown = failure(error)
    return shown | {"trace": traced.events}


def state(client: Any) -> Shown:
    """The pool's connections, as `look_httpcore.state` has them, and the client's cookies."""
    connections = client.session._transport._pool.connections
    return ask(
        pool=lambda: [kept.info() for kept in connections if not kept.has_expired()],
        jar=lambda: jar(client.session.cookies.jar),
        closed=lambda: client.session.is_closed,
    )


def _packages(name: str) -> tuple[str, str]:
    return name, name.replace("httpx", "httpcore")


LOOKS = [
    Look(driver, look, state, _packages(driver.module.__name__), SPECIALS)
    for driver in (*DRIVERS, *ON_UVLOOP)
    if isinstance(driver, (Httpx, AsyncHttpx))
]
