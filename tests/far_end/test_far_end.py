"""The far end of a connection: bytes in, acts out, and every request in the log."""

from __future__ import annotations

import pytest
import requests
from tests.far_end.driving import CONNECTION, far_end, hear

from netdouble import PASS_THROUGH, DeclarationError, Fault, Network, Response, UnmatchedRequest
from netdouble._codec.scripts import Ending
from netdouble._core.streams import Pause
from netdouble._far_end import MAY_WAIT

GET = b"GET /a HTTP/1.1\r\nHost: api.test\r\nX-Odd: 1\r\nx-odd: 2\r\nUser-Agent: python-requests/2.31 x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def net():
    with Network(unused="off", swallowed="warn") as opened:
        yield opened


def test_a_request_is_answered_by_its_route_and_logged_as_it_came(net):
    route = net.get("https://api.test/a").reply(content=b"hi")
    end = far_end(net)
    assert hear(end, GET).said == OK
    assert hear(end, GET[:20]).said == b""
    assert not end.is_idle
    assert hear(end, GET[20:]).said == OK
    assert end.is_idle
    first, second = route.calls
    assert first.raw == second.raw == GET
    assert (first.connection, first.exchange, second.exchange) == (CONNECTION, 0, 1)
    assert first.request.client == "requests 2.31"
    assert first.request.headers.fields[1:3] == (("X-Odd", "1"), ("x-odd", "2"))
    assert first.response.body == b"hi"


def test_requests_in_one_piece_are_decided_when_their_turn_comes(net):
    route = net.get("https://api.test/a").reply(content=b"hi").then(stream=[b"yo"]).then(204)
    acts = far_end(net).hear(GET * 3)
    assert next(acts) == OK
    assert route.count == 1
    said = [act for act in acts if act is not MAY_WAIT]
    assert b"".join(said).endswith(b"2\r\nyo\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert route.count == 3


def test_a_delay_is_a_pause_and_the_call_is_open_meanwhile(net):
    route = net.get("https://api.test/a").reply(content=b"hi", delay=30)
    acts = far_end(net).hear(GET)
    assert [next(acts), next(acts)] == [MAY_WAIT, Pause(30)]
    assert not route.last.closed
    assert list(acts) == [OK]
    assert route.last.closed


def test_a_client_that_hangs_up_meanwhile_is_in_the_log(net):
    route = net.get("https://api.test/a").reply(delay=30)
    acts = far_end(net).hear(GET)
    next(acts)
    acts.close()
    assert isinstance(route.last.error, ConnectionAbortedError)


def test_an_unmatched_request_is_raised_where_the_acts_are_taken(net):
    end = far_end(net)
    acts = end.hear(GET)
    with pytest.raises(UnmatchedRequest, match=r"GET https://api\.test/a"):
        next(acts)
    assert end.is_over
    assert list(end.hear(GET)) == []
    assert net.calls[0].raw == GET
    assert net.calls[0].connection is CONNECTION


class Ours(Exception):
    pass


@pytest.mark.parametrize(
    ("failure", "ending", "error"),
    [
        (Fault.RESET, Ending.RESET, ConnectionResetError),
        (Fault.CONNECT_REFUSED, Ending.RESET, ConnectionResetError),
        (Fault.CONNECT_TIMEOUT, Ending.STALL, TimeoutError),
        (Fault.READ_TIMEOUT, Ending.STALL, TimeoutError),
        (ConnectionResetError(), Ending.RESET, ConnectionResetError),
        (requests.ReadTimeout(), Ending.STALL, TimeoutError),
    ],
    ids=str,
)
def test_a_failure_is_an_ending(net, failure, ending, error):
    route = net.get("https://api.test/a").fail(failure)
    told = hear(far_end(net), GET)
    assert (told.said, told.ending) == (b"", ending)
    assert type(route.last.error) is error


@pytest.mark.parametrize("failure", [Ours("declared"), requests.TooManyRedirects("declared")], ids=repr)
def test_what_no_network_raises_is_raised_by_the_acts(net, failure):
    route = net.get("https://api.test/a").fail(failure)
    with pytest.raises(type(failure), match="declared"):
        hear(far_end(net), GET)
    assert isinstance(route.last.error, type(failure))


def test_a_function_of_the_user_answers_or_raises(net):
    async def later(request):
        return Response(content=request.body)

    def broken(request):
        raise Ours("in the function")

    net.post("https://api.test/a").reply(later).then(broken)
    end = far_end(net)
    post = b"POST /a HTTP/1.1\r\nHost: api.test\r\nContent-Length: 2\r\n\r\nhi"
    assert hear(end, post).said == OK
    with pytest.raises(Ours, match="in the function"):
        hear(end, post)


def test_a_stream_breaks_where_it_breaks(net):
    def chunks():
        yield b"one"
        raise Ours("in the stream")

    async def achunks():
        yield b"one"
        yield b"two"

    route = net.get("https://api.test/a").reply(stream=achunks).then(stream=chunks)
    end = far_end(net)
    assert hear(end, GET).said.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    with pytest.raises(Ours, match="in the stream"):
        hear(end, GET)
    assert isinstance(route.last.error, Ours)
    assert route.last.status == 200


def test_a_body_that_waits_for_100_continue_is_asked_for_once(net):
    net.post("https://api.test/a").reply(content=b"hi")
    end = far_end(net)
    head = b"POST /a HTTP/1.1\r\nHost: api.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    assert hear(end, head).said == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert hear(end, b"x").said == b""
    assert hear(end, b"y").said == OK


def test_what_is_no_request_gets_400_and_is_in_the_log_with_its_bytes(net):
    net.get("https://api.test/a").reply(content=b"hi")
    end = far_end(net)
    bad = b"GET /b HTTP/1.1\r\nHost: api.test\r\nbad line\r\n\r\n"
    told = hear(end, GET + bad)
    assert told.said.startswith(OK + b"HTTP/1.1 400 Bad Request\r\n")
    assert told.ending is Ending.CLOSE
    call = net.calls.last
    assert (call.raw, call.exchange, call.status, call.connection) == (bad, 1, 400, CONNECTION)
    assert (call.request.method, call.request.raw_target, call.request.host) == ("GET", "/b", "api.test")
    assert "not a field line: 'bad line'" in str(call.error)


def test_a_client_that_closes_in_the_middle_is_told_and_logged(net):
    end = far_end(net)
    hear(end, GET[:-2])
    acts = list(end.hear_end())
    assert acts[0].startswith(b"HTTP/1.1 400 ")
    assert acts[-1] is Ending.CLOSE
    assert net.calls[0].raw == GET[:-2]
    assert list(far_end(net).hear_end()) == [Ending.CLOSE]


def test_a_connection_that_is_not_kept_ends(net):
    net.get("https://api.test/a").reply(content=b"hi")
    end = far_end(net)
    told = hear(end, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET)
    assert told.said == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert told.ending is Ending.CLOSE
    assert end.is_over


def test_what_is_let_through_is_handed_to_the_door(net):
    net.get("https://api.test/a").reply(PASS_THROUGH)
    seen = []

    def passed(call, said):
        seen.append((call, said))
        call.close(Response(200))
        yield b"from the real one"

    end = far_end(net, passed=passed)
    assert hear(end, GET + GET).said == b"from the real one" * 2
    assert [said for _, said in seen] == [GET, GET]
    with pytest.raises(DeclarationError, match="can't be let through here"):
        hear(far_end(net), GET)


def test_a_proxy_grants_a_tunnel(net):
    end = far_end(net, grants=lambda host, port: (host, port) == ("other.test", 8443))
    told = hear(end, b"CONNECT other.test:8443 HTTP/1.1\r\nHost: other.test:8443\r\n\r\n\x16\x03")
    assert told.said == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert (told.tunnel.host, told.tunnel.port, told.tunnel.unread) == ("other.test", 8443, b"\x16\x03")
    assert net.count == 0


def test_a_tunnel_that_is_not_granted_is_a_request(net):
    net.route("CONNECT", "https://other.test:8443/").reply(407)
    told = hear(far_end(net, grants=lambda *_: False), b"CONNECT other.test:8443 HTTP/1.1\r\nHost: other.test\r\n\r\n")
    assert told.said.startswith(b"HTTP/1.1 407 ")
    assert (told.tunnel, net.count) == (None, 1)


def test_head_has_no_body_and_a_target_in_absolute_form_wins(net):
    net.head("http://other.test/a").reply(content=b"hi")
    told = hear(far_end(net), b"HEAD http://other.test/a HTTP/1.1\r\nHost: other.test\r\n\r\n")
    assert told.said == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


# Faults that happen before the request has come

UPLOAD = b"POST /a HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n"
EARLY = [
    (Fault.RESET_BEFORE_REQUEST, [UPLOAD], Ending.RESET),
    (Fault.STALL_BEFORE_REQUEST, [UPLOAD], Ending.STALL),
    (Fault.RESET_IN_REQUEST, [UPLOAD, b"x" * 400, b"x" * 100], Ending.RESET),
    (Fault.WRITE_TIMEOUT, [UPLOAD + b"x" * 400, b"x" * 100], Ending.STALL),
    (Fault.RESET_IN_REQUEST, [CHUNKED, b"5"], Ending.RESET),
]


@pytest.mark.parametrize(("fault", "pieces", "ending"), EARLY, ids=str)
def test_a_fault_of_the_request_comes_while_it_does(net, fault, pieces, ending):
    route = net.post("https://api.test/a").fail(fault)
    end = far_end(net)
    *before, last = pieces
    for piece in before:
        assert hear(end, piece).ending is None
    assert hear(end, last).ending is ending
    assert route.count == 1
    assert route.last.raw == b"".join(pieces)
    assert end.is_over


def test_a_route_that_wants_a_body_waits_for_it(net):
    net.post("https://api.test/a", content=b"x" * 1000).fail(Fault.RESET_BEFORE_REQUEST)
    net.post("https://api.test/a", content=b"y" * 1000).reply(content=b"hi")
    end = far_end(net)
    assert hear(end, UPLOAD + b"y" * 400).ending is None
    assert hear(end, b"y" * 600).said == OK
    assert hear(end, UPLOAD + b"x" * 1000).ending is Ending.RESET
