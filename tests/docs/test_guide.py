"""The guide on mocking network and HTTP calls: each of its steps, with facades for its libraries, and native.

Every suite here is run by pytest in a folder of its own, as a reader of the guide would write it: with facades by the
libraries' import names, fixtures and options, and no library of the guide's imported; then in netdouble's own form.
"""

from __future__ import annotations

import re

import pytest

pytest_plugins = ["pytester"]

REPLACED = "responses,respx,requests_mock,pytest_socket,pytest_httpserver"
# The guide's own line for the sockets, behind the one that brings the facades.
FACADES = f"-p netdouble.facades --net-replace={REPLACED} --disable-socket --allow-hosts=127.0.0.1,::1"

CLIENT = """
    import requests


    def fetch_user(user_id):
        answered = requests.get(
            f"https://api.example.com/users/{user_id}", headers={"Accept": "application/json"}, timeout=5
        )
        answered.raise_for_status()
        return answered.json()
"""

# Which suite: (with facades, in the native form). Each runs beside the application of `CLIENT`.
STEPS = {
    "a method of the client is patched": (
        """
        import json
        import requests
        from myapp.client import fetch_user


        def made(payload, status=200):
            response = requests.Response()
            response.status_code = status
            response._content = json.dumps(payload).encode()
            response.headers["Content-Type"] = "application/json"
            return response


        def test_patched(monkeypatch):
            asked = {}

            def instead(url, **options):
                asked["url"] = url
                return made({"id": 7, "name": "Ada"})

            monkeypatch.setattr("myapp.client.requests.get", instead)
            assert fetch_user(7)["name"] == "Ada"
            assert asked["url"].endswith("/users/7")
        """,
        """
        from netdouble import Response
        from myapp.client import fetch_user


        def test_patched_with_a_genuine_response(monkeypatch):
            asked = {}

            def instead(url, **options):
                asked["url"] = url
                return Response(json={"id": 7, "name": "Ada"}).as_requests()

            monkeypatch.setattr("myapp.client.requests.get", instead)
            assert fetch_user(7)["name"] == "Ada"
            assert asked["url"].endswith("/users/7")
        """,
    ),
    "responses, the default for requests": (
        """
        import requests
        import responses
        from myapp.client import fetch_user


        @responses.activate
        def test_declared_and_recorded():
            responses.add(
                responses.GET, "https://api.example.com/users/7", json={"id": 7, "name": "Ada"}, status=200
            )
            assert fetch_user(7)["name"] == "Ada"
            assert len(responses.calls) == 1
            assert responses.calls[0].request.headers["Accept"] == "application/json"


        @responses.activate
        def test_answers_in_sequence():
            for status in (503, 200):
                responses.add(responses.GET, "https://api.example.com/users/7", json={}, status=status)
            assert requests.get("https://api.example.com/users/7").status_code == 503
            assert fetch_user(7) == {}
        """,
        """
        from myapp.client import fetch_user
        import pytest
        import requests


        def test_declared_and_recorded(net):
            net.get("https://api.example.com/users/7").reply(json={"id": 7, "name": "Ada"})
            assert fetch_user(7)["name"] == "Ada"
            assert len(net.calls) == 1
            assert net.calls[0].request.headers["Accept"] == "application/json"


        def test_answers_in_sequence(net):
            net.get("https://api.example.com/users/7").reply(503).then(json={})
            with pytest.raises(requests.HTTPError):
                fetch_user(7)
            assert fetch_user(7) == {}
        """,
    ),
    "respx, the same for httpx": (
        """
        import httpx
        import pytest
        import respx


        @respx.mock
        def test_sync():
            route = respx.get("https://api.example.com/users/7").mock(
                return_value=httpx.Response(200, json={"id": 7, "name": "Ada"})
            )
            with httpx.Client() as client:
                answered = client.get("https://api.example.com/users/7")
            assert answered.json()["name"] == "Ada"
            assert route.called
            assert route.call_count == 1


        @pytest.mark.asyncio
        @respx.mock
        async def test_async():
            respx.get("https://api.example.com/ping").mock(return_value=httpx.Response(204))
            async with httpx.AsyncClient() as client:
                answered = await client.get("https://api.example.com/ping")
            assert answered.status_code == 204
        """,
        """
        import httpx
        import pytest


        def test_sync(net):
            route = net.get("https://api.example.com/users/7").reply(json={"id": 7, "name": "Ada"})
            with httpx.Client() as client:
                answered = client.get("https://api.example.com/users/7")
            assert answered.json()["name"] == "Ada"
            assert route.called
            assert route.count == 1


        @pytest.mark.asyncio
        async def test_async(net):
            net.get("https://api.example.com/ping").reply(204)
            async with httpx.AsyncClient() as client:
                answered = await client.get("https://api.example.com/ping")
            assert answered.status_code == 204
        """,
    ),
    "requests-mock, driven by a fixture": (
        """
        import requests


        def test_by_a_fixture(requests_mock):
            requests_mock.get("https://api.example.com/users/7", json={"id": 7, "name": "Ada"})
            assert requests.get("https://api.example.com/users/7").json()["id"] == 7
            assert requests_mock.call_count == 1
        """,
        """
        import requests


        def test_by_a_fixture(net):
            net.get("https://api.example.com/users/7").reply(json={"id": 7, "name": "Ada"})
            assert requests.get("https://api.example.com/users/7").json()["id"] == 7
            assert net.count == 1
        """,
    ),
    "a fake server": (
        """
        import requests


        def test_over_a_real_socket(httpserver):
            httpserver.expect_request("/users/7").respond_with_json({"id": 7, "name": "Ada"})
            assert requests.get(httpserver.url_for("/users/7")).json()["name"] == "Ada"
        """,
        """
        import requests


        def test_over_a_real_socket(net_server):
            net_server.get("/users/7").reply(json={"id": 7, "name": "Ada"})
            assert requests.get(net_server.url_for("/users/7")).json()["name"] == "Ada"
        """,
    ),
}


@pytest.fixture
def suite(pytester):
    """Runs suites beside the guide's application: `suite({name: code}, options)`."""

    def run(codes: dict[str, str], options: str = "", *more: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(
            f"[pytest]\npythonpath = .\nasyncio_default_fixture_loop_scope = function\n"
            f"addopts = -p no:cacheprovider {options}\n{ini}"
        )
        pytester.mkpydir("myapp").joinpath("client.py").write_text(re.sub("^    ", "", CLIENT, flags=re.MULTILINE))
        pytester.makepyfile(**{f"test_{i}": code for i, code in enumerate(codes.values())})
        return pytester.runpytest_subprocess(*more)

    return run


def count(codes: dict[str, str]) -> int:
    """How many tests are in them."""
    return sum(len(re.findall(r"def test_", code)) for code in codes.values())


@pytest.mark.timeout(300)
def test_every_step_with_facades(suite):
    codes = {name: step[0] for name, step in STEPS.items()}
    suite(codes, FACADES).assert_outcomes(passed=count(codes))


@pytest.mark.timeout(300)
def test_every_step_in_the_native_form(suite):
    codes = {name: step[1] for name, step in STEPS.items()}
    suite(codes, ini="net_guard = block").assert_outcomes(passed=count(codes))


ESCAPES = """
    import socket


    def test_an_escape():
        socket.create_connection(("127.0.0.2", 9), timeout=5)
"""


@pytest.mark.timeout(300)
def test_sockets_are_blocked_by_the_guides_own_line(suite):
    # 127.0.0.2 stands for the world: it is on this machine, and not on the list.
    done = suite({"escape": ESCAPES}, FACADES)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*SocketConnectBlockedError*"])


@pytest.mark.timeout(300)
def test_without_a_list_no_socket_is_made(suite):
    code = "import socket\n\n\ndef test_an_escape():\n    socket.socket()\n"
    done = suite({"escape": code}, f"-p netdouble.facades --net-replace={REPLACED} --disable-socket")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*SocketBlockedError*"])


# Verification


UNUSED = {
    "responses": """
        import responses


        def test_never_fired():
            with responses.RequestsMock() as mock:
                mock.get("https://api.example.com/users/7")
        """,
    "respx": """
        import respx


        @respx.mock(assert_all_called=True)
        def test_never_fired(respx_mock):
            respx_mock.get("https://api.example.com/users/7")
        """,
    "native": """
        def test_never_fired(net):
            net.get("https://api.example.com/users/7").reply(json={})
        """,
}


@pytest.mark.timeout(300)
def test_a_stub_that_never_fires_fails_the_test(suite):
    done = suite(UNUSED, FACADES)
    done.assert_outcomes(failed=3)
    for text in ("*Not all requests have been executed*", "*RESPX*", "*a route was never used*"):
        done.stdout.fnmatch_lines([text])


LEAKS = """
    import pytest
    import requests
    import responses

    URL = "https://api.example.com/users/7"


    @responses.activate
    def test_one():
        responses.get(URL, body="one")
        assert requests.get(URL).text == "one"


    @responses.activate
    def test_two():
        with pytest.raises(requests.ConnectionError):
            requests.get(URL)


    def test_three(requests_mock):
        requests_mock.get(URL, text="three")
        assert requests.get(URL).text == "three"
        assert requests_mock.call_count == 1


    def test_four(net):
        net.get(URL).reply(text="four")
        assert requests.get(URL).text == "four"
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 20_260_101])
def test_no_stub_leaks_in_random_order(suite, seed):
    suite({"leaks": LEAKS}, FACADES, f"--randomly-seed={seed}").assert_outcomes(passed=4)


# Troubleshooting: for each symptom netdouble's own message names the cause


SYMPTOMS = {
    "patched where it is defined, not where it is looked up": (
        """
        import requests
        from mypkg import fetch


        def test_wrong_target(monkeypatch):
            monkeypatch.setattr("requests.get", lambda url, **options: None)
            fetch()
        """,
        ["*NetworkBlocked*", "*in fetch*"],
    ),
    "the URL, method or query differs": (
        """
        import requests


        def test_a_slash_too_many(net):
            net.get("https://api.example.com/users/7").reply(json={})
            requests.get("https://api.example.com/users/7/?page=2")
        """,
        ["*UnmatchedRequest*no route answers*", '*path*expected "/users/7", got "/users/7/"*'],
    ),
    "another client than the library knows": (
        """
        import httpx
        import responses


        @responses.activate
        def test_httpx_is_seen():
            responses.get("https://api.example.com/users/7", json={"id": 7})
            assert httpx.get("https://api.example.com/users/7").json() == {"id": 7}
            httpx.get("https://api.example.com/users/8")
        """,
        ["*UnmatchedRequest*", "*(responses)*"],
    ),
    "the suite blocks its own server": (
        """
        import requests


        def test_loopback(httpserver):
            httpserver.expect_request("/").respond_with_data("hi")
            assert requests.get(httpserver.url_for("/")).text == "hi"
            requests.get("http://127.0.0.2:9/")
        """,
        ["*127.0.0.2*"],
    ),
    "a stub that was declared at import never answers another test": (
        """
        import requests
        import responses

        responses.get("https://api.example.com/leaked")


        @responses.activate
        def test_first():
            requests.get("https://api.example.com/leaked")


        @responses.activate
        def test_second():
            requests.get("https://api.example.com/leaked")
        """,
        ["*nothing is registered*"],
    ),
    "a stub that nothing asked for": (
        """
        def test_dead(net):
            net.get("https://api.example.com/dead").reply(json={})
        """,
        ["*a route was never used*", "*If it may rest: .optional(); else remove it*"],
    ),
}


FETCH = """
    from requests import get  # so it is looked up here, and not in requests


    def fetch():
        return get("http://users.invalid/7")
"""


@pytest.mark.timeout(300)
def test_each_symptom_is_explained_by_its_message(suite):
    codes = {name: code for name, (code, _) in SYMPTOMS.items() if not name.startswith("patched")}
    done = suite(codes, FACADES)
    assert done.parseoutcomes()["failed"] >= len(codes)
    for name in codes:
        done.stdout.fnmatch_lines(SYMPTOMS[name][1])


@pytest.mark.timeout(300)
def test_a_patch_of_the_wrong_name_is_told_by_the_line_and_function_that_called(suite, pytester):
    pytester.makepyfile(mypkg=FETCH)
    code, lines = SYMPTOMS["patched where it is defined, not where it is looked up"]
    done = suite({"patched": code}, ini="net_guard = block")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(lines)
