"""The settings: one table for ini, option, marker and Network.

Nearest wins, `allow` adds up, mistakes are usage errors.
"""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SHOW = """
    from netdouble import _active
    {mark}
    def test_it(net):
        now = _active.captured().settings
        print("guard", now.guard, "unused", now.unused, "allow", ",".join(now.allow))
        with Network({own}) as inner:
            print("own", inner.settings.unused, ",".join(inner.settings.allow))
"""

# ini, options, marker, Network(...) -> what holds in `net`, what in the Network
PRECEDENCE = {
    "defaults": ("", [], "", "", "guard block unused fail allow ", "own fail "),
    "ini": (
        "net_unused = warn\nnet_allow = a.test\n  b.test:1", [], "", "",
        "unused warn allow a.test,b.test:1", "own warn a.test",
    ),
    "option over ini": ("net_unused = warn", ["--net-unused=off"], "", "", "unused off", "own off"),
    "marker over option": ("", ["--net-unused=off"], "unused='warn'", "", "unused warn", "own warn"),
    "Network over marker": ("", [], "unused='warn'", "unused='off'", "unused warn", "own off"),
    "allow of all": (
        "net_allow = a.test", ["--net-allow=b.test,c.test", "--net-allow=d.test"],
        "'e.test', ['f.test'], allow='g.test'", "allow=('h.test',)",
        "allow a.test,b.test,c.test,d.test,e.test,f.test,g.test",
        "own fail a.test,b.test,c.test,d.test,e.test,f.test,g.test,h.test",
    ),
    "a set of entries": ("", [], "{'a.test'}", "allow={'b.test'}", "allow a.test", "own fail a.test,b.test"),
    "guard": ("net_guard = off", [], "guard='warn'", "", "guard warn", ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("ini", "options", "mark", "own", "here", "inside"), PRECEDENCE.values(), ids=PRECEDENCE.keys()
)
def test_the_nearest_setting_wins_and_allow_adds_up(run, ini, options, mark, own, here, inside):
    source = SHOW.format(mark=f"@pytest.mark.net({mark})" if mark else "", own=own)
    result = run(source, "-s", *options, ini=ini)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*{here}*", f"*{inside}*"])


def test_markers_of_module_class_and_test_add_up_and_the_nearest_wins(run):
    result = run("""
        from netdouble import _active
        pytestmark = pytest.mark.net("a.test", unused="warn", swallowed="warn")
        @pytest.mark.net("b.test", unused="off")
        class TestIt:
            @pytest.mark.net("c.test")
            def test_it(self, net):
                now = _active.captured().settings
                assert (now.allow, now.unused, now.swallowed) == (("a.test", "b.test", "c.test"), "off", "warn")
    """)
    result.assert_outcomes(passed=1)


def test_the_networks_of_wider_fixtures_take_the_markers_of_their_own_node_only(run):
    result = run("""
        from netdouble import _active
        pytestmark = pytest.mark.net("module.test")
        @pytest.mark.net("test.test")
        def test_it(net_session, net_module, net):
            allowed = [scope.settings.allow for scope in _active.captured().chain()]
            assert allowed == [("module.test", "test.test"), ("module.test",), ()]
    """)
    result.assert_outcomes(passed=1)


# where it is written -> what the usage error says
ALLOW = "net_allow = https://api.test"
MISTAKES = {
    "an unknown ini name": ({"ini": "net_alow = a.test"}, "pytest.ini: there is no setting 'alow'; did you mean allow"),
    "an unknown ini value": ({"ini": "net_guard = blok"}, "pytest.ini: guard='blok' is not one of block, warn, off"),
    "an ini entry": ({"ini": ALLOW}, "pytest.ini: allow: 'https://api.test' can't be read: it is a URL; write api"),
    "an option": ({"options": ["--net-guard=blok"]}, "--net-guard: guard='blok' is not one of block, warn, off"),
    "an option's entry": ({"options": ["--net-allow=10.0.0.1/8"]}, "--net-allow: allow: '10.0.0.1/8' can't be read"),
    "an unknown option": ({"options": ["--net-gard=off"]}, "unrecognized arguments: --net-gard=off"),
    "a marker's name": ({"mark": "gaurd='off'"}, "net of test_it.py::test_it: there is no setting 'gaurd'"),
    "a marker's value": ({"mark": "guard='no'"}, "@pytest.mark.net of test_it.py::test_it: guard='no' is not one of"),
    "a marker's entry": ({"mark": "'*'"}, "@pytest.mark.net of test_it.py::test_it: allow: '*' can't be read"),
    "a marker's layer": ({"mark": "'wire'"}, "and 'wire' is a value of layer: write net(layer='wire')"),
    "a marker's mode": ({"mark": "'a.test', 'off'"}, "and 'off' is a value of guard: write net(guard='off')"),
    "a marker's number": ({"mark": "5432"}, "allow takes entries such as 'db.test:5432'"),
    "a marker's nested list": ({"mark": "[['a.test']]"}, "allow takes entries such as 'db.test:5432'"),
}  # fmt: skip


@pytest.mark.parametrize(("written", "text"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_a_usage_error_and_no_test_runs(run, written, text):
    mark = f"@pytest.mark.net({written['mark']})\n" if "mark" in written else ""
    result = run(f"{mark}def test_it():\n    pass", *written.get("options", ()), ini=written.get("ini", ""))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert text in (result.stdout.str() + result.stderr.str()).replace("\n", "")
    assert "1 passed" not in result.stdout.str()


def test_a_mistake_in_a_marker_stops_workers_too(run):
    result = run("@pytest.mark.net(gaurd='off')\ndef test_it():\n    pass", "-n1", plugins=["xdist"])
    assert result.ret != pytest.ExitCode.OK
    assert "there is no setting 'gaurd'" in result.stdout.str() + result.stderr.str()
    assert "1 passed" not in result.stdout.str()


def test_a_suite_with_strict_markers_and_config_accepts_ours(run):
    ini = "addopts = --strict-markers --strict-config\nnet_guard = block\nnet_ca_bundle = eager\nnet_fast = on\n"
    run("@pytest.mark.net('a.test')\ndef test_it():\n    pass", ini=ini).assert_outcomes(passed=1)


def test_every_setting_has_an_option_and_an_ini_name(run):
    text = run("", "--help").stdout.str()
    for name in ("layer", "guard", "allow", "unmatched", "unused", "swallowed", "retry-wait", "fast", "ca-bundle"):
        assert f"--net-{name}=" in text
        assert f"  net_{name.replace('-', '_')} " in text


def test_lists_are_read_from_pyproject(run, pytester):
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nnet_allow = ["a.test", "b.test:1"]\nnet_guard = "block"\n')
    result = run("def test_it():\n    pass", "-c", "pyproject.toml")
    result.stdout.fnmatch_lines(["netdouble: *allowed: loopback, own, a.test, b.test:1"])
