"""h11 writes requests and reads them beside us: the same is understood, in whatever pieces, whatever is damaged."""

from __future__ import annotations

import h11
from hypothesis import given
from hypothesis import strategies as st

from netdouble._codec.http1 import MalformedRequest, ParsedRequest, RequestParser
from netdouble._core.headers import Headers


def parse_all(pieces: list[bytes]) -> list[ParsedRequest]:
    """Every request found, asking after each piece."""
    parser, found = RequestParser(), []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next_request()) is not None:
            found.append(request)
    return found


NAMES = st.text("abcXYZ019-_!#~", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"host", "content-length", "transfer-encoding", "connection", "expect"}
)
VALUES = st.text([*map(chr, range(0x20, 0x7F)), "\t", "\x80", "\xe9", "\xff"], max_size=20).map(
    lambda x: x.strip(" \t")
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
TARGETS = st.text([chr(x) for x in range(0x21, 0x7F)], max_size=30).map(lambda x: "/" + x)
METHODS = st.sampled_from(["GET", "POST", "PUT", "QUERY", "get", "X-Odd", "DELETE"])


@st.composite
def exchanges(draw):
    """What a client has to say: method, target, header fields, body chunks, trailer fields, connection option."""
    chunked = draw(st.booleans())
    chunks = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    option = draw(st.sampled_from(["", "close", "keep-alive", "Close, TE"]))
    fields = [("Host", "x.test"), *draw(FIELDS)]
    if option:
        fields.append(("Connection", option))
    if chunked:
        fields.insert(1, ("Transfer-Encoding", "chunked"))
    elif chunks or draw(st.booleans()):
        fields.append(("Content-Length", str(sum(map(len, chunks)))))
    trailers = draw(FIELDS) if chunked else []
    return draw(METHODS), draw(TARGETS), fields, chunks, trailers, "close" not in option.lower()


def by_h11(method, target, fields, chunks, trailers) -> bytes:
    client = h11.Connection(h11.CLIENT)
    data = client.send(h11.Request(method=method, target=target, headers=latin(fields)))
    for chunk in chunks:
        data += client.send(h11.Data(chunk))
    return data + client.send(h11.EndOfMessage(headers=latin(trailers)))


def latin(fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in fields]


@given(exchanges())
def test_what_h11_writes_is_read_as_it_was_meant(exchange):
    method, target, fields, chunks, trailers, keep_alive = exchange
    request = parse_all([by_h11(*exchange[:5])])[0]
    assert (request.method, request.target, request.http_version) == (method, target, "1.1")
    assert list(request.headers.fields) == fields
    assert list(request.trailers.fields) == trailers
    assert request.body == b"".join(chunks)
    assert request.keep_alive is keep_alive


@given(st.lists(exchanges(), min_size=1, max_size=3), st.data())
def test_the_pieces_in_which_bytes_come_make_no_difference(exchange, data):
    exchange[:-1] = [x for x in exchange[:-1] if x[5]]
    stream = b"".join(by_h11(*x[:5]) for x in exchange)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    found = parse_all(pieces)
    assert found == parse_all([stream])
    assert b"".join(request.raw for request in found) == stream


REFUSED, UNFINISHED = "refused", "unfinished"
# h11 respells these two (`Content-Length: 1,1` is `1` to it); that they were understood shows in the body.
FRAMING = {b"content-length", b"transfer-encoding"}


def read_by_h11(data: bytes):
    """Method, target, fields, body and trailers as an h11 server reads them, or one of the two words."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request, body = None, b""
    while True:
        try:
            event = server.next_event()
        except h11.RemoteProtocolError:
            return REFUSED
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            fields = [(name, value) for name, value in request.headers if name not in FRAMING]
            return (request.method, request.target, fields, body, list(event.headers))
        else:
            return UNFINISHED


def read_by_us(data: bytes):
    """The same of ours."""
    parser = RequestParser()
    parser.feed(data)
    try:
        request = parser.next_request()
    except MalformedRequest:
        return REFUSED
    if request is None:
        return UNFINISHED
    fields = [(name, value) for name, value in lowered(request.headers) if name not in FRAMING]
    return (request.method.encode(), request.target.encode("latin-1"), fields, request.body, lowered(request.trailers))


def lowered(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in latin(headers.fields)]


CRITICAL = st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b";", b",", b"0", b"1", b"a", b"\0", b"\xff",
                            b"\r\n ", b"chunked", b"HTTP/1.0", b"Content-Length: 3\r\n"])  # fmt: skip


@given(exchanges(), st.data())
def test_damaged_bytes_are_refused_or_read_as_h11_reads_them(exchange, data):
    damaged = bytearray(by_h11(*exchange[:5]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 2))] = data.draw(CRITICAL)
    ours, theirs = read_by_us(bytes(damaged)), read_by_h11(bytes(damaged))
    assert REFUSED in (ours, theirs) or ours == theirs
