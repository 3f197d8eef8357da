"""What a declared URL matches, in which way another one differs, and which declarations are refused."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdouble._core.matching import ABSENT, MATCHED
from netdouble._core.messages import Request
from netdouble._core.regex_starts import literal_starts
from netdouble._core.url_patterns import RegexUrl, UrlPattern, compile_url
from netdouble._core.urls import parse_url
from netdouble.errors import DeclarationError

Declared = Any


def differences(pattern: UrlPattern, url: str) -> list[tuple[str, object, object]]:
    """Criterion (with its place), expected and got, as a report shows them."""
    return [(f"{m.criterion} {m.where}".strip(), m.expected, m.got) for m in pattern.mismatches(Request.to("GET", url))]


MATCHING = [
    # exact
    ("https://h.test/users/7", "https://h.test/users/7", {}),
    ("HTTPS://H.test:443/%7eu/../users/7#top", "https://h.test/users/7", {}),
    ("https://h.test", "https://h.test/", {}),
    ("https://h.test/", "https://h.test", {}),
    ("https://h.test/a b", "https://h.test/a%20b", {}),
    ("https://h.test:8443/", "https://h.test:8443/", {}),
    ("http://[::1]:80/", "http://[0:0:0:0:0:0:0:1]/", {}),
    ("https://b\u00fccher.test/", "https://xn--bcher-kva.test/", {}),
    ("mock://anything/x", "mock://anything/x", {}),
    ("https://user:secret@h.test/", "https://h.test/", {}),
    (parse_url("https://h.test/%7Bid%7D"), "https://h.test/{id}", {}),
    (None, "ftp://whatever.test/x?y", {}),
    # query: none is any; else exact, free in order
    ("https://h.test/", "https://h.test/?a=1&b", {}),
    ("https://h.test/?", "https://h.test/?a=1", {}),
    ("https://h.test/?a=1&b=2", "https://h.test/?b=2&a=1", {}),
    ("https://h.test/?a=2&a=1", "https://h.test/?a=1&a=2", {}),
    ("https://h.test/?a", "https://h.test/?a=", {}),
    ("https://h.test/?q=a b", "https://h.test/?q=a+b", {}),
    ('https://h.test/?q={"a":1}', "https://h.test/?q=%7B%22a%22%3A1%7D", {}),
    # templates
    ("https://h.test/users/{id}", "https://h.test/users/7", {"id": "7"}),
    ("https://h.test/users/{id}", "https://h.test/users/a%2Fb%20c", {"id": "a/b c"}),
    ("https://h.test/users/{id:int}", "https://h.test/users/-07", {"id": -7}),
    ("https://h.test/{x:float}", "https://h.test/1.5", {"x": 1.5}),
    ("https://h.test/{x:float}", "https://h.test/2", {"x": 2.0}),
    ("https://h.test/{x:uuid}", f"https://h.test/{UUID(int=5)}", {"x": UUID(int=5)}),
    ("https://h.test/files/{rest:path}", "https://h.test/files/a/b%20c/", {"rest": "a/b c/"}),
    ("https://h.test/{rest:path}/meta", "https://h.test/a/b/meta", {"rest": "a/b"}),
    ("https://h.test/{a}/{b}", "https://h.test/1/2", {"a": "1", "b": "2"}),
    ("https://h.test/{name}.json", "https://h.test/a.b.json", {"name": "a.b"}),
    ("https://h.test/v{n:int}/ops/{id}:cancel", "https://h.test/v2/ops/x:cancel", {"n": 2, "id": "x"}),
    ("https://h.test/{user-id}", "https://h.test/7", {"user-id": "7"}),
    ("https://h.test/a b/{id}/%7e", "https://h.test/a%20b/1/~", {"id": "1"}),
    ("https://h.test/{id}?a=1&b=2", "https://h.test/7?b=2&a=1", {"id": "7"}),
    ("https://h.test/qz0q/{id}", "https://h.test/qz0q/7", {"id": "7"}),
    ("https://h.test/.+/{id}", "https://h.test/.+/7", {"id": "7"}),
    # hosts
    ("https://*.example.test/x", "https://a.example.test/x", {}),
    ("https://*.example.test/x", "https://a.b.example.test/x", {}),
    ("https://*.EXAMPLE.test:8443/x", "https://a.example.test:8443/x", {}),
    ("https://{tenant}.example.test/{id}", "https://acme.example.test/7", {"tenant": "acme", "id": "7"}),
    ("https://{t}-api.{r}.x.test/", "https://q-api.eu.x.test/", {"t": "q", "r": "eu"}),
    ("https://*.{r}.x.test/", "https://a.b.eu.x.test/", {"r": "eu"}),
    ("https://*.b\u00fccher.test/", "https://a.xn--bcher-kva.test/", {}),
    # regexes: searched in the whole normalised URL
    (re.compile(r"/users/\d+$"), "https://h.test/users/7", {}),
    (re.compile(r"^https://h\.test/\?a=1$"), "HTTPS://h.test:443?a=1#x", {}),
    (re.compile(r"HTTPS://H\.TEST", re.IGNORECASE), "https://h.test/", {}),
    (re.compile(r"/users/(?P<id>[^/]+)"), "https://h.test/users/a%20b", {"id": "a%20b"}),
    (re.compile(r"https://a\.test/"), "https://proxy.test/?to=https://a.test/", {}),
]


@pytest.mark.parametrize(("declared", "url", "captures"), MATCHING)
def test_a_declared_url_matches_every_spelling_of_it(declared: Declared, url: str, captures: dict[str, Any]) -> None:
    pattern = compile_url(declared)
    assert pattern.mismatches(Request.to("GET", url)) is MATCHED
    assert pattern.captures(parse_url(url)) == captures


DIFFERING = [
    ("https://h.test/users/", "https://h.test/users", [("path", "/users/", "/users")]),
    ("https://h.test/users", "https://h.test/Users", [("path", "/users", "/Users")]),
    ("https://h.test/", "http://h.test/", [("scheme", "https", "http")]),
    ("https://h.test/", "https://h.test:8443/", [("port", 443, 8443)]),
    ("https://h.test:8443/", "http://h.test/", [("scheme", "https", "http"), ("port", 8443, 80)]),
    ("https://h.test/", "https://g.test/", [("host", "h.test", "g.test")]),
    ("http://a.test/x?q=1", "https://b.test:1/y?q=2", [
        ("scheme", "http", "https"), ("host", "a.test", "b.test"), ("port", 80, 1), ("path", "/x", "/y"),
        ("query q", "1", "2")]),
    ("https://h.test/?a=1", "https://h.test/", [("query a", "1", ABSENT)]),
    ("https://h.test/?a=1", "https://h.test/?a=1&b=2", [("query b", ABSENT, "2")]),
    ("https://h.test/?a=1", "https://h.test/?a=1&a=1", [("query a", "1", ["1", "1"])]),
    ("https://h.test/users/{id}", "https://h.test/users/", [("path", "/users/{id}", "/users/")]),
    ("https://h.test/users/{id}", "https://h.test/users/7/", [("path", "/users/{id}", "/users/7/")]),
    ("https://h.test/users/{id}", "https://h.test/Users/7", [("path", "/users/{id}", "/Users/7")]),
    ("https://h.test/{id:int}", "https://h.test/x", [("path", "/{id:int}", "/x")]),
    ("https://h.test/{id:int}", "https://h.test/\u0663", [("path", "/{id:int}", "/%D9%A3")]),
    ("https://h.test/{id:uuid}", "https://h.test/7", [("path", "/{id:uuid}", "/7")]),
    ("https://h.test/f/{rest:path}", "https://h.test/f/", [("path", "/f/{rest:path}", "/f/")]),
    ("https://h.test/{a}.json", "https://h.test/7xjson", [("path", "/{a}.json", "/7xjson")]),
    ("https://*.x.test/", "https://x.test/", [("host", "*.x.test", "x.test")]),
    ("https://*.x.test/", "https://ax.test/", [("host", "*.x.test", "ax.test")]),
    ("https://{t}.x.test/", "https://a.b.x.test/", [("host", "{t}.x.test", "a.b.x.test")]),
    ("https://*.x.test/", "https://a.x.test.evil.test/", [("host", "*.x.test", "a.x.test.evil.test")]),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "url", "expected"), DIFFERING)
def test_every_part_that_differs_is_named(declared: str, url: str, expected: list[tuple[str, object, object]]) -> None:
    pattern = compile_url(declared)
    assert differences(pattern, url) == expected


def test_a_regex_differs_as_a_whole() -> None:
    regex = re.compile(r"/users/\d+$")
    assert differences(compile_url(regex), "https://h.test/users/x") == [("url", regex, "https://h.test/users/x")]
    assert compile_url(regex).captures(parse_url("https://h.test/users/x")) == {}


def test_a_template_that_does_not_match_captures_nothing() -> None:
    assert compile_url("https://h.test/{id:int}").captures(parse_url("https://h.test/x")) == {}


JOINED = [
    ("https://h.test", "/users", "https://h.test/users"),
    ("https://h.test/", "/users", "https://h.test/users"),
    ("https://h.test/v1", "/users/{id}", "https://h.test/v1/users/{id}"),
    ("https://h.test/v1/", "/", "https://h.test/v1/"),
    ("https://h.test/v1", "", "https://h.test/v1"),
    ("https://h.test/v1/", "", "https://h.test/v1/"),
    ("https://h.test/v1", "?a=1", "https://h.test/v1?a=1"),
    ("https://*.x.test/{v}", "/users", "https://*.x.test/{v}/users"),
    ("https://h.test/v1", "https://g.test/x", "https://g.test/x"),
]


@pytest.mark.parametrize(("base", "url", "text"), JOINED)
def test_a_path_is_joined_with_its_base_as_text(base: str, url: str, text: str) -> None:
    assert compile_url(url, base=base) == compile_url(text)
    assert compile_url(url, base=base).text == text


def test_a_regex_and_a_literal_url_ignore_the_base() -> None:
    for url in (re.compile("/x"), parse_url("https://g.test/x")):
        assert compile_url(url, base="https://h.test") == compile_url(url)


def test_on_a_server_a_path_alone_means_any_host() -> None:
    pattern = compile_url("/users/{id}?a=1", path_only=True)
    for origin in ("http://127.0.0.1:5000", "https://h.test"):
        assert differences(pattern, f"{origin}/users/7?a=1") == []
        assert differences(pattern, f"{origin}/x") == [("path", "/users/{id}", "/x"), ("query a", "1", ABSENT)]
    assert not pattern.names_host("127.0.0.1", 5000)
    assert compile_url("/x", base="/api", path_only=True).text == "/api/x"
    assert differences(compile_url("https://h.test/x", path_only=True), "https://g.test/x") != []


NAMED = [
    ("https://h.test/x", "h.test", 443, True),
    ("https://h.test/x", "h.test", 80, False),
    ("https://h.test/x", "g.test", 443, False),
    ("https://*.x.test/x", "a.b.x.test", 443, True),
    ("https://*.x.test/x", "x.test", 443, False),
    ("http://{t}.x.test:81/x", "a.x.test", 81, True),
    (None, "h.test", 443, False),
    (re.compile(r"https://h\.test/"), "h.test", 443, False),
]


@pytest.mark.parametrize(("declared", "host", "port", "named"), NAMED)
def test_a_literal_or_wildcard_host_names_a_host(declared: Declared, host: str, port: int, named: bool) -> None:
    assert compile_url(declared).names_host(host, port) is named


def test_whether_a_query_was_declared_is_known() -> None:
    for declared, there in (
        ("https://h.test/?a", True),
        ("https://h.test/", False),
        (None, False),
        (re.compile("?"[1:]), False),
    ):
        assert compile_url(declared).query_declared is there


REFUSED = [
    # (url, keywords, what the text must say)
    ("/users", {}, 'write "https://HOST/users", or net.at("https://HOST")'),
    ("api.h.test/x", {}, 'did you mean "https://api.h.test/x"?'),
    ("localhost:8000/x", {}, 'did you mean "http://localhost:8000/x"?'),
    ("127.0.0.1:80", {}, 'did you mean "http://127.0.0.1:80"?'),
    ("https:/h.test/x", {}, 'did you mean "https://h.test/x"?'),
    ("https//h.test/x", {}, 'did you mean "https://h.test/x"?'),
    ("//h.test/x", {}, 'did you mean "https://h.test/x"?'),
    (" https://h.test/ ", {}, 'did you mean "https://h.test/"?'),
    ("users", {}, 'did you mean "https://HOST/users"?'),
    ("users", {"base": "https://h.test"}, 'did you mean "/users"?'),
    ("users", {"path_only": True}, 'did you mean "https://HOST/users"?'),
    ("//h.test/x", {"base": "https://g.test"}, 'did you mean "https://h.test/x"?'),
    ("//h.test/x", {"path_only": True}, 'did you mean "https://h.test/x"?'),
    ("", {}, "it is empty"),
    ("/x", {"base": "h.test"}, 'did you mean "https://h.test/x"?'),
    ("/x", {"base": "https://h.test?a=1"}, "a base is scheme, host and path"),
    (None, {"base": "https://h.test"}, '"/{rest:path}"'),
    (r"^https://h\.test/", {}, "pass re.compile('^https://h"),
    (7, {}, "not int: write str(url)"),
    ("htps://h.test/", {}, 'did you mean "https"?'),
    ("https:///x", {}, "it has no host"),
    ("https://:80/x", {}, "it has no host"),
    ("https://h.test:99999/", {}, 'the port "99999" is not a number from 1 to 65535'),
    ("https://h.test:0/", {}, 'the port "0" is not'),
    ("https://h.test:http/", {}, 'the port "http" is not'),
    ("https://h.test:{port}/", {}, "a field can't stand for the port"),
    ("https://::1/", {}, "an IPv6 host stands in brackets"),
    ("https://[::1]x/", {}, "an IPv6 host stands in brackets"),
    ("https://a]b/", {}, "']' can't stand in a host"),
    ("https://h test/", {}, "' ' can't stand in a host"),
    ("https://evil\u2100.test/", {}, "not a host"),
    ("https://h.test/{id}/{id}", {}, 'the name "id" stands in it twice'),
    ("https://{id}.h.test/{id}", {}, 'the name "id" stands in it twice'),
    ("https://h.test/{id:integer}", {}, "there are path, int, float, uuid: {id} or {id:path}"),
    ("https://h.test/{id", {}, "a brace has no partner"),
    ("https://h.test/id}", {}, "a brace has no partner"),
    ("https://h.test/{{id}}", {}, "a brace has no partner"),
    ("https://h.test/{}", {}, '"{}" is no field'),
    ("https://h.test/{0}", {}, '"{0}" is no field'),
    ("https://h.test/{a}{b}", {}, "two fields touch"),
    ("https://h.test/{a}/..", {}, "takes a field away"),
    ("https://h.test/?page={n}", {}, 'query={"n": ...}'),
    ("https://h.test/?{n:int}=1", {}, 'query={"n": ...}'),
    ("https://h.test/users/*", {}, '"*" is no wildcard in a path; write {name}'),
    ("https://h.test/**/x", {}, '"*" is no wildcard in a path'),
    ("https://h.test/users/:id", {}, '":id" is no field; write {id}'),
    ("https://h.test/users/<id>/x", {}, '"<id>" is no field; write {id}'),
    ("https://h.test/users/<int:id>", {}, '"<int:id>" is no field; write {id}'),
    ("https://h.test/users ", {}, "ends with a blank: drop it, or write %20"),
    ("https://*/x", {}, 'as in "*.example.com"'),
    ("https://*x.test/", {}, 'as in "*.example.com"'),
    ("https://a.*.test/", {}, 'as in "*.example.com"'),
    ("https://{host}/x", {}, "its last label is literal"),
    ("https://api.{tld}/x", {}, "its last label is literal"),
    ("https://{id:int}.x.test/", {}, "a field of a host has no converter"),
    (re.compile(b"x"), {}, "a regex of bytes: drop the b"),
    (re.compile("https://API.h.test/"), {}, "pass re.IGNORECASE"),
    (re.compile("https://h:443/"), {}, 'drop ":443"'),
    (re.compile("http://h:80/"), {}, 'drop ":80"'),
    (re.compile("https://h/x#top"), {}, "no fragment"),
    (re.compile("^/users"), {}, 'or drop the "^"'),
    (re.compile(r"\Ah\.test/"), {}, 'or drop the "^"'),
]


@pytest.mark.parametrize(("url", "keywords", "text"), REFUSED)
def test_a_url_that_could_not_work_is_refused_with_the_repair(url: Declared, keywords: Any, text: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        compile_url(url, **keywords)
    assert text in str(refused.value)


REPAIRS = [url for url, keywords, text in REFUSED if "did you mean" in text and not keywords and "://" not in str(url)]


@pytest.mark.parametrize("url", REPAIRS)
def test_the_url_that_a_refusal_proposes_is_accepted(url: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        compile_url(url)
    proposed = re.search(r'did you mean "([^"]+)"', str(refused.value))
    assert proposed is not None
    assert compile_url(proposed[1]).text == proposed[1]


ALIVE = [
    "https://h/x:443/",
    "https://h:4430/",
    "http://h:443/",
    "https://h:443",
    "^https?",
    "^h",
    "^https:/",
    "/API/",
    "https://h/A",
]


@pytest.mark.parametrize("pattern", ALIVE)
def test_a_regex_that_may_match_is_not_refused(pattern: str) -> None:
    assert compile_url(re.compile(pattern)).text == pattern


STARTS = [
    (r"https?://api\.test/\d+", ("http://api.test/", "https://api.test/")),
    (r"^https://(api|www)\.x\.test/", ("https://api.x.test/", "https://www.x.test/")),
    (r"\Ahttps://h/(?P<id>\d+)", ("https://h/",)),
    (r"^ht*ps", ("h",)),
    (r"https://h/(?:x|)y", ("https://h/xy", "https://h/y")),
    (r"https://h/(?:a(?:b)?)?c", ("https://h/c", "https://h/ac", "https://h/abc")),
    (r"https://h/[ab]c", ("https://h/",)),
    (r"https://h(?=x)", ("https://h",)),
    ("(?x) https :// h /  # comment", ("https://h/",)),
    # nothing certain, or not findable by it
    (r"(?i)https://h/", ()),
    (r"(?i:https)://h/", ()),
    (r"/users/", ()),
    (r"ttps://h/", ()),
    (r"(^https://h/|x)", ()),
    (r"", ()),
    (r"https://h/|/users", ()),
    (r"(?<!x)https://h/", ()),
]


@pytest.mark.parametrize(("pattern", "starts"), STARTS)
def test_a_regex_is_found_by_the_text_it_begins_with(pattern: str, starts: tuple[str, ...]) -> None:
    compiled = compile_url(re.compile(pattern))
    assert isinstance(compiled, RegexUrl)
    assert sorted(compiled.starts) == sorted(starts)


def test_a_regex_with_too_many_beginnings_keeps_the_common_one() -> None:
    compiled = compile_url(re.compile("https://h/(ab|cd|ef|gh)(ij|kl|mn|op)(qr|st|uv|wx)"))
    assert isinstance(compiled, RegexUrl)
    assert len(compiled.starts) == 16


PIECES = [
    "a",
    "b",
    "^",
    r"\A",
    "(",
    "(?:",
    ")",
    "|",
    "?",
    "*",
    "??",
    "+",
    "{2}",
    ".",
    "[ab]",
    r"\b",
    "(?=a)",
    "(?i:a)",
    "$",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text("abAB", max_size=6))
def test_every_match_begins_with_one_of_the_starts(pattern: str, text: str) -> None:
    try:
        regex = re.compile(pattern)
    except re.error:
        return
    starts, anchored = literal_starts(regex)
    for match in regex.finditer(text):
        assert not starts or text.startswith(starts, match.start())
        assert not anchored or match.start() == 0


SEGMENT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}*"), min_size=1, max_size=6).filter(
    lambda text: text not in {".", ".."}
)


@given(st.lists(SEGMENT, min_size=1, max_size=4), st.data())
def test_a_template_captures_what_was_put_into_it(values: list[str], data: st.DataObject) -> None:
    from urllib.parse import quote

    fields = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    template = "/".join(
        f"{{f{i}}}" if here else quote(value, safe="")
        for i, (value, here) in enumerate(zip(values, fields, strict=True))
    )
    url = parse_url("https://h.test/" + "/".join(quote(value, safe="") for value in values))
    pattern = compile_url(f"https://h.test/{template}")
    assert pattern.mismatches(Request.to("GET", url)) == MATCHED
    assert pattern.captures(url) == {f"f{i}": v for i, (v, here) in enumerate(zip(values, fields, strict=True)) if here}


def test_patterns_are_values() -> None:
    for declared in ("https://h.test/{id}?a=1", "https://*.h.test/", None, re.compile("x")):
        assert compile_url(declared) == compile_url(declared)
        assert hash(compile_url(declared)) == hash(compile_url(declared))
        with pytest.raises(AttributeError):
            compile_url(declared).text = "x"
    assert compile_url("https://h.test/{id}") != compile_url("https://h.test/{name}")
