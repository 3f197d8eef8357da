"""One spelling for every URL, whichever client spelled it."""

from __future__ import annotations

import pickle

import httpx
import pytest
import requests
import yarl
from hypothesis import example, given
from hypothesis import strategies as st

from netdouble._core.urls import URL, join_url, parse_pairs, parse_url

SAME = [
    # scheme and host: case-free (RFC 3986 section 6.2.2.1)
    ("HTTPS://API.Example.TEST/a", "https://api.example.test/a"),
    ("https://h.test", "https://h.test/"),
    ("https://h.test?a=1", "https://h.test/?a=1"),
    ("https://h.test.", "https://h.test/"),
    ("https://user:secret@h.test/", "https://h.test/"),
    ("https://user:p@ss@h.test/", "https://h.test/"),
    # default ports (section 6.2.3)
    ("https://h.test:443/", "https://h.test/"),
    ("http://h.test:80/", "http://h.test/"),
    ("http://h.test:/", "http://h.test/"),
    ("http://h.test:443/", "http://h.test:443/"),
    ("ws://h.test:80/", "ws://h.test/"),
    ("mock://h.test/a", "mock://h.test/a"),
    # the fragment is the client's own business
    ("https://h.test/a#b?c", "https://h.test/a"),
    ("https://h.test#b", "https://h.test/"),
    ("https://h.test/?a=1#b", "https://h.test/?a=1"),
    # escapes (sections 6.2.2.1 and 6.2.2.2)
    ("https://h.test/%7euser/%61", "https://h.test/~user/a"),
    ("https://h.test/a%2fb", "https://h.test/a%2Fb"),
    ("https://h.test/caf\u00e9", "https://h.test/caf%C3%A9"),
    ("https://h.test/a b", "https://h.test/a%20b"),
    ("https://h.test/100%", "https://h.test/100%25"),
    ("https://h.test/%zz", "https://h.test/%25zz"),
    ("https://h.test/a|[b]", "https://h.test/a%7C%5Bb%5D"),
    ("https://h.test/?q=a%2bb c", "https://h.test/?q=a%2Bb%20c"),
    ("https://h.test/?q=a+b", "https://h.test/?q=a+b"),
    ("https://h%61.test/", "https://ha.test/"),
    ("https://h.test/?", "https://h.test/"),
    # dot segments (section 6.2.2.3)
    ("https://h.test/a/../b/./c", "https://h.test/b/c"),
    ("https://h.test/../../a", "https://h.test/a"),
    ("https://h.test/a/..", "https://h.test/"),
    ("https://h.test/a/.", "https://h.test/a/"),
    ("https://h.test/a/%2e%2E/b", "https://h.test/b"),
    ("https://h.test/.well-known/x", "https://h.test/.well-known/x"),
    ("https://h.test/a..b/...", "https://h.test/a..b/..."),
    ("https://h.test/a//../b", "https://h.test/a/b"),
    # international hosts (RFC 5891)
    ("https://B\u00dcCHER.test/", "https://xn--bcher-kva.test/"),
    ("https://fa\u00df.test/", "https://xn--fa-hia.test/"),
    ("https://b\u00fccher\u3002test/", "https://xn--bcher-kva.test/"),
    ("https://XN--BCHER-KVA.test/", "https://xn--bcher-kva.test/"),
    # IPv6 (RFC 5952)
    ("http://[::1]:8080/", "http://[::1]:8080/"),
    ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
    ("http://[FE80::ABCD%25eth0]/", "http://[fe80::abcd%eth0]/"),
    # an adapter for unix sockets spells its path as the host
    ("http+unix://%2Frun%2Fx.sock/info", "http+unix://%2frun%2fx.sock/info"),
]


@pytest.mark.parametrize(("written", "normal"), SAME)
def test_a_url_has_one_normal_spelling(written: str, normal: str) -> None:
    assert str(parse_url(written)) == normal
    assert parse_url(written) == parse_url(normal) == normal
    assert hash(parse_url(written)) == hash(parse_url(normal))


DIFFERENT = [
    ("https://h.test/a", "https://h.test/A"),
    ("https://h.test/a", "https://h.test/a/"),
    ("https://h.test/a/b", "https://h.test/a%2Fb"),
    ("https://h.test/a", "http://h.test/a"),
    ("https://h.test/", "https://h.test:8443/"),
    ("https://h.test/a//b", "https://h.test/a/b"),
    ("https://fa\u00df.test/", "https://fass.test/"),
    ("https://h.test/?a=1&b=2", "https://h.test/?b=2&a=1"),
    ("https://h.test/?a=%2B", "https://h.test/?a=+"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_urls_that_mean_different_things_stay_different(one: str, other: str) -> None:
    assert parse_url(one) != parse_url(other)


BROKEN = [
    ("", "not an absolute URL"),
    ("/a", "not an absolute URL"),
    ("h.test/a", "not an absolute URL"),
    ("https:/h.test", "not an absolute URL"),
    ("https:///a", "without a host"),
    ("https://./a", "without a host"),
    ("https://h.test:99999/", "not a host and port"),
    ("https://h.test:12x/", "not a host and port"),
    ("https://h.test:\u0663/", "not a host and port"),
    ("https://[::1/", "not a host and port"),
    # U+2100 is "a/c" in NFKC: a host must not turn into a host and a path
    ("https://evil.test\u2100.good.test/", "not a host"),
]


@pytest.mark.parametrize(("written", "reason"), BROKEN)
def test_what_is_no_absolute_url_is_refused(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_url(written)


JOINED = [
    ("http", "h.test", None, "/a?b=1", "http://h.test/a?b=1"),
    ("HTTPS", "H.test", 443, "/a", "https://h.test/a"),
    ("https", "h.test", 8443, "", "https://h.test:8443/"),
    ("http", "h.test", 80, "*", "http://h.test/"),
    ("http", "proxy.test", 3128, "http://h.test/a", "http://h.test/a"),
    ("http", "h.test", None, "//a", "http://h.test//a"),
    ("http", "h.test", None, "/a?to=http://x.test/", "http://h.test/a?to=http://x.test/"),
    ("http", "h.test", None, "a/b", "http://h.test/a/b"),
    ("http", "h.test", None, "?a=1", "http://h.test/?a=1"),
    ("http", "h.test", None, "/a#b?c=1", "http://h.test/a"),
    ("http", "h.test", None, "/a?b=1#c", "http://h.test/a?b=1"),
    ("http", "[::1]", 8080, "/", "http://[::1]:8080/"),
    ("http", "::1", None, "/", "http://[::1]/"),
]


@pytest.mark.parametrize(("scheme", "host", "port", "target", "url"), JOINED)
def test_a_request_target_is_joined_with_its_connection(
    scheme: str, host: str, port: int | None, target: str, url: str
) -> None:
    assert str(join_url(scheme, host, port, target)) == url


PAIRS = [
    ("", ()),
    ("a", (("a", ""),)),
    ("a=", (("a", ""),)),
    ("=a", (("", "a"),)),
    ("a=1&a=2", (("a", "1"), ("a", "2"))),
    ("&a=1&&", (("a", "1"),)),
    ("a+b=c%20d%2B", (("a b", "c d+"),)),
    ("a=b=c", (("a", "b=c"),)),
    ("q=caf%C3%A9", (("q", "caf\u00e9"),)),
    ("a;b=1", (("a;b", "1"),)),
]


@pytest.mark.parametrize(("query", "pairs"), PAIRS)
def test_a_query_is_decoded_pairs_in_order(query: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert parse_pairs(query) == pairs


def test_a_url_can_not_be_changed_and_survives_pickling() -> None:
    url = parse_url("https://h.test:8443/a?b=1")
    with pytest.raises(AttributeError, match="can't be changed: path"):
        url.path = "/b"
    with pytest.raises(AttributeError, match="can't be changed: path"):
        del url.path
    assert pickle.loads(pickle.dumps(url)) == url
    assert repr(url) == "URL('https://h.test:8443/a?b=1')"
    assert url.segments == ("a",)
    assert url != 5


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PATHS = st.lists(
    st.sampled_from(["a", "B", ".", "..", "", "%2e", "%2F", "%7e", "%", "a b", "\u00e9", "a.b", "~", ";x"])
).map("/".join)


@given(host=st.sampled_from(["h.test", "H.TEST", "[::1]", "b\u00fccher.test"]), path=PATHS, rest=TEXT)
@example(host="h.test", path="%%34%31", rest="")
def test_normalising_twice_is_normalising_once(host: str, path: str, rest: str) -> None:
    url = parse_url(f"https://{host}/{path}{rest}")
    again = parse_url(str(url))
    assert again == url
    assert (again.scheme, again.host, again.port, again.path, again.query) == (
        url.scheme, url.host, url.port, url.path, url.query)  # fmt: skip
    assert url.path.startswith("/")
    assert not {".", ".."} & set(url.segments)


# httpx sends the values of a repeated key side by side, so here every key is there once. Before 0.28 it takes what
# looks like an escape for one (_urlparse.py, `quote`).
KEEPS_ESCAPES = tuple(map(int, httpx.__version__.split(".")[:2])) < (0, 28)
WORD = TEXT.map(lambda text: text.replace("%", "")) if KEEPS_ESCAPES else TEXT


@given(st.lists(st.tuples(WORD, WORD), unique_by=lambda pair: pair[0]))
@example([("", "" if KEEPS_ESCAPES else "%00")])
def test_the_pairs_that_a_client_encodes_are_the_pairs_we_read(pairs: list[tuple[str, str]]) -> None:
    sent = [str(httpx.URL("https://h.test/", params=pairs))]
    sent += [str(yarl.URL("https://h.test/").with_query(pairs))]
    sent += [requests.Request("GET", "https://h.test/", params=pairs).prepare().url or ""]
    for url in sent:
        assert parse_url(url).query_pairs == tuple(pairs), url


def spelled_by_httpx(url: str) -> str:
    return str(httpx.URL(url))


def spelled_by_yarl(url: str) -> str:
    return str(yarl.URL(url))


def spelled_by_requests(url: str) -> str:
    return requests.Request("GET", url).prepare().url or ""


@pytest.mark.parametrize("spelled", [spelled_by_httpx, spelled_by_yarl, spelled_by_requests])
@pytest.mark.parametrize(
    "written",
    [
        "https://h.test:443/%7euser/a b/caf\u00e9",
        "HTTPS://H.TEST/a/../b/%2e/c",
        "https://b\u00fccher.test/a%2fb",
        "https://fa\u00df.test",
        "https://h.test/a@b:c;d=1,2",
        "http://[0:0:0:0:0:0:0:1]:80/",
        "https://h.test/a'(b)*!$&+",
        'https://h.test/{a}|[b]^`"<c>',
    ],
)
def test_whatever_a_client_does_to_a_url_it_stays_the_same_url(spelled: object, written: str) -> None:
    assert parse_url(spelled(written)) == parse_url(written)  # type: ignore[operator]


def test_a_url_equals_its_text() -> None:
    assert URL("https", "h.test", 443, "/a", "b=1") == "https://h.test/a?b=1"
