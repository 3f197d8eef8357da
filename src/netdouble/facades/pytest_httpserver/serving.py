"""The server beneath: netdouble's listener and far end, answering with an application of Werkzeug's objects.

Rule: a connection that is idle stops nobody; what the application raises is answered with 500.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from netdouble import _active
from netdouble._core.calls import Call
from netdouble._core.messages import Request as Neutral
from netdouble._core.replies import Compute
from netdouble._far_end import Origin
from netdouble.facades._network import FacadeNetwork
from netdouble.facades.pytest_httpserver.werkzeug_objects import (
    InternalServerError,
    Request,
    Response,
    neutral_response,
    werkzeug_request,
)
from netdouble.server.address import Address
from netdouble.server.conversation import Conversation
from netdouble.server.hosting import RoutesHost
from netdouble.server.listening import Listener
from netdouble.server.waiting import Waiters


class Door(RoutesHost):
    """One server on the loopback.

    Args:
        network: whose scope holds while it answers. application: answers a request of Werkzeug's.
        context: TLS with this context, which may still be changed.
    """

    def __init__(
        self,
        network: FacadeNetwork,
        application: Callable[[Request], Response],
        host: str,
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        super().__init__(network._scope, Waiters(), shares=False)
        self._application, self._context = application, context
        self._address = Address(host, port, tls=context or False)
        self._listener = Listener(host, port, lambda visit: Conversation(visit, self), f"netdouble httpserver {host}")
        self.own_port = self._listener.port
        _active.own_servers.update(self._address.names(self.own_port))

    @property
    def thread(self) -> Any:
        """The one that accepts."""
        return self._listener._thread

    def stop(self) -> None:
        """Listen no more; handlers at work are waited for."""
        _active.own_servers.difference_update(self._address.names(self.own_port))
        self._listener.stop()

    def origin(self, sni: str | None) -> Origin:  # noqa: ARG002  # there is one
        """The server itself."""
        return Origin("https" if self._context is not None else "http", self._address.name, self.own_port)

    def context(self, name: str | None) -> ssl.SSLContext:  # noqa: ARG002  # there is one
        """The one that was given."""
        if self._context is None:
            raise ssl.SSLError("this server speaks no TLS")
        return self._context

    def decide(self, request: Neutral) -> Call:
        """The application answers."""
        call = Call(request, None, Compute(self._answer, is_async=False))
        call.scope = self._scope()
        return call

    def foresee(self, request: Neutral) -> None:
        """Nothing: a handler answers whole requests."""

    def malformed(self, call: Call) -> None:
        """It is answered with 400, and listed nowhere, as with Werkzeug's server."""

    def _answer(self, request: Neutral) -> Any:
        native = werkzeug_request(request)
        try:
            response = self._application(native)
        except Exception:  # noqa: BLE001  # noted where it was raised, for `check()`
            response = InternalServerError().get_response(native.environ)
        return neutral_response(response, native)
