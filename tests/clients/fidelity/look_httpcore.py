"""What httpcore and httpcore2 show, sync and async."""

from __future__ import annotations

from typing import Any

from tests.clients.conformance.driver_httpx import DRIVERS, AsyncHttpcore, Httpcore, _parts
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.showing import Look, Shown, Traced, ask, prefixed, public, told


def shown_by(response: Any) -> Shown:
    """A response that was read."""
    return public(response, besides="extensions stream") | ask(
        extensions=lambda: sorted((name, value) for name, value in response.extensions.items()
                                  if name != "network_stream"),
        ssl_object=lambda: response.extensions["network_stream"].get_extra_info("ssl_object"),
    )  # fmt: skip


def look(client: Any, send: Send) -> Shown:
    """Send one request, with a trace."""
    traced, is_async = Traced(), isinstance(client, AsyncHttpcore)
    parts = _parts(send, is_async=is_async)
    parts["extensions"]["trace"] = traced.anote if is_async else traced.note
    try:
        if is_async:
            response = client.run(lambda: client.pool.request(send.method, send.url, **parts))
        else:
            response = client.pool.request(send.method, send.url, **parts)
    except Exception as error:
        return prefixed("error.", told(error)) | {"trace": traced.events}
    return shown_by(response) | {"trace": traced.events}


def state(client: Any) -> Shown:
    """The pool's connections; whether one that was hung up on is still there, depends on who was faster."""
    return ask(pool=lambda: [kept.info() for kept in client.pool.connections if not kept.has_expired()])


LOOKS = [
    Look(driver, look, state, (driver.module.__name__,))
    for driver in DRIVERS
    if isinstance(driver, (Httpcore, AsyncHttpcore))
]
