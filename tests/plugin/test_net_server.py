"""The fixture `net_server` and its longer-lived kin: what they fail, and whose calls are whose."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

CASES = {
    "an answered request": ("""
        def test_it(net_server):
            net_server.get("/users/{id}").reply(text="hello")
            assert fetch(net_server.url_for("/users/7")) == "hello"
            assert net_server.count == 1
        """, {"passed": 1}, ""),
    "nothing at all": ("""
        def test_it(net_server):
            pass
        """, {"passed": 1}, ""),
    "an unexpected request, swallowed": ("""
        def test_it(net_server):
            hide(fetch, net_server.url_for("/users/7"))
        """, {"failed": 1}, "*an unexpected request came to the server http://127.0.0.1:*"),
    "an unexpected request whose error was caught": ("""
        import urllib.error
        def test_it(net_server):
            with pytest.raises(urllib.error.HTTPError):
                fetch(net_server.url_for("/users/7"))
        """, {"failed": 1}, '*To answer it:  server.get("/users/7").reply(200)*'),
    "an unexpected request that is meant": ("""
        @pytest.mark.net(swallowed="warn")
        def test_it(net_server):
            hide(fetch, net_server.url_for("/users/7"))
        """, {"passed": 1}, "*an unexpected request came to the server*"),
    "an unexpected request in a teardown": ("""
        @pytest.fixture
        def late(net_server):
            yield
            hide(fetch, net_server.url_for("/late"))
        def test_it(late):
            pass
        """, {"passed": 1, "errors": 1}, "*an unexpected request came to the server*"),
    "an unused route": ("""
        def test_it(net_server):
            net_server.get("/never").reply()
        """, {"failed": 1}, "*a route was never used*"),
    "an unused route of a fixture": ("""
        @pytest.fixture
        def api(net_server):
            net_server.get("/never").reply()
        def test_it(api):
            pass
        """, {"passed": 1}, ""),
    "a function that raises": ("""
        def answer(request):
            raise LookupError("nobody")
        def test_it(net_server):
            net_server.get("/").reply(answer)
            hide(fetch, net_server.url)
        """, {"failed": 1}, "*LookupError: nobody*"),
    "a real connection elsewhere": ("""
        def test_it(net_server):
            hide(leave)
        """, {"failed": 1}, "*connect 255.255.255.255:80*"),
    "beside a network": ("""
        def test_it(net, net_server):
            net.get(URL).reply(text="net")
            net_server.get("/").reply(text="server")
            assert (fetch(), fetch(net_server.url)) == ("net", "server")
            assert (net.count, net_server.count) == (1, 1)
        """, {"passed": 1}, ""),
    "before a network": ("""
        def test_it(net_server, net):
            net.get(URL).reply(text="net")
            net_server.get("/").reply(text="server")
            assert (fetch(), fetch(net_server.url)) == ("net", "server")
            assert (net.count, net_server.count) == (1, 1)
        """, {"passed": 1}, ""),
    "a served network": ("""
        def test_it(net):
            net.get(URL + "users/7").reply(text="hello")
            assert fetch(net.serve().url_for("/users/7")) == "hello"
            assert net.count == 1
        """, {"passed": 1}, ""),
    "a served network that got an unexpected request": ("""
        def test_it(net):
            hide(fetch, net.serve(URL).url_for("/users/7"))
        """, {"failed": 1}, "*an unexpected request came to the server*"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "outcomes", "line"), CASES.values(), ids=CASES)
def test_at_its_end(run, source, outcomes, line):
    result = run(source, "-W", "default")
    result.assert_outcomes(**{"warnings": 1 if 'swallowed="warn"' in source else 0, **outcomes})
    if line:
        result.stdout.fnmatch_lines([line])


def test_a_servers_calls_are_shown_when_the_test_fails(run):
    result = run("""
        def test_it(net, net_server):
            net_server.get("/users/7").reply(text="hello")
            fetch(net_server.url_for("/users/7"))
            assert False
    """)
    result.stdout.fnmatch_lines(["*netdouble calls*", "1. GET http://127.0.0.1:*/users/7 -> 200 *"])


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_longer_lived_one_is_judged_test_by_test(run, scope):
    fixture = f"net_server_{scope}"
    result = run(f"""
        @pytest.fixture(scope="{scope}", autouse=True)
        def api({fixture}):
            {fixture}.get("/api").reply(text="hello")
            return {fixture}
        def test_one(api):
            assert fetch(api.url_for("/api")) == "hello"
        def test_two(api):
            hide(fetch, api.url_for("/typo"))
        def test_three(api):
            assert fetch(api.url_for("/api")) == "hello"
            assert api.count == 3
        def test_four(api):
            api.get("/never").reply()
        def test_five(api):
            assert len(api.routes) == 2
    """)
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["FAILED *test_two*", "FAILED *test_four*"])


def test_a_network_loads_no_server_before_one_is_asked_for():
    code = "import netdouble.pytest_plugin, netdouble.network, sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'netdouble.network'" in done.stdout
    assert "netdouble.server" not in done.stdout
