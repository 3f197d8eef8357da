"""HTTP/1.1 at the far end: one request after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from netdouble._answering import steps_of
from netdouble._codec.http1 import Limits, MalformedRequest, ParsedRequest, RequestParser
from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelled_faults import spell_fault_for
from netdouble._codec.spelling import CONTINUE, spell, spell_for
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Response
from netdouble._core.websockets import Conversation
from netdouble._far_end.acts import Act, Tunnel
from netdouble._far_end.exchanges import Peer, carried_out, is_at_once
from netdouble.errors import DeclarationError


class Http1:
    """HTTP/1.1: one request after the other."""

    def __init__(self, peer: Peer, limits: Limits, grants: Callable[[str, int], bool] | None) -> None:
        self._peer, self._grants = peer, grants
        self._limits = limits
        self._parser = RequestParser(limits)
        self._talk: Any = None  # conversing.Talk, after a WebSocket handshake
        self._is_over = False
        self._fate: str | None = None  # of the request whose body is on its way; None: not asked yet

    @property
    def is_idle(self) -> bool:
        return self._talk is None and self._parser.idle

    @property
    def is_over(self) -> bool:
        return self._is_over or (self._talk is not None and self._talk.is_over)

    def hear(self, data: bytes) -> Iterator[Act]:
        if self._talk is not None:
            acts: Iterator[Act] = self._talk.hear(data)
            return acts
        if not self._is_over:
            self._parser.feed(data)
        return self._answers()

    def hear_end(self) -> Iterator[Act]:
        if self._talk is not None:
            yield from self._talk.hear_end()
            return
        if self._is_over:
            return
        self._is_over = True
        try:
            self._parser.eof()
        except MalformedRequest as error:
            yield from self._refused(error)
            return
        yield Ending.CLOSE

    def close(self) -> None:
        self._is_over = True
        if self._talk is not None:
            self._talk.close()

    def _answers(self) -> Iterator[Act]:
        while not self._is_over and self._talk is None:
            try:
                parsed = self._parser.next_request()
            except MalformedRequest as error:
                self._is_over = True
                yield from self._refused(error)
                return
            if parsed is None:
                progress = self._parser.progress
                if progress is None:
                    return
                parsed = self._doomed(*progress)
            if parsed is None:
                if self._parser.wants_continue:
                    self._parser.told_continue()
                    yield CONTINUE
                return
            if parsed.method == "CONNECT" and (tunnel := self._tunnel(parsed)) is not None:
                yield b"HTTP/1.1 200 Connection established\r\n\r\n"
                yield tunnel
                return
            self._is_over, self._fate = True, None  # until it went well
            call = self._peer.ask(parsed)
            answer = call.answer
            if is_at_once(answer):
                # What most requests get, without the generators that all the rest needs: a third of a server's time.
                script = spell_for(parsed, answer)
                call.close(response=answer)
                yield from script.pieces
                if script.ending is not Ending.KEEP_ALIVE:
                    yield script.ending
                    return
                self._is_over = _switches(parsed, answer.status)
            else:
                yield from self._answered(parsed, call)

    def _tunnel(self, parsed: ParsedRequest) -> Tunnel | None:
        """The tunnel that a CONNECT is granted; None: it is a request as any other."""
        asked = parsed.to_request("http", "", None).url
        if self._grants is None or not self._grants(asked.host, asked.port):
            return None
        self._is_over = True
        return Tunnel(asked.host, asked.port, self._parser.unread)

    def _doomed(self, come: int, length: int) -> ParsedRequest | None:
        """The request on its way, without its body, when a fault is to happen now, before the rest has come.

        Args:
            come, length: see `RequestParser.progress`.
        """
        if self._fate is None:
            self._fate = self._peer.fate(self._parser.so_far())
        # In the middle of the body: half of it has come; of chunks, some.
        is_due = self._fate == "request" or (self._fate == "request body" and come > 0 and 2 * come >= length)
        return self._parser.so_far() if is_due else None

    def _answered(self, parsed: ParsedRequest, call: Call) -> Iterator[Act]:
        saying = _Saying(parsed, self._peer, self._limits)
        for act in carried_out(call, saying):
            if act is Ending.KEEP_ALIVE:
                self._is_over = saying.talk is None and _switches(parsed, call.status or 0)
                break
            yield act
        if saying.talk is not None:
            self._talk = saying.talk
            yield from self._talk.begin(self._parser.unread)

    def _refused(self, error: MalformedRequest) -> Iterator[Act]:
        response = error.to_response()
        self._peer.note_malformed(error, self._parser.unread, response)
        yield from spell(response, method="GET", keep_alive=False).pieces
        yield Ending.CLOSE


class _Saying:
    """The answer to one request."""

    __slots__ = ("_limits", "_parsed", "_peer", "talk")

    def __init__(self, parsed: ParsedRequest, peer: Peer, limits: Limits) -> None:
        self._parsed, self._peer, self._limits = parsed, peer, limits
        self.talk: Any = None

    def response(self, response: Response) -> tuple[float, Iterator[Act]]:
        return _acts(spell_for(self._parsed, response))

    def fault(self, fault: Fault, response: Response | None) -> tuple[float, Iterator[Act]]:
        return _acts(spell_fault_for(self._parsed, fault, response))

    def conversation(self, call: Call, conversation: Conversation) -> Iterator[Act]:
        from netdouble._codec.websocket import handshake  # wsproto is an extra, and costs 40 ms
        from netdouble._far_end.conversing import Talk

        response = handshake(self._parsed.headers, conversation.subprotocols)
        call.close(response=response)
        if response.status == 101:
            self.talk = Talk(call, conversation, self._parsed.headers, self._limits)
        yield from self.response(response)[1]

    def passed(self, call: Call) -> Iterator[Act]:
        if call.request.url.scheme in {"ws", "wss"}:
            raise DeclarationError(
                f"{call.request} can't be let through: it came over a connection that netdouble answers, and what "
                "follows a WebSocket's handshake is not carried on to another one. Give the route a script or a peer"
            )
        yield from self._peer.passed(call, self._parsed.raw)
        yield Ending.KEEP_ALIVE if self._parsed.keep_alive else Ending.CLOSE


def _acts(script: Script) -> tuple[float, Iterator[Act]]:
    def acts() -> Iterator[Act]:
        yield from steps_of(script)
        yield script.ending

    return script.delay, acts()


def _switches(parsed: ParsedRequest, status: int) -> bool:
    """From here on another protocol is spoken (RFC 9110 sections 7.8 and 9.3.6): nobody here understands it."""
    return status == 101 or (parsed.method == "CONNECT" and 200 <= status < 300)
