"""What holds where no network is open, from here to the end: the rule, the audit hook, what children are given.

Rule: the audit hook and the hand-down to children come with the mode `block`, and where children are refused; an idle
guard costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netdouble._gate import guard
from netdouble._gate.guard import Rule
from netdouble._patch import UndoStack

_handing = 0


def put_in_force(rule: Rule) -> Callable[[], None]:
    """From now on `rule` holds where no scope is open; the returned function puts back what held before."""
    undos = UndoStack()
    undos.push(guard.changed)
    if rule.mode == "block" or rule.children == "refuse":
        _arm(undos, rule.children)
    undos.push(guard.set_rule(rule))
    guard.changed()
    return undos.undo


def refuse_children() -> Callable[[], None]:
    """For a network that says so: from now on the start of a child is seen; the returned function ends that."""
    undos = UndoStack()
    _arm(undos, "refuse")
    return undos.undo


def _arm(undos: UndoStack, children: str) -> None:
    from netdouble._gate import auditing  # a run that refuses nothing outside of networks need not pay for it

    auditing.arm(guard.JUDGE)
    undos.push(auditing.disarm)
    if children != "allow":
        _hand_down()
        undos.push(_hand_down_no_more)


@contextmanager
def ruled(rule: Rule) -> Iterator[None]:
    """For a while `rule` holds where no scope is open."""
    undo = put_in_force(rule)
    try:
        yield
    finally:
        undo()


def _hand_down() -> None:
    global _handing
    from netdouble._gate import children

    _handing += 1
    if _handing == 1:
        children.begin()


def _hand_down_no_more() -> None:
    global _handing
    from netdouble._gate import children

    _handing -= 1
    if not _handing:
        children.end()
