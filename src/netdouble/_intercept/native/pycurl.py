"""pycurl: libcurl's own options for proxy and authorities, set right before a handle is performed.

Seams: the names `pycurl.Curl` and `pycurl.CurlMulti`, whose types are immutable and can be derived from (7.49). What
was taken out of the module before (`from pycurl import Curl`), and handles made before, are left alone.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from netdouble._intercept.native.target import Target, original
from netdouble._patch import Undo, UndoStack


def install(module: ModuleType, target: Target) -> Undo:
    """Replace the two classes.

    Raises:
        ClientNotSupported: a class or an option is missing.
    """
    options = {
        original(module, "PROXY", target): target.url,
        original(module, "NOPROXY", target): "",
        original(module, "CAINFO", target): target.bundle_file,
    }
    handle, multi = original(module, "Curl", target), original(module, "CurlMulti", target)

    def led(curl: Any) -> None:
        for option, value in options.items():
            curl.setopt(option, value)

    class Curl(handle):  # type: ignore[misc, valid-type]  # a class that is only known when it runs
        netdouble_original = handle

        def perform(self) -> None:
            led(self)
            super().perform()

        def perform_rb(self) -> Any:
            led(self)
            return super().perform_rb()

        def perform_rs(self) -> Any:
            led(self)
            return super().perform_rs()

    class CurlMulti(multi):  # type: ignore[misc, valid-type]  # as above
        netdouble_original = multi

        def add_handle(self, curl: Any, *args: Any) -> Any:
            led(curl)
            return super().add_handle(curl, *args)

    undo = UndoStack()
    undo.replace(module, "Curl", Curl)
    undo.replace(module, "CurlMulti", CurlMulti)
    return undo.undo
