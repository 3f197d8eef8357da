"""Each rule of choosing a route, as a table of calls; and what is true of all of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdouble._core.selection import (
    FIRST,
    FIRST_AND_ROTATE,
    FIRST_UNUSED_THEN_LAST,
    IN_ORDER,
    NATIVE,
    NEWEST,
    NEWEST_OR_WINDOW,
    ORDERED_THEN_ONESHOT_THEN_PERMANENT,
    Choice,
    Entry,
    Selection,
)


@dataclass
class Routes:
    """A router in twenty lines. A route is a name; `a/x` matches the requests `a` and `x`."""

    selection: Selection
    entries: list[Entry[str]]
    request: str = ""
    ended: bool = False
    retired: list[str] = field(default_factory=list)

    def declared(self) -> Sequence[Entry[str]]:
        return [copy.copy(e) for e in self.entries if e.route not in self.retired]

    def matching(self) -> Sequence[Entry[str]]:
        return [e for e in self.declared() if self.matches(e)]

    def oldest_first(self) -> Iterator[Entry[str]]:
        return iter(self.matching())

    def newest_first(self) -> Iterator[Entry[str]]:
        return reversed(self.matching())

    def matches(self, entry: Entry[Any]) -> bool:
        return self.request in entry.route.split("/")

    def open(self, request: str) -> str:
        """The route that answers, or `-`."""
        self.request = request
        choice = None if self.ended else self.selection.choose(self)
        if choice is None:
            return "-"
        self.retired += [e.route for e in choice.retire]
        self.ended = choice.ends
        if choice.entry is None:
            return "-"
        next(e for e in self.entries if e.route == choice.entry.route).used += 1
        return choice.entry.route


def entry(declared: str) -> Entry[str]:
    """`a/x*2`: the route `a/x` with the budget 2; `ordered:a`, `oneshot:a`: of that kind."""
    kind, _, rest = declared.rpartition(":")
    route, _, budget = rest.partition("*")
    return Entry(route, 0, int(budget) if budget else None, kind)


TABLE = [
    # netdouble: budgets in declared order, then the newest
    (NATIVE, "", "a", "-"),
    (NATIVE, "a", "a a b", "a a -"),
    (NATIVE, "a/1 b/1", "1 1", "b/1 b/1"),
    (NATIVE, "a/1*1 b/1", "1 1 1", "a/1 b/1 b/1"),
    (NATIVE, "a/1 b/1*1", "1 1", "b/1 a/1"),
    (NATIVE, "a/1*2 b/1*1", "1 1 1 1", "a/1 a/1 b/1 -"),
    (NATIVE, "a/1 b/1*1 c/1 d/1*1", "1 1 1", "b/1 d/1 c/1"),
    (NATIVE, "a/1 b/1*0", "1", "a/1"),
    (NATIVE, "a/1*0", "1", "-"),
    (NATIVE, "a/1 b/2*1", "1 2 2", "a/1 b/2 -"),
    # the first declared, for ever or for its budget
    (FIRST, "a/1 b/1", "1 1 2", "a/1 a/1 -"),
    (FIRST, "a/1*2 b/1*1", "1 1 1 1", "a/1 a/1 b/1 -"),
    (FIRST, "a/1*0 b/1", "1", "b/1"),
    # responses: each makes room for the next, the last one stays
    (FIRST_AND_ROTATE, "a/1", "1 1 2", "a/1 a/1 -"),
    (FIRST_AND_ROTATE, "a/1 b/1 c/1", "1 1 1 1", "a/1 b/1 c/1 c/1"),
    (FIRST_AND_ROTATE, "a/1 b/2 c/1", "2 1 2 1 1", "b/2 a/1 b/2 c/1 c/1"),
    (FIRST_AND_ROTATE, "a/1/2 b/2", "1 2 2 1", "a/1/2 b/2 b/2 -"),
    # requests-mock: the newest, for ever
    (NEWEST, "a/1 b/1", "1 1 2", "b/1 b/1 -"),
    # a registration with real_http answers nothing, and nothing behind it does
    (NEWEST_OR_WINDOW, "a/1 b/1", "1 1 2", "b/1 b/1 -"),
    (NEWEST_OR_WINDOW, "a/1 window:b/1", "1", "-"),
    (NEWEST_OR_WINDOW, "window:a/1 b/1", "1", "b/1"),
    # responses' OrderedRegistry: each once; a request out of order leaves only the one that was due
    (IN_ORDER, "a/1 b/2 c/1", "1 2 1 1", "a/1 b/2 c/1 -"),
    (IN_ORDER, "a/1 b/2 c/1", "1 1 2 1", "a/1 - b/2 -"),
    (IN_ORDER, "", "1", "-"),
    (NEWEST, "a/1 b/1*1", "1 1", "b/1 a/1"),
    # pytest-httpx: each once; then the last, when it is reusable
    (FIRST_UNUSED_THEN_LAST, "a/1*1 b/1*1", "1 1 1", "a/1 b/1 -"),
    (FIRST_UNUSED_THEN_LAST, "a/1 b/1", "1 1 1 1", "a/1 b/1 b/1 b/1"),
    (FIRST_UNUSED_THEN_LAST, "a/1 b/1*1", "1 1 1", "a/1 b/1 -"),
    (FIRST_UNUSED_THEN_LAST, "a/1*1 b/1 c/2", "1 1 1 2 2", "a/1 b/1 b/1 c/2 c/2"),
    (FIRST_UNUSED_THEN_LAST, "a/1", "2", "-"),
    (FIRST_UNUSED_THEN_LAST, "a/1*0", "1", "-"),
    # pytest-httpserver: ordered, then oneshot, then permanent
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "a/1 b/1", "1 1 2", "a/1 a/1 -"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "permanent:a/1 oneshot:b/1 oneshot:c/1", "1 1 1 1", "b/1 c/1 a/1 a/1"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "a/1 oneshot:b/1 ordered:c/1", "1 1 1", "c/1 b/1 a/1"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "ordered:a/1 ordered:b/2 c/3", "1 2 3 3", "a/1 b/2 c/3 c/3"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "ordered:a/1 ordered:b/2 c/3", "2 1 3", "- - -"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "ordered:a/1 ordered:b/2 c/3", "1 3 2 3", "a/1 - - -"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "oneshot:a/1", "2 1 1", "- a/1 -"),
    (ORDERED_THEN_ONESHOT_THEN_PERMANENT, "ordered:a/1", "1 1", "a/1 -"),
]


@pytest.mark.parametrize(("selection", "declared", "requests", "answered"), TABLE)
def test_a_rule_chooses_its_routes_in_this_order(
    selection: Selection, declared: str, requests: str, answered: str
) -> None:
    routes = Routes(selection, [entry(x) for x in declared.split()])
    assert [routes.open(request) for request in requests.split()] == answered.split()


def test_a_route_added_after_a_call_takes_the_place_of_the_one_that_answered() -> None:
    routes = Routes(FIRST_AND_ROTATE, [entry("a/1")])
    assert routes.open("1") == "a/1"
    routes.entries += [entry("b/1"), entry("c/1")]
    assert [routes.open("1") for _ in range(3)] == ["b/1", "c/1", "c/1"]


def test_after_a_missed_order_a_route_added_later_answers_nothing_either() -> None:
    routes = Routes(ORDERED_THEN_ONESHOT_THEN_PERMANENT, [entry("ordered:a/1")])
    assert routes.open("2") == "-"
    routes.entries.append(entry("b/2"))
    assert [routes.open("2"), routes.open("1")] == ["-", "-"]


RULES = [
    NATIVE,
    FIRST,
    FIRST_AND_ROTATE,
    IN_ORDER,
    NEWEST,
    NEWEST_OR_WINDOW,
    FIRST_UNUSED_THEN_LAST,
    ORDERED_THEN_ONESHOT_THEN_PERMANENT,
]
KINDS = st.sampled_from(["", "ordered", "oneshot", "permanent"])
ENTRIES = st.lists(
    st.builds(Entry[str], st.sampled_from(["1", "2", "1/2"]), st.integers(0, 2), st.none() | st.integers(0, 2), KINDS),
    max_size=6,
).map(lambda entries: [Entry(f"r{i}/{e.route}", e.used, e.budget, e.kind) for i, e in enumerate(entries)])


@pytest.mark.parametrize("rule", RULES, ids=repr)
@given(entries=ENTRIES, requested=st.sampled_from("12"))
def test_a_rule_offers_only_routes_that_match_and_changes_nothing(
    rule: Selection, entries: list[Entry[str]], requested: str
) -> None:
    routes = Routes(rule, entries, requested)
    before = copy.deepcopy(routes)
    choice = rule.choose(routes)
    assert rule.choose(routes) == choice
    assert routes == before
    if choice is not None and choice.entry is not None:
        assert choice.entry in routes.matching()
        assert not choice.entry.spent or choice.entry.kind == "ordered"
        assert not choice.ends
        assert all(e in routes.matching() for e in choice.retire)


@given(ENTRIES)
def test_the_native_rule_leaves_a_request_unanswered_only_when_every_budget_is_used_up(
    entries: list[Entry[str]],
) -> None:
    routes = Routes(NATIVE, entries, "1")
    choice = NATIVE.choose(routes)
    usable = [e for e in routes.matching() if not e.spent]
    assert (choice is None) == (not usable)
    if choice is not None:
        queue = [e for e in usable if e.budget is not None]
        assert choice.entry == (queue[0] if queue else usable[-1])


# The peers, told once more in their own way: with lists that they pop from.


def responses_find(registered: list[str], used: dict[str, int], request: str) -> str:
    matching = [r for r in registered if request in r.split("/")]
    if not matching:
        return "-"
    answer = matching[0]
    if len(matching) > 1:
        registered.remove(matching[0])
        if used.get(matching[0], 0):
            answer = matching[1]
    used[answer] = used.get(answer, 0) + 1
    return answer


def httpx_mock_find(registered: list[str], used: dict[str, int], request: str) -> str:
    matching = [r for r in registered if request in r.split("/")]
    for answer in [r for r in matching if not used.get(r)] + matching[-1:]:
        used[answer] = used.get(answer, 0) + 1
        return answer
    return "-"


def requests_mock_find(registered: list[str], used: dict[str, int], request: str) -> str:
    return next((r for r in reversed(registered) if request in r.split("/")), "-")


PEERS: list[tuple[Selection, Callable[[list[str], dict[str, int], str], str]]] = [
    (FIRST_AND_ROTATE, responses_find),
    (FIRST_UNUSED_THEN_LAST, httpx_mock_find),
    (NEWEST, requests_mock_find),
]


@pytest.mark.parametrize(("rule", "peer"), PEERS, ids=[repr(rule) for rule, _ in PEERS])
@given(steps=st.lists(st.sampled_from(["+x", "+y", "+x/y", "x", "y"]), max_size=14))
def test_a_peers_rule_answers_as_the_peer_does(
    rule: Selection, peer: Callable[[list[str], dict[str, int], str], str], steps: list[str]
) -> None:
    routes = Routes(rule, [])
    registered: list[str] = []
    used: dict[str, int] = {}
    for i, step in enumerate(steps):
        if step.startswith("+"):
            routes.entries.append(Entry(f"{i}/{step[1:]}"))
            registered.append(f"{i}/{step[1:]}")
        else:
            assert routes.open(step) == peer(registered, used, step)


def test_rules_and_choices_are_values() -> None:
    for rule in RULES:
        assert copy.deepcopy(rule) == rule
        assert hash(copy.deepcopy(rule)) == hash(rule)
    assert Choice(entry("a")) == Choice(entry("a"), (), ends=False)
    assert Choice(None, ends=True) != Choice(None)
