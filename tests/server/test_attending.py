"""One thread attends to all connections; who takes its time has one of its own, and holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import httpx
import pytest
from tests.server.speaking import connected, get, heard, secure, trusting

import netdouble

LARGE = bytes(32 * 1024 * 1024)  # more than the buffers of a connection take


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("netdouble server")]


@pytest.fixture(params=[False, True], ids=["http", "https"])
def server(request):
    with netdouble.serve(tls=request.param, unused="off") as made:
        made.get("/quick").reply(text="quick")
        yield made


@contextlib.contextmanager
def client(server):
    with connected(server) as sock:
        if server.url.startswith("http:"):
            yield sock
        else:
            with secure(sock, server) as secured:
                yield secured


def is_answered(sock: socket.socket) -> bool:
    sock.sendall(get("/quick"))
    return heard(sock, b"\r\n\r\nquick").startswith(b"HTTP/1.1 200 ")


def test_quick_answers_to_many_connections_need_one_thread(server):
    with contextlib.ExitStack() as clients:
        socks = [clients.enter_context(client(server)) for _ in range(32)]
        for _ in range(3):
            assert all(is_answered(sock) for sock in socks)
        assert len(threads()) == 1
    assert {call.connection.index for call in server.calls} == set(range(32))


def test_a_function_at_work_holds_up_its_own_connection_alone(server):
    gate = threading.Event()
    slow_route = server.get("/slow").reply(lambda request: gate.wait(20) and 204)
    with client(server) as slow, client(server) as other:
        slow.sendall(get("/quick") + get("/slow") + get("/quick"))
        assert heard(slow, b"\r\n\r\nquick")
        assert is_answered(other)
        gate.set()
        assert b"HTTP/1.1 204 " in heard(slow, b"\r\n\r\nquick")
        # From now on that connection has its thread.
        assert is_answered(slow)
        assert is_answered(other)
        assert len(threads()) == 2
    assert [call.status for call in slow_route.calls] == [204]


def test_who_does_not_read_holds_up_nobody_and_has_it_all_in_the_end(server):
    server.get("/large").reply(content=LARGE)
    with client(server) as deaf, client(server) as other:
        deaf.sendall(get("/large") + get("/quick"))
        assert all(is_answered(other) for _ in range(10))
        head, _, begun = heard(deaf, b"\r\n\r\n").partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(LARGE) in head
        left = len(LARGE) - len(begun)
        while left:
            left -= len(deaf.recv(min(left, 1024 * 1024)))
        assert heard(deaf, b"\r\n\r\nquick")
        assert is_answered(deaf)


def test_a_connection_that_the_server_closes_needs_no_thread_and_ends_with_its_client(server):
    server.get("/last").reply(text="last", headers={"Connection": "close"})
    with client(server) as sock, client(server) as other:
        sock.sendall(get("/last"))
        assert heard(sock).endswith(b"\r\n\r\nlast")  # to the end of the connection
        assert is_answered(other)
        with contextlib.suppress(OSError):
            sock.sendall(b"more")
        assert is_answered(other)
        assert len(threads()) == 1
    assert server.count == 3


def test_a_client_that_says_goodbye_over_tls_is_answered_so():
    with netdouble.serve(tls=True) as server, connected(server) as sock, secure(sock, server) as secured:
        server.get("/quick").reply(text="quick")
        assert is_answered(secured)
        assert secured.unwrap().recv(1) == b""


def test_a_matcher_that_ends_the_thread_ends_its_own_connection_alone(server, monkeypatch):
    def where(request):
        raise SystemExit("enough")

    server.get("/odd", where=where).reply()
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    with client(server) as odd, client(server) as other:
        assert is_answered(odd)
        odd.sendall(get("/odd"))
        with contextlib.suppress(ConnectionResetError):
            assert heard(odd) == b""
        assert is_answered(other)
    assert [(args.exc_type, str(args.exc_value)) for args in told] == [(SystemExit, "enough")]


def test_streams_of_http2_that_wait_for_nothing_need_no_thread_of_their_own():
    async def main():
        async with httpx.AsyncClient(http2=True, verify=trusting(server), trust_env=False, timeout=20) as sender:
            quick = await asyncio.gather(*(sender.get(server.url_for(f"/{n}")) for n in range(40)))
            assert {(answer.http_version, answer.text) for answer in quick} == {("HTTP/2", "quick")}
            assert len(threads()) == 1
            slow = asyncio.create_task(sender.get(server.url_for("/slow")))
            await asyncio.to_thread(begun.wait, 20)
            # One for the connection from now on, and one for the stream.
            assert len(threads()) == 3
            assert (await sender.get(server.url_for("/7"))).text == "quick"
            gate.set()
            assert (await slow).status_code == 204

    def answer(request):
        begun.set()
        return gate.wait(20) and 204

    begun, gate = threading.Event(), threading.Event()
    with netdouble.serve(tls=True, http2=True) as server:
        server.get("/slow").reply(answer)
        quick = server.get("/{n:int}").reply(text="quick")
        asyncio.run(main())
    assert [call.request.path for call in quick.calls[:40]] == [f"/{n}" for n in range(40)]


def test_a_large_body_over_http2_waits_for_room_and_holds_up_nobody():
    async def main():
        async with httpx.AsyncClient(http2=True, verify=trusting(server), trust_env=False, timeout=20) as sender:
            async with sender.stream("GET", server.url_for("/large")) as answer:
                assert (await sender.get(server.url_for("/quick"))).text == "quick"
                assert sum([len(piece) async for piece in answer.aiter_bytes()]) == len(large)
            assert (await sender.get(server.url_for("/quick"))).text == "quick"

    large = LARGE[:4_000_000]  # more than a stream's window takes, and less than the connection's
    with netdouble.serve(tls=True, http2=True) as server:
        server.get("/large").reply(content=large)
        server.get("/quick").reply(text="quick")
        asyncio.run(main())
