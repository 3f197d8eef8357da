"""Delays, pauses, events and what a response says of its times: as values, and what is refused at declaration."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netdouble import DeclarationError, Event, Fault, Jitter, LogNormal, Network, Pause, Response, Uniform
from netdouble._core.messages import Response as CoreResponse

SECONDS = st.floats(0.0, 1000.0, allow_nan=False)


@given(SECONDS, SECONDS, st.integers(), st.integers(0, 10_000))
def test_a_uniform_delay_is_between_its_ends(one, other, seed, n):
    low, high = sorted((one, other))
    assert low <= Uniform(low, high, seed=seed).nth(n) <= high


@given(SECONDS, st.floats(0.0, 1.0), st.integers(), st.integers(0, 10_000))
@example(1.0, 8e-17, 0, 9)  # the spread is less than a step between floats
def test_jitter_stays_within_its_spread(seconds, share, seed, n):
    spread = seconds * share
    # Both ends as floats: a spread of less than half a step from the middle to the next float still has that step.
    assert 0 <= seconds - spread <= Jitter(seconds, spread, seed=seed).nth(n) <= seconds + spread


def test_half_of_lognormal_delays_are_below_the_median_and_95_of_100_below_p95():
    delays = [LogNormal(0.1, 0.5, seed=3).nth(n) for n in range(4000)]
    assert 0.47 < sum(delay < 0.1 for delay in delays) / 4000 < 0.53
    assert 0.935 < sum(delay < 0.5 for delay in delays) / 4000 < 0.965


@pytest.mark.parametrize("delays", [Uniform(0, 1), Jitter(1, 1), LogNormal(0.1, 0.5)])
def test_a_delay_is_a_function_of_n_and_seed(delays):
    again = type(delays)(*(getattr(delays, name) for name in type(delays).__slots__))
    assert again == delays
    assert [again.nth(n) for n in range(20)] == [delays.nth(n) for n in range(20)]
    assert len({delays.nth(n) for n in range(20)}) == 20


def test_distributions_of_other_seeds_differ():
    assert Uniform(0, 1, seed=1).nth(0) != Uniform(0, 1, seed=2).nth(0)


def test_a_fault_may_wait_by_a_distribution_and_so_may_what_a_function_gives():
    delays = Uniform(0.0, 0.001, seed=5)
    net = Network()
    route = net.get("https://x.test/").fail(Fault.RESET, delay=delays)
    assert [route.answer(n).delay for n in range(3)] == [delays.nth(n) for n in range(3)]


WRONG = [
    ("a negative pause", lambda: Pause(-1), "a Pause is seconds, zero or more, not -1"),
    ("a pause that is no number", lambda: Pause("1"), "a Pause is seconds"),
    ("a uniform upside down", lambda: Uniform(2, 1), "2 is more than 1"),
    ("a jitter below zero", lambda: Jitter(1, 2), "2 is more than 1"),
    ("a lognormal without a median", lambda: LogNormal(0, 1), "0 < median <= p95"),
    ("a lognormal upside down", lambda: LogNormal(2, 1), "0 < median <= p95"),
    ("a delay that is neither", lambda: Response(delay="1"), "delay= is seconds"),
    ("no bytes per second", lambda: Response(content=b"x", throttle=0), "more than zero, not 0"),
    ("a throttle and a dribble", lambda: Response(content=b"x", throttle=1, dribble=(2, 1)), "keep one of them"),
    ("a stream that is dribbled", lambda: Response(stream=["a"], dribble=(2, 1)), "put a Pause between them"),
    ("a dribble of one piece", lambda: Response(content=b"x", dribble=(1, 1)), "2 pieces or more, not 1"),
    ("a dribble that is no pair", lambda: Response(content=b"x", dribble=3), "as in dribble=\\(10, 1.0\\)"),
    ("information that is final", lambda: Response(informational=[Response(200)]), "100 to 199"),
    ("information that switches", lambda: Response(informational=[Response(101)]), "100 to 199"),
    ("information with a body", lambda: Response(103, text="x"), "a 103 response has no body"),
    ("an answer that is information", lambda: Network().get("https://x.test/").reply(103), "informational="),
    ("a Response that is information", lambda: Network().get("https://x.test/").reply(Response(103)), "informational="),
    ("a status that is none", lambda: Response(99), "there is no status 99"),
    ("a chunk that is none", lambda: Response(stream=[1]), "must be bytes, str or Pause, not int"),
    ("an event that is none", lambda: Response(sse=[1]), "a str, a dict or an Event, not int"),
    ("an event of two lines", lambda: Event("x", event="a\nb"), "is one line"),
    ("an event in the past", lambda: Event("x", delay=-1), "Event\\(delay=\\) is seconds"),
    ("a dict with a delay", lambda: Response(sse=[{"data": 1, "delay": 2}]), "for a delay, Event"),
]


@pytest.mark.parametrize(("make", "text"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_can_not_be_is_refused_where_it_stands(make, text):
    with pytest.raises(DeclarationError, match=text):
        make()


class Feed:
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks

    def of(self, last: bytes = b""):
        return [*self.chunks, last]

    @classmethod
    def empty(cls):
        return cls().of()

    __call__ = of


def of_defaults(first=b"a", *rest):
    return [first, *rest]


FUNCTIONS = [Feed(b"a").of, Feed.empty, Feed(b"a"), partial(Feed(b"a").of, b"b"), of_defaults, lambda: [b"a"]]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_whatever_can_be_called_without_arguments_makes_a_stream(function):
    stream = Response(stream=function).stream
    assert stream is not None
    assert list(stream.steps()) == list(stream.steps()) == [chunk for chunk in function() if chunk]


def every_kind():
    times = [{}, {"throttle": 5}, {"dribble": (2, 1)}, {"delay": 1}, {"delay": Uniform(0, 1)},
             {"informational": [Response(103)]}]  # fmt: skip
    streams = [["x", Pause(1)], ["x", Pause(2)]]
    return [Response(content=b"x" * 10, **more) for more in times] + [Response(stream=stream) for stream in streams]


def test_responses_are_compared_with_their_times():
    kinds = every_kind()
    assert kinds == every_kind()
    assert [hash(kind) for kind in kinds] == [hash(kind) for kind in every_kind()]
    assert not any(one == other for n, one in enumerate(kinds) for other in kinds[n + 1 :])


REPRS = [
    (Response(text="hi"), "<Response 200 text/plain; charset=utf-8 2 bytes>"),
    (Response(content=b"x", delay=1, throttle=5), "<Response 200 1 bytes, delay=1.0, throttle=5>"),
    (Response(stream=["x"], informational=[Response(103)]), "<Response 200 stream, after [103]>"),
    (Response(delay=Uniform(0, 1)), "<Response 200 0 bytes, delay=Uniform(low=0, high=1, seed=0)>"),
    (Event("a", delay=2), "Event(data='a', event=None, id=None, retry=None, comment=None, delay=2)"),
    (Pause(0.5), "Pause(seconds=0.5)"),
]


@pytest.mark.parametrize(("value", "text"), REPRS)
def test_a_value_shows_what_it_is(value, text):
    assert repr(value) == text


def test_a_response_that_is_replaced_stays_what_it_was():
    first: CoreResponse = Response(content=b"x", throttle=5)
    second = first.replaced(delay=3.0)
    assert (first.delay, second.delay, second.throttle) == (0.0, 3.0, 5)
    assert second.replaced(delay=0.0) == first
