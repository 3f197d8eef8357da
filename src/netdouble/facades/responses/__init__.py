"""responses' API on netdouble's engine: `from netdouble.facades import responses`.

Rule: what is here is what responses documents, and the private names that its users reach for.
"""

from __future__ import annotations

import warnings
from typing import Any
from unittest import mock as std_mock

from netdouble.facades import _requests_objects  # noqa: F401  # first: where requests is missing, it says so
from netdouble.facades.responses import matchers, registries
from netdouble.facades.responses._calls import Call, CallList
from netdouble.facades.responses._mock import RequestsMock
from netdouble.facades.responses._replies import (
    BaseResponse,
    CallbackResponse,
    PassthroughResponse,
    Response,
)
from netdouble.facades.responses.matchers import json_params_matcher as _json_params_matcher
from netdouble.facades.responses.matchers import urlencoded_params_matcher as _urlencoded_params_matcher
from netdouble.facades.responses.registries import FirstMatchRegistry

__all__ = [
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
    "BaseResponse", "Call", "CallList", "CallbackResponse", "FirstMatchRegistry", "PassthroughResponse",
    "RequestsMock", "Response", "activate", "add", "add_callback", "add_passthru", "assert_call_count", "calls",
    "delete", "get", "head", "matchers", "mock", "options", "patch", "post", "put", "registered", "registries",
    "remove", "replace", "reset", "response_callback", "start", "std_mock", "stop", "upsert",
]  # fmt: skip

# The mock of the module's own functions.
mock = _default_mock = RequestsMock(assert_all_requests_are_fired=False)

DELETE, GET, HEAD, OPTIONS = mock.DELETE, mock.GET, mock.HEAD, mock.OPTIONS
PATCH, POST, PUT = mock.PATCH, mock.POST, mock.PUT

_add_from_file = mock._add_from_file
activate = mock.activate
add = mock.add
add_callback = mock.add_callback
add_passthru = mock.add_passthru
assert_call_count = mock.assert_call_count
calls = mock.calls
delete = mock.delete
get = mock.get
head = mock.head
options = mock.options
patch = mock.patch
post = mock.post
put = mock.put
registered = mock.registered
remove = mock.remove
replace = mock.replace
reset = mock.reset
response_callback = mock.response_callback
start = mock.start
stop = mock.stop
upsert = mock.upsert


def json_params_matcher(*args: Any, **kwargs: Any) -> Any:
    """Moved to `responses.matchers`."""
    return _moved("json_params_matcher", _json_params_matcher)(*args, **kwargs)


def urlencoded_params_matcher(*args: Any, **kwargs: Any) -> Any:
    """Moved to `responses.matchers`."""
    return _moved("urlencoded_params_matcher", _urlencoded_params_matcher)(*args, **kwargs)


def _moved(name: str, function: Any) -> Any:
    warnings.warn(f"Function 'responses.{name}' is deprecated; use 'responses.matchers.{name}'", DeprecationWarning,
                  stacklevel=3)  # fmt: skip
    return function


_MOVED_TO_MOCK = frozenset({"assert_all_requests_are_fired", "passthru_prefixes", "target"})


def __getattr__(name: str) -> Any:
    if name in _MOVED_TO_MOCK:
        warnings.warn(f"'responses.{name}' is deprecated; use 'responses.mock.{name}'", DeprecationWarning,
                      stacklevel=2)  # fmt: skip
        return getattr(mock, name)
    raise AttributeError(f"module 'responses' has no attribute {name!r}")
