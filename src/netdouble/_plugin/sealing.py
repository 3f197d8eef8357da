"""Sealed mode under pytest: begun before the guard, told each test, said in the header.

Rule 1: whoever did not ask for it loads nothing of it.
Rule 2: `require` is an error where it can't be; `auto` says so, and names what is not covered then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netdouble._gate import SEALED_VARIABLE
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from netdouble._gate.sealed.messages import Refusal
    from netdouble._gate.sealed.session import Sealing


class SealedRun:
    """What became of the wish for a sealed run. `why_not`: why it is none, or `""`."""

    def __init__(self, sealing: Sealing | None, why_not: str) -> None:
        self.why_not = why_not
        self._sealing = sealing

    def attach(self) -> Callable[[], None]:
        """From now on the supervisor is told what holds; the returned function ends that."""
        return self._sealing.attach() if self._sealing is not None else lambda: None

    def begin_test(self, name: str) -> None:
        """A test begins, or ends (`""`)."""
        if self._sealing is not None:
            self._sealing.begin_test(name)

    def header(self) -> str:
        """What the header says of it."""
        if self._sealing is None:
            return f"NOT SEALED: {self.why_not}; not covered: child processes{_natives()}"
        if self._sealing.is_namespace:
            return "sealed in a network of its own (no host's loopback, no allow list, refusals are not recorded)"
        if self._sealing.follows:
            return "sealed by netdouble run, whose rules hold for native code and child processes"
        return "sealed: native code and all child processes too" + " (by an outer run)" * self._sealing.joined

    def ending(self) -> str:
        """What is to be said at the end: the supervisor has died, or there was none and native clients came."""
        if self._sealing is None:
            names = _natives()
            return f"This run was not sealed ({self.why_not}); not covered were child processes{names}" if names else ""
        if self._sealing.is_alive():
            return ""
        return (
            "The supervisor of the sealed run has ended before it: connections failed since then (ENOSYS), and what "
            "was refused is not known"
        )

    @property
    def fails(self) -> bool:
        """The run can't be trusted."""
        return self._sealing is not None and not self._sealing.is_alive()


def begin(mode: str, swallowed: str, pluginmanager: Any) -> SealedRun | None:
    """Seal the run as `mode` says: `off`, `auto`, `require`, `netns`.

    Raises:
        DeclarationError: it can't be, and `auto` was not said.
    """
    if mode == "off":
        return _outer()
    made = _made(mode, swallowed, pluginmanager)
    if made.why_not and mode != "auto":
        raise DeclarationError(f"net_sealed={mode}: this run can't be sealed: {made.why_not}")
    return made


def _outer() -> SealedRun | None:
    """The sealed run of `netdouble run` that this one belongs to."""
    if SEALED_VARIABLE not in os.environ:
        return None
    from netdouble._gate.sealed.session import follow

    try:
        sealing = follow()
    except OSError:  # whoever sealed it will tell
        return None
    return SealedRun(sealing, "") if sealing is not None else None


def _made(mode: str, swallowed: str, pluginmanager: Any) -> SealedRun:
    from netdouble._gate.sealed.obstacles import obstacle

    if not sys.platform.startswith("linux"):  # what comes next can't even be loaded there
        return SealedRun(None, obstacle(mode))
    from netdouble._gate.sealed.session import seal

    try:
        with _uncaptured(pluginmanager):
            return SealedRun(seal(mode, _at_end(swallowed)), "")
    except OSError as error:
        return SealedRun(None, error.strerror or str(error))


@contextmanager
def _uncaptured(pluginmanager: Any) -> Iterator[None]:
    """The process that was started keeps the standard streams that it has when it is left: not pytest's files."""
    capture = pluginmanager.getplugin("capturemanager")
    if capture is None:
        yield
        return
    capture.suspend_global_capture(in_=True)
    try:
        yield
    finally:
        capture.resume_global_capture()


def _at_end(swallowed: str) -> Callable[[int, list[Refusal]], int]:
    """What the process that was started does with refusals that came after the report."""

    def at_end(status: int, refusals: list[Refusal]) -> int:
        refused = [each for each in refusals if each.refused]
        if refused:
            from netdouble._gate.sealed.refusals import table

            sys.stderr.write("\n".join(["netdouble: refused after the end of the run:", *table(refused), ""]))
            sys.stderr.flush()
        return status or int(bool(refused) and swallowed == "fail")

    return at_end


def _natives() -> str:
    from netdouble._gate.sealed.native import loaded

    return "".join(f", {name}" for name in loaded())
