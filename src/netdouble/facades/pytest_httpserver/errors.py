"""pytest-httpserver's exceptions."""

from __future__ import annotations


class Error(Exception):
    """The base of them."""


class NoHandlerError(Error):
    """A request has no handler, or its handler no response."""


class HTTPServerError(Error):
    """The server can't do that now."""
