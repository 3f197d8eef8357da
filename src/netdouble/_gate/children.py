"""Child processes: Python ones inherit the guard, through the environment; a setting refuses them, or leaves them.

Rule 1: what is handed down is what holds where the child is started: the session's rule, the test's, the network's.
Rule 2: a child says what it refused in the run's file; the run reads it whenever it looks for problems.
Rule 3: nothing is handed down before the guard is armed.

Learnt (CPython 3.10 to 3.13): `subprocess.Popen` is audited before the environment is copied, but an `env=` of the
caller's own is taken as it is; `multiprocessing` starts its children without an event, from the environment that holds.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from netdouble import _active, _origins
from netdouble._active import Scope
from netdouble._gate import guard, ledger, own, proxies
from netdouble._gate.refusals import Case
from netdouble._patch import UndoStack

VARIABLE = "NETDOUBLE_GUARD"
_PATH = "PYTHONPATH"
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "_child")
_ROOT = os.path.dirname(os.path.dirname(_FOLDER))
_PTH = "netdouble-guard.pth"

_handing = False
_undos = UndoStack()
# Our own `start` of multiprocessing's, to tell it from one that is not watched.
_watched: list[Callable[..., None]] = []


# On and off


def begin() -> None:
    """Hand the guard down from now on."""
    global _handing
    if _handing:
        return
    _handing = True
    import subprocess

    _undos.replace(subprocess.Popen, "__init__", _given(subprocess.Popen.__init__))
    guard.watching.append(refresh)
    refresh()


def end() -> None:
    """Hand nothing down any more."""
    global _handing
    if _handing:
        _handing = False
        _undos.undo()
        guard.watching.remove(refresh)
        _change(None)


def take_over() -> None:
    """This process was given a guard, but is no child of a test: it has the same settings, and a ledger of its own."""
    asleep = sys.modules.get("_netdouble_child")
    if asleep is not None:
        asleep._state["asleep"] = False


def refresh(*, starting: bool = False) -> None:
    """What holds has changed, or a child is being started: who looks into the environment is to find it there."""
    if _handing:
        if _setting(_scope()) == "refuse":
            _watch_processes()
        value = _value(starting=starting)
        if value != os.environ.get(VARIABLE):
            _change(value)


def _change(value: str | None) -> None:
    for name, text in _variables(value, os.environ.get(_PATH, "")).items():
        if text:
            os.environ[name] = text
        else:
            os.environ.pop(name, None)


def _variables(value: str | None, path: str) -> dict[str, str]:
    """The variables of an environment whose PYTHONPATH is `path`, with the guard or without it."""
    if is_installed():
        return {VARIABLE: value or ""}
    kept = [part for part in path.split(os.pathsep) if part and part != _FOLDER]
    return {VARIABLE: value or "", _PATH: os.pathsep.join([_FOLDER, *kept] if value else kept)}


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """The `.pth` file of the wheel is there; else the folder has to stand on PYTHONPATH."""
    return any(os.path.exists(os.path.join(sysconfig.get_path(kind), _PTH)) for kind in ("purelib", "platlib"))


# What is handed down


def _value(test: str = "", *, starting: bool = False) -> str | None:
    """What a child that is started here is given; None when it is left alone.

    Args:
        test: for an environment that may lack pytest's variable. starting: it is being started now.
    """
    if ledger.now.file is None:  # not in `begin`: a run inside of this one has a ledger of its own
        ledger.now.file = ledger.new_file()
    scope = _scope()
    settings = scope.settings if scope is not None else None
    mode = settings.guard if settings is not None else guard.elsewhere.mode
    if _setting(scope) == "allow" or mode == "off":
        return None
    entries = [*guard.elsewhere.policy.entries, *(e for policy in guard.allowances() for e in policy.entries)]
    for each in scope.chain() if scope is not None else ():
        entries += each.settings.allow
    loopback = settings.loopback if settings is not None else guard.elsewhere.policy.loopback
    given: dict[str, Any] = {
        "mode": mode,
        "allow": list(dict.fromkeys(entries)),
        "loopback": loopback,
        "listeners": own.addresses(of_c=starting) if loopback == "own" else [],
        "origin": f"guard={mode} of the network of {scope.label}" if scope is not None else guard.elsewhere.origin,
        "ledger": ledger.now.file,
        "since": own.since,
        "proxies": sorted(proxies.handed_down) if proxies.handed_down is not None else _PROXIES,
        "root": _ROOT,
    }
    if test:
        given["test"] = test
    return json.dumps(given, separators=(",", ":"))


_PROXIES = proxies.named_now()


def _scope() -> Scope | None:
    scopes = _active.responsible()
    return scopes[0] if scopes else None


def _setting(scope: Scope | None) -> str:
    return scope.settings.children if scope is not None else guard.elsewhere.children


# When one is started


def handlers() -> dict[str, Callable[[tuple[Any, ...]], None]]:
    """The audit events of starting a child, and what is done at each."""
    commands: dict[str, Callable[[tuple[Any, ...]], Any]] = {
        "subprocess.Popen": lambda args: args[1], "os.system": lambda args: args[0],
        "os.posix_spawn": lambda args: args[1], "os.spawn": lambda args: args[2], "os.exec": lambda args: args[1],
        "os.startfile": lambda args: args[0], "pty.spawn": lambda args: args[0], "os.fork": lambda _: "os.fork()",
        "os.forkpty": lambda _: "os.forkpty()",
    }  # fmt: skip

    def handler(command_of: Callable[[tuple[Any, ...]], Any]) -> Callable[[tuple[Any, ...]], None]:
        return lambda args: _starts(command_of(args))

    return {event: handler(command_of) for event, command_of in commands.items()}


def _starts(command: Any) -> None:
    scope = _scope()
    # Runners start children of their own: xdist its workers, a report `uname`.
    in_a_test = scope is not None or _origins.test is not None or not guard.phase
    if in_a_test and not guard.of_runner and _setting(scope) == "refuse":
        from netdouble._core.masking import masked_text

        guard.stop(Case("start", (masked_text(_text(command)),), None, scope, guard.test_of(scope)), "block")
    refresh(starting=True)


def _watch_processes() -> None:
    """See `multiprocessing` start its children, of which the methods `spawn` and `forkserver` raise no event."""
    from multiprocessing.process import BaseProcess

    original = BaseProcess.start
    if original in _watched:
        return

    @wraps(original)
    def start(self: Any) -> None:
        _starts(f"{type(self).__name__} of multiprocessing")
        original(self)

    _watched[:] = [start]
    _undos.replace(BaseProcess, "start", start)


def give(env: object) -> None:
    """Hand the guard down in an environment that a child gives its own child, before `Popen` could be replaced."""
    if isinstance(env, dict) and _handing:
        value = _value(guard.test_of(_scope()), starting=True)
        env.update({name: text for name, text in _variables(value, env.get(_PATH, "")).items() if text})


def _text(command: Any) -> str:
    words = [command] if isinstance(command, (str, bytes)) else list(command)
    return " ".join(os.fsdecode(word) if isinstance(word, (bytes, os.PathLike)) else str(word) for word in words)[:200]


def _given(original: Callable[..., None]) -> Callable[..., None]:
    """`Popen.__init__` with the guard in an environment of the caller's own."""

    @wraps(original)
    def started(self: Any, args: Any, *positional: Any, **keywords: Any) -> None:
        if _handing and keywords.get("env") is not None and _setting(_scope()) != "refuse":
            env = keywords["env"]
            path = env.get(_PATH, "")
            value = _value(guard.test_of(_scope()), starting=True)
            given = {name: text for name, text in _variables(value, path).items() if text}
            keywords["env"] = {**{name: env[name] for name in env if name != VARIABLE}, **given}
        original(self, args, *positional, **keywords)

    return started
