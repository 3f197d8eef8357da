"""netdouble: network test doubles for Python.

One set of stubs, every HTTP client. Public names only; nothing here loads a client, pytest, ssl or asyncio.
"""

from netdouble._core.calls import Call, Calls
from netdouble._core.declaring import Verbs
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.matchers import M, exactly, partial
from netdouble._core.matching import Matcher, Mismatch
from netdouble._core.messages import Request, Response
from netdouble._core.replies import PASS_THROUGH
from netdouble._core.routes import Route
from netdouble._core.selection import Selection
from netdouble._core.urls import URL
from netdouble.errors import (
    AmbiguousScope,
    BodyReleased,
    ClientNotSupported,
    DeclarationError,
    MissingExtra,
    NetdoubleError,
    NetworkBlocked,
    NetworkWarning,
    ScopeClosed,
    UnansweredRoute,
    UnmatchedRequest,
    UnmetExpectation,
)
from netdouble.network import At, Network

__all__ = [
    "PASS_THROUGH",
    "URL",
    "AmbiguousScope",
    "At",
    "BodyReleased",
    "Call",
    "Calls",
    "ClientNotSupported",
    "DeclarationError",
    "Fault",
    "Headers",
    "M",
    "Matcher",
    "Mismatch",
    "MissingExtra",
    "NetdoubleError",
    "Network",
    "NetworkBlocked",
    "NetworkWarning",
    "Request",
    "Response",
    "Route",
    "ScopeClosed",
    "Selection",
    "UnansweredRoute",
    "UnmatchedRequest",
    "UnmetExpectation",
    "Verbs",
    "exactly",
    "partial",
]
__version__ = "0.1.0"
