"""requests-mock's API on netdouble's engine: `from netdouble.facades import requests_mock`."""

from netdouble.facades import _requests_objects  # noqa: F401  # first: where requests is missing, it says so
from netdouble.facades.requests_mock import adapter, exceptions, mocker, request, response
from netdouble.facades.requests_mock.adapter import ANY, Adapter
from netdouble.facades.requests_mock.exceptions import MockException, NoMockAddress
from netdouble.facades.requests_mock.mocker import (
    DELETE,
    GET,
    HEAD,
    OPTIONS,
    PATCH,
    POST,
    PUT,
    Mocker,
    MockerCore,
    mock,
)
from netdouble.facades.requests_mock.response import CookieJar, create_response

__all__ = [
    "ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "Adapter", "CookieJar", "MockException",
    "Mocker", "MockerCore", "NoMockAddress", "adapter", "create_response", "exceptions", "mock", "mocker", "request",
    "response",
]  # fmt: skip
