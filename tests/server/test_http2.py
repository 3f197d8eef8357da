"""A server over HTTP/2: streams of one connection, each answered in its own time."""

from __future__ import annotations

import asyncio
import subprocess
import threading

import httpx
import pytest
from tests.server.speaking import connected, trusting

import netdouble
from netdouble import UnmetExpectation


def over_http2(server, *paths, **options):
    with httpx.Client(http2=True, verify=trusting(server), trust_env=False, timeout=20) as client:
        return [client.get(server.url_for(path), **options) for path in paths]


def test_http2_is_agreed_on_where_it_is_offered():
    with netdouble.serve(tls=True, http2=True) as server:
        route = server.get("/{n}").reply(lambda request: netdouble.Response(json=request.path_params))
        answers = over_http2(server, "/1", "/2")
        assert [(answer.http_version, answer.json()["n"]) for answer in answers] == [("HTTP/2", "1"), ("HTTP/2", "2")]
        assert route.last.connection.alpn == "h2"
        assert [call.exchange for call in route.calls] == [0, 1]


def test_a_delay_of_one_stream_holds_up_no_other():
    begun = threading.Event()

    def answer(request):
        begun.set()
        return netdouble.Response(delay=600)

    async def main():
        async with httpx.AsyncClient(http2=True, verify=trusting(server), trust_env=False, timeout=20) as client:
            slow = asyncio.create_task(client.get(server.url_for("/slow")))
            await asyncio.to_thread(begun.wait, 20)
            assert [(await client.get(server.url_for("/quick"))).status_code for _ in range(3)] == [200] * 3
            assert not slow.done()
            slow.cancel()

    with netdouble.serve(tls=True, http2=True) as server:
        server.get("/slow").reply(answer)
        server.get("/quick").reply()
        asyncio.run(main())


def answers_in_their_own_time(server):
    """Routes that answer, or go on with a body, only when another one has been asked meanwhile; set when they begin."""
    begun, asked = threading.Event(), threading.Event()

    def slow(request):
        begun.set()
        return netdouble.Response(text="slow" if asked.wait(20) else "late")

    def chunks():
        yield b"be"
        begun.set()
        yield b"gun" if asked.wait(20) else b"late"

    def quick(request):
        asked.set()
        return netdouble.Response(text="quick")

    server.get("/slow").reply(slow)
    server.get("/begun").reply(stream=chunks)
    server.get("/quick").reply(quick)
    return begun


@pytest.mark.parametrize("path", ["/slow", "/begun"])
def test_a_function_that_takes_its_time_holds_up_no_other_stream(path):
    async def main():
        async with httpx.AsyncClient(http2=True, verify=trusting(server), trust_env=False, timeout=30) as client:
            asked = asyncio.create_task(client.get(server.url_for(path)))
            await asyncio.to_thread(begun.wait, 20)
            assert (await client.get(server.url_for("/quick"))).text == "quick"
            assert (await asked).text == path[1:]

    with netdouble.serve(tls=True, http2=True, unused="off") as server:
        begun = answers_in_their_own_time(server)
        asyncio.run(main())
        assert [(call.connection.index, call.connection.alpn) for call in server.calls] == [(0, "h2")] * 2


def test_a_program_has_other_answers_while_one_takes_its_time(tmp_path):
    with netdouble.serve(tls=True, http2=True, unused="off") as server:
        answers_in_their_own_time(server)
        urls = [server.url_for(path) for path in ("/slow", "/quick")]
        command = ["curl", "-sS", "--http2", "--parallel", "--remote-name-all", "--cacert", server.ca_file, *urls]
        subprocess.run(command, cwd=tmp_path, timeout=50, check=True)
        assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == {"slow": "slow", "quick": "quick"}
        assert [(call.connection.index, call.connection.alpn) for call in server.calls] == [(0, "h2")] * 2


def test_a_stop_waits_for_functions_of_streams_and_their_answers_go_out():
    begun, gate = threading.Event(), threading.Event()

    def answer(request):
        begun.set()
        return netdouble.Response(text="answered" if gate.wait(20) else "late")

    async def main():
        async with httpx.AsyncClient(http2=True, verify=trusting(server), trust_env=False, timeout=30) as client:
            asked = asyncio.create_task(client.get(server.url_for("/")))
            await asyncio.to_thread(begun.wait, 20)
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            assert await asyncio.to_thread(idle.recv, 1) == b""  # who waits is cut off at once
            assert not stopping.done()
            gate.set()
            assert (await asked).text == "answered"
            await stopping

    server = netdouble.serve(tls=True, http2=True)
    server.get("/").reply(answer)
    with connected(server) as idle:
        asyncio.run(main())


def test_unexpected_requests_and_errors_over_http2_are_answered_on_their_stream():
    def broken(request):
        raise LookupError("nobody")

    with (
        pytest.raises(UnmetExpectation, match=r"LookupError: nobody(.|\n)*an unexpected request came"),
        netdouble.serve(tls=True, http2=True) as server,
    ):
        server.get("/broken").reply(broken)
        server.get("/fine").reply(text="fine")
        answers = over_http2(server, "/broken", "/nowhere", "/fine")
        assert [answer.status_code for answer in answers] == [500, 501, 200]
        assert server.calls.last.connection.index == 0


def test_http2_without_tls_is_understood_from_those_who_know():
    with netdouble.serve() as server:
        server.get("/").reply(text="hello")
        command = ["curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version}", server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        assert done.stdout == "hello2"
