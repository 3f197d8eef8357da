"""Scenarios: named states that decide which routes answer, and that answering changes.

Rule 1: what was said (`Step`) stands with the route; what the state is stands with the router of one scope, and is
read and changed under its lock, in the moment in which a route is chosen.
Rule 2: a route out of its state is not there: no selection sees it, a report does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from netdouble._core.matchers import Conditions
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

START = "started"


class RouteOptions(Conditions, total=False):
    """What a route is declared with: conditions on the request, and its place in a scenario.

    Keys:
        when: the state in which it answers; without it, in every state. then_state: the state after it has answered.
        scenario: which one is meant, when there are several.
    """

    when: str
    then_state: str
    scenario: str


class Step(NamedTuple):
    """A route's place in a scenario."""

    scenario: str
    when: str | None
    then: str | None


def split_options(options: RouteOptions) -> tuple[Conditions, Step | None]:
    """The conditions on a request, and the place in a scenario.

    Raises:
        DeclarationError: a state is no name, or a scenario is named and no state.
    """
    rest: Any = {name: value for name, value in options.items() if name not in _NAMES}
    if len(rest) == len(options):
        return rest, None
    given: dict[str, Any] = {name: options.get(name) for name in _NAMES}
    for name, value in given.items():
        if value is not None and (not isinstance(value, str) or not value):
            raise DeclarationError(f"{name}= is a name, not {value!r}")
    if given["when"] is None and given["then_state"] is None:
        raise DeclarationError(
            f"scenario={given['scenario']!r} alone changes nothing: give when=, the state in which the route answers, "
            "or then_state=, the state after it"
        )
    return rest, Step(given["scenario"] or "", given["when"], given["then_state"])


def check_state(state: object) -> None:
    """Raise DeclarationError unless `state` can be the name of one."""
    if not isinstance(state, str) or not state:
        raise DeclarationError(f"a state is a name, not {state!r}")


_NAMES = ("when", "then_state", "scenario")


class States:
    """The states of the scenarios of one scope."""

    def __init__(self, starts: dict[str, str] | None = None) -> None:
        self.starts = dict(starts or {})
        self._now: dict[str, str] = {}

    def of(self, scenario: str) -> str:
        """The state that it is in."""
        return self._now.get(scenario) or self.starts.get(scenario, START)

    def put(self, scenario: str, state: str) -> None:
        """Let it be in `state`."""
        self._now[scenario] = state

    def reset(self, scenario: str | None = None) -> None:
        """Back to the start; None: all of them."""
        if scenario is None:
            self._now.clear()
        else:
            self._now.pop(scenario, None)

    def holds(self, step: Step | None) -> bool:
        """A route with that place may answer now."""
        return step is None or step.when is None or step.when == self.of(step.scenario)


class Scenario:
    """The handle that `net.scenario(...)` returns.

    Attributes:
        name: `""` for the one that needs none.
    """

    __slots__ = ("_known", "_lock", "_states", "name")

    def __init__(self, name: str, lock: threading.RLock, states: Callable[[], States],
                 known: Callable[[], Iterable[Step]]) -> None:  # fmt: skip
        self.name, self._lock, self._states, self._known = name, lock, states, known

    @property
    def state(self) -> str:
        """The state that it is in; setting it is what an event outside of HTTP does.

        Raises:
            DeclarationError: no route was declared for the state that is set.

        Example:
            >>> net.scenario("order").state = "shipped"
        """
        return self._states().of(self.name)

    @state.setter
    def state(self, state: str) -> None:
        names = {name for step in self._known() if step.scenario == self.name for name in (step.when, step.then)}
        names.add(self._states().starts.get(self.name, START))
        if state not in names:
            known = ", ".join(sorted(repr(name) for name in names if name is not None))
            raise DeclarationError(f"no route knows a state {state!r}. States of this scenario: {known}")
        with self._lock:
            self._states().put(self.name, state)

    def reset(self) -> None:
        """Back to the state it started in."""
        with self._lock:
            self._states().reset(self.name)

    def __repr__(self) -> str:
        return f"<Scenario {self.name!r} in state {self.state!r}>"
