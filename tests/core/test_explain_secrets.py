"""No secret stands in a report, wherever the client or the route has it; what only sounds like one does."""

from __future__ import annotations

import base64
import json as jsonlib
import string
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.reporting import USER, Registry, report

from netdouble._core import explain
from netdouble._core.masking import is_secret, masked, masked_body, masked_header, masked_text, masked_url
from netdouble._core.messages import Request

FORM = {"Content-Type": "application/x-www-form-urlencoded"}

SECRET_NAMES = [
    "password", "passwd", "db_pwd", "passphrase", "secret", "clientSecret", "client_secret", "token", "access_token",
    "refreshToken", "id_token", "api_key", "apiKey", "X-Api-Key", "apikey", "Ocp-Apim-Subscription-Key", "private_key",
    "access-key", "signature", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "X-Auth-Token", "sig",
    "X-CSRF-Token", "xsrf", "sessionid", "JSESSIONID", "sid", "Private-Token", "X-Hub-Signature-256", "jwt", "auth",
    "credentials", "code_verifier", "client_assertion", "SAMLResponse", "otp", "pin", "cvv",
]  # fmt: skip
PLAIN_NAMES = [
    "page", "name", "id", "max_tokens", "max_completion_tokens", "total_tokens", "token_type", "next_page_token",
    "pageToken", "nextToken", "continuation_token", "tokenizer", "monkey", "keyboard", "author", "code", "key", "state",
    "X-Amz-SignedHeaders", "passenger_id", "pinned", "design", "assigned",
]  # fmt: skip

# By shape, wherever they stand. (Each is made up, and in two parts, so that no scanner takes it for a real one.)
PREFIXES = [
    "sk-proj-",
    "sk_live_",
    "sk-ant-api03-",
    "ghp_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "AKIA",
    "AIza",
    "npm_",
    "hf_",
]
SHAPES = [
    *(prefix + "IOSFODNN7EXAMPLE" for prefix in PREFIXES),
    "wJalrXUtnFEMI7K7MDENG7bP" + "xRfiCYEXAMPLEKEY",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "0123456789abcdef" * 2,
    "q8Zr2Lw9Xc4Vb7Nm1" + "As5Df3Gh6Jk0PoIuYt",
]

SECRETS = st.text(string.ascii_letters + string.digits + "+/=.!", min_size=4, max_size=40).map(
    lambda text: f"Zq9{text}7x"
)


def everything(registry: Registry, request: Request, **conditions: Any) -> str:
    """Every report that can be made about a route and a request."""
    route = registry.add("POST", "https://api.test/orders", **conditions)
    call = registry.send(request.method, str(request.url), headers=request.headers, body=request.body)
    assert call is None
    calls = registry.router.calls
    return "\n".join(
        [
            report(registry, request, caller="app.py:1 in f", label="test_a"),
            explain.unused(route, [registry.router]),
            explain.unanswered(route, request),
            explain.uncalled(route, 2, conditions, [(call, route.mismatches(call.request)) for call in calls]),
            explain.wrong_order([route], calls),
        ]
    )


def spellings(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), urlencode({"": secret})[1:], jsonlib.dumps(secret)[1:-1]}


def assert_hidden(secret: str, text: str) -> None:
    assert not [spelling for spelling in spellings(secret) if spelling in text], text


# How a client may send a secret under a name.
PLACES: dict[str, Any] = {
    "query": lambda n, s: Request.to("GET", f"{USER}?{urlencode({n: s, 'page': 1})}"),
    "form": lambda n, s: Request.to("POST", USER, body=urlencode({"a": 1, n: s}).encode(), headers=FORM),
    "json": lambda n, s: Request.to("POST", USER, body=jsonlib.dumps({"a": 1, n: s}).encode()),
    "deep json": lambda n, s: Request.to("POST", USER, body=jsonlib.dumps([{"a": {n: {"value": [s]}}}]).encode()),
    "header": lambda n, s: Request.to("GET", USER, headers={n: s}),
    "cookie": lambda n, s: Request.to("GET", USER, headers={"Cookie": f"a=1; {n}={s}"}),
    "multipart": lambda n, s: Request.to(
        "POST", USER, headers={"Content-Type": "multipart/form-data; boundary=b"},
        body=f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{s}\r\n--b--\r\n'.encode(),
    ),
}  # fmt: skip
# What a route may expect, so that the value turns up in a mismatch.
EXPECTED: dict[str, Any] = {
    "query": lambda n: {"query": {n: "expected", "page": "2"}},
    "form": lambda n: {"form": {n: "expected"}},
    "json": lambda n: {"json": {n: "expected", "a": 2}},
    "deep json": lambda n: {"json": [{"a": {n: {"value": ["expected"]}}}]},
    "header": lambda n: {"headers": {n: "expected"}},
    "cookie": lambda n: {"cookies": {n: "expected"}},
    "multipart": lambda n: {"form": {n: "expected"}},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@given(name=st.sampled_from(SECRET_NAMES), secret=SECRETS)
def test_what_a_client_sends_under_a_secret_name_is_hidden(place: str, name: str, secret: str) -> None:
    assert_hidden(secret, everything(Registry(), PLACES[place](name, secret), **EXPECTED[place](name)))


@pytest.mark.parametrize("place", PLACES)
@given(name=st.sampled_from(SECRET_NAMES), secret=SECRETS)
def test_what_a_route_expects_under_a_secret_name_is_hidden(place: str, name: str, secret: str) -> None:
    expected = jsonlib.loads(jsonlib.dumps(EXPECTED[place](name)).replace("expected", secret))
    assert_hidden(secret, everything(Registry(), PLACES[place](name, "other"), **expected))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", SHAPES)
@pytest.mark.parametrize("name", ["note", "x-note"])
def test_what_looks_like_a_secret_is_hidden_under_any_name(place: str, secret: str, name: str) -> None:
    assert_hidden(secret, everything(Registry(), PLACES[place](name, secret), **EXPECTED[place](name)))


@pytest.mark.parametrize("secret", SHAPES)
@pytest.mark.parametrize(
    "criterion",
    [{"text": "expected"}, {"content": b"expected"}, {"json": {"a": 1}}, {"form": {"a": "1"}}, {"headers": {"A": "b"}}],
)
@pytest.mark.parametrize(
    "body", ["{}", "the key is {}.", 'a,b,"{}"\n', "<key>{}</key>", "x" * 5000 + " {} " + "y" * 5000]
)
def test_what_looks_like_a_secret_is_hidden_in_a_body(secret: str, criterion: Any, body: str) -> None:
    request = Request.to("POST", USER, body=body.format(secret).encode())
    assert_hidden(secret, everything(Registry(), request, **criterion))


@pytest.mark.parametrize("secret", SHAPES)
def test_what_looks_like_a_secret_is_hidden_in_a_path(secret: str) -> None:
    for sent in (f"https://api.test/bot/{secret}/send", f"https://api.test/{secret}", f"https://api.test/?{secret}"):
        assert_hidden(secret, everything(Registry(), Request.to("POST", sent)))
        registry = Registry()
        registry.add("GET", sent)
        assert_hidden(secret, everything(registry, Request.to("POST", USER)))


@given(
    SECRETS.filter(lambda text: "/" not in text),
    st.sampled_from(["Bearer", "Basic", "Digest", "token", "AWS4-HMAC-SHA256"]),
)
def test_credentials_are_hidden_and_their_scheme_is_shown(secret: str, scheme: str) -> None:
    for value in (f"{scheme} {secret}", secret):
        request = Request.to("GET", USER, headers={"Authorization": value})
        text = everything(Registry(), request, headers={"Authorization": f"{scheme} expected"})
        assert_hidden(secret, text)
        assert f'authorization: expected "{scheme} ***"'.lower() in text.lower()
    user = f"https://ada:{quote(secret, safe='')}@api.test/users"
    assert_hidden(secret, masked_url(user))
    assert_hidden(secret, masked_text(f"see {user}, please"))


def test_basic_credentials_are_hidden_in_text() -> None:
    encoded = base64.b64encode(b"ada:pw").decode()
    assert_hidden(encoded, masked_text(f"curl -H 'Authorization: Basic {encoded}'"))


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_name_is_known(name: str) -> None:
    assert is_secret(name, "x")


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_name_that_only_sounds_secret_is_shown(name: str) -> None:
    assert not is_secret(name, "abc")
    assert masked({name: "abc"}) == {name: "abc"}


def test_a_long_value_under_an_ambiguous_name_is_hidden() -> None:
    assert is_secret("code", "4/0AX4XfWgxyz123")
    assert not is_secret("code", "NOT_FOUND")


# (what is shown, of what)
SHOWN: list[tuple[Any, Any]] = [
    (masked({"max_tokens": 5, "tokens": 7, "pin": 1234}), {"max_tokens": 5, "tokens": 7, "pin": masked("x", "pin")}),
    (masked({"token": None, "password": True}), {"token": None, "password": True}),
    (masked_header("Cookie", "sid=abc; theme=dark"), "sid=***; theme=***"),
    (masked_header("Set-Cookie", "sid=abc; Path=/; HttpOnly"), "sid=***; Path=/; HttpOnly"),
    (masked_header("Authorization", "Bearer abc"), "Bearer ***"),
    (masked_header("Accept", "text/html"), "text/html"),
    (masked_url("https://ada:pw@api.test/users?api_key=abc&page=2"), "https://***@api.test/users?api_key=***&page=2"),
    (masked_url("https://api.test/users/{id}?a=1"), "https://api.test/users/{id}?a=1"),
    (masked_url("https://api.test/123e4567-e89b-12d3-a456-426614174000"), "https://api.test/123e4567-e89b-12d3-a456-426614174000"),
    (masked_url("https://api.test/a-long-title-of-an-article-about-nothing-at-all"),
     "https://api.test/a-long-title-of-an-article-about-nothing-at-all"),
    (masked_body('{"user": "ada", "password": "pw"}'), '{"user": "ada", "password": "***"}'),
    (masked_body("user=ada&password=pw"), "user=ada&password=***"),
    (masked_body("<Password>pw</Password><Name>ada</Name>"), "<Password>***</Password><Name>ada</Name>"),
]  # fmt: skip


@pytest.mark.parametrize(("got", "shown"), SHOWN)
def test_only_the_secret_is_replaced(got: Any, shown: Any) -> None:
    assert got == shown


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "=" * 50_000, "a=" * 30_000, '"' * 50_000, "eyJ" * 30_000, "a b" * 30_000]
)
def test_masking_a_long_text_takes_no_more_than_a_moment(text: str) -> None:
    began = time.process_time()
    masked_text(text)
    assert time.process_time() - began < 2  # a regex that goes back and forth would take minutes
