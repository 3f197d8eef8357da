"""What `form=`, `files=`, `text=` and `content=` match: as spelled by hand, and as the real clients send it."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import importlib.util
import json as jsonlib
import re
import threading
from unittest.mock import ANY

import pytest
from dirty_equals import IsBytes, IsStr
from hypothesis import given
from hypothesis import strategies as st

from netdouble._core.bodies import Unreadable, multipart_parts
from netdouble._core.matchers import M, partial
from netdouble._core.matching import ABSENT
from netdouble._core.messages import Request

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XX"


def shown(value):
    """A test's id: the same in every process, so without addresses."""
    return re.sub(r" at (0x|/)\S+", "", repr(value))[:70]


def posted(body, content_type="", **headers):
    if content_type:
        headers["Content-Type"] = content_type
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.to("POST", "https://api.test/", headers=fields, body=body)


def part(disposition, content, *lines):
    head = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *lines])
    return f"--XX\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def multipart(*parts):
    return posted(b"".join(parts) + b"--XX--\r\n", MULTIPART)


UPLOAD = multipart(
    part('name="title"', "Bärbel".encode()),
    part('name="avatar"; filename="a.png"', b"\x89PNG\r\n\r\n--XX-\x00", "Content-Type: image/png; q=1"),
)
TWO = multipart(part('name="f"; filename="1"', b"one"), part('name="f"; filename="2"', b"two"))

MATCHES = [
    ({"form": {"a": "1", "b": 2}}, posted(b"b=2&a=1", FORM)),
    ({"form": {"a": "1"}}, posted(b"a=1")),
    ({"form": {}}, posted(b"")),
    ({"form": {"a": None}}, posted(b"")),
    ({"form": {"a": ["1", "2"]}}, posted(b"a=1&a=2", FORM)),
    ({"form": [("a", "1"), ("a", "2")]}, posted(b"a=1&a=2", FORM)),
    ({"form": "a=1&b=%C3%A4+x"}, posted(b"b=%C3%A4%20x&a=1", FORM)),
    ({"form": {"a": ANY, "b": re.compile("^x")}}, posted(b"a=&b=xy", FORM)),
    ({"form": partial({"a": "1"})}, posted(b"a=1&b=2", FORM)),
    ({"form": {"flag": ""}}, posted(b"flag", FORM)),
    ({"form": {"1": ""}}, posted(b"1", FORM)),
    ({"form": {"a": "1"}}, posted(gzip.compress(b"a=1"), FORM, content_encoding="gzip")),
    ({"form": {"title": "Bärbel"}}, UPLOAD),
    ({"form": partial({})}, UPLOAD),
    ({"files": {"avatar": b"\x89PNG\r\n\r\n--XX-\x00"}}, UPLOAD),
    ({"files": {"avatar": bytearray(b"\x89PNG\r\n\r\n--XX-\x00")}}, UPLOAD),
    ({"files": {"avatar": ANY}, "form": {"title": ANY}}, UPLOAD),
    ({"files": {"avatar": ("a.png", ANY)}}, UPLOAD),
    ({"files": {"avatar": (re.compile(r"\.png$"), ANY, "image/png")}}, UPLOAD),
    ({"files": {"avatar": (ANY, IsBytes, "image/png; q=1")}}, UPLOAD),
    ({"files": {"avatar": re.compile(rb"^\x89PNG")}}, UPLOAD),
    ({"files": {"avatar": re.compile("PNG")}}, UPLOAD),
    ({"files": {"avatar": ANY, "other": None}}, UPLOAD),
    ({"files": partial({})}, UPLOAD),
    ({"files": {"f": ["one", ("2", "two")]}}, TWO),
    ({"files": {}}, posted(b"a=1", FORM)),
    ({"files": {}}, posted(b"--XX--", MULTIPART)),
    ({"text": "häh"}, posted("häh".encode())),
    ({"text": "häh"}, posted("häh".encode("latin-1"), "text/plain; charset=latin-1")),
    ({"text": re.compile("^h")}, posted(b"hello")),
    ({"text": IsStr(regex="h.*")}, posted(b"hello")),
    ({"text": ""}, posted(b"")),
    ({"text": "a"}, posted(gzip.compress(b"a"), content_encoding="gzip")),
    ({"content": b"\x00\xff"}, posted(b"\x00\xff")),
    ({"content": memoryview(b"\x00\xff")}, posted(b"\x00\xff")),
    ({"content": re.compile(rb"^\x00")}, posted(b"\x00\xff")),
    ({"content": IsBytes}, posted(b"\x00\xff")),
    ({"content": b"plain"}, posted(gzip.compress(b"plain"), content_encoding="gzip")),
    ({"content": gzip.compress(b"plain", mtime=0)}, posted(gzip.compress(b"plain", mtime=0), content_encoding="gzip")),
]


@pytest.mark.parametrize(("conditions", "request_"), MATCHES, ids=shown)
def test_the_body_matches(conditions, request_):
    assert not M(**conditions).mismatches(request_)


MISSES = [
    ({"form": {"a": "1"}}, posted(b"a=1&b=2", FORM), [("form", "b", ABSENT, "2", "")]),
    ({"form": partial({"a": "1"})}, posted(b"b=2", FORM), [("form", "a", "1", ABSENT, "")]),
    ({"form": {"a": "1"}}, posted(b""), [("form", "a", "1", ABSENT, "the body is empty")]),
    ({"form": {"a": "1"}}, posted(b'{"a":1}'), [("form", "", {"a": "1"}, '{"a":1}', "the body is JSON")]),
    ({"form": {"a": "1"}}, posted(b'{"a":1}', FORM), [("form", "", {"a": "1"}, '{"a":1}', "the body is JSON")]),
    ({"form": {"a": "1"}}, posted(b"\xff="), [("form", "", {"a": "1"}, b"\xff=", "the body is bytes")]),
    (
        {"form": {"a": "1"}},
        posted(b"hello you"),
        [("form", "a", "1", ABSENT, "the body is text"), ("form", "hello you", ABSENT, "", "the body is text")],
    ),
    ({"form": {}}, UPLOAD, [("form", "title", ABSENT, "Bärbel", "")]),
    ({"files": {"avatar": b"x"}}, posted(b""), [("files", "", ..., ABSENT, "the body is empty, not multipart")]),
    ({"files": {"avatar": b"x"}}, posted(b"{}"), [("files", "", ..., "{}", "the body is JSON, not multipart")]),
    ({"files": {}}, UPLOAD, [("files", "avatar", ABSENT, ("a.png", b"\x89PNG\r\n\r\n--XX-\x00"), "")]),
    ({"files": partial({"avatar": "x"})}, UPLOAD, [("files", "avatar", "x", "\ufffdPNG\r\n\r\n--XX-\x00", "")]),
    (
        {"files": {"avatar": ("b.png", ANY, "image/gif")}},
        UPLOAD,
        [
            ("files", "avatar.filename", "b.png", "a.png", ""),
            ("files", "avatar.content_type", "image/gif", "image/png; q=1", ""),
        ],
    ),
    (
        {"files": partial({"title": ANY})},
        UPLOAD,
        [("files", "title", ..., ABSENT, "that part has no filename: it is a form field")],
    ),
    ({"files": {"f": [ANY, "three"]}}, TWO, [("files", "f[1]", "three", "two", "")]),
    ({"files": {"f": ANY}}, TWO, [("files", "f", ..., [("1", b"one"), ("2", b"two")], "")]),
    ({"files": partial({"f": None})}, TWO, [("files", "f", ABSENT, [("1", b"one"), ("2", b"two")], "")]),
    ({"text": "a"}, posted(b"b"), [("text", "", "a", "b", "")]),
    ({"text": "a"}, posted(b"a\n"), [("text", "", "a", "a\n", "")]),
    ({"content": b"a"}, posted(b"b"), [("content", "", b"a", b"b", "")]),
    (
        {"content": b"a"},
        posted(gzip.compress(b"b"), content_encoding="gzip"),
        [("content", "", b"a", b"b", "")],
    ),
]


@pytest.mark.parametrize(("conditions", "request_", "expected"), MISSES, ids=shown)
def test_the_body_s_differences_are_reported(conditions, request_, expected):
    found = [(m.criterion, m.where, m.expected, m.got, m.note) for m in M(**conditions).mismatches(request_)]
    # `...` where the table leaves the expected value open.
    assert [
        (c, w, ... if e is ... else x, g, n) for (c, w, x, g, n), (_, _, e, _, _) in zip(found, expected, strict=True)
    ] == expected


UNREADABLE = [
    (posted(b"--XX--", "multipart/form-data"), "has no boundary"),
    (posted(part('name="a"', b"1"), MULTIPART), "no closing boundary"),
    (posted(b"--YY--", MULTIPART), "no closing boundary"),
    (posted(b"", MULTIPART), "empty"),
]


@pytest.mark.parametrize(("request_", "said"), UNREADABLE)
def test_a_broken_multipart_body_says_what_is_broken(request_, said):
    (missed,) = M(files={"a": b"1"}).mismatches(request_)
    assert said in missed.note
    assert M(form={"a": "1"}).mismatches(request_)


SPELLINGS = [
    ('name="a"; filename="x.txt"', "a", "x.txt"),
    ("name=a; filename=x.txt", "a", "x.txt"),
    ('NAME="a" ; FileName="x.txt"', "a", "x.txt"),
    (r'name="a\"b"; filename="c\\d"', 'a"b', "c\\d"),
    ('name="a%22b"; filename="100%25%0D%0A"', 'a"b', "100%25\r\n"),
    ('name="a"; filename="x"; filename*=utf-8\'\'%C3%A4', "a", "ä"),
    ("name*=iso-8859-1'de'%E4; filename*=nonsense''x", "ä", "x"),
    ('name="ä"; filename=""', "ä", ""),
    ('name="semi;colon"', "semi;colon", None),
]


@pytest.mark.parametrize(("disposition", "name", "filename"), SPELLINGS)
def test_names_and_filenames_are_read_in_every_spelling(disposition, name, filename):
    (found,) = multipart_parts(multipart(part(disposition, b"")))
    assert (found.name, found.filename) == (name, filename)


def test_a_part_may_have_an_empty_head_and_delimiters_may_be_padded():
    body = b"preamble\r\n--XX \t\r\n\r\ncontent\r\n--XXX\r\n--XX--  \r\nepilogue --XX"
    (found,) = multipart_parts(posted(body, MULTIPART))
    assert (found.name, found.headers.fields, found.content) == ("", (), b"content\r\n--XXX")


contents = st.binary(max_size=12) | st.text("-X\r\n", max_size=12).map(str.encode)


@given(st.lists(st.tuples(st.text("ab", max_size=2), contents), max_size=4))
def test_multipart_contents_come_back_byte_for_byte(fields):
    from urllib3.filepost import encode_multipart_formdata

    body, content_type = encode_multipart_formdata([(name, ("f", data)) for name, data in fields], boundary="X-17-X")
    parts = multipart_parts(posted(body, content_type))
    assert not isinstance(parts, Unreadable)
    assert [(p.name, p.content) for p in parts] == fields


@given(st.binary(max_size=40), st.sampled_from([MULTIPART, FORM, "application/json", "text/plain", ""]))
def test_no_body_makes_a_matcher_raise(body, content_type):
    request = posted(body, content_type, content_encoding="gzip")
    for conditions in ({"json": 1}, {"form": {"a": "1"}}, {"files": {"a": "1"}}, {"text": "1"}, {"content": b"1"}):
        assert M(**conditions).mismatches(request) or body


# As the clients really send it.


class Echo(http.server.BaseHTTPRequestHandler):
    """Keeps what was posted."""

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append(Request.to("POST", "http://127.0.0.1/", headers=self.headers.items(), body=body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Echo) as running:
        running.kept = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def by_requests(url, **body):
    import requests

    with requests.Session() as session:
        session.trust_env = False
        session.post(url, **body)


def by_httpx(url, **body):
    import httpx

    with httpx.Client(trust_env=False) as client:
        client.post(url, **body)


def by_httpx2(url, **body):
    import httpx2

    with httpx2.Client(trust_env=False) as client:
        client.post(url, **body)


def by_urllib3(url, *, data=None, files=None, json=None):
    import urllib3

    with urllib3.PoolManager() as pool:
        if json is not None:
            pool.request("POST", url, body=jsonlib.dumps(json))
        else:
            pool.request("POST", url, fields={**(data or {}), **(files or {})}, encode_multipart=files is not None)


def by_aiohttp(url, *, data=None, files=None, json=None):
    import aiohttp

    async def post():
        form = None if json is not None else aiohttp.FormData(data or {})
        for name, (filename, content, content_type) in (files or {}).items():
            form.add_field(name, content, filename=filename, content_type=content_type)
        async with aiohttp.ClientSession() as session, session.post(url, data=form, json=json):
            pass

    asyncio.run(post())


CLIENTS = [by_requests, by_httpx, by_urllib3, by_aiohttp]
if importlib.util.find_spec("httpx2"):  # from Python 3.11 on
    CLIENTS.append(by_httpx2)
FILENAMES = ["plain.txt", "two words.txt", "ä ö.txt", 'quo"te.txt', "50%.txt", "semi;colon.txt"]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.__name__.removeprefix("by_"))
def send(request, server):
    def one(**body):
        request.param(f"http://127.0.0.1:{server.server_port}/", **body)
        return server.kept.pop()

    return one


@pytest.mark.parametrize("filename", FILENAMES)
def test_a_client_s_upload_matches(send, filename):
    content = b"\r\n--line\r\n\x00\xff\r\n"
    sent = send(data={"title": "Bärbel & co"}, files={"up": (filename, content, "image/png")})
    assert not M(files={"up": (filename, content, "image/png")}, form={"title": "Bärbel & co"}).mismatches(sent)
    assert M(files={"up": ("another.txt", content)}).mismatches(sent)
    assert M(files={"up": content[:-2]}).mismatches(sent)


def test_a_client_s_form_matches(send):
    sent = send(data={"a": "1 2", "ü": "ä&="})
    assert not M(form={"a": "1 2", "ü": "ä&="}).mismatches(sent)
    assert M(form={"a": "1 2"}).mismatches(sent)


def test_a_client_s_json_matches(send):
    sent = send(json={"name": "Bärbel", "tags": [1, None]})
    assert not M(json={"name": "Bärbel", "tags": [1, None]}).mismatches(sent)
    assert M(json={"name": "Bärbel", "tags": [True, None]}).mismatches(sent)
