"""Keywords that do not exist, and names that nearly do: each is refused where it was written, with the nearest."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

import netdouble
from netdouble import (
    DeclarationError,
    Event,
    Fault,
    Jitter,
    LogNormal,
    M,
    Network,
    Response,
    Route,
    Uniform,
    guard,
)

URL = "https://api.test/a"
HERE = re.compile(r"\(written at .*test_keywords\.py:\d+\)$")

MISSPELT = {
    # the call, then what the text must say; the line follows in each
    "a verb": (
        lambda net: net.get(URL, qurey={}),
        "no condition is called qurey=; did you mean query=? There are query=",
    ),
    "a route's own": (lambda net: net.get(URL, whn="new"), "no condition is called whn=; did you mean when=?"),
    "any": (lambda net: net.any(heders={}), "no condition is called heders=; did you mean headers=?"),
    "at": (lambda net: net.at("https://api.test", jsn=1), "no condition is called jsn=; did you mean json=?"),
    "a matcher": (lambda _: M(jso=1), "no condition is called jso=; did you mean json=?"),
    "a WebSocket": (lambda net: net.websocket("wss://api.test/", qurey={}), "did you mean query=?"),
    "assert_called": (
        lambda net: net.get(URL).assert_called(tmies=1),
        "tmies=; did you mean times=? There are times=, query=",
    ),
    "reply": (
        lambda net: net.get(URL).reply(jsn={}),
        "reply() takes no jsn=; did you mean json=? It takes status=, json=",
    ),
    "then": (lambda net: net.get(URL).reply().then(txt=""), "then() takes no txt=; did you mean text=?"),
    "fail": (lambda net: net.get(URL).fail(Fault.RESET, dely=1), "fail() takes no dely=; did you mean delay=?"),
    "fail_first": (
        lambda net: net.get(URL).reply().fail_first(2, falure=404),
        "fail_first() takes no falure=; did you mean failure=?",
    ),
    "a WebSocket's reply": (lambda net: net.websocket("wss://api.test/").reply(jsn={}), "reply() takes no jsn="),
    "a WebSocket's send": (
        lambda net: net.websocket("wss://api.test/").send(jsn={}),
        "send() takes no jsn=; did you mean json=?",
    ),
    "a WebSocket's drop": (
        lambda net: net.websocket("wss://api.test/").drop(rset=True),
        "drop() takes no rset=; did you mean reset=?",
    ),
    "serve": (lambda net: net.serve(tsl=True), "serve() takes no tsl=; did you mean tls=? It takes origin="),
    "a server of its own": (
        lambda _: netdouble.serve(prot=80),
        "serve() takes no prot=; did you mean port=? It takes tls=",
    ),
    "proxy": (lambda net: net.proxy(htp2=True), "proxy() takes no htp2=; did you mean http2=?"),
    "tls": (
        lambda net: net.tls("https://api.test", cert="expired"),
        "tls() takes no cert=; did you mean certificate=?",
    ),
    "scenario": (lambda net: net.scenario("a", strt="b"), "scenario() takes no strt=; did you mean start=?"),
    "a response": (lambda _: Response(stats=3), "Response() takes no stats=; did you mean status=?"),
    "an event": (lambda _: Event(dat="x"), "Event() takes no dat=; did you mean data=?"),
    "a uniform delay": (lambda _: Uniform(low=1, hgh=2), "Uniform() takes no hgh=; did you mean high=?"),
    "a jitter": (lambda _: Jitter(1, spred=1), "Jitter() takes no spred=; did you mean spread=?"),
    "a log-normal delay": (lambda _: LogNormal(0.1, p59=1), "LogNormal() takes no p59=; did you mean p95=?"),
    "the guard": (lambda _: guard.install(alow="db.test"), "install() takes no alow=; did you mean allow=?"),
    "nothing near": (lambda _: Response(xyz=3), "Response() takes no xyz=. It takes status="),
}


@pytest.mark.parametrize(("call", "said"), MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_keyword_is_refused_with_the_nearest_and_its_line(call, said):
    with pytest.raises(DeclarationError) as refused:
        call(Network())
    assert said in str(refused.value)
    assert HERE.search(str(refused.value))


ELSEWHERE = {
    # words of other libraries, and what is said in another place
    "a status in a verb": (lambda net: net.get(URL, status=404), "it is a part of the answer: net.get(url).reply(404)"),
    "a delay in a verb": (
        lambda net: net.get(URL, delay=1),
        "it is a part of the answer: net.get(url).reply(delay=...)",
    ),
    "params in a verb": (lambda net: net.get(URL, params={}), "did you mean query=?"),
    "times in a verb": (lambda net: net.get(URL, times=2), "net.get(url).reply(...).times(2)"),
    "a method in a verb": (lambda net: net.any(URL, method="GET"), "the verb says it"),
    "a state in at()": (lambda net: net.at("https://api.test", when="x"), "net.get(url, when=...)"),
    "a status code": (lambda net: net.get(URL).reply(status_code=404), "the status comes first: reply(404)"),
    "a body": (lambda net: net.get(URL).reply(body="x"), "did you mean text= or content=?"),
    "data": (lambda net: net.get(URL).reply(data={}), "did you mean json=, form= or content=?"),
    "a condition in reply": (lambda net: net.get(URL).reply(query={}), "net.get(url, query=...)"),
    "a failure in reply": (
        lambda net: net.get(URL).reply(exc=OSError),
        "a failure is an answer of its own: .fail(...)",
    ),
    "a status as failure": (lambda net: net.get(URL).fail(503), "a status is an answer: .reply(503)"),
    "a fault's name": (lambda net: net.get(URL).fail("reset"), "did you mean Fault.RESET?"),
    "the class of faults": (
        lambda net: net.get(URL).fail(Fault),
        "one of the faults, not their class. There are DNS, ",
    ),
}


@pytest.mark.parametrize(("call", "said"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_is_said_elsewhere_is_refused_with_where(call, said):
    with pytest.raises(DeclarationError) as refused:
        call(Network())
    assert said in str(refused.value)


BY_POSITION = {
    "a verb": (
        lambda net: net.get(URL, {"page": 2}),
        "get() takes no {'page': 2} here; conditions have names",
    ),
    "a view's verb": (lambda net: net.at(URL).post("/b", "x"), "post() takes no 'x' here; conditions have names"),
    "reply: an object": (
        lambda net: net.get(URL).reply(200, {"id": 7}),
        "a body too: reply(200, json={'id'",
    ),
    "reply: a text": (lambda net: net.get(URL).reply(200, "x"), "reply(200, text='x')"),
    "then: bytes": (lambda net: net.get(URL).reply().then(200, b"x"), "reply(200, content=b'x')"),
    "a network": (lambda _: Network("db.test"), "settings have names: Network(allow='db.test')"),
    "a network as a decorator": (lambda _: Network(print), "a decorator is written with brackets: @Network() on print"),
    "a matcher: a method": (lambda _: M("GET"), "conditions have names: M(method='GET')"),
    "a matcher: a URL": (lambda _: M(URL), "M(url='https://api.test/a')"),
    "a matcher: a function": (lambda _: M(bool), "M(where=<class 'bool'>)"),
}


@pytest.mark.parametrize(("call", "said"), BY_POSITION.values(), ids=BY_POSITION)
def test_what_has_a_name_and_is_given_by_position_is_refused_with_the_name(call, said):
    with pytest.raises(DeclarationError) as refused:
        call(Network())
    assert said in str(refused.value)


def test_a_missing_argument_stays_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'url'"):
        Network().get()


SETTINGS = {
    "of a network": (lambda: Network(layr="wire"), "there is no setting 'layr'; did you mean layer? Settings: layer, "),
    "with nothing near": (lambda: Network(xyz=1), "there is no setting 'xyz'. Settings: layer, "),
}


@pytest.mark.parametrize(("call", "said"), SETTINGS.values(), ids=SETTINGS)
def test_an_unknown_setting_is_refused_with_the_nearest(call, said):
    with pytest.raises(DeclarationError) as refused:
        call()
    assert said in str(refused.value)


@pytest.mark.parametrize(("name", "near"), [("RESETT", "RESET"), ("reset", "RESET"), ("TIMEOUT", "READ_TIMEOUT")])
def test_a_misspelt_fault_is_told_which_one_is_near(name, near):
    with pytest.raises(AttributeError, match=f"there is no Fault.{name}; did you mean Fault.{near}\\?"):
        getattr(Fault, name)


def test_faults_stay_an_enum_like_every_other():
    assert not hasattr(Fault, "xyz")
    assert Fault["RESET"] is Fault("reset") is Fault.RESET is pickle.loads(pickle.dumps(Fault.RESET))


def test_the_status_can_be_said_by_its_name():
    route = Network().get(URL).reply(status=404).then(status=503, json={})
    assert [route.answer(0).status, route.answer(1).status] == [404, 503]


@pytest.mark.parametrize("function", [Response, Route.fail, Network.serve, guard.install, LogNormal])
def test_signatures_stay_those_that_were_written(function):
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert len(kinds) > 2


def test_another_type_error_stays_what_it_is():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'failure'"):
        Network().get(URL).fail(delay=1)
