"""What `HTTPServer` and `BlockingHTTPServer` have in common: they run, they log, they keep what went wrong.

Rule: the lists (`log`, `assertions`, `handler_errors`) are plain lists, as with pytest-httpserver: suites clear them.
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Any

from netdouble._core.selection import ORDERED_THEN_ONESHOT_THEN_PERMANENT
from netdouble.facades._network import FacadeNetwork
from netdouble.facades.pytest_httpserver.errors import HTTPServerError
from netdouble.facades.pytest_httpserver.matching import RequestMatcher
from netdouble.facades.pytest_httpserver.serving import Door
from netdouble.facades.pytest_httpserver.werkzeug_objects import Request, Response

if TYPE_CHECKING:
    from typing_extensions import Self


class HTTPServerBase(ABC):
    """A server on this machine.

    Args:
        host, port: where; 0 for a free port. ssl_context: TLS with it. threaded: taken, and without meaning: every
            connection has a thread of its own.

    Attributes:
        log: requests with their responses. assertions, handler_errors: what `check()` raises.
        no_handler_status_code: what a request without a handler is answered with.
    """

    def __init__(
        self, host: str, port: int, ssl_context: ssl.SSLContext | None = None, *, threaded: bool = False
    ) -> None:
        self.host, self.port, self.ssl_context, self.threaded = host, port, ssl_context, threaded
        self.no_handler_status_code = 500
        self.assertions: list[str | AssertionError] = []
        self.handler_errors: list[Exception] = []
        self.log: list[tuple[Request, Response]] = []
        self.server: Door | None = None
        self._network = FacadeNetwork("pytest_httpserver", ORDERED_THEN_ONESHOT_THEN_PERMANENT, lambda request: None)  # noqa: ARG005  # asked by `dispatch` alone

    def __repr__(self) -> str:
        return f"<{type(self).__name__} host={self.host} port={self.port}>"

    # Running

    def start(self) -> None:
        """Listen.

        Raises:
            HTTPServerError: it does already.
        """
        if self.is_running():
            raise HTTPServerError("Server is already running")
        self.server = Door(self._network, self.application, self.host, self.port, self.ssl_context)
        self.port = self.server.own_port

    def stop(self) -> None:
        """Listen no more; handlers at work are waited for.

        Raises:
            HTTPServerError: it does not.
        """
        if self.server is None:
            raise HTTPServerError("Server is not running")
        server, self.server = self.server, None
        server.stop()

    def is_running(self) -> bool:
        """It listens."""
        return self.server is not None

    @property
    def server_thread(self) -> Any:
        """The thread that accepts connections; None when it does not run."""
        return None if self.server is None else self.server.thread

    def __enter__(self) -> Self:
        if not self.is_running():
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_running():
            self.stop()

    def url_for(self, suffix: str) -> str:
        """The URL of a path."""
        scheme = "http" if self.ssl_context is None else "https"
        slash = "" if suffix.startswith("/") else "/"
        return f"{scheme}://{self.format_host(self.host)}:{self.port}{slash}{suffix}"

    @staticmethod
    def format_host(host: str) -> str:
        """As a URL has it: an IPv6 address in brackets."""
        return f"[{host}]" if ":" in host and not host.startswith("[") else host

    def create_matcher(self, *args: Any, **kwargs: Any) -> RequestMatcher:
        """The matcher that these arguments of `expect_request` make."""
        return RequestMatcher(*args, **kwargs)

    # What happened

    def clear(self) -> None:
        """Forget what happened."""
        self.clear_assertions()
        self.clear_handler_errors()
        self.clear_log()
        self.no_handler_status_code = 500

    def clear_assertions(self) -> None:
        """Forget the assertions."""
        self.assertions = []

    def clear_handler_errors(self) -> None:
        """Forget the handlers' errors."""
        self.handler_errors = []

    def clear_log(self) -> None:
        """Forget the requests."""
        self.log = []

    def add_assertion(self, obj: str | AssertionError) -> None:
        """Let `check()` raise this."""
        self.assertions.append(obj)

    def check(self) -> None:
        """Raise the first assertion or error that was kept, and forget it."""
        self.check_assertions()
        self.check_handler_errors()

    def check_assertions(self) -> None:
        """Raise the first assertion that was kept, and forget it."""
        if self.assertions:
            first = self.assertions.pop(0)
            raise first if isinstance(first, AssertionError) else AssertionError(first)

    def check_handler_errors(self) -> None:
        """Raise the first error of a handler that was kept, and forget it."""
        if self.handler_errors:
            raise self.handler_errors.pop(0)

    # Answering

    def respond_nohandler(self, request: Request, extra_message: str = "") -> Response:
        """The response to a request without a handler, which is an assertion too."""
        text = f"No handler found for request {request!r} with data {request.data!r}."
        self.add_assertion(text + extra_message)
        return Response(text + extra_message, self.no_handler_status_code)

    @abstractmethod
    def dispatch(self, request: Request) -> Response:
        """The response to a request."""

    def application(self, request: Request) -> Response:
        """Answer a request and log it."""
        request.get_data()
        response = self.dispatch(request)
        self.log.append((request, response))
        return response
