"""The routes mounted in an app that exists: through Starlette and httpx in memory, and through wsgiref."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest
import starlette.applications
import starlette.responses
import starlette.routing
from tests.server.speaking import TIMEOUT

import netdouble
from netdouble import DeclarationError, Fault, Network, Pause, Response, UnmetExpectation

ORIGIN = "https://pay.test"


def over_asgi(app, method, path, **options):
    async def main():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test", timeout=TIMEOUT) as client:
            return await client.request(method, path, **options)

    return asyncio.run(main())


def outer(mounted):
    async def own(request):
        return starlette.responses.PlainTextResponse("the app's own")

    routes = [starlette.routing.Mount("/pay", mounted), starlette.routing.Route("/", own)]
    return starlette.applications.Starlette(routes=routes)


def over_wsgi(app, method, path, *, body=b"", headers=(), root=""):
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": root, "PATH_INFO": path.partition("?")[0],
               "QUERY_STRING": path.partition("?")[2], "wsgi.input": io.BytesIO(body), **dict(headers)}  # fmt: skip
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    setup_testing_defaults(environ)
    started = []

    def start_response(status, fields, exc_info=None):
        started[:] = [status, dict(fields)]
        return started.append

    answer = validator(app)(environ, start_response)
    with contextlib.closing(answer):
        said = b"".join(answer)
    return started[0], started[1], said


def test_an_app_answers_below_its_mount_and_the_rest_is_the_outer_apps():
    with Network() as net:
        route = net.post(f"{ORIGIN}/charges/{{id}}", query={"a": "1"}, json={"n": 1}).reply(201, json={"ok": True})
        app = outer(net.asgi(ORIGIN))
        answer = over_asgi(app, "POST", "/pay/charges/a%2Fb?a=1", json={"n": 1}, headers={"X-Key": "k"})
        assert (answer.status_code, answer.json()) == (201, {"ok": True})
        assert over_asgi(app, "GET", "/").text == "the app's own"
        request = route.last.request
        assert str(request.url) == f"{ORIGIN}/charges/a%2Fb?a=1"
        assert request.path_params == {"id": "a/b"}
        assert request.headers["x-key"] == "k"
        assert (route.last.raw, route.last.exchange) == (None, 0)
        assert net.count == 1


def test_a_stream_is_sent_chunk_by_chunk_and_an_async_function_runs_on_the_apps_loop():
    async def answer(request):
        await asyncio.sleep(0)
        return Response(stream=[b"one", Pause(0.01), b"two"], delay=0.01, headers={"Content-Type": "text/plain"})

    with Network() as net:
        net.get(f"{ORIGIN}/stream").reply(answer)
        assert over_asgi(net.asgi(), "GET", "/stream").text == "onetwo"
        status, _, said = over_wsgi(net.wsgi(), "GET", "/stream")
        assert (status, said) == ("200 OK", b"onetwo")


def test_a_wsgi_app_answers_too():
    with Network() as net:
        route = net.put(f"{ORIGIN}/x y/{{id}}", content=b"hi").reply(text="hello", headers={"X-A": "1"})
        asked = over_wsgi(net.wsgi(ORIGIN), "PUT", "/x y/7", body=b"hi", root="/pay", headers={"HTTP_X_KEY": "k"})
        assert asked[0] == "200 OK"
        assert asked[1] == {"X-A": "1", "Content-Type": "text/plain; charset=utf-8", "Content-Length": "5"}
        assert asked[2] == b"hello"
        assert route.last.request.headers["x-key"] == "k"
        assert str(route.last.request.url) == f"{ORIGIN}/x%20y/7"


def test_a_head_has_no_body():
    with Network() as net:
        net.head(f"{ORIGIN}/").reply(text="hello").times(2)
        answer = over_asgi(net.asgi(), "HEAD", "/")
        assert (answer.content, answer.headers["content-length"]) == (b"", "5")
        assert over_wsgi(net.wsgi(), "HEAD", "/")[2] == b""


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_what_no_route_answers_is_a_501_with_the_report_and_fails_the_test(kind):
    with pytest.raises(UnmetExpectation, match="an unexpected request came to the server"), Network() as net:
        net.get(f"{ORIGIN}/x").reply().optional()
        if kind == "asgi":
            answer = over_asgi(net.asgi(), "GET", "/y")
            status, text = answer.status_code, answer.text
        else:
            line, _, said = over_wsgi(net.wsgi(), "GET", "/y")
            status, text = int(line[:3]), said.decode()
        assert status == 501
        assert 'expected "/x", got "/y"' in text


def test_a_function_that_raises_is_a_500_and_fails_the_test():
    def answer(request):
        raise LookupError("nobody")

    with pytest.raises(UnmetExpectation, match="LookupError: nobody"), Network() as net:
        net.get(f"{ORIGIN}/x").reply(answer)
        assert over_asgi(net.asgi(), "GET", "/x").status_code == 500


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET, ConnectionResetError),
        (Fault.CONNECT_REFUSED, ConnectionRefusedError),
        (Fault.EMPTY_RESPONSE, http.client.RemoteDisconnected),
        (Fault.TRUNCATED_BODY, http.client.IncompleteRead),
        (ConnectionAbortedError("mine"), ConnectionError),
        (ZeroDivisionError("mine"), ZeroDivisionError),
    ],
)
def test_a_fault_is_raised_in_the_app(fault, error):
    with Network() as net:
        route = net.get(f"{ORIGIN}/x").fail(fault)
        with pytest.raises(error):
            over_asgi(net.asgi(), "GET", "/x")
        with pytest.raises(error):
            over_wsgi(net.wsgi(), "GET", "/x")
        assert [type(call.error) for call in route.calls] == [type(route.calls[0].error)] * 2


def test_lifespan_and_websockets_are_answered_as_asgi_has_it():
    async def main(kind, *messages):
        coming, sent = list(messages), []

        async def receive():
            return coming.pop(0)

        async def send(message):
            sent.append(message)

        await Network().asgi()({"type": kind}, receive, send)
        return [message["type"] for message in sent]

    began = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert asyncio.run(main("lifespan", *began)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asyncio.run(main("websocket")) == ["websocket.close"]


def test_without_an_origin_and_with_several_it_is_an_error():
    with Network() as net:
        for name in ("one", "two"):
            net.get(f"https://{name}.test/").reply().optional()
        with pytest.raises(DeclarationError, match=r"https://two\.test"):
            over_asgi(net.asgi(), "GET", "/")


def test_it_runs_inside_of_a_server_of_ours():
    with Network() as net, netdouble.serve() as server:
        net.get(f"{ORIGIN}/x").reply(text="inner")
        server.get("/x").reply(net.asgi())
        server.get("/y").reply(lambda environ, start: net.wsgi()({**environ, "PATH_INFO": "/x"}, start))
        assert [httpx.get(server.url_for(path), trust_env=False).text for path in ("/x", "/y")] == ["inner", "inner"]
