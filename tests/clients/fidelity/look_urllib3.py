"""What urllib3 shows."""

from __future__ import annotations

from typing import Any

import urllib3
from tests.clients.conformance.driver_urllib3 import Urllib3
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.showing import Look, Shown, Special, ask, prefixed, public, told


def raw_response(response: Any) -> Shown:
    """A response of urllib3 that was read, and the one of http.client below it."""
    shown = public(
        response, "isclosed tell supports_chunked_reads geturl readable writable seekable info json",
        besides="headers retries connection msg",
    )  # fmt: skip
    original = getattr(response, "_original_response", None)
    shown |= ask(
        headers=lambda: list(response.headers.items()),
        retries=lambda: (response.retries, getattr(response.retries, "history", None)),
        connection=lambda: type(response.connection).__name__,
        made_of=lambda: sorted(vars(response)),
    )
    if original is None:
        return shown
    return shown | prefixed("original.", public(original, "isclosed getheaders", besides="msg headers fp"))


def pools(manager: Any) -> list[Any]:
    """The counters of a manager's pools, and whether each kept connection is open."""
    found = [(key, manager.pools[key]) for key in sorted(manager.pools.keys(), key=str)]
    return [
        (key.key_scheme, key.key_host, pool.num_connections, pool.num_requests,
         [kept.sock is not None for kept in pool.pool.queue if kept is not None])
        for key, pool in found
    ]  # fmt: skip


def look(client: Any, send: Send) -> Shown:
    """Send one request."""
    body = iter(send.content) if isinstance(send.content, tuple) else send.content
    retries = urllib3.Retry(None, connect=False, read=False, redirect=5) if send.follow else None
    options = {} if retries is None else {"retries": retries}
    try:
        response = client.pool.request(send.method, send.url, body=body, headers=dict(send.headers),
                                       timeout=send.timeout, redirect=send.follow, **options)  # fmt: skip
    except Exception as error:
        return prefixed("error.", told(error))
    return raw_response(response)


def state(client: Any) -> Shown:
    """The pools."""
    return ask(pools=lambda: pools(client.pool))


def _specials() -> tuple[Special, ...]:
    from tests.clients.fidelity.special_urllib3 import URLLIB3  # which looks at responses as this file does

    return URLLIB3


LOOKS = [Look(Urllib3(), look, state, ("urllib3",), _specials())]
