"""A network served, and a server of its own: whom requests are judged by, what is declared, counted and verified."""

from __future__ import annotations

import asyncio
import re
import threading

import aiohttp
import httpx
import pytest
import requests
import trio
from tests.server.speaking import connected, get, heard, secure

import netdouble
from netdouble import DeclarationError, Fault, Network, UnmetExpectation

ORIGIN = "https://api.example.com"


def fetch(url: str, **options: object) -> httpx.Response:
    return httpx.get(url, timeout=20, trust_env=False, **options)


# Whom a request is judged by


def test_a_request_is_judged_as_if_sent_to_the_origin():
    with Network() as net, net.serve(ORIGIN) as server:
        route = net.get(f"{ORIGIN}/users/{{id}}").reply(json={"id": 7})
        net.get("https://other.example.com/").reply().optional()
        assert fetch(server.url_for("/users/7")).json() == {"id": 7}
        assert str(route.last.request.url) == f"{ORIGIN}/users/7"
        assert net.count == server.count == 1


def test_without_an_origin_it_is_the_one_that_all_routes_name():
    with Network() as net:
        net.get(f"{ORIGIN}/a").reply(text="a")
        net.get(re.compile("/b$")).reply(text="b")
        server = net.serve()
        assert [fetch(server.url_for(path)).text for path in ("/a", "/b")] == ["a", "b"]


def test_several_origins_and_none_named_is_an_error_that_lists_them():
    with Network() as net:
        net.get(f"{ORIGIN}/a").reply().optional()
        net.get("http://localhost:8000/b").reply().optional()
        with pytest.raises(DeclarationError) as caught:
            _ = net.serve().url
    text = str(caught.value)
    assert f"    {ORIGIN} " in text
    assert "    http://localhost:8000 " in text
    assert f'net.serve("{ORIGIN}")' in text
    assert "net.proxy()" in text


def test_a_wildcard_is_no_origin():
    with Network() as net:
        net.get("https://*.example.com/a").reply().optional()
        with pytest.raises(DeclarationError, match=re.escape("https://*.example.com")):
            net.serve().start()


def test_an_origin_that_becomes_unclear_is_told_to_the_client_and_to_the_test():
    with pytest.raises(UnmetExpectation, match="does not say which of these"), Network() as net:
        net.get(f"{ORIGIN}/a").reply().optional()
        server = net.serve().start()
        net.get("http://late.test/b").reply().optional()
        response = fetch(server.url_for("/a"))
        assert response.status_code == 500
        assert "http://late.test" in response.text


def test_a_name_asked_for_in_the_handshake_wins():
    with Network() as net, net.serve(ORIGIN) as server:
        route = net.get("https://other.example.com/").reply(text="other")
        with connected(server) as plain, secure(plain, server, "other.example.com") as sock:
            sock.sendall(get("/"))
            assert heard(sock, b"other")
        assert route.count == 1


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        ("api.example.com", "is no origin"),
        ("https://api.example.com/v1", 'an origin is "https://api.example.com"'),
        ("ftp://api.example.com", "a server speaks http or https"),
    ],
)
def test_what_is_no_origin_is_an_error_where_it_is_given(origin, why):
    with pytest.raises(DeclarationError, match=re.escape(why)):
        Network().serve(origin)


def test_routes_declared_on_it_are_the_networks_below_its_origin():
    with Network() as net, net.serve(ORIGIN) as server:
        route = server.get("/users/{id}").reply(json={"id": 7})
        part = server.at("/v1", headers={"X-Key": "k"}).post("/orders").reply(201)
        assert str(route) == f"GET {ORIGIN}/users/{{id}}"
        assert net.routes == server.routes == (route, part)
        assert requests.get(f"{ORIGIN}/users/7", timeout=5).json() == {"id": 7}  # the client's own door, the same route
        response = httpx.post(server.url_for("/v1/orders"), headers={"X-Key": "k"}, trust_env=False)
        assert response.status_code == 201
        assert (route.count, part.count, net.count) == (1, 1, 2)


def test_a_path_without_any_origin_is_an_error_that_says_so():
    server = Network().serve()
    with pytest.raises(DeclarationError, match="for which host"):
        server.get("/users")


# A server of its own


def test_a_server_of_its_own_takes_paths_templates_and_regexes():
    with netdouble.serve() as server:
        server.get("/users/{id:int}").reply(lambda request: {"json": request.path_params})
        assert server.routes
        server.reset()
        server.get("/users/{id:int}", query={"full": 1}).reply(text="full")
        server.get(re.compile(r"/files/.*\.txt$")).reply(text="file")
        server.at("/v1").get("/x").reply(text="view")
        server.get(server.url_for("/whole")).reply(text="whole").named("whole")
        paths = ("/users/7?full=1&b=2", "/files/a/b.txt", "/v1/x", "/whole")
        assert [fetch(server.url_for(path)).text for path in paths] == ["full", "file", "view", "whole"]
        assert server["whole"].count == 1
        server.assert_all_called()
        server.assert_order(*server.routes)


def test_clients_in_this_process_are_not_answered_by_it():
    with netdouble.serve() as server, Network() as net:
        server.any("/users/7").reply(text="server")
        net.get("https://api.test/users/7").reply(text="net")
        assert fetch("https://api.test/users/7").text == "net"
        assert fetch(server.url_for("/users/7")).text == "server"


CLIENTS = {
    "requests": lambda url: requests.get(url, timeout=5).text,
    "httpx": lambda url: fetch(url).text,
    "httpx, asyncio": lambda url: asyncio.run(_httpx(url)),
    "aiohttp": lambda url: asyncio.run(_aiohttp(url)),
}


async def _httpx(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).text


async def _aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("shared", [True, False], ids=["served", "its own"])
@pytest.mark.parametrize("settings", [{}, {"layer": "wire"}, {"loopback": "own"}], ids=str)
def test_a_request_of_this_process_to_the_server_is_one_call(client, shared, settings):
    with Network(**settings) as net, net.serve(ORIGIN) if shared else netdouble.serve() as server:
        net.any().reply(text="the transport's door").optional()
        route = server.get("/users/7").reply(text="hello")
        assert client(server.url_for("/users/7")) == "hello"
        assert route.count == 1
        assert net.count == (1 if shared else 0)
        assert server.count == 1


def test_an_unused_route_fails_at_its_end():
    with pytest.raises(UnmetExpectation, match="a route was never used"), netdouble.serve() as server:
        server.get("/never").reply()


def test_an_unexpected_request_is_a_501_with_the_report_and_fails_at_its_end():
    with pytest.raises(UnmetExpectation) as caught, netdouble.serve() as server:
        server.get("/users/{id}").reply().optional()
        url = server.url
        response = fetch(server.url_for("/user/7"))
        assert response.status_code == 501
        for line in (
            f"    GET {url}/user/7\n",
            "  1. GET /users/{id} ",
            '       path   expected "/users/{id}", got "/user/7"',
            'To answer it:  server.get("/user/7").reply(200)',
        ):
            assert line in response.text
        assert "To let it through" not in response.text
        assert server.calls.last.unmatched
    assert f"an unexpected request came to the server {url}: no route answers" in str(caught.value)


def test_an_unexpected_request_to_a_served_network_fails_its_test():
    with pytest.raises(UnmetExpectation, match="an unexpected request came to the server"), Network() as net:
        net.get(f"{ORIGIN}/users/{{id}}").reply().optional()
        response = fetch(net.serve().url_for("/user/7"))
        assert f'net.get("{ORIGIN}/user/7")' in response.text


def test_an_outage_where_nothing_answers_is_a_reset():
    with netdouble.serve(unmatched="outage") as server, pytest.raises(httpx.ReadError):
        fetch(server.url_for("/"))


def test_the_error_of_the_test_itself_is_not_hidden():
    with pytest.raises(ZeroDivisionError) as caught, netdouble.serve() as server:
        fetch(server.url_for("/"))
        raise ZeroDivisionError
    assert "an unexpected request came" in "\n".join(caught.value.__notes__)


def test_an_exception_of_the_network_is_its_fault_and_another_one_an_error():
    with pytest.raises(UnmetExpectation, match="KeyError"), netdouble.serve() as server:
        server.get("/reset").fail(ConnectionResetError)
        server.get("/refused").fail(Fault.CONNECT_REFUSED)
        server.get("/bug").fail(KeyError("x"))
        for path in ("/reset", "/refused"):
            with pytest.raises(httpx.ReadError):
                fetch(server.url_for(path))
        assert fetch(server.url_for("/bug")).status_code == 500


# What functions send while they answer


def test_what_a_function_sends_belongs_to_the_network_that_is_served():
    with Network() as net:
        net.get(f"{ORIGIN}/outer").reply(lambda request: {"inner": fetch("https://inner.test/").text} and 202)
        inner = net.get("https://inner.test/").reply(text="inner")
        assert fetch(net.serve(ORIGIN).url_for("/outer")).status_code == 202
        assert inner.count == 1


def test_what_a_function_of_a_server_of_its_own_sends_belongs_to_the_open_network():
    with netdouble.serve() as server:
        server.get("/outer").reply(lambda request: netdouble.Response(text=fetch("https://inner.test/").text))
        for text in ("one", "two"):
            with Network() as net:
                net.get("https://inner.test/").reply(text=text)
                assert fetch(server.url_for("/outer")).text == text


def test_an_async_function_and_an_app_answer():
    async def answer(request):
        await asyncio.sleep(0)
        return netdouble.Response(text="async")

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    with netdouble.serve() as server:
        server.get("/async").reply(answer)
        server.get("/app").reply(app)
        assert [fetch(server.url_for(path)).text for path in ("/async", "/app")] == ["async", "/app"]


# Letting through


def test_a_pass_through_reaches_the_real_service_and_is_recorded():
    with netdouble.serve() as real, Network() as net:
        real.post("/echo", headers={"Host": f"127.0.0.1:{real.port}"}).reply(
            lambda request: netdouble.Response(201, content=request.body[::-1], headers={"X-Real": "yes"})
        )
        route = net.any(f"{real.url}/{{rest:path}}").pass_through()
        server = net.serve(real.url)
        response = httpx.post(server.url_for("/echo"), content=b"abc", trust_env=False)
        assert (response.status_code, response.content, response.headers["x-real"]) == (201, b"cba", "yes")
        assert (route.count, route.last.status, real.count) == (1, 201, 1)


# Waiting


def later(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def test_a_call_is_waited_for():
    with netdouble.serve() as server:
        hook = server.post("/hook").reply(204)
        thread = later(lambda: httpx.post(server.url_for("/hook"), json={"n": 1}, trust_env=False))
        call = server.wait_for(hook, 20)
        thread.join()
        assert call.request.json() == {"n": 1}
        assert call.status == 204
        assert server.wait_for(hook) is call  # it has come already


def test_as_many_calls_as_its_budget_or_as_asked_for_are_waited_for():
    with netdouble.serve() as server:
        twice, often = server.get("/twice").reply().times(2), server.get("/often").reply()
        threads = [later(fetch, server.url_for(path)) for path in ("/twice", "/often") * 2 + ("/often",)]
        assert server.wait_for(twice, 20) is twice.calls[1]
        assert server.wait_for(often, 20, times=3) is often.calls[2]
        for thread in threads:
            thread.join()
        with pytest.raises(DeclarationError, match="times=0"):
            server.wait_for(often, times=0)


def test_what_does_not_come_is_an_error_that_names_the_nearest():
    with netdouble.serve(unused="off", swallowed="warn") as server:
        hook = server.post("/hook").reply(204)
        fetch(server.url_for("/hook"))
        with pytest.raises(UnmetExpectation, match=r"waited 0.05 s(.|\n)*expected POST, got GET"):
            server.wait_for(hook, 0.05)
        server._owner.scope.misses.clear()


def test_a_block_waits_for_all_that_must_be_used():
    with netdouble.serve() as server:
        server.get("/a").reply()
        server.get("/b").reply().times(2)
        server.get("/c").reply().optional()
        with server.wait(timeout=20):
            threads = [later(fetch, server.url_for(path)) for path in ("/a", "/b", "/b")]
        assert server.count == 3
        for thread in threads:
            thread.join()
        server.get("/d").reply()
        with pytest.raises(UnmetExpectation, match="/d"), server.wait(timeout=0.05):
            pass
        server.routes[-1].remove()


def test_an_error_inside_the_block_is_not_waited_for():
    with netdouble.serve(unused="off") as server, pytest.raises(ZeroDivisionError), server.wait(timeout=600):
        server.get("/a").reply()
        raise ZeroDivisionError


def test_a_task_of_asyncio_waits_without_holding_up_its_loop():
    async def main():
        async with netdouble.serve() as server:
            hook = server.get("/hook").reply(text="hello")
            other = server.get("/other").reply()
            with pytest.raises(UnmetExpectation):
                await server.await_for(hook, 0.01)
            async with server.wait(timeout=20), httpx.AsyncClient(trust_env=False) as client:
                tasks = [asyncio.create_task(client.get(server.url_for(path))) for path in ("/hook", "/other")]
                assert (await server.await_for(hook, 20)).status == 200
                await asyncio.gather(*tasks)
            assert other.count == 1

    asyncio.run(main())


def test_a_task_of_trio_waits_too():
    async def main():
        async with netdouble.serve() as server, httpx.AsyncClient(trust_env=False) as client:
            hook = server.get("/hook").reply(text="hello")
            with pytest.raises(UnmetExpectation):
                await server.await_for(hook, 0.01)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.get, server.url_for("/hook"))
                assert (await server.await_for(hook, 20)).status == 200

    trio.run(main)
