"""`netdouble run --sealed -- command`: any command under the kernel's guard, and what was refused printed at its end.

Rule: the exit status is the command's; 1 where the command succeeded although something was refused.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from netdouble._gate import SEALED_VARIABLE
from netdouble._gate.sealed.obstacles import OUTER, obstacle, threads
from netdouble.errors import DeclarationError

# As shells say it.
NOT_FOUND, NOT_RUN, NOT_SEALED = 127, 126, 2


def run(command: Sequence[str], *, mode: str, allow: Sequence[str] = (), loopback: str = "open",
        swallowed: str = "fail") -> int:  # fmt: skip
    """Become the command, sealed; returns only when that can't be done.

    Args:
        mode: `require`, `auto` (go on unsealed, and say so) or `netns`. allow: entries. loopback: `open` or `own`.
        swallowed: `fail` or `warn`: what a refusal does to the status of a command that succeeded.

    Returns:
        2 when it can't be sealed, 127 when there is no such command, 126 when it can't be run.

    Raises:
        DeclarationError: an entry can't be read.
    """
    if not command:
        raise DeclarationError("which command? netdouble run --sealed -- pytest -q")
    program = shutil.which(command[0])
    if program is None:
        return _fail(f"there is no command {command[0]!r}", NOT_FOUND)
    why = _seal(mode, allow, loopback, swallowed)
    if why and mode != "auto":
        return _fail(f"not sealed: {why}", NOT_SEALED)
    if why:
        _say(f"NOT SEALED: {why}")
    try:
        os.execv(program, list(command))  # noqa: S606  # the user's own command
    except OSError as error:
        return _fail(f"{program}: {error.strerror}", NOT_RUN)


def _seal(mode: str, allow: Sequence[str], loopback: str, swallowed: str) -> str:
    """Why it could not be done, or `""`."""
    from netdouble._gate.policy import Policy

    Policy(allow, loopback=loopback)  # what can't be read is an error before anything is forked
    why = OUTER if os.environ.get(SEALED_VARIABLE) else obstacle(mode) or threads()
    if why:
        return why
    try:
        if mode == "netns":
            from netdouble._gate.sealed.namespace import enter

            enter()
            return ""
        from netdouble._gate.sealed.messages import Moment, Refusal, Rules
        from netdouble._gate.sealed.refusals import table
        from netdouble._gate.sealed.start import start

        def at_end(status: int, refusals: list[Refusal]) -> int:
            refused = [each for each in refusals if each.refused]
            if refused:
                _say("\n".join(["refused before anything was sent:", *table(refused)]))
            if not refused or status or swallowed == "warn":
                return status
            _say("the command succeeded all the same: exit status 1 (--swallowed=warn keeps its own)")
            return 1

        rules = Rules(allow=tuple(allow), loopback=loopback)
        os.environ[SEALED_VARIABLE] = f"{start(rules, Moment(), at_end)}:0"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _say(text: str) -> None:
    sys.stderr.write(f"netdouble: {text}\n")
    sys.stderr.flush()


def _fail(text: str, status: int) -> int:
    _say(text)
    return status
