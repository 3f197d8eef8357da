"""pytest-httpserver's `HTTPServer`: handlers by matcher, on a server of netdouble's.

Rule: which handler answers is decided by the network's router, under pytest-httpserver's rule of choice.
"""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypedDict

from netdouble.facades.pytest_httpserver.bake import BakedHTTPServer
from netdouble.facades.pytest_httpserver.base import HTTPServerBase
from netdouble.facades.pytest_httpserver.errors import Error, HTTPServerError, NoHandlerError
from netdouble.facades.pytest_httpserver.handling import (
    HandlerPattern,
    HandlerType,
    RequestHandler,
    RequestHandlerBase,
    RequestHandlerList,
)
from netdouble.facades.pytest_httpserver.matching import (
    METHOD_ALL,
    UNDEFINED,
    URI_DEFAULT,
    BooleanQueryMatcher,
    HeaderValueMatcher,
    MappingQueryMatcher,
    NoMethodFoundForMatchingHeaderValueError,
    QueryMatcher,
    RequestMatcher,
    StringQueryMatcher,
    Undefined,
    URIPattern,
)
from netdouble.facades.pytest_httpserver.werkzeug_objects import Request, Response, neutral_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "METHOD_ALL", "UNDEFINED", "URI_DEFAULT", "BakedHTTPServer", "BooleanQueryMatcher", "Error", "HTTPServer",
    "HTTPServerBase", "HTTPServerError", "HandlerType", "HeaderValueMatcher", "MappingQueryMatcher", "NoHandlerError",
    "NoMethodFoundForMatchingHeaderValueError", "QueryMatcher", "RequestHandler", "RequestHandlerBase",
    "RequestHandlerList", "RequestMatcher", "RequestMatcherKwargs", "StringQueryMatcher", "URIPattern", "Undefined",
    "Waiting", "WaitingSettings",
]  # fmt: skip


class RequestMatcherKwargs(TypedDict, total=False):
    """The keywords of `expect_request`, the path left out."""

    method: str
    data: str | bytes | None
    data_encoding: str
    headers: Mapping[str, str] | None
    query_string: Any
    header_value_matcher: Any
    json: Any


class WaitingSettings:
    """How `wait` waits: whether it raises, whether a request without a handler ends it, and for how many seconds."""

    def __init__(self, raise_assertions: bool = True, stop_on_nohandler: bool = True, timeout: float = 5) -> None:
        self.raise_assertions = raise_assertions
        self.stop_on_nohandler = stop_on_nohandler
        self.timeout = timeout


class Waiting:
    """What came of a `wait`: whether every handler answered, and after how many seconds."""

    def __init__(self) -> None:
        self._result: bool | None = None
        self._start = time.monotonic()
        self._stop: float | None = None

    def complete(self, result: bool) -> None:
        """It is over."""
        self._result = result
        self._stop = time.monotonic()

    @property
    def result(self) -> bool:
        """Every handler answered."""
        return bool(self._result)

    @property
    def elapsed_time(self) -> float:
        """Seconds."""
        return (time.monotonic() if self._stop is None else self._stop) - self._start


class HTTPServer(HTTPServerBase):
    """A server whose handlers answer requests that match.

    Args:
        host, port, ssl_context, threaded: see `HTTPServerBase`. default_waiting_settings: of `wait`.
        startup_timeout: for how many seconds the server may take to be ready; it is when `start` returns.

    Attributes:
        ordered_handlers, oneshot_handlers, handlers: those that may still answer.
        permanently_failed: a request missed the ordered handler whose turn it was; nothing answers any more.
    """

    DEFAULT_LISTEN_HOST = "localhost"
    DEFAULT_LISTEN_PORT = 0

    def __init__(
        self,
        host: str = DEFAULT_LISTEN_HOST,
        port: int = DEFAULT_LISTEN_PORT,
        ssl_context: ssl.SSLContext | None = None,
        default_waiting_settings: WaitingSettings | None = None,
        *,
        threaded: bool = False,
        startup_timeout: float | None = None,
    ) -> None:
        super().__init__(host, port, ssl_context, threaded=threaded)
        self.default_waiting_settings = default_waiting_settings or WaitingSettings()
        self.startup_timeout = startup_timeout
        self.ordered_handlers = RequestHandlerList()
        self.oneshot_handlers = RequestHandlerList()
        self.handlers = RequestHandlerList()
        self.permanently_failed = False
        self._readiness_check_pending = False
        self._waiting_settings = self.default_waiting_settings
        self._waiting_result: queue.Queue[bool] | None = None

    def start(self) -> None:
        """Listen. Raises HTTPServerError when it does already."""
        super().start()
        self._readiness_check_pending = self.startup_timeout is not None
        try:
            self.wait_for_server_ready()
        except BaseException:
            self.stop()
            raise

    def wait_for_server_ready(self) -> None:
        """Come back when it answers: it does since it listens."""
        self._readiness_check_pending = False

    def clear(self) -> None:
        """Forget what happened, and the handlers."""
        super().clear()
        self.clear_all_handlers()
        self.permanently_failed = False

    def clear_all_handlers(self) -> None:
        """Forget the handlers."""
        self.ordered_handlers = RequestHandlerList()
        self.oneshot_handlers = RequestHandlerList()
        self.handlers = RequestHandlerList()
        self._network.router.put_back((), ())

    # Expecting

    def expect(self, matcher: RequestMatcher, handler_type: HandlerType = HandlerType.PERMANENT) -> RequestHandler:
        """A handler for the requests of `matcher`."""
        handler = RequestHandler(matcher)
        listed_in = self._list_of(handler_type)
        listed_in.append(handler)
        pattern = HandlerPattern(handler, listed_in)
        self._network.declare(pattern.method, pattern, None, lambda request: None, kind=handler_type.value)  # noqa: ARG005  # asked by `dispatch`
        return handler

    def _list_of(self, handler_type: HandlerType) -> RequestHandlerList:
        lists = {HandlerType.ORDERED: self.ordered_handlers, HandlerType.ONESHOT: self.oneshot_handlers}
        return lists.get(handler_type, self.handlers)

    def expect_request(
        self,
        uri: Any,
        method: str = METHOD_ALL,
        data: str | bytes | None = None,
        data_encoding: str = "utf-8",
        headers: Mapping[str, str] | None = None,
        query_string: Any = None,
        header_value_matcher: Any = None,
        handler_type: HandlerType = HandlerType.PERMANENT,
        json: Any = UNDEFINED,
    ) -> RequestHandler:
        """A handler that answers any number of times; see `RequestMatcher` for the arguments."""
        matcher = self.create_matcher(uri, method=method, data=data, data_encoding=data_encoding, headers=headers,
                                      query_string=query_string, header_value_matcher=header_value_matcher,
                                      json=json)  # fmt: skip
        return self.expect(matcher, handler_type)

    def expect_oneshot_request(self, uri: Any, *args: Any, **kwargs: Any) -> RequestHandler:
        """A handler that answers once."""
        return self.expect(self.create_matcher(uri, *args, **kwargs), HandlerType.ONESHOT)

    def expect_ordered_request(self, uri: Any, *args: Any, **kwargs: Any) -> RequestHandler:
        """A handler that answers once, and when those before it have."""
        return self.expect(self.create_matcher(uri, *args, **kwargs), HandlerType.ORDERED)

    def bake(self, **kwargs: Unpack[RequestMatcherKwargs]) -> BakedHTTPServer:
        """A view of this server whose handlers have these keywords too."""
        return BakedHTTPServer(self, **kwargs)

    # Answering

    def dispatch(self, request: Request) -> Response:
        """The response of the handler whose turn it is."""
        if self._readiness_check_pending:
            self._readiness_check_pending = False
            return Response("OK")
        if self.permanently_failed:
            return self.respond_permanent_failure()
        call = self._network.router.open(neutral_of(request))
        if call is None:
            self.permanently_failed = self._network.router.has_ended
            return self.respond_nohandler(request)
        call.close()
        pattern: HandlerPattern = call.route.pattern
        if pattern.listed_in is not self.handlers:
            pattern.listed_in.remove(pattern.handler)
        try:
            return pattern.handler.respond(request)
        except AssertionError as error:
            self.add_assertion(error)
            raise
        except NoHandlerError:
            raise
        except Exception as error:
            self.handler_errors.append(error)
            raise
        finally:
            self._update_waiting_result()

    def respond_nohandler(self, request: Request, extra_message: str = "") -> Response:
        """As the base's; the handlers are listed."""
        if self._waiting_settings.stop_on_nohandler:
            self._set_waiting_result(False)
        return super().respond_nohandler(request, self.format_matchers() + extra_message)

    def respond_permanent_failure(self) -> Response:
        """The response when nothing answers any more."""
        self.add_assertion("All requests will be permanently failed due failed ordered handler")
        return Response("No handler found for this request", self.no_handler_status_code)

    def format_matchers(self) -> str:
        """The matchers that may still answer, by kind."""
        kinds = (("Ordered", self.ordered_handlers), ("Oneshot", self.oneshot_handlers), ("Persistent", self.handlers))
        return "\n\n".join(
            f"{name} matchers:\n" + "\n".join(f"    {each.matcher!r}" for each in handlers or ())
            if handlers
            else f"{name} matchers:\n    none"
            for name, handlers in kinds
        )

    # Waiting

    def _set_waiting_result(self, value: bool) -> None:
        if self._waiting_result is not None:
            with suppress(queue.Full):
                self._waiting_result.put_nowait(value)

    def _update_waiting_result(self) -> None:
        if not self.oneshot_handlers and not self.ordered_handlers:
            self._set_waiting_result(True)

    @contextmanager
    def wait(
        self,
        raise_assertions: bool | None = None,
        stop_on_nohandler: bool | None = None,
        timeout: float | None = None,
    ) -> Iterator[Waiting]:
        """At the end of a `with`: wait until the ordered and oneshot handlers have answered.

        Raises:
            AssertionError: they have not in time, or a request had no handler.
        """
        usual = self.default_waiting_settings
        self._waiting_settings = settings = WaitingSettings(
            usual.raise_assertions if raise_assertions is None else raise_assertions,
            usual.stop_on_nohandler if stop_on_nohandler is None else stop_on_nohandler,
            usual.timeout if timeout is None else timeout,
        )
        self._waiting_result = queue.Queue(maxsize=1)
        waiting = Waiting()
        try:
            yield waiting
            try:
                waiting.complete(self._waiting_result.get(timeout=settings.timeout))
            except queue.Empty:
                waiting.complete(False)
                if settings.raise_assertions:
                    raise AssertionError(
                        f"Wait timeout occurred, but some handlers left:\n{self.format_matchers()}"
                    ) from None
            if settings.raise_assertions and not waiting.result:
                self.check_assertions()
        finally:
            self._waiting_settings, self._waiting_result = usual, None

    # What happened

    def iter_matching_requests(self, matcher: RequestMatcher) -> Iterable[tuple[Request, Response]]:
        """The logged requests that match, with their responses."""
        return ((request, response) for request, response in self.log if matcher.match(request))

    def get_matching_requests_count(self, matcher: RequestMatcher) -> int:
        """How many logged requests match."""
        return sum(1 for _ in self.iter_matching_requests(matcher))

    def assert_request_made(self, matcher: RequestMatcher, *, count: int = 1) -> None:
        """Check how many logged requests match.

        Raises:
            AssertionError: another number; the text shows the requests to the same path.
        """
        found = self.get_matching_requests_count(matcher)
        if found == count:
            return
        lines = [f"Matching request found {found} times but expected {count} times.", f"Expected request: {matcher!r}"]
        similar = [request for request, _ in self.log if matcher.match_uri(request)]
        if not similar:
            lines.append("No similar requests found.")
        else:
            lines.append(f"Found {len(similar)} similar request(s):")
            for request in similar:
                lines += _shown(request)
        raise AssertionError("\n".join(lines) + "\n")


def _shown(request: Request) -> list[str]:
    return [
        "--- Similar Request Start",
        f"Path: {request.path}",
        f"Method: {request.method}",
        f"Body: {request.data!r}",
        f"Headers: {request.headers}",
        f"Query String: {request.query_string.decode()!r}",
        "--- Similar Request End",
    ]
