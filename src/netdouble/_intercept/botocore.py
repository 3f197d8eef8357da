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

from netdouble import _active
from netdouble._intercept.layers import Dialect, spoken_by
from netdouble._intercept.seams import seam, unsupported
from netdouble._patch import Undo, replace

DIALECT = Dialect(f"botocore {botocore.__version__}", "botocore", frozenset({"urllib3"}))


def install(module: ModuleType) -> Undo:
    """Attach to botocore.httpsession, or to botocore.endpoint: their modules import each other, so each by itself.

    Raises:
        ClientNotSupported: a seam is missing or has changed.
    """
    if module.__name__ == "botocore.endpoint":
        if not hasattr(module, "time"):
            raise unsupported(DIALECT.client, "botocore.endpoint.time", "is not there")
        return replace(module, "time", _Clock(module.time))
    session = module.URLLib3Session
    return replace(
        session, "send", spoken_by(DIALECT, seam(session, "send", ("self", "request"), client=DIALECT.client))
    )


class _Clock:
    """`time` as botocore.endpoint sees it: its waits are left out when the setting says so, else counted."""

    def __init__(self, original: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._original = original
        self._clock = clock  # bound here: freezegun replaces it in modules

    def sleep(self, seconds: float) -> None:
        scope = _active.captured()
        if scope is None:
            self._original.sleep(seconds)
        elif scope.settings.retry_wait == "real":
            begun = self._clock()
            self._original.sleep(seconds)
            scope.retry_seconds += self._clock() - begun

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
