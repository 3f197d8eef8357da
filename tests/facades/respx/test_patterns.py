"""respx's patterns: what matches what, through `.match()` and through a route that httpx and httpx2 ask."""

import re
from unittest.mock import ANY

import httpx
import pytest
from tests.facades.libraries import every_library

from netdouble.facades import respx
from netdouble.facades.respx.patterns import M, Noop, Params, Pattern, merge_patterns, parse_url_patterns

GET = ("GET", "https://api.test/users/7?page=2&page=3&sort=")
FORM = ("POST", "https://api.test/form")
UPLOAD = ("POST", "https://api.test/upload")
# keywords of M -> a request that matches, a request that does not (method, URL, keywords of httpx.Request).
CASES = [
    ({"method": "get"}, GET, FORM),
    ({"method__in": ["put", "get"]}, GET, FORM),
    ({"scheme": "HTTPS"}, GET, ("GET", "http://api.test/")),
    ({"host": "api.test"}, GET, ("GET", "https://API.test.test/")),
    ({"host__regex": r"^(?P<name>\w+)\.test$"}, GET, ("GET", "https://a.b.test/")),
    ({"port": 443}, GET, ("GET", "https://api.test:8443/")),
    ({"port__in": [80, 8443]}, ("GET", "https://api.test:8443/"), GET),
    ({"path": "users/7"}, GET, ("GET", "https://api.test/users/7/")),
    ({"path": "/a b"}, ("GET", "https://api.test/a%20b"), GET),
    ({"path": "/a/b"}, ("GET", "https://api.test/a%2Fb"), GET),
    ({"path__startswith": "/users"}, GET, FORM),
    ({"path__in": ["/form", "/other"]}, FORM, GET),
    ({"params": {"page": ["2", "3"]}}, GET, ("GET", "https://api.test/?page=3&page=2")),
    ({"params": {"page": [ANY, 3]}}, GET, ("GET", "https://api.test/?page=2")),
    ({"params": {"page": "7"}}, ("GET", "https://api.test/?page=7"), ("GET", "https://api.test/?page=<ANY>")),
    ({"params__eq": {"sort": "", "page": [2, 3]}}, GET, ("GET", "https://api.test/?page=2&page=3")),
    ({"url": "https://api.test/users/7"}, GET, ("GET", "https://api.test/users/8")),
    ({"url": "https://api.test/?b=2&a=1"}, ("GET", "https://api.test/?a=1&b=2"), ("GET", "https://api.test/?a=1")),
    ({"url": "https://*.test/users/7"}, GET, ("GET", "https://test/users/7")),
    ({"url": "https://*api.test/users/7"}, GET, ("GET", "https://xapi.test/users/7")),
    ({"url": httpx.URL("all://*.test")}, GET, ("GET", "https://test/")),
    ({"url": (b"https", b"*api.test", None, b"/form")}, FORM, ("POST", "https://myapi.test/form")),
    ({"url": "//api.test/form"}, FORM, GET),
    ({"url": re.compile(r"users/\d")}, GET, FORM),
    ({"url__startswith": "https://api.test/users"}, GET, FORM),
    ({"url__eq": "https://api.test"}, ("GET", "https://api.test"), GET),
    ({"url": (b"https", b"api.test", None, b"/form")}, FORM, GET),
    ({"headers": {"X-A": "1"}}, (*GET, {"headers": {"x-a": "1"}}), (*GET, {"headers": [("x-a", "1"), ("x-a", "2")]})),
    ({"headers": {"x-a": ANY}}, (*GET, {"headers": {"X-A": "1"}}), GET),
    ({"cookies": {"a": "1", "b": "2"}}, (*GET, {"cookies": {"a": "1", "b": "2", "c": "3"}}),
     (*GET, {"cookies": {"a": "1"}})),
    ({"cookies__eq": {"a": "1"}}, (*GET, {"cookies": {"a": "1"}}), (*GET, {"cookies": {"a": "1", "b": "2"}})),
    ({"content": "hello"}, (*FORM, {"content": b"hello"}), FORM),
    ({"content__contains": b"ell"}, (*FORM, {"content": b"hello"}), (*FORM, {"content": b"help"})),
    ({"json": {"b": [1], "a": None}}, (*FORM, {"json": {"a": None, "b": [1]}}), (*FORM, {"json": {"a": None}})),
    ({"json": {"id": ANY, "n": 1}}, (*FORM, {"json": {"id": "x", "n": 1}}), (*FORM, {"json": {"id": "x", "n": 2}})),
    ({"json__a__0__b": 1}, (*FORM, {"json": {"a": [{"b": 1}]}}), (*FORM, {"json": {"a": []}})),
    ({"json": {"n": 1}}, (*FORM, {"json": {"n": 1}}), (*FORM, {"json": {"n": True}})),
    ({"data": {"a": 1, "b": ["2", None]}}, (*FORM, {"data": {"a": "1", "b": ["2", ""]}}),
     (*FORM, {"data": {"a": "1"}})),
    ({"data__contains": {"a": "1"}}, (*UPLOAD, {"data": {"a": "1", "b": "2"}, "files": {"f": b"x"}}), FORM),
    ({"files": {"f": b"x"}}, (*UPLOAD, {"files": {"f": ("any.txt", b"x")}}), (*UPLOAD, {"files": {"f": b"y"}})),
    ({"files": {"f": ("a.txt", ANY)}}, (*UPLOAD, {"files": {"f": ("a.txt", b"x")}}),
     (*UPLOAD, {"files": {"f": ("b.txt", b"x")}})),
    ({"files__eq": {"f": "x"}}, (*UPLOAD, {"files": {"f": b"x"}}), (*UPLOAD, {"files": {"f": b"x", "g": b"y"}})),
    ({"files": {"f": "{}"}}, (*UPLOAD, {"files": {"f": (None, b"{}", "application/json")}}),
     (*UPLOAD, {"data": {"f": "{}"}, "files": {"g": b"x"}})),
    ({"host": "api.test", "url": "https://other.test/"}, GET, ("GET", "https://other.test/")),
    ({"path": "/form", "url": "https://api.test/"}, FORM, ("GET", "https://api.test/")),
]  # fmt: skip


def request_of(library, case):
    method, url, *rest = case
    return library.Request(method, url, **(rest[0] if rest else {}))


@every_library
@pytest.mark.parametrize(("lookups", "match", "other"), CASES, ids=lambda case: str(case)[:50])
def test_a_pattern_matches_the_one_and_not_the_other(library, lookups, match, other):
    pattern = M(**lookups)
    assert pattern.match(request_of(library, match))
    assert not pattern.match(request_of(library, other))
    assert (~pattern).match(request_of(library, other))
    assert pattern == M(**lookups)


@every_library
@pytest.mark.parametrize(("lookups", "match", "other"), CASES, ids=lambda case: str(case)[:50])
def test_a_route_with_it_answers_the_one_and_not_the_other(library, lookups, match, other):
    with respx.mock(assert_all_mocked=False) as router, library.Client() as client:
        route = router.route(**lookups).respond(201)
        assert client.send(request_of(library, match)).status_code == 201
        assert client.send(request_of(library, other)).status_code == 200
        assert (route.call_count, router.calls.call_count) == (1, 2)


def test_patterns_combine_and_their_groups_come_together():
    first, second = M(host__regex=r"^(?P<sub>\w+)\."), M(path__regex=r"/(?P<id>\d+)$")
    request = httpx.Request(*GET)
    assert (first & second).match(request).context == {"sub": "api", "id": "7"}
    assert (M(method="POST") | second).match(request).context == {"id": "7"}
    assert not (first & ~second).match(request)
    assert repr(first & ~M(method="GET") | Noop()) == (
        "<Host regex re.compile('^(?P<sub>\\\\w+)\\\\.')> AND NOT <Method eq 'GET'>")  # fmt: skip
    assert M(params={}, headers={}, url="", path__in=[], host__in=()) == Noop()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: M(colour="red"), KeyError, "'colour' is not a valid Pattern"),
        (lambda: M(path__near="/"), ValueError, "'near' is not a valid Lookup"),
        (lambda: M(method__regex="x"), NotImplementedError, "'method' pattern does not support 'regex' lookup"),
        (lambda: type("Twice", (Pattern,), {"key": "method"}), TypeError, "must define a unique key"),
        (lambda: M(url__eq=7), ValueError, "Invalid url: 7"),
        (lambda: M(url__regex=httpx.URL("https://api.test/")), ValueError, "Invalid url: URL("),
        (lambda: M(url__startswith=re.compile("x")), ValueError, "Invalid url: re.compile("),
        (lambda: M(json={"a": {1}}), TypeError, "Object of type set is not JSON serializable"),
        (lambda: M(json=object()), TypeError, "Object of type object is not JSON serializable"),
        (lambda: respx.Router(base_url=7), TypeError, "Expected str or httpx.URL, got <class 'int'>"),
    ],
)
def test_what_can_not_be_a_pattern_says_why(make, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make()


def test_a_pattern_of_the_users_own_becomes_a_keyword():
    class Tenant(Pattern):
        key = "tenant"

        def parse(self, request):
            return request.headers["x-tenant"]

    with respx.mock as router:
        router.route(tenant="a").respond(201)
        assert httpx.get("https://api.test/", headers={"x-tenant": "a"}).status_code == 201
        with pytest.raises(respx.models.AllMockedAssertionError):
            httpx.get("https://api.test/")


def test_a_base_url_is_merged_unless_a_pattern_names_a_host():
    bases = parse_url_patterns("https://api.test/v1?key=1", exact=False)
    below = merge_patterns(M(path="/users", params={"page": 1}), **bases)
    assert below.match(httpx.Request("GET", "https://api.test/v1/users?page=1&key=1"))
    assert not below.match(httpx.Request("GET", "https://api.test/v2/users?page=1&key=1"))
    assert merge_patterns(M(host="other.test"), **bases) == M(host="other.test")
    assert Params("a=1") in list(merge_patterns(M(path="/x"), params=Params("a=1")))


def test_what_a_base_names_exactly_gives_way_to_the_routes_own():
    router = respx.Router(base_url="https://api.test")
    router.get("/a", scheme="http") % 201
    assert router.handler(httpx.Request("GET", "http://api.test/a")).status_code == 201
    with pytest.raises(respx.models.AllMockedAssertionError):
        router.handler(httpx.Request("GET", "https://api.test/a"))


@pytest.mark.parametrize("key", ["params", "headers", "data"])
def test_names_in_another_order_make_the_same_pattern(key):
    assert M(**{key: {"a": "1", "b": "2"}}) == M(**{key: {"b": "2", "a": "1"}})
    assert M(**{key: {"a": "1", "b": "2"}}) != M(**{key: {"a": "2", "b": "1"}})


def test_what_a_request_can_not_have_is_never_matched():
    assert not M(params={"page": []}).match(httpx.Request("GET", "https://api.test/"))
    assert not M(port=80).match(httpx.Request("GET", "ws://api.test/"))
    assert M(port=None).match(httpx.Request("GET", "ws://api.test/"))


def test_a_file_on_disk_is_compared_by_its_name_and_content(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"hello")
    with path.open("rb") as expected:
        pattern = M(files={"f": expected})
    request = httpx.Request(*UPLOAD, files={"f": ("notes.txt", b"hello")})
    assert pattern.match(request)
    assert not pattern.match(httpx.Request(*UPLOAD, files={"f": ("other.txt", b"hello")}))


def test_a_json_pattern_parses_what_it_compares_as_text():
    request = httpx.Request(*FORM, json={"b": [{"d": 1, "c": 2}], "a": None})
    assert M(json={}).parse(request) == '{"a": null, "b": [{"c": 2, "d": 1}]}'
    assert M(json__b__0={}).parse(request) == '{"c": 2, "d": 1}'


def test_forms_are_decoded_into_fields_and_files():
    values = respx.utils.MultiItems([("a", "1"), ("a", ["2", "3"]), ("b", ("4",))])
    assert (values.get_list("a"), values["none"]) == (["1", "2", "3"], ())
    assert values.multi_items() == [("a", "1"), ("a", "2"), ("a", "3"), ("b", "4")]
    request = httpx.Request(*UPLOAD, data={"a": ["1", "2"]}, files={"f": ("n", b"x")})
    assert respx.utils.decode_data(request) == ({"a": ("1", "2")}, {"f": (("n", b"x"),)})


def test_what_differs_is_told_in_a_note():
    with respx.mock as router:
        router.post("https://api.test/users", json={"name": "Ada"}, headers={"x-a": "1"})
        with pytest.raises(respx.models.AllMockedAssertionError) as caught:
            httpx.post("https://api.test/users", json={"name": "Bob"})
    assert str(caught.value) == "RESPX: <Request('POST', 'https://api.test/users')> not mocked!"
    (note,) = caught.value.__notes__
    assert "Nearest of 1 route" in note
    assert "(respx)" in note
    assert 'header x-a: expected "1"' in note
    assert "json" in note
