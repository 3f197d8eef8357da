"""What suites reach for in pytest-socket beside fixtures and markers: calls in their own hooks, its private names."""

import socket
from types import SimpleNamespace

import pytest

from netdouble.facades import pytest_socket

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use")


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    pytest_socket._remove_restrictions()


SUITE = """
    import socket
    import pytest

    LISTENING = socket.create_server(("127.0.0.1", 0))

    def connect():
        socket.create_connection(LISTENING.getsockname()).close()

    def test_plain(): connect()
    @pytest.mark.enable_socket
    def test_enabled(): connect()
    def test_enabled_by_fixture(socket_enabled): connect()
    @pytest.mark.allow_hosts("127.0.0.1")
    def test_allowed(): connect()
"""
DISABLE, ALLOW = "pytest_socket.disable_socket()", "pytest_socket.socket_allow_hosts(['127.0.0.9'])"


@pytest.mark.parametrize(
    ("hook", "refused"),
    [
        ([DISABLE], {"test_plain", "test_allowed"}),
        ([ALLOW], {"test_plain", "test_enabled", "test_enabled_by_fixture"}),
        ([ALLOW, DISABLE], {"test_plain", "test_enabled", "test_enabled_by_fixture", "test_allowed"}),
    ],
)
def test_what_a_hook_of_a_conftest_restricts_stays_restricted(pytester, hook, refused):
    lines = "".join(f"\n    {line}" for line in hook)
    pytester.makeconftest(f"import pytest_socket\ndef pytest_runtest_setup():{lines}\n")
    pytester.makepyfile(test_x=SUITE)
    result = pytester.runpytest_subprocess("-p", "netdouble.facades", "--net-replace=pytest_socket", "-rf")
    result.assert_outcomes(failed=len(refused), passed=4 - len(refused))
    failed = {line.split()[1].rpartition("::")[2] for line in result.outlines if line.startswith("FAILED ")}
    assert failed == refused


def test_what_is_no_item_of_pytest_is_let_alone():
    assert pytest_socket.pytest_runtest_setup(SimpleNamespace()) is None  # type: ignore[arg-type]  # as suites do
    socket.socket().close()


def test_items_without_fixtures_are_restricted_too(pytester):
    pytester.makeconftest("""
        import socket
        import pytest

        def pytest_collect_file(parent, file_path):
            return File.from_parent(parent, path=file_path) if file_path.suffix == ".steps" else None

        class File(pytest.File):
            def collect(self):
                yield Item.from_parent(self, name="one")

        class Item(pytest.Item):
            def runtest(self):
                socket.socket().close()
    """)
    pytester.path.joinpath("a.steps").touch()
    options = ["-p", "netdouble.facades", "--net-replace=pytest_socket", "--disable-socket"]
    pytester.runpytest_subprocess(*options).assert_outcomes(failed=1)


def test_the_true_class_can_be_used_while_sockets_are_disabled(server, monkeypatch):
    assert pytest_socket._true_socket is socket.socket
    pytest_socket.disable_socket()
    with pytest_socket._true_socket(socket.AF_INET) as sock:
        sock.connect(server)
    monkeypatch.setattr(socket, "socket", pytest_socket._true_socket)
    with socket.socket() as sock:
        sock.connect(server)


def test_the_true_functions_can_be_used_whatever_is_restricted(server):
    for name, owner in (("connect", socket.socket), ("getaddrinfo", socket), ("gethostbyname", socket)):
        assert getattr(pytest_socket, f"_true_{name}") == getattr(owner, name)
    with socket.socket() as sock:
        pytest_socket.disable_socket()
        pytest_socket.socket_allow_hosts([])
        pytest_socket._true_connect(sock, server)
        assert pytest_socket._true_gethostbyname("127.0.0.1") == "127.0.0.1"
        assert pytest_socket._true_getaddrinfo("127.0.0.1", 80)[0][4] == ("127.0.0.1", 80)


def test_the_options_are_found_in_the_stash(pytester):
    pytester.makepyfile("""
        import pytest_socket

        def test_options(pytestconfig):
            options = pytestconfig.stash[pytest_socket._STASH_KEY]
            assert (options.socket_disabled, options.allow_hosts) == (True, "127.0.0.9")
            assert (options.socket_force_enabled, options.allow_unix_socket) == (False, False)
    """)
    options = ["--net-replace=pytest_socket", "--disable-socket", "--allow-hosts=127.0.0.9"]
    pytester.runpytest_subprocess("-p", "netdouble.facades", *options).assert_outcomes(passed=1)


def test_a_name_that_is_nobodys_is_an_attribute_error():
    assert not hasattr(pytest_socket, "_true_nothing")
    assert pytest_socket._is_unix_socket(socket.AF_UNIX)
    assert not pytest_socket._is_unix_socket(socket.AF_INET)
