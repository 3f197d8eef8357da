"""curl_cffi: libcurl's own options for proxy and authorities, set right before a handle is performed.

Seam: `Curl._ensure_cacert`, which `Curl.perform` and `AsyncCurl.add_handle` call, in whichever thread (0.17).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from netdouble._intercept.native.target import Target, original
from netdouble._intercept.seams import marked, seam
from netdouble._patch import Undo, replace


def install(module: ModuleType, target: Target) -> Undo:
    """Replace that method.

    Raises:
        ClientNotSupported: it is missing or has changed.
    """
    handle, option = original(module, "Curl", target), original(module, "CurlOpt", target)
    seam(handle, "_ensure_cacert", ("self",), client=target.client)
    before = original(handle, "_ensure_cacert", target)

    def _ensure_cacert(self: Any) -> None:
        before(self)
        self.setopt(option.PROXY, target.url)
        self.setopt(option.NOPROXY, "")
        self.setopt(option.CAINFO, target.bundle_file)

    return replace(handle, "_ensure_cacert", marked(_ensure_cacert, before))
