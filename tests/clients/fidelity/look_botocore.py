"""What botocore's own HTTP session shows."""

from __future__ import annotations

from typing import Any

import botocore.awsrequest
import botocore.httpsession
from tests.clients.conformance.driver_urllib3 import Botocore
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.look_urllib3 import pools, raw_response
from tests.clients.fidelity.showing import Look, Shown, ask, prefixed, public, told
from tests.clients.fidelity.special_botocore import SPECIALS


def look(client: Any, send: Send) -> Shown:
    """Send one request, as the clients of services do."""
    headers = dict(send.headers)
    if isinstance(send.content, tuple):
        headers["Transfer-Encoding"] = "chunked"
    body = b"".join(send.content) if isinstance(send.content, tuple) else send.content
    request = botocore.awsrequest.AWSRequest(send.method, send.url, headers=headers, data=body)
    session = client.sessions.setdefault(send.timeout, botocore.httpsession.URLLib3Session(timeout=send.timeout))
    try:
        response = session.send(request.prepare())
    except Exception as error:
        return prefixed("error.", told(error))
    shown = public(response, besides="raw headers") | ask(headers=lambda: list(response.headers.items()))
    return shown | prefixed("raw.", raw_response(response.raw))


def state(client: Any) -> Shown:
    """The pools."""
    return ask(pools=lambda: [pools(session._manager) for session in client.sessions.values()])


LOOKS = [Look(Botocore(), look, state, ("botocore", "urllib3"), SPECIALS)]
