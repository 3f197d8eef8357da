"""pytest-httpserver's `BlockingHTTPServer`: a request waits until the test has asserted it and said its response."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netdouble.facades.pytest_httpserver.base import HTTPServerBase
from netdouble.facades.pytest_httpserver.handling import RequestHandlerBase
from netdouble.facades.pytest_httpserver.matching import METHOD_ALL, UNDEFINED
from netdouble.facades.pytest_httpserver.werkzeug_objects import Request, Response


class BlockingRequestHandler(RequestHandlerBase):
    """The response to the request that was asserted."""

    def __init__(self) -> None:
        self.response_queue: queue.Queue[Response | None] = queue.Queue()

    def respond_with_response(self, response: Response) -> None:
        """With a response of Werkzeug's."""
        self.response_queue.put_nowait(response)


@dataclass
class _Waiting:
    request: Request
    handler: BlockingRequestHandler = field(default_factory=BlockingRequestHandler)
    asserted: bool = False


class BlockingHTTPServer(HTTPServerBase):
    """A server whose requests wait for the test.

    Args:
        host, port, ssl_context: see `HTTPServerBase`. timeout: seconds that a request waits.
    """

    DEFAULT_LISTEN_HOST = "localhost"
    DEFAULT_LISTEN_PORT = 0

    def __init__(
        self,
        host: str = DEFAULT_LISTEN_HOST,
        port: int = DEFAULT_LISTEN_PORT,
        ssl_context: ssl.SSLContext | None = None,
        timeout: float = 30,
    ) -> None:
        super().__init__(host, port, ssl_context)
        self.timeout = timeout
        self.request_queue: queue.Queue[_Waiting] = queue.Queue()

    def assert_request(
        self,
        uri: Any,
        method: str = METHOD_ALL,
        data: str | bytes | None = None,
        data_encoding: str = "utf-8",
        headers: Mapping[str, str] | None = None,
        query_string: Any = None,
        header_value_matcher: Any = None,
        json: Any = UNDEFINED,
        timeout: float = 30,
    ) -> BlockingRequestHandler:
        """Wait for the next request, which must match; its response is to be said on what is returned.

        Raises:
            AssertionError: none came in `timeout` seconds, or it does not match.
        """
        matcher = self.create_matcher(uri, method=method, data=data, data_encoding=data_encoding, headers=headers,
                                      query_string=query_string, header_value_matcher=header_value_matcher,
                                      json=json)  # fmt: skip
        try:
            waiting = self.request_queue.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"Waiting for request {matcher} timed out") from None
        difference = matcher.difference(waiting.request)
        if difference:
            waiting.handler.response_queue.put_nowait(None)
            raise AssertionError(f"Request {matcher} does not match: {difference}")
        waiting.asserted = True
        return waiting.handler

    def dispatch(self, request: Request) -> Response:
        """The response that the test says."""
        waiting = _Waiting(request)
        self.request_queue.put_nowait(waiting)
        try:
            response = waiting.handler.response_queue.get(timeout=self.timeout)
        except queue.Empty:
            if waiting.asserted:
                text = f"No response was said within {self.timeout} seconds for request {request!r}"
                self.add_assertion(text)
                return Response(text, self.no_handler_status_code)
            response = None
        return self.respond_nohandler(request) if response is None else response
