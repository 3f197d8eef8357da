"""Native clients and other programs, each with its own way of opening a connection: refused, and their line is told.

Rule: judged by the listener that logs what reached it; and each reaches the allowed one, so that none of them is only
broken.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys

import pytest
from tests.guard.sealed.conftest import AWAY

# Each is a function `go(host, port)`; whatever it raises is the client's own affair.
CLIENTS = {
    "uvloop": """
import asyncio, uvloop
async def main(host, port):
    await asyncio.wait_for(asyncio.open_connection(host, port), 10)
def go(host, port):
    uvloop.run(main(host, port))
""",
    "uvloop udp": """
import asyncio, uvloop
async def main(host, port):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, port))
    transport.sendto(b"hello")
    await asyncio.sleep(0.05)
def go(host, port):
    uvloop.run(main(host, port))
""",
    "pycurl": """
import pycurl
def go(host, port):
    curl = pycurl.Curl()
    curl.setopt(curl.URL, f"http://{host}:{port}/")
    curl.setopt(curl.TIMEOUT, 10)
    curl.setopt(curl.WRITEFUNCTION, lambda data: None)
    curl.perform()
""",
    "curl_cffi": """
from curl_cffi import requests
def go(host, port):
    requests.get(f"http://{host}:{port}/", timeout=10)
""",
    "grpcio": """
import grpc
def go(host, port):
    channel = grpc.insecure_channel(f"{host}:{port}", options=[("grpc.enable_http_proxy", 0)])
    channel.unary_unary("/a/b")(b"", timeout=2)
""",
    "psycopg": """
import psycopg
def go(host, port):
    psycopg.connect(f"host={host} port={port} dbname=x user=x connect_timeout=2")
""",
    "pyzmq": """
import zmq
def go(host, port):
    socket = zmq.Context().socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 200)
    socket.connect(f"tcp://{host}:{port}")
    socket.send(b"hello", zmq.DONTWAIT)
    socket.poll(400)
    socket.close()
""",
    "primp": """
import primp
def go(host, port):
    primp.Client(timeout=10).get(f"http://{host}:{port}/")
""",
    "rnet": """
import rnet
def go(host, port):
    rnet.BlockingClient().get(f"http://{host}:{port}/")
""",
    "pyreqwest": """
from pyreqwest.simple.sync_request import pyreqwest_get
def go(host, port):
    pyreqwest_get(f"http://{host}:{port}/").send()
""",
    "pycares": """
import pycares
def go(host, port):
    channel = pycares.Channel(servers=[host], udp_port=port, timeout=0.5, tries=1)
    channel.query("netdouble.test", pycares.QUERY_TYPE_A, callback=lambda *_: None)
    channel.wait(2)
    channel.close()
""",
    "ctypes": """
import ctypes, socket, struct
def go(host, port):
    address = struct.pack("=H", 2) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)
    with socket.socket() as sock:
        ctypes.CDLL(None).connect(sock.fileno(), address, 16)
""",
    "gevent": """
import gevent.socket
def go(host, port):
    gevent.socket.create_connection((host, port), timeout=10)
""",
    "trio": """
import trio
async def main(host, port):
    await trio.open_tcp_stream(host, port)
def go(host, port):
    trio.run(main, host, port)
""",
}
# First where it may not go, then where it may.
RUN = """
for host in (AWAY, "127.0.0.1"):
    try:
        go(host, PORT)
    except Exception as error:
        print(host, "raised", type(error).__name__)
"""

if sys.version_info < (3, 11):
    del CLIENTS["pyreqwest"]  # it needs 3.11


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_refused_where_it_may_not_go_and_reaches_where_it_may(sealed, client):
    done = sealed.python(CLIENTS[client] + RUN)
    assert sealed.reached(), done.stdout + done.stderr
    assert sealed.nothing_left(), done.stderr
    assert f" {AWAY}:{sealed.listener.port} " in done.stderr
    assert "127.0.0.1" not in done.stderr


PROGRAMS = {
    "curl": ["curl", "-s", "-m", "10", "http://{host}:{port}/"],
    "wget": ["wget", "-q", "-t", "1", "-O", "/dev/null", "http://{host}:{port}/"],
    "node": [
        "node",
        "-e",
        "require('net').connect({port}, '{host}').on('error', () => 0).on('connect', () => process.exit())",
    ],
    "perl": ["perl", "-MIO::Socket::INET", "-e", "IO::Socket::INET->new('{host}:{port}')"],
    "bash": ["bash", "-c", "echo hello > /dev/tcp/{host}/{port}"],
    "bash udp": ["bash", "-c", "echo hello > /dev/udp/{host}/{port}"],
}
# What the machines of the tests are sure to have; of the rest those that are there are tried.
NEEDED = {"curl", "bash"}
THERE = [name for name, words in PROGRAMS.items() if words[0] in NEEDED or shutil.which(words[0])]


@pytest.mark.parametrize("program", THERE)
def test_a_program_is_refused_where_it_may_not_go_and_reaches_where_it_may(sealed, program):
    def words(host):
        return [word.replace("{host}", host).replace("{port}", str(sealed.listener.port)) for word in PROGRAMS[program]]

    script = " ; ".join(" ".join(map(shlex.quote, words(host))) for host in (AWAY, "127.0.0.1"))
    done = sealed("sh", "-c", script)
    assert sealed.reached(), done.stdout + done.stderr
    assert sealed.nothing_left(), done.stderr
    assert re.search(rf" {AWAY}:{sealed.listener.port} .* {re.escape(PROGRAMS[program][0])}", done.stderr)
    assert "127.0.0.1" not in done.stderr.replace(script, "")
