"""Whether a process can be sealed here, and why not: the only file of the package that loads on any platform.

Rule: tried in a child, not guessed from versions; what is said is meant for the header of a run.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
import sys

from netdouble._gate.sealed.machines import MACHINES

OUTER = "an outer run is sealed already, and its rules hold"


def obstacle(mode: str = "require") -> str:
    """Why no process can be sealed here, in words; `""` when it can be.

    Args:
        mode: `netns` asks for a network namespace, anything else for the filter.
    """
    if not sys.platform.startswith("linux"):
        return f"{platform.system()} has no {'network namespaces' if mode == 'netns' else 'seccomp notifications'}"
    if mode == "netns":
        return ""  # a try of it would be the thing itself
    if platform.machine() not in MACHINES or struct.calcsize("P") != 8:
        return f"no table of system calls for {platform.machine()} with {8 * struct.calcsize('P')} bits"
    from netdouble._gate.sealed import kernel

    if kernel.version() < kernel.OLDEST:
        return f"Linux {os.uname().release} is older than {'.'.join(map(str, kernel.OLDEST))}"
    if not os.path.exists("/proc/self/mem"):
        return "/proc is not mounted"
    try:
        code = _tried()
    except OSError as error:
        return f"no process can be started: {error.strerror}"
    return _REASONS.get(code, f"the kernel refuses the filter: {os.strerror(code)}") if code else ""


def threads() -> str:
    """Why this very process can't be sealed now, if threads run in it: a fork would leave them behind."""
    others = len(os.listdir("/proc/self/task")) - 1
    if not others:
        return ""
    return f"{others} more thread{'s'[: others > 1]} of this process started before the guard (a debugger?)"


_REASONS = {
    errno.EBUSY: "another seccomp listener already watches this process",
    errno.EPERM: "the filter is forbidden here (by a container's seccomp profile?)",
    errno.EACCES: "the filter is forbidden here: no_new_privs can't be set",
    errno.ENOSYS: "this kernel has no seccomp",
}


def _tried() -> int:
    """The errno of an attempt in a child of this process; 0 when it worked."""
    from netdouble._gate.sealed import kernel

    child = os.fork()
    if child == 0:
        code = errno.EIO
        try:
            os.close(kernel.listen(killable=False))
            code = 0
        except OSError as error:
            code = error.errno or errno.EIO
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
