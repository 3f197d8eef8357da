"""pytest-socket on netdouble's gate: what is refused, in which words, for how long. All on loopback."""

import asyncio
import pickle
import socket
import warnings
from socket import socket as saved_class

import pytest

from netdouble.facades import pytest_socket
from netdouble.facades.pytest_socket import SocketBlockedError, SocketConnectBlockedError

pytest_plugins = ["pytester"]


class Subclass(socket.socket):
    """Made before anything is restricted."""


class Own(SocketBlockedError):
    """A suite's own."""


@pytest.fixture(autouse=True)
def _nothing_is_left():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
        pytest_socket._remove_restrictions()


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def before():
    with socket.socket() as made, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        yield made, datagrams


@pytest.mark.parametrize(
    "use",
    [
        lambda server, before: socket.socket(),
        lambda server, before: saved_class(),
        lambda server, before: Subclass(socket.AF_INET6),
        lambda server, before: socket.socketpair(),
        lambda server, before: socket.create_connection(server),
        lambda server, before: before[0].connect(server),
        lambda server, before: before[0].connect_ex(server),
        lambda server, before: before[1].sendto(b"x", server),
        lambda server, before: before[1].sendmsg([b"x"], [], 0, server),
        lambda server, before: asyncio.new_event_loop(),
    ],
)
def test_disabled_sockets_can_not_be_used(server, before, use):
    address = server.getsockname()
    pytest_socket.disable_socket()
    with pytest.raises(SocketBlockedError, match=r"^A test tried to use socket\.\w+\.$"):
        use(address, before)
    pytest_socket.enable_socket()
    socket.create_connection(address).close()


@pytest.mark.parametrize("name", ["getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"])
def test_disabled_sockets_look_nothing_up(name):
    pytest_socket.disable_socket()
    with pytest.raises(SocketBlockedError, match=rf"^A test tried to use socket\.{name}\.$"):
        getattr(socket, name)("127.0.0.1", 80)


def test_unix_sockets_may_be_let_alone():
    pytest_socket.disable_socket(allow_unix_socket=True)
    for end in socket.socketpair():
        end.close()
    asyncio.run(asyncio.sleep(0))
    with pytest.raises(SocketBlockedError):
        socket.socket()


@pytest.mark.parametrize(
    ("allowed", "shown"),
    [
        (["127.0.0.2"], "127.0.0.2"),
        ("127.0.0.3,127.0.0.2", "127.0.0.2,127.0.0.3"),
        (("127.0.0.2",), "127.0.0.2"),
        ({"127.0.0.2"}, "127.0.0.2"),
        (["127.0.0.4/30"], "127.0.0.4/30"),
        ([], ""),
    ],
)
def test_other_hosts_than_those_allowed_are_not_reached(server, before, allowed, shown):
    address = server.getsockname()
    pytest_socket.socket_allow_hosts(allowed)
    text = f'A test tried to use socket.socket.connect() with host "127.0.0.1" (allowed: "{shown}").'
    for use in (before[0].connect, before[0].connect_ex, lambda a: before[1].sendto(b"x", a)):
        with pytest.raises(SocketConnectBlockedError) as caught:
            use(address)
        assert str(caught.value) == text


@pytest.mark.parametrize("allowed", [["127.0.0.1"], "localhost", "127.0.0.0/8", ["nobody.invalid.", "127.0.0.1"][1:]])
def test_allowed_hosts_are_reached(server, allowed):
    pytest_socket.socket_allow_hosts(allowed)
    socket.create_connection(server.getsockname()).close()


def test_names_are_looked_up_once_and_listed_with_their_addresses(server, monkeypatch):
    asked = []
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: asked.append(host) or real(host, *rest))
    lookups = {}
    for _ in range(2):
        pytest_socket.socket_allow_hosts(["localhost"], resolution_cache=lookups)
    assert asked == ["localhost"]
    monkeypatch.undo()
    with pytest.raises(SocketConnectBlockedError, match=r'allowed: "localhost \(127\.0\.0\.1'), socket.socket() as sock:
        sock.connect(("127.0.0.2", 9))


def test_what_can_not_be_read_restricts_nothing_silently():
    with pytest.raises(TypeError, match="allowed hosts are a text with commas"):
        pytest_socket.socket_allow_hosts(7)


def test_hosts_may_be_allowed_while_sockets_are_disabled(server):
    pytest_socket.disable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    with pytest.raises(SocketBlockedError):
        socket.socket()
    pytest_socket.enable_socket()
    socket.create_connection(server.getsockname()).close()


def test_enabled_sockets_still_reach_the_allowed_hosts_only(server):
    pytest_socket.socket_allow_hosts(["127.0.0.2"])
    pytest_socket.disable_socket()
    pytest_socket.enable_socket()
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection(server.getsockname())
    pytest_socket._remove_restrictions()
    socket.create_connection(server.getsockname()).close()


def test_a_refused_socket_is_closed(server):
    pytest_socket.socket_allow_hosts(["127.0.0.2"])
    made = socket.socket()
    with pytest.raises(SocketConnectBlockedError):
        made.connect(server.getsockname())
    assert made.fileno() == -1


def test_errors_are_shown_under_the_name_that_suites_know():
    assert {error.__module__ for error in (SocketBlockedError, SocketConnectBlockedError)} == {"pytest_socket"}


@pytest.mark.parametrize("error", [SocketBlockedError("x"), SocketConnectBlockedError(["a", "b"], "h")])
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_what_is_known_of_an_error_survives_pickling_too():
    again = pickle.loads(pickle.dumps(SocketConnectBlockedError(["a", "b"], "h")))
    assert (again._allowed, again._host) == (["a", "b"], "h")
    assert type(pickle.loads(pickle.dumps(Own("x")))) is Own


def test_the_warning_is_filtered_by_the_module_name_that_suites_know():
    pytest_socket.disable_socket()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=r"pytest_socket\Z")
        with pytest.raises(SocketBlockedError):
            socket.socket()
    assert not seen


def test_a_lookup_that_fails_lifts_nothing(monkeypatch, server):
    def fails(*_args, **_kwargs):
        raise UnicodeError("no name")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    pytest_socket.socket_allow_hosts(["127.0.0.2"])
    pytest_socket.disable_socket()
    with pytest.raises(UnicodeError):
        pytest_socket.socket_allow_hosts(["x.test"])
    with pytest.raises(SocketBlockedError):
        socket.socket()
    pytest_socket.enable_socket()
    with pytest.raises(SocketConnectBlockedError), socket.socket() as sock:
        sock.connect(server.getsockname())


def test_where_warnings_are_errors_the_refusal_is_raised():
    pytest_socket.disable_socket()
    warnings.simplefilter("error")
    with pytest.raises(SocketBlockedError):
        socket.socket()


SUITE = """
    import socket
    import pytest
    from pytest_socket import SocketBlockedError, SocketConnectBlockedError

    LISTENING = socket.create_server(("127.0.0.1", 0))

    def kind():
        try:
            socket.create_connection(LISTENING.getsockname()).close()
        except RuntimeError as error:
            return type(error).__name__
        return "open"

    def test_plain():
        assert kind() == "{plain}"

    @pytest.mark.disable_socket
    def test_disabled():
        assert kind() == "{disabled}"

    @pytest.mark.enable_socket
    def test_enabled():
        assert kind() == "open"

    def test_enabled_by_fixture(socket_enabled):
        assert kind() == "open"

    def test_disabled_by_fixture(socket_disabled):
        assert kind() == "SocketBlockedError"

    @pytest.mark.allow_hosts(["127.0.0.1"])
    def test_allowed():
        assert kind() == "open"

    @pytest.mark.allow_hosts(("127.0.0.2", "127.0.0.3"))
    def test_tuple():
        assert kind() == "{other}"

    @pytest.mark.allow_hosts([])
    def test_none_allowed():
        assert kind() == "{none}"

    @pytest.mark.allow_hosts(None)
    def test_hosts_are_as_they_are_without_option():
        assert kind() == "{unsaid}"

    @pytest.fixture
    def late():
        yield
        assert kind() == "open"

    def test_teardown_is_open(late):
        pass
"""
BLOCKED, CONNECT = "SocketBlockedError", "SocketConnectBlockedError"


@pytest.mark.parametrize(
    ("options", "plain", "disabled", "other", "none", "unsaid"),
    [
        ([], "open", BLOCKED, CONNECT, CONNECT, "open"),
        (["--disable-socket"], BLOCKED, BLOCKED, CONNECT, BLOCKED, BLOCKED),
        (["--allow-hosts=127.0.0.9"], CONNECT, BLOCKED, CONNECT, CONNECT, "open"),
        (["--disable-socket", "--allow-hosts=127.0.0.1"], "open", BLOCKED, CONNECT, BLOCKED, BLOCKED),
        (["--disable-socket", "--force-enable-socket"], "open", "open", "open", "open", "open"),
    ],
)
def test_options_markers_and_fixtures(pytester, options, plain, disabled, other, none, unsaid):
    pytester.makepyfile(SUITE.format(plain=plain, disabled=disabled, other=other, none=none, unsaid=unsaid))
    result = pytester.runpytest_subprocess(
        "-p", "netdouble.facades", "--net-replace=pytest_socket", "-p", "no:randomly", "--strict-markers", *options
    )
    result.assert_outcomes(passed=10)
