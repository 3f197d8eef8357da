"""The intercepting proxy, through programs that are not in this process: curl, node, Python."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.clients.conformance.servers import Loopback
from tests.server.speaking import TIMEOUT, connected, heard

import netdouble
from netdouble import Fault, Network, UnmetExpectation

SECURE, PLAIN = "https://api.test/users/7", "http://plain.test/users/7"

_NODE_FETCH = """
    fetch(process.argv[1]).then(answer => answer.text()).then(
        console.log,
        error => { console.error(error.cause); process.exit(1) },
    );
"""
_NODE_MODULE = """
    require(process.argv[1].split(":")[0]).get(process.argv[1], answer => {
        answer.setEncoding("utf8");
        answer.on("data", text => process.stdout.write(text));
    }).on("error", error => { console.error(error); process.exit(1) });
"""
_AIOHTTP = """
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as response:
        print(await response.text())
asyncio.run(main())
"""
PYTHON = [sys.executable, "-c"]
PROGRAMS = {
    "curl": ["curl", "-sS"],
    "node, fetch": ["node", "-e", _NODE_FETCH],
    "node, http and https": ["node", "-e", _NODE_MODULE],
    "Python, urllib": [*PYTHON, "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"],
    "Python, requests": [*PYTHON, "import sys, requests; print(requests.get(sys.argv[1]).text)"],
    "Python, httpx": [*PYTHON, "import sys, httpx; print(httpx.get(sys.argv[1]).text)"],
    "Python, aiohttp": [*PYTHON, _AIOHTTP],
}


def run(proxy, *command, check=True, **variables):
    env = {**proxy.env, **variables}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=50, check=check)


def curl(proxy, *arguments, **options):
    return run(proxy, "curl", "-sS", "--max-time", "20", *arguments, **options)


@pytest.mark.parametrize("url", [SECURE, PLAIN], ids=["https", "http"])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_in_any_language_is_answered_by_the_same_stubs(program, url):
    with Network() as net:
        route = net.get(url).reply(json={"name": "Ada"})
        done = run(net.proxy(), *program, url)
        assert done.stdout.strip() == '{"name":"Ada"}'
        assert str(route.last.request.url) == url
        assert net.count == 1


def test_bodies_headers_and_captures_come_through():
    with Network() as net:
        route = net.post("https://api.test/users/{id:int}", json={"name": "Ada"}).reply(201, headers={"X-Id": "7"})
        arguments = ("--json", '{"name": "Ada"}', "-D", "-", "https://api.test/users/7")
        assert "X-Id: 7" in curl(net.proxy(), *arguments).stdout
        assert route.last.request.path_params == {"id": 7}


def test_http2_is_spoken_inside_of_the_tunnel_where_it_is_offered():
    with Network() as net:
        net.get(SECURE).reply(text="hello")
        assert curl(net.proxy(http2=True), "-w", "%{http_version}", SECURE).stdout == "hello2"


def test_a_fault_is_the_programs_own_error():
    with Network() as net:
        net.get(SECURE).fail(Fault.EMPTY_RESPONSE)
        done = curl(net.proxy(), SECURE, check=False)
        assert done.returncode == 52  # curl: the server returned nothing


def test_every_host_has_its_own_certificate_and_connection():
    with Network() as net:
        for name in ("one", "two"):
            net.get(f"https://{name}.test/").reply(text=name)
        done = curl(net.proxy(), "https://one.test/", "https://two.test/")
        assert done.stdout == "onetwo"
        assert [call.connection.sni for call in net.calls] == ["one.test", "two.test"]


@pytest.mark.parametrize("url", ["https://other.test/x", "http://other.test/x", "https://api.test/y"])
def test_what_no_route_answers_is_told_with_the_report_and_fails_the_test(url):
    with pytest.raises(UnmetExpectation, match="an unexpected request came to the server"), Network() as net:
        net.get("https://api.test/x").reply().optional()
        done = curl(net.proxy(), "-w", "%{http_code}", url)
        assert done.stdout.endswith("501")
        assert f"    GET {url}\n" in done.stdout
        assert "Nearest of 1 route" in done.stdout
        assert f'net.get("{url}")' in done.stdout


def test_a_tunnel_for_what_is_no_http_is_refused_at_once_with_the_report_and_fails_the_test():
    with pytest.raises(UnmetExpectation, match=r"CONNECT http://mail\.test:25/"), Network() as net:
        net.get("https://api.test/x").reply().optional()
        proxy = net.proxy()
        with connected(proxy) as sock:  # its client would wait for the server's greeting
            sock.sendall(b"CONNECT mail.test:25 HTTP/1.1\r\nHost: mail.test:25\r\n\r\n")
            told = heard(sock, b"among the settings")
        assert told.startswith(b"HTTP/1.1 501 ")
        assert b'allow="mail.test"' in told
        assert curl(proxy, "https://other.test:9999/", check=False).returncode == 56  # curl: it shows the status alone


def test_a_proxy_that_refuses_a_tunnel_is_a_route_for_connect():
    with Network() as net:
        net.get(SECURE).reply().optional()
        refused = net.route("CONNECT", "http://api.test:443/").reply(407)
        assert "response 407" in curl(net.proxy(), SECURE, check=False).stderr
        assert refused.count == 1


def test_a_program_that_does_not_trust_the_authority_gets_no_further():
    with Network() as net:
        net.get(SECURE).reply().optional()
        proxy = net.proxy()
        done = curl(proxy, SECURE, check=False, CURL_CA_BUNDLE="/dev/null", SSL_CERT_FILE="/dev/null")
        assert done.returncode in {60, 77}
        assert net.count == 0


# What is let through: loopback is always allowed


def test_a_plain_request_to_a_host_that_is_allowed_is_passed_on_and_recorded():
    with Loopback() as real, Network() as net:
        net.get(SECURE).reply().optional()
        assert curl(net.proxy(), f"{real.url}/x").stdout == "real: GET /x"
        assert real.seen == ["GET /x"]
        assert (net.count, net.calls.last.passed_through, net.calls.last.status) == (1, True, 200)


def test_a_tunnel_to_a_host_that_is_allowed_is_carried_and_recorded():
    with Loopback() as real, Network() as net:
        net.get(SECURE).reply().optional()
        assert curl(net.proxy(), "--proxytunnel", f"{real.url}/x", f"{real.url}/y").stdout == "real: GET /xreal: GET /y"
        assert str(net.calls.last).startswith(f"CONNECT https://127.0.0.1:{real.port}/ -> 200 (passed through)")
        assert net.count == 1


def test_a_route_for_an_allowed_host_is_answered_all_the_same():
    with Loopback() as real, Network() as net:
        net.get(f"{real.url}/stub").reply(text="stub")
        net.get(f"{real.url}/real").pass_through()
        proxy = net.proxy()
        for tunnel in ((), ("--proxytunnel",)):
            assert curl(proxy, *tunnel, f"{real.url}/stub").stdout == "stub"
            assert curl(proxy, *tunnel, f"{real.url}/real").stdout == "real: GET /real"
        assert real.seen == ["GET /real"] * 2
        assert net.count == 4


def test_a_request_to_a_server_of_ours_is_one_call_of_that_server():
    with netdouble.serve() as server, Network() as net:
        server.get("/x").reply(text="server").times(2)
        proxy = net.proxy()
        for tunnel in ((), ("--proxytunnel",)):
            assert curl(proxy, *tunnel, server.url_for("/x")).stdout == "server"
        assert (server.count, net.count) == (2, 0)


def test_a_stop_ends_a_tunnel():
    with socket.create_server(("127.0.0.1", 0)) as real, Network() as net:
        proxy = net.proxy()
        with connected(proxy) as sock:
            sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\nearly" % real.getsockname()[1])
            assert heard(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            far, _ = real.accept()
            with far:
                far.settimeout(TIMEOUT)
                assert far.recv(5) == b"early"
                far.sendall(b"back")
                assert heard(sock, b"back") == b"back"
                proxy.stop()
                assert far.recv(1) == heard(sock) == b""


def test_a_tunnel_to_nobody_is_closed():
    with socket.socket() as nobody, Network() as net:
        nobody.bind(("127.0.0.1", 0))  # nobody listens
        with connected(net.proxy()) as sock:
            sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % nobody.getsockname()[1])
            assert heard(sock).startswith(b"HTTP/1.1 200 ")


# The environment


def test_the_environment_has_all_that_programs_look_at():
    with Network() as net:
        proxy = net.proxy()
        variables = proxy.variables
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            assert variables[name] == proxy.url
        assert variables["NO_PROXY"] == variables["no_proxy"] == ""
        assert variables["NODE_EXTRA_CA_CERTS"] == proxy.ca_file
        assert Path(variables["SSL_CERT_FILE"]).read_bytes().startswith(Path(proxy.ca_file).read_bytes())
        assert variables["REQUESTS_CA_BUNDLE"] == variables["CURL_CA_BUNDLE"] == variables["SSL_CERT_FILE"]
        assert proxy.env == {**os.environ, **variables}


def test_options_of_node_that_were_there_are_kept(monkeypatch):
    monkeypatch.setenv("NODE_OPTIONS", "--no-warnings")
    with Network() as net:
        options = net.proxy().env["NODE_OPTIONS"]
        assert options.startswith("--no-warnings --require=")
        monkeypatch.setenv("NODE_OPTIONS", options)
        assert net.proxy().env["NODE_OPTIONS"] == options


def test_it_ends_with_its_network_and_shows_what_it_is():
    with Network() as net:
        proxy = net.proxy()
        assert repr(proxy) == "<Proxy not listening, 0 calls>"
        url = proxy.url
        assert repr(proxy) == f"<Proxy {url}, 0 calls>"
    assert not proxy.is_running


def test_calls_of_a_program_are_waited_for():
    with Network() as net, net.proxy() as proxy:
        route = net.get(SECURE).reply(text="hello")
        with subprocess.Popen(["curl", "-sS", SECURE], env=proxy.env, stdout=subprocess.PIPE) as program:
            assert proxy.wait_for(route, 50).status == 200
            assert program.communicate(timeout=20)[0] == b"hello"
