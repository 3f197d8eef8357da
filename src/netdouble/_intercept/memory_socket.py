"""A socket in memory: what a client writes is read as requests, each is decided, and the answer is what it reads.

The client above is whole: it serialises, pools, retries, parses. Only the connection beneath it is not there.

Rule 1: who answers is asked at each request, never when connecting.
Rule 2: a fault of the connecting phase is raised while the request is sent, one of the answer while it is read: there
clients look for them; see `memory_peer.py`.
Rule 3: what is let through goes out on a real connection that the saved original opens; the next request on it is
read and decided again.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from netdouble import _active, _asking
from netdouble._answering import settle, sleep
from netdouble._codec.http1 import ParsedRequest, RequestParser
from netdouble._codec.received import received
from netdouble._codec.socket_errors import CONNECT_ERRORS, read_error, reset
from netdouble._codec.spelled_faults import shown, spell_fault_for
from netdouble._codec.spelling import CONTINUE, spell_for
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Fail, PassThrough
from netdouble._intercept.failures import failure_for
from netdouble._intercept.layers import Dialect, raise_past, speaker, unspoken
from netdouble._intercept.memory_peer import NOTHING, Answer, Peer
from netdouble.errors import AmbiguousScope, NetdoubleError, ScopeClosed


def is_answered() -> bool:
    """Requests made here are netdouble's to answer, or to refuse."""
    if _active.is_passing():
        return False
    try:
        return _active.current() is not None
    except (AmbiguousScope, ScopeClosed):
        return True  # the request itself is refused, with that reason


def target_of(connection: Any) -> tuple[str, int]:
    """Host and port that a connection is for, beyond its proxy."""
    if getattr(connection, "_tunnel_host", None):
        return connection._tunnel_host, connection._tunnel_port
    return connection.host, connection.port


@dataclass(frozen=True, slots=True)
class Door:
    """What a client's file gives to the sockets of its connections.

    Attributes:
        dialect: the client, when none stands above it. connect: the saved original, which opens a real connection and
        puts it into `connection.sock`. connect_error: the client's own exception for one of the operating system's.
        ask: opens the call; None when no scope is open. is_open: whether anybody would be asked.
    """

    dialect: Dialect
    connect: Callable[[Any], None]
    connect_error: Callable[[Any, OSError, Fault], BaseException] = lambda connection, error, fault: error  # noqa: ARG005
    ask: Callable[[Request], Call | None] = _asking.open_call
    is_open: Callable[[], bool] = is_answered

    def attach(self, connection: Any, scheme: str) -> None:
        """Connect `connection` in memory: to the target of its tunnel, where it has one."""
        host, port = target_of(connection)
        connection.sock = MemorySocket(self, connection, scheme, host, port)


# A call that a door above has opened already: the socket below only carries it out.
_handed_down: ContextVar[Call | None] = ContextVar("netdouble_handed_down", default=None)


def hand_down(call: Call, send: Callable[[], Any]) -> Any:
    """Call `send`, whose one request is `call`, which was decided further up."""
    token = _handed_down.set(call)
    try:
        return send()
    finally:
        _handed_down.reset(token)


def is_handed_down() -> bool:
    """The next request was decided further up."""
    return _handed_down.get() is not None


@dataclass(slots=True)
class _Passed:
    """A request that is being answered by the real service, and what the client has read of the response."""

    method: str
    call: Call | None
    tape: bytearray


class MemorySocket:
    """What http.client, and whatever is built on it, needs of a socket."""

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP

    # Reading goes through the standard library's SocketIO, whose way with timeouts and late closes clients know.
    # urllib3's pyOpenSSL sockets borrow it alike.
    _makefile: Any = socket.socket.makefile

    def __init__(self, door: Door, connection: Any, scheme: str, host: str, port: int | None) -> None:
        self._real: Any = None
        self._door, self._connection = door, connection
        self._scheme, self._host, self._port = scheme, host, port
        timeout = getattr(connection, "timeout", None)
        # "Not given" is an object of http.client's own.
        known = timeout is None or isinstance(timeout, (int, float))
        self._peer = Peer(scheme, timeout if known else socket.getdefaulttimeout())
        self._parser = RequestParser()
        self._passed: _Passed | None = None
        self._upgraded = self._closed = False
        self._io_refs = 0

    # Writing

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Take what the client sends; decide each request as soon as it is whole."""
        view = data if isinstance(data, bytes) else memoryview(data).cast("B")  # TypeError, as a socket raises it
        if self._upgraded:
            self._real.sendall(view, flags)
            return
        if self._peer.hears():
            self._parser.feed(view)
            while (parsed := self._next_request()) is not None:
                self._decide(parsed)
            if self._parser.wants_continue:
                self._parser.told_continue()
                self._peer.rest = memoryview(CONTINUE)

    def send(self, data: Any, flags: int = 0) -> int:
        """As `sendall`; everything is taken."""
        self.sendall(data, flags)
        return len(data)

    def _next_request(self) -> ParsedRequest | None:
        try:
            return self._parser.next_request()
        except NetdoubleError as error:
            self._peer.hang_up()
            raise_past(error)

    def _decide(self, parsed: ParsedRequest) -> None:
        self._note_passed(over=True)
        self._passed = None
        dialect = speaker() or self._door.dialect
        try:
            call = self._open_call(parsed, dialect)
        except Exception as error:  # noqa: BLE001  # UnmatchedRequest and its like
            self._peer.hang_up()
            raise_past(error)
        if call is None:
            self._let_through(parsed, None)
            return
        opened = call
        try:
            answer = opened.answer if type(opened.answer) is Response else unspoken(lambda: settle(opened))
            failure = failure_for(answer, dialect.own) if isinstance(answer, Fail) else None
        except Exception as error:  # noqa: BLE001  # what the user's function raises is raised where an answer is read
            self._peer.answers.append(Answer(NOTHING, call, error=error, raises=error))
            return
        if isinstance(answer, PassThrough):
            self._let_through(parsed, call)
        elif isinstance(answer, Response):
            script = spell_for(parsed, answer)
            self._peer.answers.append(Answer(script, call, script.delay, response=answer))
        elif isinstance(failure, Fault):
            fault = failure.on(self._scheme, has_body=bool(parsed.body))
            self._fail(call, fault, answer, parsed)
        else:
            self._peer.answers.append(Answer(NOTHING, call, answer.delay, error=failure, raises=failure))

    def _open_call(self, parsed: ParsedRequest, dialect: Dialect) -> Call | None:
        handed = _handed_down.get()
        if handed is not None:
            _handed_down.set(None)
            return handed
        if _active.is_passing():
            return None
        return self._door.ask(parsed.to_request(self._scheme, self._host, self._port, dialect.client))

    def _fail(self, call: Call, fault: Fault, fail: Fail, parsed: ParsedRequest) -> None:
        if fault.before_request:
            self._refuse(call, fault, fail.delay)
        if fault.position == "request body":
            self._break_off(call, fault, fail.delay)
        script = spell_fault_for(parsed, fault, fail.response)
        error = read_error(fault)
        self._peer.answers.append(Answer(script, call, fail.delay or script.delay, shown(fail.response, error), error))

    def _refuse(self, call: Call, fault: Fault, delay: float) -> None:
        """Fail as if the connection could not be made."""
        if self._peer.timeout is not None and delay > self._peer.timeout:
            fault, delay = Fault.CONNECT_TIMEOUT, 0.0
        if delay:
            sleep(delay)
        below = CONNECT_ERRORS[fault]()
        error = self._door.connect_error(self._connection, below, fault)
        call.close(error=error)
        self._peer.hang_up()
        self._connection.sock = None
        raise error from (None if error is below else below)

    def _break_off(self, call: Call, fault: Fault, delay: float) -> None:
        """Fail while the client writes. The kernel tells that once; what it reads then is the end."""
        if delay and (self._peer.timeout is None or delay <= self._peer.timeout):
            sleep(delay)
        error = self._peer.timed_out("write") if fault is Fault.WRITE_TIMEOUT else reset()
        call.close(error=error)
        self._peer.hang_up()
        raise error

    # Letting through

    def _let_through(self, parsed: ParsedRequest, call: Call | None) -> None:
        """Send the request on to the real service, over a connection opened for it."""
        try:
            real = self._real or self._open_real()
            real.sendall(parsed.raw)
        except Exception as error:
            if call is not None:
                call.close(error=error)
            self._peer.hang_up()
            if isinstance(error, NetdoubleError):  # the guard's
                raise_past(error)
            raise
        self._passed = _Passed(parsed.method, call, bytearray())
        self._upgraded = parsed.method == "CONNECT" or "upgrade" in parsed.headers

    def _open_real(self) -> Any:
        connection = self._connection
        connection.sock = None
        with _active.passing(), _active.admitted(connection.host, connection.port):
            self._door.connect(connection)
        self._real, connection.sock = connection.sock, self
        self._real.settimeout(self._peer.timeout)
        return self._real

    def _note_passed(self, *, over: bool = False) -> None:
        """Tell the call that was let through how it was answered: when the client has read it all, or gives it up."""
        passed = self._passed
        if passed is not None and passed.call is not None and not passed.call.closed:
            response = received(bytes(passed.tape), passed.method, over=over)
            if response is not None:
                passed.call.close(response=response)

    def _read_real(self, view: memoryview) -> int:
        passed = self._passed
        try:
            size: int = self._real.recv_into(view)
        except OSError as error:
            if passed is not None and passed.call is not None:
                passed.call.close(error=error)
            raise
        if passed is not None and passed.call is not None and not passed.call.closed:
            passed.tape += view[:size]
        return size

    # Reading

    def makefile(self, mode: str = "r", buffering: int | None = None, **text: Any) -> Any:
        """As of a socket; what http.client asks for at each response has nothing to be looked at."""
        if mode != "rb" or buffering is not None:
            return self._makefile(mode, buffering, **text)
        self._io_refs += 1
        connection: Any = self  # what it is for SocketIO, too
        return io.BufferedReader(socket.SocketIO(connection, "rb"), io.DEFAULT_BUFFER_SIZE)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ARG002  # a socket's signature
        """Give the client what was answered, or raise what a real socket raises when the peer does so."""
        view = memoryview(buffer).cast("B")
        if nbytes:
            view = view[:nbytes]
        peer = self._peer
        while not peer.rest:
            if not peer.answers and self._real is not None and not peer.hung_up:
                return self._read_real(view)
            if not peer.say_more():
                return 0
        return peer.read_into(view)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """As `recv_into`."""
        buffer = bytearray(bufsize)
        return bytes(buffer[: self.recv_into(buffer, bufsize, flags)])

    # What else is asked of a socket

    def fileno(self) -> int:
        """A real descriptor, readable when there is something to read or the peer has hung up.

        urllib3 polls it before it uses a connection again; botocore while it waits for `100 Continue`.
        """
        if self._closed and self._io_refs <= 0:
            return -1
        self._peer.run_on()
        ready = self._peer.rest or self._peer.answers or self._peer.hung_up
        if self._real is not None and not ready:
            return int(self._real.fileno())
        return _descriptors()[bool(ready or not self._door.is_open())]

    def settimeout(self, value: float | None) -> None:
        """Seconds after which a read gives up; None: never."""
        self._peer.timeout = value
        if self._real is not None:
            self._real.settimeout(value)

    def gettimeout(self) -> float | None:
        """As given to `settimeout`."""
        return self._peer.timeout

    def setsockopt(self, *option: Any) -> None:
        """Set nothing; on a real connection, that one's option."""
        if self._real is not None:
            self._real.setsockopt(*option)

    def shutdown(self, how: int) -> None:
        """Stop reading, as urllib3's `response.shutdown()` has it, or writing."""
        if self._real is not None:
            self._real.shutdown(how)
        elif how != socket.SHUT_WR:
            self._peer.hang_up()

    def getpeercert(self, binary_form: bool = False) -> Any:
        """No certificate; on a real connection, that one's."""
        if self._real is not None:
            return self._real.getpeercert(binary_form)
        return b"" if binary_form else {}

    def getpeername(self) -> Any:
        """The real peer's address; this machine's for a peer that is not there."""
        return self._real.getpeername() if self._real is not None else ("127.0.0.1", self._port or 0)

    def __getattr__(self, name: str) -> Any:
        if name != "_real" and self._real is not None:
            return getattr(self._real, name)
        raise AttributeError(f"a connection that netdouble answers in memory has no {name!r}")

    def close(self) -> None:
        """Close it; what is being read from it can still be read to its end."""
        self._closed = True
        if self._io_refs <= 0:
            self._note_passed(over=True)
            self._peer.hang_up()
            if self._real is not None:
                self._real.close()

    def _decref_socketios(self) -> None:
        # From SocketIO.close(): the client has read a response to its end, or gives it up.
        self._io_refs -= self._io_refs > 0
        self._note_passed()
        if self._closed:
            self.close()


@lru_cache(maxsize=1)
def _descriptors() -> tuple[int, int]:
    """Two descriptors of this process: one that is never readable, one that always is."""
    idle, kept = socket.socketpair()
    ready, gone = socket.socketpair()
    gone.close()
    kept.detach()  # open for as long as the process lives, or the idle one would become readable
    return idle.detach(), ready.detach()
