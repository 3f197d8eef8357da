"""Delays that differ from call to call, and are the same in every run.

Rule: a distribution is a value: its nth delay is a function of n and the seed, nothing is drawn or used up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from netdouble._core.keywords import named_fields
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    from random import Random


class Distribution:
    """What `delay=` takes instead of a number: the seconds before the nth answer of a route."""

    __slots__ = ()

    def nth(self, n: int) -> float:
        """Seconds before the answer that has `n` before it."""
        raise NotImplementedError


@named_fields
@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Any delay between two is as likely as any other.

    Attributes:
        low, high: seconds. seed: another one gives other delays.

    Raises:
        DeclarationError: `low` is not below or equal to `high`, or no number of seconds.

    Example:
        >>> net.get("https://api.example.com/").reply(json={}, delay=Uniform(0.01, 0.05, seed=1))
    """

    low: float
    high: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_seconds("Uniform(low=)", self.low)
        check_seconds("Uniform(high=)", self.high)
        if self.low > self.high:
            raise DeclarationError(f"Uniform(low, high): {self.low!r} is more than {self.high!r}")

    def nth(self, n: int) -> float:
        """Seconds before the answer that has `n` before it."""
        # The difference is rounded, and may lead past the end by it.
        return min(self.low + (self.high - self.low) * _random(self.seed, n).random(), self.high)


@named_fields
@dataclass(frozen=True, slots=True)
class Jitter(Distribution):
    """About one delay: it, more or less up to `spread`.

    Attributes:
        seconds: the middle. spread: how far from it, at most. seed: another one gives other delays.

    Raises:
        DeclarationError: `spread` is more than `seconds`, or one is no number of seconds.

    Example:
        >>> net.get("https://api.example.com/").reply(json={}, delay=Jitter(0.05, 0.02, seed=1))
    """

    seconds: float
    spread: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_seconds("Jitter(seconds=)", self.seconds)
        check_seconds("Jitter(spread=)", self.spread)
        if self.spread > self.seconds:
            raise DeclarationError(
                f"Jitter(seconds, spread): {self.spread!r} is more than {self.seconds!r}, and no delay is below zero"
            )

    def nth(self, n: int) -> float:
        """Seconds before the answer that has `n` before it."""
        return self.seconds + self.spread * (2.0 * _random(self.seed, n).random() - 1.0)


@named_fields
@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """Delays as services have them: most are near the median, some are much longer.

    Attributes:
        median: seconds that half of the delays stay below. p95: seconds that 95 of 100 stay below. seed: another one
        gives other delays.

    Raises:
        DeclarationError: `median` is zero or above `p95`, or one is no number of seconds.

    Example:
        >>> net.get("https://api.example.com/").reply(json={}, delay=LogNormal(0.02, 0.1, seed=1))
    """

    median: float
    p95: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_seconds("LogNormal(median=)", self.median)
        check_seconds("LogNormal(p95=)", self.p95)
        if not 0 < self.median <= self.p95:
            raise DeclarationError(f"LogNormal(median, p95): 0 < median <= p95, not {self.median!r} and {self.p95!r}")

    def nth(self, n: int) -> float:
        """Seconds before the answer that has `n` before it."""
        sigma = math.log(self.p95 / self.median) / _P95_OF_NORMAL
        return self.median * math.exp(sigma * _random(self.seed, n).gauss(0.0, 1.0))


Delay: TypeAlias = "float | Distribution"

# 95 of 100 draws of a normal distribution are below so many standard deviations.
_P95_OF_NORMAL = 1.6448536269514722


def _random(seed: int, n: int) -> Random:
    import random  # 3 ms that only a distribution pays

    return random.Random(f"{seed} {n}")  # noqa: S311  # repeatable, and no secret


def check_seconds(name: str, seconds: object) -> None:
    """Raise DeclarationError unless `seconds` is a number of seconds, zero or more."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise DeclarationError(f"{name} is seconds, zero or more, not {seconds!r}")


def split_delay(delay: Any) -> tuple[float, Distribution | None]:
    """A fixed delay, or zero and the distribution that each call's is taken from.

    Raises:
        DeclarationError: it is neither.
    """
    if isinstance(delay, Distribution):
        return 0.0, delay
    check_seconds("delay=", delay)
    return float(delay), None
