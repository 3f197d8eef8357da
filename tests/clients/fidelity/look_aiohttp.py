"""What aiohttp shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from tests.clients.conformance.driver_aiohttp import DRIVERS, ON_UVLOOP, _chunks
from tests.clients.conformance.drivers import Send
from tests.clients.fidelity.showing import Look, Shown, Special, ask, moment, plain, prefixed, public, told

_HOOKS = [name for name in dir(aiohttp.TraceConfig) if name.startswith("on_")]


async def shown_by(response: Any) -> Shown:
    """A response that was read, without its history."""
    shown = public(response, "raise_for_status get_encoding __repr__", besides="history content connection cookies")
    for name, read in {"read()": response.read, "text()": response.text, "json()": response.json,
                       "any json": lambda: response.json(content_type=None)}.items():  # fmt: skip
        try:
            shown[name] = plain(await read())
        except Exception as error:
            shown[name] = told(error)
    return shown | ask(
        cookies=lambda: sorted(morsel.OutputString() for morsel in response.cookies.values()),
        connection=lambda: type(response.connection).__name__,
        total=lambda: response.content.total_bytes,
        at_eof=response.content.at_eof,
        content=lambda: type(response.content).__name__,
    )


class Traced:
    """The events of a TraceConfig in their order, with what they say."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.config = aiohttp.TraceConfig()
        for name in _HOOKS:
            getattr(self.config, name).append(self._hook(name))
        self.config.freeze()

    def _hook(self, name: str) -> Callable[..., Any]:
        async def hook(session: Any, context: Any, params: Any) -> None:
            self.events.append(f"{name} {public(params, besides='response')}")

        return hook


async def _look(client: Any, send: Send) -> Shown:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=send.timeout, sock_read=send.timeout)
    content: Any = _chunks(send.content) if isinstance(send.content, tuple) else send.content
    traced = Traced()
    session = client.session
    session._trace_configs[:] = [traced.config]
    try:
        async with session.request(send.method, send.url, headers=send.headers, data=content, timeout=timeout,
                                   allow_redirects=send.follow, max_redirects=5) as response:  # fmt: skip
            head = prefixed("head.", public(response, besides="history content cookies"))
            try:
                await response.read()
            except Exception as error:
                return head | prefixed("error.", told(error)) | {"trace": traced.events}
        shown = head | await shown_by(response)
        for n, hop in enumerate(response.history):
            shown |= prefixed(f"history.{n}.", await shown_by(hop))
        return shown | {"trace": traced.events}
    except Exception as error:
        return prefixed("error.", told(error)) | {"trace": traced.events}


def look(client: Any, send: Send) -> Shown:
    """Send one request, with a trace; a loop that stood still has to notice first what its connections did since."""
    client.loop.run_until_complete(asyncio.sleep(0))
    return client.loop.run_until_complete(_look(client, send))


def cookies(jar: Any) -> list[Any]:
    """The cookies in aiohttp's jar, and when they expire."""
    kept = sorted((cookie.key, cookie["domain"], cookie["path"], cookie.OutputString()) for cookie in jar)
    expires = sorted((*key, moment(when)) for key, when in getattr(jar, "_expirations", {}).items())
    return [kept, expires]


def state(client: Any) -> Shown:
    """The connector's pool and the session's cookies."""
    connector = client.session.connector
    return ask(
        kept=lambda: [(key.host, len(kept)) for key, kept in connector._conns.items()],
        taken=lambda: len(connector._acquired),
        jar=lambda: cookies(client.session.cookie_jar),
    )


def _specials() -> tuple[Special, ...]:
    from tests.clients.fidelity.special_aiohttp import SPECIALS  # which looks at responses as this file does

    return tuple(SPECIALS)


# On uvloop it is chance, against a real server too, whether a response of aiohttp 3.9 still holds its connection.
_SETTLED = [] if aiohttp.__version__.startswith("3.9.") else ON_UVLOOP
LOOKS = [Look(driver, look, state, ("aiohttp",), _specials()) for driver in (*DRIVERS, *_SETTLED)]
