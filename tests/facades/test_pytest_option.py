"""`pytest -p netdouble.facades --net-replace=...`: import names and fixtures are ours, in every kind of run."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

WHO = """
    import {name}

    def test_whose():
        assert {name}.__name__.startswith("netdouble.facades"), {name}.__file__
"""


@pytest.fixture
def replaced(pytester):
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = -p no:cacheprovider -p netdouble.facades"
    )
    return pytester


@pytest.mark.parametrize("name", ["responses", "requests_mock", "aioresponses"])
def test_the_import_name_is_ours_though_the_original_is_installed(replaced, name):
    replaced.makepyfile(WHO.format(name=name))
    replaced.runpytest_subprocess(f"--net-replace={name.replace('_', '-')}").assert_outcomes(passed=1)


def test_modules_below_are_ours_and_the_same_objects_by_either_name(replaced):
    replaced.makepyfile("""
        def test_same():
            import responses.matchers
            from responses import registries
            from netdouble.facades import responses as ours
            assert responses is ours and responses.matchers is ours.matchers
            assert responses.__spec__.name == "netdouble.facades.responses"
    """)
    replaced.runpytest_subprocess("--net-replace=responses").assert_outcomes(passed=1)


FIXTURE = """
    import requests

    def test_fixture(requests_mock):
        requests_mock.get("https://api.test/x", text="hi")
        assert requests.get("https://api.test/x").text == "hi"
        assert type(requests_mock).__module__.startswith("netdouble.facades")
"""


def test_the_peers_fixture_is_ours_and_its_own_plugin_is_kept_out(replaced):
    replaced.makepyfile(FIXTURE)
    done = replaced.runpytest_subprocess("--net-replace=requests_mock")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*netdouble stands for: requests_mock"])


def test_xdists_workers_are_told(replaced):
    replaced.makepyfile(FIXTURE)
    replaced.runpytest_subprocess("--net-replace=requests_mock", "-n", "1").assert_outcomes(passed=1)


def test_pytest_runs_that_a_test_starts_are_told(replaced):
    replaced.makeconftest('pytest_plugins = ["pytester"]')
    replaced.makepyfile("""
        INNER = '''
        import responses
        def test_whose():
            assert responses.__name__ == "netdouble.facades.responses"
        '''

        def test_outer(pytester):
            pytester.makepyfile(INNER)
            pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
            pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    """)
    replaced.runpytest_subprocess("--net-replace=responses").assert_outcomes(passed=1)


INNER = """
    import httpx
    import pytest
    import requests
    import respx
    import socket
    from pytest_socket import SocketBlockedError

    def test_fixtures(requests_mock, respx_mock, httpx_mock, socket_disabled):
        requests_mock.get("https://api.test/x", text="hi")
        assert requests.get("https://api.test/x").text == "hi"
        httpx_mock.add_response(text="ho")
        assert httpx.get("https://api.test/y").text == "ho"
        for each in (requests_mock, respx_mock, httpx_mock):
            assert type(each).__module__.startswith("netdouble.facades")
        with pytest.raises(SocketBlockedError):
            socket.socket()
"""


def test_they_have_the_fixtures_though_the_originals_plugins_are_installed(replaced):
    replaced.makeconftest('pytest_plugins = ["pytester"]')
    replaced.makepyfile(f"""
        INNER = {INNER!r}
        INI = "[pytest]\\nasyncio_default_fixture_loop_scope = function\\naddopts = -p no:cacheprovider"

        def test_outer(pytester):
            pytester.makeini(INI)
            pytester.makepyfile(INNER)
            pytester.runpytest_subprocess().assert_outcomes(passed=1)
            for _ in range(2):  # each of them imports its own httpx
                pytester.runpytest_inprocess().assert_outcomes(passed=1)
    """)
    names = "respx,requests_mock,pytest_httpx,pytest_socket"
    replaced.runpytest_subprocess(f"--net-replace={names}").assert_outcomes(passed=1)


def test_a_child_without_netdouble_has_the_original(replaced):
    replaced.mkdir("other").joinpath("responses.py").write_text("print('the original')")
    replaced.makepyfile("""
        import os, subprocess, sys

        def test_outer():
            names, _, _ = os.environ["PYTHONPATH"].partition(os.pathsep)
            environment = {"PYTHONPATH": os.pathsep.join((names, os.path.abspath("other")))}
            command = [sys.executable, "-S", "-c", "import responses"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.stdout == "the original\\n", done.stderr
    """)
    replaced.runpytest_subprocess("--net-replace=responses").assert_outcomes(passed=1)


def test_a_facade_that_lacks_a_package_is_a_usage_error(replaced):
    replaced.makepyfile("def test_nothing(): pass")
    done = replaced.run(sys.executable, "-c", "import sys; sys.modules['werkzeug'] = None; import pytest; "
                        "sys.exit(pytest.main(['--net-replace=pytest_httpserver']))")  # fmt: skip
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*facade of pytest_httpserver can't be loaded: * pip install 'netdouble?httpserver?'"])


NAMED = """
    import os
    import httpx
    import pytest_socket
    import respx
    from respx.patterns import M

    def test_whose(respx_mock, socket_enabled, pytestconfig):
        plugins = pytestconfig.pluginmanager
        assert "-p netdouble.facades --net-replace=respx,pytest_socket" in os.environ["PYTEST_ADDOPTS"]
        assert respx_mock is respx.mock
        assert (respx.__name__, M.__module__) == ("netdouble.facades.respx", "netdouble.facades.respx.patterns")
        assert plugins.get_plugin("socket") is pytest_socket and plugins.hasplugin("respx")
        assert pytest_socket.__name__ == "netdouble.facades.pytest_socket"
        respx_mock.get("https://api.test/").mock(return_value=httpx.Response(201))
        assert httpx.get("https://api.test/").status_code == 201
"""


def test_plugins_are_ours_where_they_are_asked_for_by_name(replaced):
    replaced.makeconftest('pytest_plugins = ["pytester"]')
    replaced.makepyfile(f"""
        NAMED = {NAMED!r}

        def test_outer(pytester):
            pytester.makeini("[pytest]\\nasyncio_default_fixture_loop_scope = function")
            pytester.makepyfile(NAMED)
            for run in (pytester.runpytest_inprocess, pytester.runpytest_subprocess):
                run("-p", "no:cacheprovider", "-p", "respx").assert_outcomes(passed=1)
    """)
    replaced.runpytest_subprocess("--net-replace=respx,pytest_socket").assert_outcomes(passed=1)


def test_a_plugin_that_is_switched_off_by_its_name_is_switched_off_with_us_too(replaced):
    replaced.makepyfile("""
        import respx

        def test_whose(pytestconfig):
            assert respx.__name__ == "netdouble.facades.respx"
            assert not pytestconfig.pluginmanager.hasplugin("respx")

        def test_fixture(respx_mock):
            pass
    """)
    done = replaced.runpytest_subprocess("--net-replace=respx", "-p", "no:respx")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*fixture 'respx_mock' not found"])


def test_an_original_that_was_imported_already_is_refused(replaced):
    replaced.makepyfile(responses="", early="import responses\n")
    replaced.makepyfile("def test_nothing(): pass")
    replaced.syspathinsert()
    done = replaced.run(sys.executable, "-c", "import sys; sys.path.insert(0, '.'); import early, pytest; "
                        "sys.exit(pytest.main(['--net-replace=responses']))")  # fmt: skip
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*responses can't be replaced: responses was imported already, from *"])


def test_a_name_that_is_no_peers_is_a_usage_error(replaced):
    done = replaced.runpytest_subprocess("--net-replace=respones")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--net-replace: netdouble has no facade for 'respones'; did you mean responses?*"])


def test_two_peers_of_one_import_name_are_a_usage_error(replaced):
    done = replaced.runpytest_subprocess("--net-replace=pytest_httpx2,httpx2_pytest")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        ["*httpx2_pytest can't be replaced beside pytest_httpx2: both are imported as pytest_httpx2*"]
    )


def test_unittest_suites_replace_by_a_call():
    code = (
        "import netdouble.facades; netdouble.facades.replace('responses', 'aioresponses')\n"
        "import responses, aioresponses\n"
        "assert responses.__name__ == 'netdouble.facades.responses'\n"
        "from aioresponses.core import CallbackResult\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_given_back(tmp_path):
    (tmp_path / "responses.py").write_text("")
    code = (
        "from netdouble.facades import replace\n"
        "undo = replace('responses'); import responses; undo()\n"
        "import sys; assert 'responses' not in sys.modules\n"
        "import responses as original; assert original.__name__ == 'responses'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
