"""Become three processes: the one that was started, the supervisor below it, and the one that goes on, sealed.

The started process waits, hands signals down and ends as the sealed one ends. The supervisor must be an ancestor of
all that it judges (Yama lets nobody else read their memory), and must outlive the tests for the sake of what they left
running, so it can be neither the first nor the last of the three.

Rule 1: whatever fails leaves the caller unsealed, and going on.
Rule 2: the filter reaches the threads only when the supervisor has its descriptor: before, nobody would answer.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from netdouble._gate.sealed import kernel
from netdouble._gate.sealed.judging import Member
from netdouble._gate.sealed.messages import Moment, Refusal, Rules, unpacked
from netdouble._gate.sealed.supervisor import Supervisor

_HANDED_DOWN = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})
# Those by which a terminal stops its jobs: what runs on in the background would wait for the supervisor.
_STOPPING = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
_WATCHED = _HANDED_DOWN | {signal.SIGCHLD}
_FROM_A_PROCESS = 0  # si_code of kill() and its like is at most this; the terminal's own signals went to all of us

_KILLABLE_SINCE = (5, 19)
_WHOLE = 4  # parts of a report that is written to its end: the child, its status, the refusals, and nothing more
_PATIENCE = 20.0  # seconds for a handshake between two processes that have nothing else to do

# What the started process makes of the refusals that nobody took: the exit status, given the one of the sealed process.
AtEnd = Callable[[int, list[Refusal]], int]


def start(rules: Rules, moment: Moment, at_end: AtEnd) -> str:
    """Seal this process. Returns in a grandchild of it, which goes on in its place.

    Args:
        rules, moment: what holds until a process tells more.
        at_end: called in the process that was started, with the exit status and the refusals that nobody took.

    Returns:
        The supervisor's address.

    Raises:
        OSError: it could not be done; the caller goes on unsealed (as a grandchild all the same).
    """
    hub = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    hub.bind("")  # an abstract name that the kernel chooses
    hub.listen(64)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    alive, held = os.pipe()
    report = os.memfd_create("netdouble", os.MFD_CLOEXEC)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        middle = os.fork()
        if middle:
            _wait(middle, report, held, before, at_end)
        child = _fork_again(report)
        if child:
            _supervise(child, far, hub, alive, report, Member(0, None, rules, moment))
        address: str = hub.getsockname().decode()[1:]
    finally:  # in the process that goes on, whichever of them that is
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for descriptor in (alive, held, report):
            os.close(descriptor)
        far.close()
        hub.close()
    with near:
        _install(near)
    return address


def _fork_again(report: int) -> int:
    try:
        kernel.adopt_orphans()
        return os.fork()
    except OSError:  # this one goes on, and is the one to wait for
        os.pwrite(report, b"%d\n" % os.getpid(), 0)
        os.kill(os.getppid(), signal.SIGCHLD)
        raise


# The sealed process


def _install(near: socket.socket) -> None:
    """Put the filter on, hand its descriptor to the supervisor, spread it to all threads.

    A helper thread does the first and the last, so that this one can still send meanwhile.
    """
    near.settimeout(_PATIENCE)
    listener: list[int] = []
    errors: list[OSError] = []
    there, handed = threading.Event(), threading.Event()

    def help_out() -> None:
        try:
            listener.append(kernel.listen(killable=killable()))
            there.set()
            if handed.wait(_PATIENCE) and not errors:
                kernel.share()
        except OSError as error:
            errors.append(error)
        finally:
            there.set()

    helper = threading.Thread(target=help_out, name="netdouble-seal", daemon=True)
    try:
        helper.start()
    except RuntimeError as error:  # "can't start new thread"
        raise OSError(str(error)) from None
    there.wait()
    try:
        if listener:
            _hand_over(near, listener[0])
    except OSError as error:
        errors.append(error)
    finally:
        handed.set()
        helper.join()
    if errors:
        raise errors[0]


def _hand_over(near: socket.socket, listener: int) -> None:
    with suppress(OSError):
        socket.send_fds(near, [b"listener"], [listener])
    os.close(listener)
    if near.recv(16) != b"ready":
        raise OSError("the supervisor ended")


def killable() -> bool:
    """A call that waits for its answer is broken off by deadly signals only."""
    return kernel.version() >= _KILLABLE_SINCE


# The supervisor


def _supervise(child: int, far: socket.socket, hub: socket.socket, alive: int, report: int,
               outside: Member) -> NoReturn:  # fmt: skip
    try:
        sys.settrace(None)  # a coverage tool measures the tests, not this
        sys.setprofile(None)
        gc.disable()
        for number in (*_HANDED_DOWN, *_STOPPING):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_DOWN)
        started = os.getppid()
        os.pwrite(report, b"%d\n" % child, 0)
        os.kill(started, signal.SIGCHLD)
        _detach(far.fileno(), hub.fileno(), alive, report)

        def tell(status: int, refusals: bytes) -> None:
            os.pwrite(report, b"%d\n%d\n%s\n" % (child, status, refusals), 0)
            if os.getppid() == started:
                os.kill(started, signal.SIGCHLD)

        far.settimeout(_PATIENCE)
        _, descriptors, _, _ = socket.recv_fds(far, 16, 1)
        if descriptors:
            far.send(b"ready")
            far.close()
            Supervisor(descriptors[0], hub, child, alive, outside, tell, killable=killable()).run()
        else:
            hub.close()
            _, status = os.waitpid(child, 0)
            tell(status, b"[]")
    finally:
        os._exit(70)


def _detach(*kept: int) -> None:
    """Of what was open in the started process nothing is held: a pipe would never end for its reader."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    _close_all_but(0, 1, 2, *kept)


def _close_all_but(*kept: int) -> None:
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in kept:
            with suppress(OSError):  # the one by which the list was read
                os.close(descriptor)


# The process that was started


def _wait(middle: int, report: int, held: int, before: set[int], at_end: AtEnd) -> NoReturn:
    status = 70 << 8
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kernel.adopt_orphans()  # should the supervisor be killed, the tests are ours to wait for
        _close_all_but(0, 1, 2, held, report)
        status, refusals = _status(middle, report)
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            code = at_end(code, refusals)
            status = code << 8
    finally:
        _end_as(status, before)


def _status(middle: int, report: int) -> tuple[int, list[Refusal]]:
    """How the sealed process ended, and the refusals that nobody took. Signals are handed down meanwhile."""
    ended: dict[int, int] = {}
    arrived: list[int] = []
    while True:
        written = os.pread(report, os.fstat(report).st_size, 0).split(b"\n")
        child = int(written[0] or 0)
        if len(written) == _WHOLE:
            return int(written[1]), unpacked(written[2])
        _reap(ended)
        if child in ended:
            return ended[child], []
        if middle in ended and (not child or not os.path.exists(f"/proc/{child}")):
            return ended[middle], []
        while child and arrived:
            with suppress(ProcessLookupError):
                os.kill(child, arrived.pop(0))
        signalled = signal.sigwaitinfo(_WATCHED)
        if signalled.si_signo in _HANDED_DOWN and signalled.si_code <= _FROM_A_PROCESS:
            arrived.append(signalled.si_signo)


def _reap(ended: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]


def _end_as(status: int, before: set[int]) -> NoReturn:
    """End in the way in which the sealed process ended: with its exit status, or by its signal."""
    if os.WIFSIGNALED(status):
        import resource

        number = os.WTERMSIG(status)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if number not in {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before - {number})
            os.kill(os.getpid(), number)
        os._exit(128 + number)  # the first process of a container can't be killed by itself
    os._exit(os.waitstatus_to_exitcode(status))
