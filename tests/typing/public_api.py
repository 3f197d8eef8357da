"""The public API as a user writes it, read by mypy --strict and pyright strict; it is never run.

A line that must be refused carries both checkers' marks: a mark that is not needed is itself an error.
"""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import ANY

from typing_extensions import assert_type

from netdouble import (
    AsyncWebSocket,
    Call,
    Closing,
    Connection,
    Event,
    Fault,
    LogNormal,
    M,
    Network,
    Pause,
    Request,
    Response,
    Route,
    Scenario,
    UnmatchedRequest,
    WebSocket,
    WebSocketMessage,
    WebSocketRoute,
    exactly,
    partial,
)

URL = "https://api.shop.test/users/{id}"


def declares(net: Network) -> None:
    """Every way to say what is expected."""
    assert_type(net.get(URL), Route)
    net.post(re.compile("/users/"), query={"page": 1, "tag": ["a", "b"]}, headers={"Accept": ANY, "X-Old": None})
    net.put(URL, json=partial({"name": "Ada"}), cookies={"session": re.compile(".+")})
    net.patch(URL, form={"a": "1"}, files={"doc": ("a.txt", b"text")})
    net.delete(URL, query=exactly({"a": 1}), text="t")
    net.route("PURGE", URL, where=lambda request: request.path.startswith("/users"))
    net.any(content=b"bytes")
    api = net.at("https://api.shop.test", headers={"Authorization": ANY})
    assert_type(api.get("/users"), Route)
    net.get(URL, jsn={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def answers(route: Route) -> None:
    """Every way to answer."""
    assert_type(route.reply(json={"id": 7}).then(503).repeat(2).then(Response(204)).times(4).named("user"), Route)
    route.reply(200, headers={"Set-Cookie": ["a=1", "b=2"]}, text="t", delay=0.1)
    route.reply(sse=[{"event": "tick", "data": {"n": 1}}, "[DONE]"])
    route.reply(stream=[b"one", "two"])
    route.reply(computed)
    route.reply(computed_later)
    route.fail(Fault.CONNECT_TIMEOUT)
    route.fail(OSError("no route to host"), delay=0.1)
    route.pass_through().optional()
    route.reply(jsn={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def computed(request: Request) -> Response:
    """A callable answers with anything that `reply` takes."""
    return Response(json={"id": request.path_params["id"]})


async def computed_later(request: Request) -> Response:
    """It may be async."""
    return Response(200, content=request.body)


def looks_back(net: Network, route: Route) -> None:
    """What happened."""
    assert_type(route.calls[0], Call)
    assert_type(route.last.request, Request)
    assert_type(route.last.request.json(), Any)
    assert_type(route.count, int)
    assert_type(net["user"], Route)
    assert_type([call.request.url.host for call in net.calls], list[str])
    route.assert_called(times=2, json={"name": "Ada"})
    net.assert_order(route, net["user"])
    net.assert_all_called()


def composes() -> None:
    """Matchers compose."""
    matcher = (M(method="GET") & ~M(headers={"X-Old": ANY})) | M(json={"a": 1})
    matcher.mismatches(Request.to("GET", "https://api.shop.test"))


def manages() -> None:
    """Without pytest."""
    with Network(guard="block", allow=["db.test:5432"], unused="off") as net:
        assert_type(net, Network)
    assert_type(Network().start(), Network)
    Network(gard="block")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def manages_async() -> None:
    """On an event loop."""
    async with Network() as net:
        assert_type(net, Network)


@Network()
def decorated(number: int) -> str:
    """A decorator keeps the signature."""
    return str(number)


assert_type(decorated(1), str)


def caught(error: UnmatchedRequest) -> str:
    """Errors have fields."""
    return error.method + error.url + error.caller


def converses(net: Network) -> None:
    """WebSockets."""
    route = net.websocket("wss://api.shop.test/feed", query={"as": "ada"})
    assert_type(route.send("a").send(b"b").send(json={"c": 1}).expect("d").expect(json=ANY), WebSocketRoute)
    assert_type(route.pause(0.1).ping().close(1000, "bye").then().drop(reset=True), WebSocketRoute)
    assert_type(route.reply(echoes).then(echoes_later).times(2).named("feed"), WebSocketRoute)
    assert_type(net.at("https://api.shop.test").websocket("/feed").speaking(["v2", "v1"]), WebSocketRoute)
    assert_type(route.last.messages, tuple[WebSocketMessage, ...])
    assert_type(route.last.closing, Closing | None)
    assert_type(route.last.connection, Connection | None)
    assert_type(route.last.raw, bytes | None)
    assert_type(route.last.exchange, int | None)


def echoes(ws: WebSocket) -> None:
    """A peer that is a function."""
    assert_type(ws.subprotocol, str | None)
    for message in ws:
        assert_type(message, str | bytes)
        ws.send(message)
    ws.close()


async def echoes_later(ws: AsyncWebSocket) -> None:
    """It may be async."""
    async for message in ws:
        await ws.send(message)
    assert_type(await ws.receive(), str | bytes)


def replies_in_time(net: Network) -> None:
    order: Scenario = net.scenario("order", start="new")
    net.post("https://x.test/", scenario="order", when="new", then_state="paid").reply(204, delay=LogNormal(0.1, 0.2))
    net.get("https://x.test/").reply(sse=["a", {"data": 1}, Event("b", delay=0.1), Pause(1)], throttle=100)
    net.get("https://x.test/").reply(stream=[b"a", Pause(0.5), "b"], informational=[Response(103)])
    net.get("https://x.test/").reply(content=b"x", dribble=(2, 1.0)).fail_first(2, Fault.at("response", "reset"))
    state: str = order.state
    order.state = state
