"""The facade of pytest-httpserver 1.2.0: its public API on netdouble's loopback server. Needs the extra `httpserver`.

Its fixtures come with `pytest -p netdouble.facades --net-replace=pytest_httpserver`. What is different: connections are
kept alive and an idle one stops nobody, `stop()` takes a moment, a hook never changes a static response for good,
a `HeaderValueMatcher` finds a header in any case.
"""

from __future__ import annotations

from netdouble.facades.pytest_httpserver import hooks
from netdouble.facades.pytest_httpserver.blocking_httpserver import BlockingHTTPServer, BlockingRequestHandler
from netdouble.facades.pytest_httpserver.httpserver import (
    METHOD_ALL,
    URI_DEFAULT,
    BakedHTTPServer,
    Error,
    HeaderValueMatcher,
    HTTPServer,
    HTTPServerError,
    NoHandlerError,
    RequestHandler,
    RequestMatcher,
    RequestMatcherKwargs,
    URIPattern,
    WaitingSettings,
)

__version__ = "1.2.0"

__all__ = [
    "METHOD_ALL",
    "URI_DEFAULT",
    "BakedHTTPServer",
    "BlockingHTTPServer",
    "BlockingRequestHandler",
    "Error",
    "HTTPServer",
    "HTTPServerError",
    "HeaderValueMatcher",
    "NoHandlerError",
    "RequestHandler",
    "RequestMatcher",
    "RequestMatcherKwargs",
    "URIPattern",
    "WaitingSettings",
    "hooks",
]
