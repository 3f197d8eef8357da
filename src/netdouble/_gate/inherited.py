"""The guard in a child process: what was handed down holds, and what is refused is told to the run.

Rule: imported in children only, at their first socket; see `_child/_netdouble_child.py`.
"""

from __future__ import annotations

import os
from typing import Any

from netdouble._gate import arming, auditing, children, guard, ledger, own, proxies
from netdouble._gate.policy import Policy

_OURS = ", handed down to this child process"


def begin(handed: dict[str, Any]) -> None:
    """Let what was handed down hold until this process ends."""
    own.since = handed["since"]
    own.handed_down = frozenset((host, port) for host, port in handed["listeners"])
    proxies.handed_down = frozenset(handed["proxies"])
    ledger.now.file, ledger.now.is_child = handed["ledger"], True
    guard.phase = "" if "PYTEST_CURRENT_TEST" in os.environ else handed.get("test", "a child process")
    policy = Policy(handed["allow"], loopback=handed["loopback"])
    arming.put_in_force(guard.Rule(handed["mode"], policy, handed["origin"].removesuffix(_OURS) + _OURS))


def judge(event: str, args: tuple[Any, ...]) -> None:
    """The event that woke the guard."""
    if event == "subprocess.Popen":
        children.give(args[3])
    auditing.judge(event, args)
