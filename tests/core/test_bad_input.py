"""What can't work, in every declaring call of the public API: refused where it is written, with the next step.

Misspelt keywords stand in `test_keywords.py`, conditions in `test_matchers_declaring.py`, URLs in
`test_url_patterns.py`, settings in `tests/plugin/test_settings.py`.
"""

from __future__ import annotations

import datetime as dt

import pytest

from netdouble import DeclarationError, Event, Fault, Network, Request, Response, guard, serve

URL = "https://api.test/a"


def reply(*status, **options):
    return lambda net: net.get(URL).reply(*status, **options)


def on_a_route(call):
    return lambda net: call(net.get(URL).reply())


def on_a_websocket(call):
    return lambda net: call(net.websocket("wss://api.test/"))


ANSWERS = {
    "no status of HTTP": (reply(99), "there is no status 99: it is 100 to 599"),
    "a status beyond": (reply(1000), "there is no status 1000"),
    "a status as text": (reply("404"), "a str can't be answered: '404'"),
    "a status that needs another": (reply(103), "reply(200, informational=[Response(103)])"),
    "a body in the status' place": (reply({"id": 7}), "or a body by keyword, as in reply(json=...)"),
    "two bodies": (reply(json={}, text=""), "a body is given twice: json= and text=; keep one of them"),
    "a body that has no place": (reply(204, json={}), "a 204 response has no body"),
    "JSON that is none": (reply(json={1}), "json= can't be written as JSON: Object of type set"),
    "bytes as text": (reply(text=b"x"), "text= must be str, not bytes; bytes go into content="),
    "a text that UTF-8 has not": (reply(text="\ud800"), "text= can't be written as UTF-8"),
    "a str as bytes": (reply(content="x"), "content= must be bytes; a str goes into text="),
    "a form that is written": (reply(form="a=1"), "a form that is written already goes into text="),
    "a form that is none": (reply(form=[1]), "form= is a mapping or pairs of texts, not [1]"),
    "a file that is not there": (reply(file="/nowhere/at.all"), "file= can't be read: "),
    "an open file's number": (reply(file=12345), "file= is the path of a file, not 12345; its bytes go into content="),
    "one event": (reply(sse="x"), "write sse=[...]"),
    "events that are none": (reply(sse=12), "sse= is a list of events, not one int"),
    "an Event alone": (reply(sse=Event("x")), "not one Event: write sse=[...]"),
    "a stream that is used up": (reply(stream=(b for b in [b""])), "Pass the generator function itself"),
    "a line break in a header": (reply(headers={"a": "x\ny"}), "headers= has a line that can't be sent"),
    "a blank in a header's name": (reply(headers={"a b": "x"}), "headers= has a line that can't be sent"),
    "a header's name beyond ASCII": (reply(headers={"ä": "x"}), "headers= has a line that can't be sent"),
    "a number in a header": (reply(headers={"a": 1}), "headers= is a mapping of str to str"),
    "bytes in a header": (reply(headers={"a": b"1"}), "name and value must be str"),
    "cookies as a text": (reply(cookies="a=b"), 'cookies= is a mapping of names to values, such as {"session": "s3"}'),
    "cookies as pairs": (reply(cookies=[("a", "b")]), "cookies= is a mapping of names to values"),
    "a number in a cookie": (reply(cookies={"a": 1}), "cookies= 'a': a value is a str of one line, not 1"),
    "a line break in a cookie": (reply(cookies={"a": "b\r\nX: y"}), "a value is a str of one line, not 'b\\r\\nX: y'"),
    "a cookie's name that is two": (reply(cookies={"a;b": "x"}), "has 'a;b', and no cookie has such a name"),
    "a negative delay": (reply(delay=-1), "delay= is seconds, zero or more, not -1"),
    "a delay as a timedelta": (reply(delay=dt.timedelta(1)), "delay= is seconds"),
    "informational: a number": (reply(informational=103), "such as Response(103), not 103"),
    "informational: a response alone": (reply(informational=Response(103)), "is a list of responses from 100 to 199"),
    "informational: a final one": (reply(informational=[Response(200)]), "is a list of responses from 100 to 199"),
    "a version as a number": (reply(http_version=1.1), 'http_version= is "1.0", "1.1" or "2", not 1.1'),
    "a version with its name": (reply(http_version="HTTP/1.1"), "http_version= is"),
    "a reason that is a number": (reply(reason=404), "reason= is a str"),
    "a line break in the reason": (reply(reason="a\nb"), "reason= has a character that can't be sent"),
    "an answer and a body": (reply(Response(), json={}), "say it in one place"),
    "a stream's function that wants arguments": (
        reply(stream=lambda request: [b""]),
        "needs request. What depends on the request is a function as the whole answer",
    ),
    "an event's name of two lines": (reply(sse=[{"event": "a\nb"}]), "Event(event=) is one line"),
    "the class of responses": (reply(Response), "write reply(Response(...))"),
    "a function of nothing": (reply(lambda: 200), "a function of one argument, the request, is needed"),
    "a route": (lambda net: net.get(URL).reply(net.get(URL)), "a Route can't be answered"),
}

FAILURES = {
    "a number": (on_a_route(lambda route: route.fail(503)), "a status is an answer: .reply(503)"),
    "nothing": (
        on_a_route(lambda route: route.fail(None)),
        "fail() takes a Fault or an exception, not None. There are DNS,",
    ),
    "a text": (on_a_route(lambda route: route.fail("connect_timeout")), "did you mean Fault.CONNECT_TIMEOUT?"),
    "an exception that needs more": (
        on_a_route(lambda route: route.fail(UnicodeDecodeError)),
        "pass an instance: fail(UnicodeDecodeError(...))",
    ),
    "a response that nobody sees": (
        on_a_route(lambda route: route.fail(Fault.RESET, response=Response())),
        "Fault.RESET happens before a response, so response= would never be seen; drop it",
    ),
    "a response with an exception": (
        on_a_route(lambda route: route.fail(OSError, response=Response())),
        "fail(response=) is what a Fault cuts off",
    ),
    "a response that is a status": (
        on_a_route(lambda route: route.fail(Fault.RESET_IN_BODY, response=200)),
        "fail(response=) is a netdouble.Response, not int",
    ),
    "a fault with a body": (
        on_a_route(lambda route: route.then(Fault.RESET_IN_BODY, json={})),
        "then(..., response=Response(json=...))",
    ),
    "a response with a status": (
        on_a_route(lambda route: route.fail_first(1, 503, response=Response())),
        "fail(response=) is what a Fault cuts off, and 503 is none",
    ),
    "no call at all": (on_a_route(lambda route: route.fail_first(0)), "how many calls, 1 or more, not 0"),
    "before there is an answer": (lambda net: net.get(URL).fail_first(1), "write .reply(...).fail_first(2)"),
}

ROUTES = {
    "then without an answer": (lambda net: net.get(URL).then(200), "write .reply(...).then(...)"),
    "repeat without an answer": (lambda net: net.get(URL).repeat(2), "write .reply(...).repeat(...)"),
    "then after times": (on_a_route(lambda route: route.times(2).then(200)), "write .reply(...).repeat(n).then(...)"),
    "repeat after times": (on_a_route(lambda route: route.times(2).repeat(3)), ".repeat() after .times(2): times() is"),
    "repeat never": (on_a_route(lambda route: route.repeat(0)), "repeat() takes how often, 1 or more, not 0"),
    "less than no times": (on_a_route(lambda route: route.times(-1)), "0 or more, not -1"),
    "times as a text": (on_a_route(lambda route: route.times("2")), "0 or more, not '2'"),
    "times as a bool": (on_a_route(lambda route: route.times(True)), "0 or more, not True"),
    "a name that is a number": (on_a_route(lambda route: route.named(7)), "named() takes a name, not 7"),
    "no name": (on_a_route(lambda route: route.named("")), "named() takes a name, not ''"),
    "assert_called: a text": (
        on_a_route(lambda route: route.assert_called("2")),
        "is a number of calls, 0 or more, not '2'",
    ),
    "assert_called: a bool": (on_a_route(lambda route: route.assert_called(True)), "is a number of calls"),
    "assert_order: nothing": (lambda net: net.assert_order(), "assert_order() takes routes"),
    "assert_order: names": (lambda net: net.assert_order("a", "b"), "assert_order() takes routes, not ('a', 'b')"),
    "a method and a blank": (lambda net: net.route("GE T", URL), "a method is a word such as GET, not 'GE T'"),
    "two methods": (lambda net: net.route(["GET", "POST"], URL), "any() takes every method"),
    "the URL first": (lambda net: net.route(URL, "GET"), "a method is a word such as GET"),
    "a method in a condition": (lambda net: net.any(URL, method="GET"), "the verb says it: net.post(url)"),
    "a predicate of nothing": (lambda net: net.get(URL, where=lambda: True), "can't be called with the request alone"),
    "a predicate of two": (lambda net: net.get(URL, where=lambda a, b: True), "can't be called with the request alone"),
    "a header that is none": (lambda net: net.get(URL, headers={"a b": "x"}), "no header has such a name"),
    "a scenario's name": (lambda net: net.scenario(7), "scenario() takes the name of one, not 7"),
    "a state's name": (lambda net: net.get(URL, when=7), "when= is a name, not 7"),
    "a view's path": (lambda net: net.at("https://api.test").at(7), "at() takes a base URL or a path as str, not int"),
    "a base that is a path": (lambda net: net.at("/v1"), "a path alone has no host"),
}

WEBSOCKETS = {
    "another scheme": (lambda net: net.websocket("ftp://api.test/"), "begins with wss:// or ws://"),
    "a number": (on_a_websocket(lambda ws: ws.send(7)), "send() sends str as text and bytes as binary, not int"),
    "nothing": (on_a_websocket(lambda ws: ws.send()), "send() takes one message"),
    "two messages": (on_a_websocket(lambda ws: ws.send("a", json=1)), "send() takes one message"),
    "an expected number": (on_a_websocket(lambda ws: ws.expect(7)), "expect() takes a str, bytes, a compiled regex"),
    "a handshake's body": (
        lambda net: net.websocket("wss://api.test/", json={}),
        "has no body, so json= never holds; of a message say .expect(json=...)",
    ),
    "a peer of nothing": (
        on_a_websocket(lambda ws: ws.reply(lambda: None)),
        "a function of one argument, the WebSocket",
    ),
    "another peer of nothing": (on_a_websocket(lambda ws: ws.then(lambda: None)), "a function of one argument"),
    "a drop by its cause": (
        on_a_websocket(lambda ws: ws.drop(reset="tcp")),
        "is True or False, not 'tcp'",
    ),
    "no code that is sent": (
        on_a_websocket(lambda ws: ws.close(1005)),
        "For a connection that ends without a word write drop()",
    ),
    "a long reason": (on_a_websocket(lambda ws: ws.close(reason="x" * 124)), "at most 123 bytes"),
    "a send after the end": (
        on_a_websocket(lambda ws: ws.close().send("x")),
        ".send() after the end of the conversation",
    ),
    "subprotocols: a number": (
        on_a_websocket(lambda ws: ws.speaking(7)),
        "speaking() takes names of subprotocols, not 7",
    ),
    "subprotocols: none": (on_a_websocket(lambda ws: ws.speaking([])), "speaking() takes names of subprotocols"),
}

PLACES = {
    "serve: an origin that is a number": (lambda net: net.serve(7), "origin=7 is no origin"),
    "serve: an origin with a path": (lambda net: net.serve("https://api.test/v1"), 'an origin is "https://api.test"'),
    "serve: a port as text": (lambda net: net.serve(port="80"), "port='80' is no port"),
    "serve: TLS as text": (lambda net: net.serve(tls="yes"), "tls='yes' is neither True nor an ssl.SSLContext"),
    "serve: a client's certificate": (
        lambda net: net.serve(client_cert="ada.pem"),
        "client_cert='ada.pem' is neither True nor False",
    ),
    "url_for: a number": (lambda _: serve().url_for(7), "url_for() takes a path on this server"),
    "url_for: a URL": (lambda _: serve().url_for(URL), "as in url_for(\"/users/7\"), not 'https://api.test/a'"),
    "wait_for: a path": (lambda _: serve().wait_for("/a"), "wait_for() takes a route of this server, not '/a'"),
    "wait_for: another's route": (lambda net: serve().wait_for(net.get(URL)), "is no route of this server"),
    "wait_for: seconds as text": (
        lambda net: net.serve("https://api.test").wait_for(net.get(URL), timeout="5"),
        "wait_for(timeout=) is seconds, zero or more, not '5'",
    ),
    "wait: less than no time": (lambda _: serve().wait(-1), "wait(timeout=) is seconds, zero or more, not -1"),
    "asgi: a number": (lambda net: net.asgi(7), "origin=7 is no origin"),
    "wsgi: a host": (lambda net: net.wsgi("api.test"), 'write "https://api.example.com"'),
    "tls: a number": (lambda net: net.tls(7), "tls() takes a URL such as https://api.example.com, not 7"),
    "tls: plain": (lambda net: net.tls("http://api.test"), "write https://"),
    "a client's certificate for nobody": (lambda net: net.client_certificate(""), "takes the name of a client, not ''"),
    "native: another spelling": (lambda net: net.native("curl-cffi").__enter__(), "did you mean 'curl_cffi'?"),
    "native: a number": (lambda net: net.native(7).__enter__(), "7 is no native client that netdouble knows. Known: "),
}

THE_GUARD = {
    "a mode": (lambda _: guard.install("blok"), "guard='blok' is not one of block, warn, off"),
    "an entry that is a number": (lambda _: guard.install(allow=7), "allow takes entries such as 'db.test:5432'"),
    "an error that is no function": (
        lambda _: guard.install(error=7),
        "error= makes the exception of a NetworkBlocked",
    ),
    "an allowance before its with": (lambda _: guard.allow("a b"), "'a b' is no host name"),
    "an allowance that is a URL": (lambda _: guard.allow("https://api.test/a"), "it is a URL; write api.test:443"),
    "an allowance with a slip": (lambda _: guard.allow("10.1.2.3/8"), "did you mean 10.0.0.0/8? An entry"),
    "a policy of one text": (lambda _: guard.Policy("db.test"), "write Policy(['db.test'])"),
    "a policy's loopback": (lambda _: guard.Policy(loopback="opn"), "loopback='opn' is not one of open, own"),
}

VALUES = {
    "an event's retry": (lambda _: Event(retry=-1), "Event(retry=) is milliseconds, a whole number, not -1"),
    "an event's id": (lambda _: Event(id=7), "Event(id=) is one line"),
    "an answered request that is a URL": (lambda _: Response().as_requests(URL), "takes the netdouble.Request that it"),
    "a request's body as text": (lambda _: Request.to("PUT", URL, body="x"), "Request.to(body=) is bytes, not 'x'"),
    "a request's headers": (lambda _: Request.to("GET", URL, headers={"a": 1}), "headers= is a mapping of str to str"),
    "a request, the URL first": (lambda _: Request.to(URL, "GET"), "a method is a word such as GET"),
    "an event's name": (lambda _: Event(event="a\nb"), "Event(event=) is one line"),
}

ALL = {
    f"{name}: {case}": row
    for name, table in {
        "answer": ANSWERS,
        "failure": FAILURES,
        "route": ROUTES,
        "WebSocket": WEBSOCKETS,
        "place": PLACES,
        "guard": THE_GUARD,
        "value": VALUES,
    }.items()
    for case, row in table.items()
}


@pytest.mark.parametrize(("call", "said"), ALL.values(), ids=ALL)
def test_what_can_not_work_is_refused_with_the_next_step(call, said):
    with pytest.raises(DeclarationError) as refused:
        call(Network())
    assert said in str(refused.value)


FINE = {
    "a method with a dash": lambda net: net.route("M-SEARCH", URL).reply(),
    "a method of one's own": lambda net: net.route("version-control", URL).reply(),
    "a function with a default": lambda net: net.get(URL, where=lambda request, size=3: True),
    "a function of any": lambda net: net.get(URL, where=lambda *requests: True),
    "a class": lambda net: net.get(URL, where=bool),
    "a cookie with attributes": lambda net: net.get(URL).reply(cookies={"a": "x; Secure"}),
    "no cookies": lambda net: net.get(URL).reply(cookies={}),
    "a version of one digit": lambda net: net.get(URL).reply(http_version="2"),
    "no informational ones": lambda net: net.get(URL).reply(informational=[]),
    "answers after a budget": lambda net: net.get(URL).reply(503).times(2).reply(200),
    "a response that breaks": lambda net: net.get(URL).fail(Fault.CLOSE_AFTER_RESPONSE, response=Response()),
}


@pytest.mark.parametrize("call", FINE.values(), ids=FINE)
def test_what_is_unusual_and_works_is_taken(call):
    call(Network())
