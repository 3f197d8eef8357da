"""The allow list: which entries there are, what they cover, and that one which can't be read lifts nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netdouble import DeclarationError
from netdouble._core.settings import entries_of
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
    ("loopback", [("127.0.0.1", 1), ("::1", 9), ("localhost", 1)], [("10.0.0.1", 1), ("127.0.0.53", 53)]),
    ("loopback:53", [("127.0.0.53", 53), ("localhost", 53)], [("10.0.0.1", 53), ("127.0.0.1", 853)]),
    ("localhost:5432", [("127.0.0.1", 5432), ("::1", 5432), ("localhost", 5432)], [("127.0.0.1", 853)]),
    ("127.0.0.53", [("127.0.0.53", 53)], [("127.0.0.54", 53)]),
    ("own", [], [("10.0.0.1", 1), ("own", 1)]),
    ("unix", [("unix:/run/db.sock", None), ("unix:@x11", None)], [(f"unix:{path}", None) for path in (
        "/var/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve", "/run/dbus/system_bus_socket",
        "/run/user/1000/bus", "@/tmp/dbus-x", "/var/run/docker.sock", "/home/me/.docker/run/docker.sock")]),
    ("unix:/run/*.sock", [("unix:/run/db.sock", None), ("unix:/run/docker.sock", None)], [
        ("unix:/tmp/db.sock", None), ("run", 1), ("unix:/run/db", None)]),
    ("unix:@db*", [("unix:@db1", None)], [("unix:/db1", None), ("unix:@d", None)]),
    ("unix:8080", [("unix", 8080)], [("unix:/8080", None), ("unix", 80)]),
    ("bluetooth", [("AF_BLUETOOTH", None)], [("bluetooth", 1), ("AF_VSOCK", None)]),
    ("VSOCK", [("AF_VSOCK", None)], [("vsock", 1)]),
    ("vsock:80", [("vsock", 80)], [("AF_VSOCK", None)]),
    ("dns:api.test", [], [("api.test", 443), ("api.test", None)]),
]  # fmt: skip

# entry, then names that may be looked up, then those that may not
LOOKED_UP = [
    ("dns:api.test", ["api.test", "API.test."], ["x.api.test", "db.test"]),
    ("dns:*.api.test", ["x.api.test"], ["api.test"]),
    ("dns:*", ["anything.test", "10.0.0.1"], []),
    ("dns:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
    ("api.test:443", ["api.test"], ["x.api.test"]),
]


@pytest.mark.parametrize(("entry", "inside", "outside"), LOOKED_UP, ids=[row[0] for row in LOOKED_UP])
def test_an_entry_tells_which_lookups_it_covers(entry, inside, outside):
    policy = Policy([entry])
    assert [name for name in inside if not policy.allows(name, None, lookup=True)] == []
    assert [name for name in outside if policy.allows(name, None, lookup=True)] == []


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
    ("unix:run/x", "does not begin with /"),
    ("dns:", "''"),
    ("dns:api.test:53", "a lookup has no port"),
    ("dns:a b", "no host name"),
    (None, "it is a NoneType"),
    (b"api.test", "it is a bytes"),
    (["api.test"], "it is a list"),
]


@pytest.mark.parametrize(("entry", "inside", "outside"), COVERED, ids=[row[0] for row in COVERED])
def test_an_entry_covers_what_it_names_and_nothing_else(entry, inside, outside):
    policy = Policy([entry], loopback="own")
    assert [pair for pair in inside if not policy.allows(*pair)] == []
    assert [pair for pair in outside if policy.allows(*pair)] == []


@pytest.mark.parametrize("host", ALWAYS)
def test_loopback_is_always_allowed(host):
    assert Policy().allows(host, 80)


@pytest.mark.parametrize("host", NEVER)
def test_nothing_else_is_allowed_by_an_empty_list(host):
    assert not Policy().allows(host, 80)
    assert not Policy().allows(host, None)


@pytest.mark.parametrize(("entry", "repair"), UNREADABLE, ids=[str(row[0]) for row in UNREADABLE])
def test_an_entry_that_cannot_be_read_is_an_error_that_tells_the_repair(entry, repair):
    with pytest.raises(DeclarationError) as caught:
        Policy(["db.test", entry])
    assert repair in str(caught.value)
    assert repr(entry) in str(caught.value)


def test_an_own_loopback_is_open_to_nothing_but_what_is_listed():
    policy = Policy(["loopback:5432"], loopback="own")
    assert policy.allows("127.0.0.1", 5432)
    assert not any(policy.allows(host, 80) for host in ALWAYS)


@pytest.mark.parametrize("port", [53, 853])
def test_a_resolver_on_loopback_would_ask_the_network_and_is_not_open(port):
    assert not Policy().allows("127.0.0.53", port)
    assert Policy([f"127.0.0.53:{port}"]).allows("127.0.0.53", port)


# What may be given to the marker, the fixture, the function and Network alike.
GIVEN = [
    (("a.test",), ["a.test"]), (("a.test, b.test:1",), ["a.test", "b.test:1"]),
    (("a.test\nb.test",), ["a.test", "b.test"]),
    (("a.test", "b.test"), ["a.test", "b.test"]), ((["a.test", "b.test"],), ["a.test", "b.test"]),
    ((("a.test", "b.test"),), ["a.test", "b.test"]), (({"a.test"},), ["a.test"]),
    ((frozenset({"a.test"}), ["b.test"]), ["a.test", "b.test"]), ((iter(["a.test"]),), ["a.test"]),
    (({"a.test": 1}.keys(),), ["a.test"]), ((["a.test,b.test"],), ["a.test", "b.test"]), ((), []),
]  # fmt: skip


@pytest.mark.parametrize(("given_entries", "read"), GIVEN)
def test_entries_are_read_from_texts_lists_tuples_and_sets(given_entries, read):
    assert list(entries_of(*given_entries, source="here")) == read


@pytest.mark.parametrize("wrong", [5432, None, 1.5, {"a.test": True}, b"a.test", [["a.test"]], [None], object()])
def test_what_cannot_be_entries_is_an_error_that_names_its_place(wrong):
    with pytest.raises(DeclarationError, match=r"^here: allow takes entries such as"):
        entries_of(wrong, source="here")


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
    assert not policy.allows("unix:/run/docker.sock", None) or "unix:" in text
