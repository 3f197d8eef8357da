"""Observations: what a client shows, as plain values that can be compared.

Rule: a looker names what it looks at and leaves out nothing because it differs; what differs by chance (addresses of
objects, the client's own port, seconds) is made equal here, in one place.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.clients.conformance.drivers import Client, Driver, Send
from tests.clients.fidelity.oracle import At, Site

Shown = dict[str, Any]


@dataclass(frozen=True)
class Special:
    """A row for one client only: what the common table has no words for.

    Attributes:
        site: what is answered. look: what is done with the open client, and what it shows then. layers: where it means
        something.
    """

    name: str
    site: Callable[[At], Site]
    look: Callable[[Any, At], Shown]
    layers: tuple[str, ...] = ("transport", "wire", "server")


@dataclass(frozen=True)
class Look:
    """How to look at one client.

    Attributes:
        driver: opens it. look: sends a request with it and tells all that it shows of the answer.
        state: what the client itself shows afterwards. packages: whose log lines are its own.
    """

    driver: Driver
    look: Callable[[Client, Send], Shown]
    state: Callable[[Client], Shown] = lambda client: {}
    packages: tuple[str, ...] = ()
    specials: tuple[Special, ...] = ()


# What differs by chance: addresses, nonces and what is made with them, boundaries, ids, what is left of a total time,
# the client's own port; and of the objects under a client, the class.
_CHANCE = [
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"\b0x[0-9a-f]+", "0x"),
        (r"((?:cnonce|response)=\")\w+", r"\1"),
        (r"(boundary=|--)[0-9a-f]{32}", r"\1"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
        (r"(timeout=\d+\.\d)\d{4,}", r"\1"),
        (r"<[\w.]+Stream object at 0x>", "<a stream>"),
        (r"('?(?:client_addr|sockname|laddr)'?[:=] ?\('127\.0\.0\.1', )\d+", r"\1"),
        (r"\b127\.\d+\.\d+\.\d+\b", "LOOPBACK"),
    )
]
_MAY_HAVE_CHANCE = re.compile(r"0x|nonce|response=|boundary|--|-[0-9a-f]{4}-|timeout=|addr|sockname|127")


SOME_TIME, NO_TIME = "timedelta, more than nothing", "timedelta of nothing"


def plain(value: Any) -> str:
    """The repr of a value, without what differs by chance."""
    if isinstance(value, dt.timedelta):
        return SOME_TIME if value > dt.timedelta() else NO_TIME if not value else "timedelta of less than nothing"
    text = value if isinstance(value, str) else repr(value)
    if _MAY_HAVE_CHANCE.search(text):
        for pattern, instead in _CHANCE:
            text = pattern.sub(instead, text)
    return text


def ask(**questions: Callable[[], Any]) -> Shown:
    """Each question's answer, or the error that it raises."""
    shown: Shown = {}
    for name, question in questions.items():
        try:
            shown[name] = plain(question())
        except Exception as error:
            shown[name] = told(error)
    return shown


def public(thing: Any, calls: str = "", besides: str = "") -> Shown:
    """Every public attribute that is no function, and what the functions named in `calls` return.

    Args:
        calls: functions that are asked without arguments, in this order, after the attributes. besides: attributes
            that the looker shows in another way.
    """
    names = [name for name in dir(thing) if not name.startswith("_") and name not in besides.split()]
    shown = ask(**{name: lambda name=name: getattr(thing, name) for name in names})
    shown = {name: value for name, value in shown.items() if not _is_code(value)}
    asked = [name for name in calls.split() if hasattr(thing, name)]
    return shown | ask(**{f"{name}()": lambda name=name: getattr(thing, name)() for name in asked})


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"<(bound|built-in)? ?(method|function|class)", value) is not None


def told(error: BaseException) -> Shown:
    """An exception: class, text, arguments, attributes, and the chain of what led to it."""
    attributes = {
        name: plain(value) if isinstance(value, (str, int, float, tuple, type(None))) else type(value).__name__
        for name, value in sorted(vars(error).items())
        if not name.startswith("__")
    }
    chain, above = [], error
    # A wait that is given up is cancelled on the wire; no stub is waited for, so there the chain ends above that.
    # What anyio keeps below its own exceptions changes with its version.
    while above is not None and "Cancelled" not in type(above).__name__:
        is_anyio = type(above).__module__.partition(".")[0] == "anyio"
        hidden = above.__suppress_context__ and above.__cause__ is None and above.__context__ and not is_anyio
        chain.append(
            f"{type(above).__module__}.{type(above).__qualname__}: {plain(str(above))}{' (hidden)' * bool(hidden)}"
        )
        if is_anyio:
            break
        above = above.__cause__ or above.__context__
    return {"class": type(error).__qualname__, "text": plain(str(error)), "args": plain(error.args),
            "attributes": attributes, "chain": chain}  # fmt: skip


def jar(cookies: Any) -> list[Any]:
    """The cookies in an `http.cookiejar`: all their attributes."""
    kept = []
    for cookie in cookies:
        fields = dict(vars(cookie))
        fields["expires"] = moment(fields["expires"])
        kept.append(sorted(fields.items(), key=repr))
    return kept


def moment(seconds: float | None) -> object:
    """A time: one of the near future by its distance from now, which the two runs have in common."""
    if seconds is None or abs(seconds - time.time()) > 1e6:
        return seconds
    return f"in {round((seconds - time.time()) / 10) * 10} s"


def prefixed(prefix: str, shown: Mapping[str, Any]) -> Shown:
    """The observations under names that begin with `prefix`."""
    return {f"{prefix}{name}": value for name, value in shown.items()}


class Traced:
    """The events of the `trace` extension of httpcore in their order, with what they say."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def note(self, name: str, info: Mapping[str, Any]) -> None:
        """One event. A generator that was left is closed by chance, on trio when its loop gets to it."""
        if not isinstance(info.get("exception"), GeneratorExit):
            said = {key: value for key, value in info.items() if key != "return_value"}
            self.events.append(f"{name} {plain(said)}")

    async def anote(self, name: str, info: Mapping[str, Any]) -> None:
        """As `note`, for an async client."""
        self.note(name, info)


@contextmanager
def listening(packages: tuple[str, ...]) -> Iterator[Shown]:
    """What is logged and warned meanwhile."""
    heard: Shown = {}
    lines: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record)

    keep, root = Keep(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in packages}
    root.addHandler(keep)
    for name in packages:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield heard
    finally:
        root.removeHandler(keep)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    for package in packages:
        heard[f"log of {package}"] = [
            f"{line.levelname} {plain(line.getMessage())}"
            for line in lines
            if line.name.partition(".")[0] == package and "exception=GeneratorExit()" not in line.getMessage()
        ]  # as of Traced
    heard["warnings"] = [
        f"{warning.category.__name__}: {plain(str(warning.message))}"
        for warning in warned
        if warning.category is not ResourceWarning
    ]
