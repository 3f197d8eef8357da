"""HTTP/1.1 at the far end: one request after the other."""

from __future__ import annotations

from collections.abc import Iterator

from netdouble._answering import steps_of
from netdouble._codec.http1 import Limits, MalformedRequest, ParsedRequest, RequestParser
from netdouble._codec.spelling import CONTINUE, Ending, Script, spell, spell_fault
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Response
from netdouble._far_end.acts import Act, Tunnel
from netdouble._far_end.exchanges import Peer, carried_out


class Http1:
    """HTTP/1.1: one request after the other."""

    def __init__(self, peer: Peer, limits: Limits, proxies: bool) -> None:
        self._peer, self._proxies = peer, proxies
        self._parser = RequestParser(limits)
        self.is_over = False

    @property
    def is_idle(self) -> bool:
        return self._parser.idle

    def hear(self, data: bytes) -> Iterator[Act]:
        if not self.is_over:
            self._parser.feed(data)
        return self._answers()

    def hear_end(self) -> Iterator[Act]:
        if self.is_over:
            return
        self.is_over = True
        try:
            self._parser.eof()
        except MalformedRequest as error:
            yield from self._refused(error)
            return
        yield Ending.CLOSE

    def _answers(self) -> Iterator[Act]:
        while not self.is_over:
            try:
                parsed = self._parser.next_request()
            except MalformedRequest as error:
                self.is_over = True
                yield from self._refused(error)
                return
            if parsed is None:
                if self._parser.wants_continue:
                    self._parser.told_continue()
                    yield CONTINUE
                return
            if self._proxies and parsed.method == "CONNECT":
                self.is_over = True
                asked = parsed.to_request("http", "", None).url
                yield b"HTTP/1.1 200 Connection established\r\n\r\n"
                yield Tunnel(asked.host, asked.port, self._parser.unread)
                return
            yield from self._answered(parsed)

    def _answered(self, parsed: ParsedRequest) -> Iterator[Act]:
        self.is_over = True  # until it went well
        call = self._peer.ask(parsed)
        for act in carried_out(call, _Saying(parsed, self._peer)):
            if act is Ending.KEEP_ALIVE:
                self.is_over = _switches(parsed, call)
                return
            yield act

    def _refused(self, error: MalformedRequest) -> Iterator[Act]:
        response = error.to_response()
        self._peer.note_malformed(error, self._parser.unread, response)
        yield from spell(response, method="GET", keep_alive=False).pieces
        yield Ending.CLOSE


class _Saying:
    """The answer to one request."""

    __slots__ = ("_parsed", "_peer")

    def __init__(self, parsed: ParsedRequest, peer: Peer) -> None:
        self._parsed, self._peer = parsed, peer

    def response(self, response: Response) -> tuple[float, Iterator[Act]]:
        parsed = self._parsed
        return _acts(spell(response, method=parsed.method.upper(), http_version=parsed.http_version,
                           keep_alive=parsed.keep_alive))  # fmt: skip

    def fault(self, fault: Fault, response: Response | None) -> tuple[float, Iterator[Act]]:
        parsed = self._parsed
        return _acts(spell_fault(fault, response, method=parsed.method.upper(), http_version=parsed.http_version))

    def passed(self, call: Call) -> Iterator[Act]:
        yield from self._peer.passed(call, self._parsed.raw)
        yield Ending.KEEP_ALIVE if self._parsed.keep_alive else Ending.CLOSE


def _acts(script: Script) -> tuple[float, Iterator[Act]]:
    def acts() -> Iterator[Act]:
        yield from steps_of(script)
        yield script.ending

    return script.delay, acts()


def _switches(parsed: ParsedRequest, call: Call) -> bool:
    """From here on another protocol is spoken (RFC 9110 sections 7.8 and 9.3.6): nobody here understands it."""
    status = call.status or 0
    return status == 101 or (parsed.method == "CONNECT" and 200 <= status < 300)
