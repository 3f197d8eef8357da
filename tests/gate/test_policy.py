"""The allow list: which entries there are, what they cover, and that one which can't be read lifts nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netdouble import DeclarationError
from netdouble._gate.policy import Policy

# entry, then host:port pairs that it covers, then those that it does not
COVERED = [
    ("db.test", [("db.test", 1), ("DB.test.", 5432)], [("x.db.test", 1), ("db.test.evil", 1), ("adb.test", 1)]),
    ("db.test:5432", [("db.test", 5432), ("db.test", None)], [("db.test", 5433)]),
    ("db.test:8000-8010", [("db.test", 8000), ("db.test", 8010)], [("db.test", 7999), ("db.test", 8011)]),
    ("*.db.test", [("a.db.test", 1), ("a.b.db.test", 1)], [("db.test", 1), ("xdb.test", 1)]),
    ("*.db.test:80", [("a.db.test", 80)], [("a.db.test", 81)]),
    ("10.1.2.3", [("10.1.2.3", 1)], [("10.1.2.4", 1)]),
    ("10.1.2.3:80", [("10.1.2.3", 80), ("::ffff:10.1.2.3", 80)], [("10.1.2.3", 81)]),
    ("10.0.0.0/8", [("10.255.0.1", 1)], [("11.0.0.1", 1), ("10.test", 1), ("::a", 1)]),
    ("10.0.0.0/8:443", [("10.0.0.1", 443)], [("10.0.0.1", 80)]),
    ("2001:db8::1", [("2001:DB8:0::1", 1), ("2001:db8::1%eth0", 1)], [("2001:db8::2", 1)]),
    ("[2001:db8::1]:443", [("2001:db8::1", 443)], [("2001:db8::1", 80)]),
    ("2001:db8::/32", [("2001:db8:1::1", 1)], [("2001:db9::1", 1), ("10.0.0.1", 1)]),
    ("[2001:db8::/32]:1-9", [("2001:db8::1", 9)], [("2001:db8::1", 10)]),
    ("::ffff:10.1.2.3", [("10.1.2.3", 1)], [("10.1.2.4", 1)]),
    ("bücher.test", [("xn--bcher-kva.test", 1), ("BÜCHER.test", 1)], [("bucher.test", 1)]),
    (" db.test ", [("db.test", 1)], []),
    ("loopback", [("127.0.0.1", 1)], [("10.0.0.1", 1)]),
    ("unix:/run/*.sock", [("127.0.0.1", 1)], [("run", 1)]),
]

ALWAYS = ["127.0.0.1", "127.255.0.9", "::1", "[::1]", "localhost", "LOCALHOST.", "::ffff:127.0.0.1", "", "0.0.0.0"]
NEVER = ["10.0.0.1", "127.evil.test", "localhost.test", "127.0.0.1.test", "::2", "api.test", "127.1", "2130706433", "*"]

# entry and the repair that the error names
UNREADABLE = [
    ("https://api.test/x", "write api.test:443"),
    ("http://[::1]:80/", "write [::1]:80"),
    ("10.0.0.1/8", "did you mean 10.0.0.0/8?"),
    ("10.0.0.300", "10.0.0.300"),
    ("*", "guard='off'"),
    ("*.", "guard='off'"),
    ("a.*.test", "no host name"),
    ("ex*mple.test", "no host name"),
    ("two words", "no host name"),
    ("a..b", "no host name"),
    ("-a.test", "no host name"),
    ("user@host.test", "no host name"),
    ("db.test:", "neither a number nor low-high"),
    ("db.test:http", "neither a number nor low-high"),
    ("db.test:5-", "neither a number nor low-high"),
    ("db.test:-5", "neither a number nor low-high"),
    ("db.test:0", "between 1 and 65535"),
    ("db.test:70000", "between 1 and 65535"),
    ("db.test:9-2", "low before high"),
    ("[2001:db8::1", "IPv4 or IPv6"),
    ("::1:80:x", "IPv4 or IPv6"),
    ("", "IPv4 or IPv6"),
    ("unix:", "the path is missing"),
]


@pytest.mark.parametrize(("entry", "inside", "outside"), COVERED, ids=[row[0] for row in COVERED])
def test_an_entry_covers_what_it_names_and_nothing_else(entry, inside, outside):
    policy = Policy([entry])
    assert [pair for pair in inside if not policy.allows(*pair)] == []
    assert [pair for pair in outside if policy.allows(*pair)] == []


@pytest.mark.parametrize("host", ALWAYS)
def test_loopback_is_always_allowed(host):
    assert Policy().allows(host, 80)


@pytest.mark.parametrize("host", NEVER)
def test_nothing_else_is_allowed_by_an_empty_list(host):
    assert not Policy().allows(host, 80)
    assert not Policy().allows(host, None)


@pytest.mark.parametrize(("entry", "repair"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_an_entry_that_cannot_be_read_is_an_error_that_tells_the_repair(entry, repair):
    with pytest.raises(DeclarationError) as caught:
        Policy(["db.test", entry])
    assert repair in str(caught.value)
    assert repr(entry) in str(caught.value)


@given(st.text(max_size=30))
@example("10.0.0.0/0x")
@example("[::]]")
def test_whatever_is_written_is_an_entry_or_an_error_and_never_lifts_the_guard(text):
    try:
        policy = Policy([text])
    except DeclarationError:
        return
    host, port = ("198.51.100.7", 80) if "198" not in text else ("203.0.113.7", 80)
    assert not policy.allows(host, port) or "/" in text
