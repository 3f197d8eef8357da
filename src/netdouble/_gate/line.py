"""One connection over the wire: its far side, which hears what the client sends and does what the far end says.

Rule 1: it runs inside the client's own `send()` and handshake. Only what has to wait (a pause, a full buffer, the real
service) goes on in a thread, which ends when there is nothing more to wait for. Loops whose I/O is not Python's have a
thread from the start.
Rule 2: one thread at a time drives a line; whoever comes meanwhile leaves a note, and nothing is left unheard.
Rule 3: what the far end raises is raised in the caller where his stack is here, else by the door of his client.
"""

from __future__ import annotations

import _socket
import contextvars
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from netdouble import _active, _asking
from netdouble._active import Scope
from netdouble._codec.scripts import Ending
from netdouble._core.arrivals import Connection
from netdouble._core.calls import Call
from netdouble._core.messages import Request
from netdouble._core.replies import Reply
from netdouble._core.streams import Pause
from netdouble._far_end import Act, Concurrent, FarEnd, Origin, Tunnel
from netdouble._gate import originals
from netdouble._gate.connecting import Failing
from netdouble._gate.far_tls import FarTls
from netdouble._gate.passing_on import passed_on
from netdouble._stepping_aside import Aside, Speaker, coming, lines, raise_past, refuse, speaking
from netdouble.errors import ScopeClosed

# A TLS record of the type handshake begins every connection with TLS (RFC 8446 section 5.1).
_HANDSHAKE = 0x16
# The client has closed its side (Linux); elsewhere that is noticed when the scope closes.
_LEFT = getattr(select, "POLLRDHUP", 0)
# Linger for no time: close() resets (SO_LINGER, socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)
_PIECE = 1 << 18
_READING, _WRITING = getattr(select, "POLLIN", 1), getattr(select, "POLLOUT", 4)
# Seconds in which a thread that was woken has noted that its client is gone.
_SHORTLY = 0.2
# Seconds in which a thread has heard the last words of its client; a function of the user's may take its time.
_HEARING = 2.0


class Line:
    """The far side of one connection.

    Attributes:
        scope: where it was opened; it ends with it. inline: driven by the client's own thread.
    """

    def __init__(self, far: _socket.socket, scope: Scope, host: str, port: int, connection: Connection, *,
                 inline: bool, refused: Failing | None = None) -> None:  # fmt: skip
        far.setblocking(False)
        with suppress(OSError):
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.scope, self.inline = scope, inline
        self._far, self._host, self._port, self._connection = far, host, port, connection
        self._refused = refused
        self._lock, self._turns = threading.RLock(), threading.RLock()
        self._driven = self._again = self._closed = False
        self._has_left = False  # the client has closed its side
        self._is_deaf = False  # what the client sends stays unread
        self._users = 0  # threads that still need the descriptor
        self._unsent = memoryview(b"")
        self._early = b""  # heard during a pause
        self._tls: FarTls | None = None
        self._far_end: FarEnd | None = None
        self._speaker: Speaker | None = speaking.get()
        self._coming: Request | None = None
        self._asked: tuple[Scope, Request] | None = None  # what was decided, and nothing was said to it yet
        self._threads: list[threading.Thread] = []
        self._awaited: int | None = None  # for what event a thread waits here
        if not inline:
            self._start(self._listen)

    # Driving

    def run(self) -> None:
        """Hear what has come, and do what is to be done; for whoever has just written on the other side.

        Raises:
            BaseException: what the far end raised, UnmatchedRequest for one.
        """
        if not self.inline:
            return
        with self._lock:
            if self._closed:
                return
            if self._driven:
                self._again = True
                return
            self._driven = True
        self._speaker, self._coming = speaking.get(), coming.get()
        # A user's function may send requests of its own, which are not this client's.
        tokens = speaking.set(None), coming.set(None)
        try:
            self._drive(None, waits=False)
        finally:
            speaking.reset(tokens[0])
            coming.reset(tokens[1])

    def _drive(self, acts: Iterator[Act] | None, *, waits: bool) -> None:
        try:
            while acts is not None or (acts := self._next_acts()) is not None:
                if not self._carry_out(acts, waits=waits):
                    return  # a thread goes on from here
                acts = None
        except BaseException as error:  # noqa: BLE001  # raised in the caller, or by his client's door
            self._fail(error, waits=waits)
        finally:
            if self._closed:
                self._give_up()

    def _next_acts(self) -> Iterator[Act] | None:
        """What the next piece of what has come leads to; None: there is none, and nobody drives any more."""
        while not self._closed:
            data = None if self._is_deaf else self._read()
            if data is not None:
                return self._heard(data)
            with self._lock:
                if not self._again:
                    self._driven = False
                    return None
                self._again = False
        self._driven = False
        return None

    def _carry_out(self, acts: Iterator[Act], *, waits: bool, driving: bool = True) -> bool:
        """True when it is all done; False when a thread was started that goes on.

        Args:
            waits: this is such a thread. driving: these are not acts beside others.
        """
        while (act := self._step(acts)) is not None:
            if isinstance(act, Pause):
                if not waits:
                    self._start(self._go_on, act.seconds, acts)
                    return False
                self._wait(act.seconds, ahead=driving)
            elif isinstance(act, Ending):
                self._end(act)
            elif isinstance(act, Concurrent):
                self._beside(act.acts)
            elif isinstance(act, Tunnel):
                self._tunnel(act)
        return True

    def _step(self, acts: Iterator[Act]) -> Act | None:
        """The next act that is more than bytes to send: those are sent, in the order in which they were given.

        Others may be driving the far end beside this: they wait for their turn.
        """
        while True:
            with self._turns:
                act = self._next(acts)
                if not isinstance(act, bytes):
                    return act
                if not self._say(act):
                    return Pause(0.0)  # until the client has read

    def _next(self, acts: Iterator[Act]) -> Act | None:
        """The next act; None at the end, and when nobody is there any more."""
        if not self._closed:
            return next(acts, None)
        close = getattr(acts, "close", None)
        if close is not None:
            close()
        return None

    def _go_on(self, seconds: float, acts: Iterator[Act]) -> None:
        self._wait(seconds, ahead=True)
        self._drive(acts, waits=True)

    def _beside(self, acts: Iterator[Act]) -> None:
        """Carry out acts that hold up nothing but themselves: at once, as far as nothing has to wait."""
        while (act := self._step(acts)) is not None:
            if isinstance(act, Ending):
                self._end(act)
            elif isinstance(act, Pause):
                self._start(self._go_on_beside, act.seconds, acts)
                return

    def _go_on_beside(self, seconds: float, acts: Iterator[Act]) -> None:
        self._wait(seconds, ahead=False)
        try:
            self._carry_out(acts, waits=True, driving=False)
        except BaseException as error:  # noqa: BLE001  # as in `_drive`
            self._fail(error, waits=True)

    def _listen(self) -> None:
        """Drive it for as long as it is open: the thread of a loop whose writes are not seen."""
        while not self._closed:
            self._await(_LEFT if self._is_deaf else _READING, None)
            if self._is_deaf:
                self.close()
                break
            with self._lock:
                self._driven = True
            self._drive(None, waits=True)

    def _start(self, work: Any, *args: Any) -> None:
        context = contextvars.copy_context()
        context.run(speaking.set, None)
        context.run(coming.set, None)

        def main() -> None:
            try:
                context.run(work, *args)
            finally:
                with self._lock:
                    self._users -= 1
                if self._closed:
                    self._give_up()

        thread = originals.Thread(target=main, name=f"netdouble wire to {self._host}:{self._port}", daemon=True)
        with self._lock:
            self._users += 1
            self._threads = [each for each in self._threads if each.is_alive()]  # until they are really gone
            self._threads.append(thread)
            thread.start()

    # Hearing

    def _read(self) -> bytes | None:
        """What has come, without its TLS; `b""`: the client has closed its side; None: nothing more."""
        if self._early:
            early, self._early = self._early, b""
            return early
        while True:
            if self._tls is not None and self._tls.is_over:
                return b""
            try:
                raw = self._far.recv(_PIECE)
            except BlockingIOError:
                return None
            except OSError:
                return b""
            if self._far_end is None and raw[:1] and raw[0] == _HANDSHAKE and self._tls is None:
                self._tls = FarTls(self.scope, self._host, self._port, self._refused)
            if self._tls is None:
                return raw
            with self._lock:
                plain = self._tls.opened(raw)
                self._flush(self._tls.said())
            if plain or self._tls.is_over or not raw:
                return plain

    def _heard(self, data: bytes) -> Iterator[Act]:
        if self._far_end is None:
            if not data:
                return iter((Ending.CLOSE if self._tls is None else self._tls.ending,))
            self._far_end = self._new_far_end(self._host, self._port)
        return self._far_end.hear(data) if data else self._ended()

    def _ended(self) -> Iterator[Act]:
        self._has_left = True
        if self._far_end is not None:
            yield from self._far_end.hear_end()
        yield Ending.CLOSE

    def _new_far_end(self, host: str, port: int) -> FarEnd:
        tls, connection = self._tls, self._connection
        if tls is not None:
            connection = replace(connection, sni=tls.sni, alpn=tls.alpn, tls_version=tls.version)
        origin = Origin("http" if tls is None else "https", host, port)
        return FarEnd(origin, decide=self._decide, connection=connection, malformed=self._log,
                      grants=lambda _host, _port: True,
                      foresee=self._foresee,
                      passed=lambda call, said: passed_on(call, said, origin))  # fmt: skip

    def _tunnel(self, tunnel: Tunnel) -> None:
        """The client takes this host for a proxy: what follows is for another one."""
        self._host, self._port = tunnel.host, tunnel.port
        self._far_end = None

    def _decide(self, request: Request) -> Call:
        speaker = self._speaker
        if speaker is not None and speaker.client != request.client:
            request = replace(request, client=speaker.client)
        scope = _active.current() or self.scope
        self._asked = scope, request
        if scope.closed:
            raise ScopeClosed(f"the network of {scope.label} is closed, but {request} came over a connection of it")
        return _asking.ask(scope, request)

    def _foresee(self, request: Request) -> Reply | None:
        scope = _active.current() or self.scope
        return None if scope.closed else _asking.preview_in(scope, request)

    def _log(self, call: Call) -> None:
        if not self._has_left:  # else it was not malformed: he changed his mind
            self.scope.router.record(call)

    # Saying

    def _say(self, data: bytes) -> bool:
        """Send; False when some of it has to wait until the client has read."""
        self._asked = None
        with self._lock:
            return self._flush(data if self._tls is None else self._tls.closed(data))

    def _flush(self, data: bytes = b"") -> bool:
        if data:
            self._unsent = memoryview(bytes(self._unsent) + data if self._unsent else data)
        try:
            while self._unsent:
                self._unsent = self._unsent[self._far.send(self._unsent) :]
        except BlockingIOError:
            return False
        except OSError:  # the client is gone
            self._unsent = memoryview(b"")
        return True

    def _end(self, ending: Ending) -> None:
        if ending is Ending.STALL:
            self._is_deaf = True
            return
        with self._lock, suppress(OSError):
            if ending is Ending.RESET:
                self._far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            else:
                if self._tls is not None:
                    self._flush(self._tls.farewell())
                self._far.shutdown(socket.SHUT_WR)
                with suppress(BlockingIOError):  # what is unread would turn the close into a reset
                    while self._far.recv(_PIECE):
                        pass
        self.close()

    def _fail(self, error: BaseException, *, waits: bool) -> None:
        """The far end has raised: end the connection, and let the caller know."""
        asked, self._asked = self._asked, None
        speaker = self._speaker
        raises = not waits and (not isinstance(speaker, Aside) or speaker.raises)
        if asked is not None and not raises:
            refuse(*asked, error)
            self._say(_refusal(error))
        elif self._coming is not None and not raises:
            refuse(self.scope, self._coming, error)
        self._end(Ending.RESET if asked is None else Ending.CLOSE)
        if raises:
            if speaker is None:
                raise error
            token = speaking.set(speaker)
            try:
                raise_past(error)
            finally:
                speaking.reset(token)

    # Waiting

    def _wait(self, seconds: float, *, ahead: bool) -> None:
        """Let `seconds` go by, and what is unsent be read; not longer than the client is there.

        Args:
            ahead: hear meanwhile whether he is; for the one who drives.
        """
        end = originals.now() + seconds
        while not self._closed and (left := end - originals.now()) > 0:
            self._await(_READING if ahead else 0, left)
            if ahead:
                self._hear_ahead()
        while self._unsent and not self._closed:
            self._await(_WRITING, None)
            with self._lock:
                self._flush()

    def _hear_ahead(self) -> None:
        """Keep what comes during a pause, and stop if it is a farewell."""
        with self._lock:
            try:
                raw = self._far.recv(_PIECE)
            except BlockingIOError:
                return
            except OSError:
                raw = b""
            if self._tls is None:
                self._early += raw
            else:
                self._early += self._tls.opened(raw)
                self._flush(self._tls.said())
            if not raw or (self._tls is not None and self._tls.is_over):
                self.close()

    def _await(self, event: int, seconds: float | None) -> None:
        """Until that happens on our side, or `seconds` have gone by, or the connection is over."""
        self._awaited = event
        if originals.poll is None:
            self._await_by_turns(event, seconds)
        else:
            polled = originals.poll()
            polled.register(self._far, event)  # a shutdown of ours ends every poll
            with suppress(OSError):
                polled.poll(None if seconds is None else max(1, round(seconds * 1000)))
        self._awaited = None

    def _await_by_turns(self, event: int, seconds: float | None) -> None:
        """As `_await`, on systems without poll."""
        end = None if seconds is None else originals.now() + seconds
        reads, writes = [self._far] * (event == _READING), [self._far] * (event == _WRITING)
        while not self._closed and (end is None or originals.now() < end):
            with suppress(OSError, ValueError):
                if any(originals.select(reads, writes, [], 0.02)):
                    return

    # Closing

    def client_closed(self) -> None:
        """The client has closed its socket: hear the rest, and stop."""
        with suppress(Exception):
            self.run()
            self.be_heard()
        self.close()
        self.join(_SHORTLY)

    def be_heard(self) -> None:
        """Wait until its thread, if it is driven by one, has heard what the client has said by now, and done it."""
        end = originals.now() + _HEARING
        while not self._is_heard() and originals.now() < end:
            originals.sleep(0.001)

    def _is_heard(self) -> bool:
        awaited = self._awaited
        if self.inline or self._closed or (awaited is not None and awaited != _READING):
            return True
        try:
            return awaited is not None and not originals.select([self._far], [], [], 0)[0]
        except (OSError, ValueError):  # it is closed
            return True

    def close(self) -> None:
        """Stop; the descriptor is closed as soon as no thread needs it."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._users > (threading.current_thread() in self._threads):
                with suppress(OSError):  # wakes them
                    self._far.shutdown(socket.SHUT_RDWR)
            elif not self._driven:
                self._give_up()

    @property
    def is_done(self) -> bool:
        """It is closed, and no thread of it runs."""
        return self._closed and not any(thread.is_alive() for thread in self._threads)

    def join(self, seconds: float = 5.0) -> None:
        """Wait for its threads, but not for ever: a function of the user's may run in one."""
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(seconds)

    def _give_up(self) -> None:
        with self._lock:
            if not self._users:
                if not self.inline:  # nobody else hears of its client's close
                    for key in [key for key, line in tuple(lines.items()) if line is self]:
                        del lines[key]
                self._driven = False
                self._far.close()
                if self._far_end is not None:
                    self._far_end.close()


def _refusal(error: BaseException) -> bytes:
    """What a client is told whose caller can't be raised into."""
    text = f"{type(error).__name__}: {error}\n".encode("utf-8", "replace")
    head = f"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + text
