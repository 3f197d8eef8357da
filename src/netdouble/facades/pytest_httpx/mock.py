"""pytest-httpx's `HTTPXMock`: responses, callbacks and exceptions by matcher, on a network of netdouble's.

Rule 1: a registration is a route; what happened is read from the network's log.
Rule 2: what nothing answers fails in pytest-httpx's words, as the client's own TimeoutException.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdouble._active import Scope
from netdouble._core.calls import Call
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Compute, Reply
from netdouble._core.routes import Route
from netdouble._core.selection import FIRST_UNUSED_THEN_LAST
from netdouble._intercept.httpx_library import kept
from netdouble.facades._httpx_failures import spoken_to
from netdouble.facades._httpx_objects import is_a, module_of, sent_request
from netdouble.facades._network import FacadeNetwork
from netdouble.facades.pytest_httpx.dialects import HTTPX, Dialect
from netdouble.facades.pytest_httpx.expectations import Expectation, Options, described_request

_CLIENTS = frozenset({"httpx", "httpx2"})

# What stands in `Call.view` of a request that was not expected.
_UNEXPECTED = object()


class HTTPXMock:
    """What the fixture `httpx_mock` gives: register what is answered, and ask for the requests.

    Every `matchers` is: `url` (text, a regex that matches from the beginning, a URL), `method`, `proxy_url`,
    `match_headers`, `match_content`, `match_json`, `match_data` and `match_files`, `match_extensions`, `match_params`,
    `is_optional`, `is_reusable`.
    """

    def __init__(self, options: Options | None = None, dialect: Dialect = HTTPX) -> None:
        self._options = options or Options()
        self._dialect = dialect
        self._network = FacadeNetwork(dialect.peer, FIRST_UNUSED_THEN_LAST, self._unrouted)

    # Registering

    def add_response(
        self,
        status_code: int = 200,
        http_version: str = "HTTP/1.1",
        headers: Any = None,
        content: bytes | None = None,
        text: str | None = None,
        html: str | None = None,
        stream: Any = None,
        json: Any = None,
        **matchers: Any,
    ) -> None:
        """Answer with a response: by default an empty 200.

        Args:
            status_code, http_version, headers, content, text, html, stream, json: as of `httpx.Response`.
            matchers: who is answered, see the class.
        """
        response = self._module().Response(
            status_code,
            extensions={"http_version": http_version.encode("ascii")},
            headers=headers,
            json=json,
            **_body(content=content, text=text, html=html, stream=stream),
        )
        self._register(lambda request: None, matchers).reply(kept(response))  # noqa: ARG005  # replaced at once

    def add_callback(self, callback: Callable[[Any], Any], **matchers: Any) -> None:
        """Answer with what a function of the request gives, sync or async; None is no answer at all."""

        def answer(request: Request) -> Any:
            try:
                made = callback(sent_request(request))
            except BaseException as error:  # noqa: BLE001  # whatever it raises is the answer
                return spoken_to(request, error)
            return self._awaited(made, request) if hasattr(made, "__await__") else self._returned(made, request)

        self._register(answer, matchers)

    def add_exception(self, exception: BaseException, **matchers: Any) -> None:
        """Raise an exception."""

        def answer(request: Request) -> Any:
            if is_a(exception, "RequestError"):
                exception.request = sent_request(request)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # httpx's own
            return spoken_to(request, exception)

        self._register(answer, matchers)

    def _register(self, answer: Callable[[Request], Any], matchers: dict[str, Any]) -> Route:
        expectation = Expectation(self._dialect, self._options, **matchers)
        budget = None if expectation.is_reusable else 1
        return self._network.declare(expectation.method, expectation, None, answer, budget=budget)

    async def _awaited(self, made: Any, request: Request) -> Any:
        try:
            result = await made
        except BaseException as error:  # noqa: BLE001  # as above
            return spoken_to(request, error)
        return self._returned(result, request)

    def _returned(self, made: Any, request: Request) -> Any:
        if is_a(made, "Response"):
            return kept(made)
        if made is None and self._dialect is HTTPX:
            return self._refuse(request)
        said = described_request(request, ())
        self._unexpected(request)
        raise self._timeout(request, f"Callback registered for {said} MUST return {self._dialect.library}.Response")

    # What nothing answers

    def _unrouted(self, request: Request) -> Reply | None:
        if request.client.partition(" ")[0] not in _CLIENTS:
            return None
        if not self._options.should_mock(sent_request(request)):
            return PASS_THROUGH
        return Compute(self._refuse, is_async=False)

    def _refuse(self, request: Request) -> Any:
        self._unexpected(request)
        raise self._timeout(request, self._no_response(request))

    def _timeout(self, request: Request, text: str) -> BaseException:
        error: BaseException = module_of(request).TimeoutException(text, request=sent_request(request))
        return error

    def _unexpected(self, request: Request) -> None:
        if request.native is not None and request.native.call is not None:
            request.native.call.view = _UNEXPECTED

    def _no_response(self, request: Request) -> str:
        routes = self._network.router.routes
        told = described_request(request, [_of(route) for route in routes])
        message = f"No response can be found for {told}"
        if not routes:
            return message
        used = {route.order: bool(route.called) for route in routes}
        in_order = sorted(routes, key=lambda route: used[route.order])
        lines = [_of(route).described(was_used=used[route.order]) for route in in_order]
        message += " amongst:\n" + "\n".join(f"- {line}" for line in lines)
        if any(used[route.order] and not _of(route).is_reusable for route in routes):
            message += (
                "\n\nIf you wanted to reuse an already matched response instead of registering it again, refer to "
                f"{self._dialect.readme}#allow-to-register-a-response-for-more-than-one-request"
            )
        return message

    # What happened

    def get_requests(self, **matchers: Any) -> list[Any]:
        """The requests that came by, the unexpected ones too, in order; those that match."""
        expectation = Expectation(self._dialect, self._options, **matchers)
        return [sent_request(call.request) for call in self._calls() if expectation.matches(call.request)]

    def get_request(self, **matchers: Any) -> Any:
        """The one request that matches; None when there is none.

        Raises:
            AssertionError: there is more than one.
        """
        found = self.get_requests(**matchers)
        if len(found) > 1:
            raise AssertionError(
                f"More than one request ({len(found)}) matched, use get_requests instead or refine your filters."
            )
        return found[0] if found else None

    def reset(self) -> None:
        """Forget what was registered and what came by; nothing is checked."""
        self._network.router.put_back((), ())

    def _calls(self) -> list[Call]:
        return [call for call in self._network.router.calls if not call.passed_through and self._is_own(call)]

    def _is_own(self, call: Call) -> bool:
        return call.view is _UNEXPECTED if call.route is None else call.route._log is self._network

    # One test

    def _open(self) -> Scope:
        return self._network.open_scope(bind=False)

    def _close(self, scope: Scope) -> None:
        self._network.close_scope(scope)

    def _assert_options(self) -> None:
        """Check what the options say.

        Raises:
            AssertionError: a registration was not used, or a request not expected.
        """
        unused = [route for route in self._network.router.routes if not route.called and not _of(route).is_optional]
        if unused:
            lines = [_of(route).described(was_used=False) for route in unused]
            raise AssertionError(
                self._listed(
                    "The following responses are mocked but not requested:",
                    lines,
                    "allow-to-register-more-responses-than-what-will-be-requested",
                )
            )
        if not self._options.assert_all_requests_were_expected:
            return
        unexpected = [call.request for call in self._calls() if call.view is _UNEXPECTED]
        if unexpected:
            raise AssertionError(
                self._listed(
                    "The following requests were not expected:",
                    [described_request(request, ()) for request in unexpected],
                    "allow-to-not-register-responses-for-every-request",
                )
            )

    def _listed(self, head: str, lines: list[str], anchor: str) -> str:
        listed = [f"  - {line}" for line in lines]
        return "\n".join([head, *listed, "  ", f"  If this is on purpose, refer to {self._dialect.readme}#{anchor}"])

    def _module(self) -> Any:
        from netdouble._intercept.httpx_library import named

        return named(self._dialect.library)


def _of(route: Route) -> Expectation:
    expectation: Any = route.pattern
    found: Expectation = expectation
    return found


def _body(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
