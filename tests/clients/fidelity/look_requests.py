"""What requests shows."""

from __future__ import annotations

from typing import Any

from tests.clients.conformance.driver_urllib3 import Requests
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.look_urllib3 import pools, raw_response
from tests.clients.fidelity.showing import Look, Shown, ask, jar, prefixed, public, told
from tests.clients.fidelity.special_requests import SPECIALS


def asked(request: Any) -> Shown:
    """A PreparedRequest."""
    return public(request, besides="headers hooks") | ask(headers=lambda: list(request.headers.items()))


def shown_by(response: Any) -> Shown:
    """A response that was read, without its history."""
    shown = public(
        response,
        "json raise_for_status __bool__ __repr__",
        besides="raw request history cookies headers connection next",
    )
    shown |= ask(
        headers=lambda: list(response.headers.items()),
        cookies=lambda: jar(response.cookies),
        lines=lambda: list(response.iter_lines()),
        pieces=lambda: list(response.iter_content(5)),
        next=lambda: response.next and sorted(asked(response.next).items()),
        made_of=lambda: sorted(vars(response)),
    )
    return shown | prefixed("raw.", raw_response(response.raw)) | prefixed("request.", asked(response.request))


def failure(error: Any) -> Shown:
    """An exception of requests, which knows its request and maybe a response."""
    request, response = getattr(error, "request", None), getattr(error, "response", None)
    return {
        **prefixed("error.", told(error)),
        **prefixed("error.request.", {} if request is None else asked(request)),
        **prefixed("error.response.", {} if response is None else shown_by(response)),
    }


def look(client: Any, send: Send) -> Shown:
    """Send one request."""
    body = iter(send.content) if isinstance(send.content, tuple) else send.content
    try:
        response = client.session.request(send.method, send.url, data=body, headers=dict(send.headers),
                                          timeout=send.timeout, allow_redirects=send.follow)  # fmt: skip
    except Exception as error:
        return failure(error)
    shown = shown_by(response)
    for n, hop in enumerate(response.history):
        shown |= prefixed(f"history.{n}.", shown_by(hop))
    return shown


def state(client: Any) -> Shown:
    """The session's pools and its cookies."""
    manager = client.session.adapters["http://"].poolmanager
    return ask(pools=lambda: pools(manager), jar=lambda: jar(client.session.cookies))


LOOKS = [Look(Requests(), look, state, ("requests", "urllib3"), SPECIALS)]
