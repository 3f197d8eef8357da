"""HTTP/2 at the far end: against h2's own client byte by byte, and real clients over a loopback connection."""

from __future__ import annotations

import importlib
import subprocess
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
import httpx
import pytest
from tests.far_end.driving import CONNECTION, far_end
from tests.far_end.listening import Listener

from netdouble import PASS_THROUGH, Connection, Fault, Network, Response, UnmatchedRequest
from netdouble._codec.http1 import Limits
from netdouble._codec.scripts import Ending
from netdouble._core.streams import Pause
from netdouble._far_end import MAY_WAIT, Concurrent, MayWait, Work

H2 = Connection(0, "", "api.test", "h2", "TLSv1.3")
GET = [(":method", "GET"), (":path", "/a"), (":scheme", "https"), (":authority", "api.test"), ("x-odd", "1")]
POST = [(":method", "POST"), *GET[1:]]


@pytest.fixture
def net():
    with Network(unused="off", swallowed="warn") as opened:
        yield opened


class Client:
    """h2's client at a far end: sends, and carries out what comes back; paused streams go on at `wait`."""

    def __init__(self, net, connection=H2, settings=None, **options):
        self.end = far_end(net, connection=connection, **options)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.events = []
        self.paused = []
        self.ending = None
        self.slice = 65536

    def send(self):
        data = self.h2.data_to_send()
        for at in range(0, len(data), self.slice):
            self.carry_out(self.end.hear(data[at : at + self.slice]))
        return self

    def carry_out(self, acts):
        for act in acts:
            if isinstance(act, bytes):
                self.events += self.h2.receive_data(act)
            elif isinstance(act, Pause):
                self.paused.append((act.seconds, acts))
                return
            elif isinstance(act, Concurrent):
                self.carry_out(act.acts)
            elif not isinstance(act, (Work, MayWait)):
                self.ending = act

    def wait(self):
        paused, self.paused = sorted(self.paused, key=lambda p: p[0]), []
        for _, acts in paused:
            self.carry_out(acts)

    def ask(self, stream, headers=GET, body=b"", trailers=()):
        self.h2.send_headers(stream, headers, end_stream=not body and not trailers)
        if body:
            self.h2.send_data(stream, body, end_stream=not trailers)
        if trailers:
            self.h2.send_headers(stream, trailers, end_stream=True)
        return self.send()

    def of(self, kind, stream=1):
        return [e for e in self.events if isinstance(e, kind) and e.stream_id == stream]

    def status(self, stream=1):
        return dict(self.of(h2.events.ResponseReceived, stream)[0].headers)[":status"]

    def body(self, stream=1):
        return b"".join(e.data for e in self.of(h2.events.DataReceived, stream))

    def ended(self, stream=1):
        return bool(self.of(h2.events.StreamEnded, stream))


@pytest.mark.parametrize("size", [1, 7, 65536], ids="in pieces of {}".format)
def test_a_request_is_answered_by_its_route_and_logged_as_it_came(net, size):
    route = net.post("https://api.test/a").reply(201, json={"a": 1}, headers={"X-Odd": "yes", "Connection": "x"})
    client = Client(net)
    client.slice = size
    client.ask(1, POST, b"hello", [("x-sum", "7")])
    assert client.status() == "201"
    assert client.body() == b'{"a":1}'
    assert client.ended()
    assert [name for name, _ in client.of(h2.events.ResponseReceived)[0].headers] == [
        ":status", "x-odd", "content-type", "content-length"]  # fmt: skip
    call = route.last
    assert call.request.http_version == "2"
    assert call.request.headers.fields == (("host", "api.test"), ("x-odd", "1"))
    assert (call.request.body, call.request.trailers["x-sum"]) == (b"hello", "7")
    assert (call.connection, call.exchange) == (H2, 0)
    assert call.raw[3] == 1
    assert b"hello" in call.raw
    assert client.end.is_idle


def test_http2_is_heard_from_its_preface_too(net):
    net.get("https://api.test/a").reply(204)
    client = Client(net, CONNECTION)
    client.slice = 3
    assert client.ask(1).status() == "204"


def test_a_delay_of_one_stream_does_not_hold_up_another(net):
    slow = net.get("https://api.test/a").reply(text="slow", delay=60).then(text="fast")
    client = Client(net)
    client.ask(1)
    client.ask(3)
    assert client.body(3) == b"fast"
    assert not client.body(1)
    assert not slow.calls[0].closed
    client.wait()
    assert client.body(1) == b"slow"


def test_a_large_body_waits_for_room_and_others_go_on(net):
    large = bytes(range(256)) * 1000
    net.get("https://api.test/a").reply(content=large).then(204)
    client = Client(net)
    client.ask(1)
    assert len(client.body()) == 65535
    client.ask(3)
    assert client.status(3) == "204"
    for _ in range(100):
        if client.ended():
            break
        client.h2.increment_flow_control_window(50_000)
        client.send()
        client.h2.increment_flow_control_window(50_000, 1)
        client.send()
    assert client.body() == large


def test_a_smaller_window_is_kept_to_and_a_larger_one_is_used(net):
    net.get("https://api.test/a").reply(content=b"x" * 1000)
    client = Client(net, settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 300})
    client.ask(1)
    assert len(client.body()) == 300
    client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2000})
    client.send()
    assert client.body() == b"x" * 1000


def test_a_large_request_is_taken(net):
    route = net.post("https://api.test/a").reply(204)
    client = Client(net)
    client.h2.send_headers(1, POST)
    client.send()
    for i in range(20):
        client.h2.send_data(1, bytes([i]) * 16_000, end_stream=i == 19)
        client.send()
    assert client.status() == "204"
    assert len(route.last.request.body) == 320_000


def test_a_body_over_the_limit_gets_413_and_the_rest_is_not_wanted(net):
    client = Client(net, limits=Limits(body=1000))
    client.h2.send_headers(1, POST)
    client.h2.send_data(1, b"x" * 2000)
    client.send()
    assert client.status() == "413"
    assert client.of(h2.events.StreamReset)[0].error_code == 0
    assert net.calls.last.status == 413


def test_streams_trailers_and_pauses_come_as_declared(net):
    async def chunks():
        yield b"one"
        yield b"two"

    net.get("https://api.test/a").reply(stream=chunks, trailers={"X-Sum": "6"}).then(stream=[b"a", Pause(60), b"b"])
    client = Client(net)
    client.ask(1)
    assert [e.data for e in client.of(h2.events.DataReceived)] == [b"one", b"two"]
    assert client.of(h2.events.TrailersReceived)[0].headers == [("x-sum", "6")]
    assert client.ended()
    client.ask(3)
    assert client.body(3) == b"a"
    client.wait()
    assert client.body(3) == b"ab"


def test_a_head_has_no_body_and_a_waiting_client_is_told_to_go_on(net):
    net.head("https://api.test/a").reply(text="hello")
    net.post("https://api.test/a").reply(204)
    client = Client(net)
    client.ask(1, [(":method", "HEAD"), *GET[1:]])
    assert client.ended()
    assert ("content-length", "5") in client.of(h2.events.ResponseReceived)[0].headers
    client.h2.send_headers(3, [*POST, ("expect", "100-continue")])
    client.send()
    assert client.of(h2.events.InformationalResponseReceived, 3)[0].headers == [(":status", "100")]
    client.h2.send_data(3, b"x", end_stream=True)
    assert client.send().status(3) == "204"


@pytest.mark.parametrize(
    ("fault", "said", "ending"),
    [
        (Fault.RESET, None, Ending.RESET),
        (Fault.RESET_IN_BODY, b"0123", Ending.RESET),
        (Fault.TRUNCATED_BODY, b"0123", Ending.CLOSE),
        (Fault.EMPTY_RESPONSE, None, Ending.CLOSE),
        (Fault.READ_TIMEOUT, None, None),
        (Fault.READ_TIMEOUT_IN_BODY, b"0123", None),
        (Fault.RESET_IN_HEADERS, None, Ending.RESET),
        (Fault.TRUNCATED_HEADERS, None, Ending.CLOSE),
        (Fault.READ_TIMEOUT_IN_HEADERS, None, None),
        (Fault.CLOSE_BEFORE_REQUEST, None, Ending.RESET),
        (Fault.WRITE_TIMEOUT, None, None),
        (Fault.HANDSHAKE_TIMEOUT, None, None),
        (Fault.GOAWAY_IN_BODY, b"0123", Ending.CLOSE),
    ],
    ids=str,
)
def test_a_fault_is_what_it_is_in_http1(net, fault, said, ending):
    broken = {"response": Response(content=b"01234567")} if fault.breaks_response else {}
    route = net.get("https://api.test/a").fail(fault, **broken).then(204)
    client = Client(net)
    client.ask(1)
    assert client.ending is ending
    assert (client.body() if client.of(h2.events.ResponseReceived) else None) == said
    assert not client.ended()
    assert (route.last.error is not None) == (fault is not Fault.TRUNCATED_HEADERS)  # http.client takes it for whole
    if ending is None and fault is not Fault.READ_TIMEOUT_IN_HEADERS:  # a silent stream holds up no other
        assert client.ask(3).status(3) == "204"


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.STREAM_RESET, 2), (Fault.STREAM_REFUSED, 7), (Fault.STREAM_RESET_IN_BODY, 2),
                        (Fault.BAD_CHUNK, 1)], ids=str)  # fmt: skip
def test_a_stream_is_reset_and_the_connection_lives_on(net, fault, code):
    net.get("https://api.test/a").fail(fault).then(204)
    client = Client(net).ask(1)
    assert [reset.error_code for reset in client.of(h2.events.StreamReset)] == [code]
    assert client.ask(3).status(3) == "204"


@pytest.mark.parametrize(("fault", "last"), [(Fault.GOAWAY, 0), (Fault.GOAWAY_IN_BODY, 1)], ids=str)
def test_a_goaway_says_which_request_was_the_last_that_was_looked_at(net, fault, last):
    net.get("https://api.test/a").fail(fault)
    client = Client(net).ask(1)
    gone = [event for event in client.events if isinstance(event, h2.events.ConnectionTerminated)]
    assert [event.last_stream_id for event in gone] == [last]
    assert client.ending is Ending.CLOSE


@pytest.mark.parametrize(
    ("fault", "ending"),
    [(Fault.CLOSE_AFTER_RESPONSE, Ending.CLOSE), (Fault.RESET_AFTER_RESPONSE, Ending.RESET)],
    ids=str,
)
def test_a_fault_after_the_response_leaves_it_whole(net, fault, ending):
    net.get("https://api.test/a").fail(fault, response=Response(content=b"01234567"))
    client = Client(net).ask(1)
    assert client.body() == b"01234567"
    assert client.ended()
    assert client.ending is ending


def test_what_comes_before_an_answer_and_how_slowly_its_body_comes(net):
    hints = Response(103, headers={"Link": "</a.css>; rel=preload"})
    net.get("https://api.test/a").reply(content=b"0123", informational=[hints], dribble=(2, 0.01))
    client = Client(net).ask(1)
    client.wait()
    assert client.of(h2.events.InformationalResponseReceived)[0].headers[0] == (":status", "103")
    assert [event.data for event in client.of(h2.events.DataReceived) if event.data] == [b"01", b"23"]


def test_junk_is_junk(net):
    net.get("https://api.test/a").fail(Fault.MALFORMED_RESPONSE)
    acts = []
    client = Client(net)
    client.carry_out = acts.extend
    client.ask(1)
    assert [act for act in acts[-1].acts if act is not MAY_WAIT] == [b"this is not HTTP\r\n\r\n", Ending.CLOSE]


def test_connection_close_is_a_goaway_behind_the_answer(net):
    net.get("https://api.test/a").reply(text="bye", headers={"Connection": "close"})
    client = Client(net).ask(1)
    assert client.body() == b"bye"
    assert any(isinstance(e, h2.events.ConnectionTerminated) for e in client.events)
    assert client.ending is Ending.CLOSE


def test_what_a_client_gives_up_is_in_the_log(net):
    route = net.get("https://api.test/a").reply(delay=60)
    client = Client(net).ask(1)
    client.h2.reset_stream(1)
    client.send()
    assert isinstance(route.last.error, ConnectionAbortedError)
    client.wait()
    assert not client.of(h2.events.ResponseReceived)
    client.ask(3)
    client.carry_out(client.end.hear_end())
    assert isinstance(route.last.error, ConnectionAbortedError)


def test_an_unmatched_request_is_raised_by_its_stream(net):
    with pytest.raises(UnmatchedRequest, match=r"GET https://api\.test/a"):
        Client(net).ask(1)
    assert net.calls.last.raw


def test_what_is_no_http2_is_refused_and_logged(net):
    client = Client(net).send()
    client.carry_out(client.end.hear(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"))  # an update by 0
    assert any(isinstance(e, h2.events.ConnectionTerminated) for e in client.events)
    assert client.ending is Ending.CLOSE
    assert "not HTTP/2: ProtocolError" in str(net.calls.last.error)
    assert len(net.calls.last.raw) == 13


def test_what_is_let_through_is_asked_and_told_in_http1(net):
    net.post("https://api.test/a").reply(PASS_THROUGH)
    asked = []

    def passed(call, said):
        asked.append(said)
        call.close(Response(200))
        yield b"HTTP/1.1 200 OK\r\nX-Real: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield b"3\r\nyes\r\n0\r\n\r\n"

    client = Client(net, passed=passed).ask(1, POST, b"hi")
    assert asked == [
        b"POST /a HTTP/1.1\r\nhost: api.test\r\nx-odd: 1\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"
    ]
    assert client.body() == b"yes"
    assert ("x-real", "1") in client.of(h2.events.ResponseReceived)[0].headers


# Real clients

LIBRARIES = [httpx] if sys.version_info < (3, 11) else [httpx, importlib.import_module("httpx2")]


@pytest.fixture(params=LIBRARIES, ids=lambda lib: lib.__name__)
def lib(request):
    return request.param


def test_clients_are_answered_over_a_connection(lib):
    net = Network()
    route = net.get("http://api.test/users/{id}").reply(json={"id": 7}).then(content=b"x" * 300_000)
    with Listener(net) as listener, lib.Client(http1=False, http2=True, timeout=30) as client:
        response = client.get(f"{listener.url}/users/7")
        assert (response.http_version, response.json()) == ("HTTP/2", {"id": 7})
        assert len(client.get(f"{listener.url}/users/8").content) == 300_000
    assert [call.exchange for call in route.calls] == [0, 1]
    assert route.last.request.client == f"{lib.__name__} {lib.__version__}"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET, "NetworkError"),  # ReadError, or WriteError where the client was still acknowledging
        (Fault.TRUNCATED_BODY, "RemoteProtocolError"),
        (Fault.EMPTY_RESPONSE, "RemoteProtocolError"),
        (Fault.MALFORMED_RESPONSE, "RemoteProtocolError"),
        (Fault.READ_TIMEOUT_IN_BODY, "ReadTimeout"),
        (Fault.STREAM_RESET, "RemoteProtocolError"),
        (Fault.STREAM_REFUSED, "RemoteProtocolError"),
        (Fault.GOAWAY, "RemoteProtocolError"),
        (Fault.CONFLICTING_LENGTHS, "LocalProtocolError"),
        (Fault.WRONG_LENGTH, "LocalProtocolError"),
        (Fault.BAD_GZIP, "DecodingError"),
    ],
    ids=str,
)
def test_clients_raise_their_own_exceptions(lib, fault, error):
    net = Network()
    net.get("http://api.test/a").fail(fault)
    timeout = 0.2 if fault is Fault.READ_TIMEOUT_IN_BODY else 30
    with (
        Listener(net) as listener,
        lib.Client(http1=False, http2=True, timeout=timeout) as client,
        pytest.raises(getattr(lib, error)),
    ):
        client.get(f"{listener.url}/a")


def test_a_missing_h2_names_the_extra():
    code = """
import sys; sys.modules["h2"] = None
from netdouble import Connection, MissingExtra
from netdouble._far_end import FarEnd, Origin
try: FarEnd(Origin("https", "x.test", 443), decide=None, connection=Connection(alpn="h2")).hear(b"PRI")
except MissingExtra as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "HTTP/2 is spoken through h2, which is not installed: pip install 'netdouble[http2]'\n"
