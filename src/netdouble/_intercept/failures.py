"""A failure in the words of the client that is to be told it.

Rule: an exception of the client's own, of Python or of the application is raised as it is; one of another client is
turned into the fault it stands for, and the client at hand then raises its own. Nothing foreign leaks.
"""

from __future__ import annotations

from collections.abc import Collection

from netdouble._core.failures import CLIENT_PACKAGES, clients_fault, fresh, pythons_fault
from netdouble._core.faults import Fault
from netdouble._core.replies import Fail
from netdouble.errors import DeclarationError


def failure_for(fail: Fail, own: Collection[str]) -> Fault | BaseException:
    """What a client whose exceptions live in the packages `own` is to fail with: a fault, or an exception as it is.

    Raises:
        DeclarationError: another client's exception that stands for no fault.
    """
    if fail.fault is not None:
        return fail.fault
    if fail.error is None:
        raise TypeError(f"neither a fault nor an exception: {fail!r}")
    kind = type(fail.error)
    package = kind.__module__.partition(".")[0]
    if package in own:
        return fresh(fail.error)
    if package in CLIENT_PACKAGES:
        fault = clients_fault(kind)
        if fault is not None:
            return fault
        raise DeclarationError(
            f"a route fails with {kind.__module__}.{kind.__name__}, which this client ({', '.join(sorted(own))}) never "
            "raises and which stands for no fault of the network; use a Fault, or this client's own exception"
        )
    return pythons_fault(kind) or fresh(fail.error)
