"""botocore (boto3): it stands on urllib3's door.

Seams: `URLLib3Session.send`, under which requests are recorded as this client's and which would wrap every exception
that it does not know in an HTTPClientError (and retry that); `botocore.endpoint.time`, whose `sleep` waits between
its retries.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import botocore
import botocore.endpoint

from netdouble import _active
from netdouble._intercept.layers import Dialect, spoken_by
from netdouble._intercept.seams import seam, unsupported
from netdouble._patch import Undo, UndoStack

DIALECT = Dialect(f"botocore {botocore.__version__}", "botocore", frozenset({"urllib3"}))


def install(module: ModuleType) -> Undo:
    """Attach to botocore.httpsession.

    Raises:
        ClientNotSupported: a seam is missing or has changed.
    """
    session = module.URLLib3Session
    send = seam(session, "send", ("self", "request"), client=DIALECT.client)
    if getattr(botocore.endpoint, "time", None) is not time:
        raise unsupported(DIALECT.client, "botocore.endpoint.time", "is not the standard library's")
    undo = UndoStack()
    undo.replace(session, "send", spoken_by(DIALECT, send))
    undo.replace(botocore.endpoint, "time", _Clock())
    return undo.undo


class _Clock:
    """`time` as botocore.endpoint sees it: its waits are left out when the setting says so, else counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # bound here: freezegun replaces it in modules

    def sleep(self, seconds: float) -> None:
        scope = _active.captured()
        if scope is None:
            time.sleep(seconds)
        elif scope.settings.retry_wait == "real":
            begun = self._clock()
            time.sleep(seconds)
            scope.retry_seconds += self._clock() - begun

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
