"""Escapes that call no socket of Python's: C and Rust clients, the system's calls, other processes."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import multiprocessing
import os
import platform
import socket
import struct
import subprocess
import sys
import time

import pytest
from escapes import ESCAPES, address, host_of, is_wanted


def url(name):
    host, port = address(name)
    return f"http://{host}:{port}/"


def sockaddr(name):
    host, port = address(name)
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(host))


# The system's calls


def ctypes_connect(name):
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(2, 1, 0)
    libc.connect(descriptor, sockaddr(name), 16)
    libc.close(descriptor)


def ctypes_sendto(name):
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(2, 2, 0)
    libc.sendto(descriptor, b"x", 1, 0, sockaddr(name), 16)
    libc.close(descriptor)


def io_uring(name):
    """IORING_OP_CONNECT (16) by hand: io_uring_setup(2), io_uring_enter(2); numbers 425 and 426 on every processor."""
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(120)
    ring = libc.syscall(425, 2, parameters)
    assert ring >= 0, os.strerror(ctypes.get_errno())
    fields = struct.unpack("=30I", parameters.raw)
    tail, mask, array = fields[11], fields[12], fields[16]
    sq = mmap.mmap(ring, fields[16] + 4 * fields[0], flags=mmap.MAP_SHARED, offset=0)
    sqes = mmap.mmap(ring, fields[0] * 64, flags=mmap.MAP_SHARED, offset=0x10000000)
    target = ctypes.create_string_buffer(sockaddr(name), 16)
    sock = libc.socket(2, 1, 0)
    sqes[:64] = struct.pack("=BBHiQQIIQ24x", 16, 0, 0, sock, 16, ctypes.addressof(target), 0, 0, 1)
    index = struct.unpack_from("=I", sq, mask)[0] & struct.unpack_from("=I", sq, tail)[0]
    struct.pack_into("=I", sq, array + 4 * index, 0)
    struct.pack_into("=I", sq, tail, struct.unpack_from("=I", sq, tail)[0] + 1)
    libc.syscall(426, ring, 1, 1, 1, None, 0)
    os.close(sock)
    os.close(ring)


# A program without a library: socket, connect, exit. x86-64; else the C compiler makes one.
CODE = "b829000000 bf02000000 be01000000 31d2 0f05 89c7 488d3515000000 ba10000000 b82a000000 0f05 b83c000000 31ff 0f05"
SOURCE = """
#include <arpa/inet.h>
int main(void) {{
  struct sockaddr_in to = {{.sin_family = AF_INET, .sin_port = htons({port}), .sin_addr = {{inet_addr("{host}")}}}};
  return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to);
}}
"""


def static_program(name):
    path = os.path.abspath("static_program")
    if platform.machine() == "x86_64":
        body = bytes.fromhex(CODE.replace(" ", "")) + sockaddr(name)
        size, base = 120 + len(body), 0x400000
        header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
            "<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)  # fmt: skip
        segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
        with open(path, "wb") as file:
            file.write(header + segment + body)
        os.chmod(path, 0o700)
    else:
        host, port = address(name)
        with open("static_program.c", "w") as file:
            file.write(SOURCE.format(host=host, port=port))
        subprocess.run(["cc", "-static", "-o", path, "static_program.c"], check=True)
    subprocess.run([path], timeout=5, check=False)


def static_go_program(name):
    host, port = address(name)
    subprocess.run([os.environ["GO_PROGRAM"], f"{host}:{port}"], timeout=5, check=False)


# C and Rust


def over_uvloop(name):
    import uvloop

    asyncio.run(asyncio.wait_for(_connect(uvloop.new_event_loop(), name), 3))


async def _connect(loop, name):
    await asyncio.to_thread(_on_loop, loop, lambda: loop.create_connection(asyncio.Protocol, *address(name)))


def _on_loop(loop, make):
    try:
        loop.run_until_complete(make())
    finally:
        loop.close()


def uvloop_lookup(name):
    import uvloop

    loop = uvloop.new_event_loop()
    _on_loop(loop, lambda: loop.getaddrinfo(host_of(name), 80))


def over_pycurl(name):
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url(name))
    curl.setopt(pycurl.TIMEOUT_MS, 2000)
    curl.perform()


def over_curl_cffi(name):
    from curl_cffi import requests

    requests.get(url(name), timeout=2)


def over_grpc(name):
    import grpc

    host, port = address(name)
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=1)


def over_psycopg(name):
    import psycopg

    host, port = address(name)
    psycopg.connect(host=host, port=port, connect_timeout=2)


def over_zmq(name):
    import zmq

    host, port = address(name)
    with zmq.Context() as context, context.socket(zmq.REQ) as sock:
        sock.setsockopt(zmq.LINGER, 0)
        sock.connect(f"tcp://{host}:{port}")
        sock.poll(800)


def over_pyreqwest(name):
    from pyreqwest.simple.sync_request import pyreqwest_get

    pyreqwest_get(url(name)).send()


def over_rnet(name):
    from rnet.blocking import BlockingClient

    BlockingClient().get(url(name))


def over_primp(name):
    import primp

    primp.Client(timeout=2).get(url(name))


# Processes


def code(name):
    return f"import socket; socket.create_connection({address(name)!r}, 2)"


def child(*options, **keywords):
    return lambda name: subprocess.run(
        [sys.executable, *options, "-c", code(name)], timeout=10, check=False, **keywords
    )


def detached(name):
    with subprocess.Popen([sys.executable, "-c", code(name)], start_new_session=True) as process:
        process.wait(10)


def posix_spawn(name):
    os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", code(name)], os.environ), 0)


async def _subprocess(name):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code(name))
    await asyncio.wait_for(process.wait(), 10)


def _connects(name):
    socket.create_connection(address(name), 2)


def forked(name):
    pid = os.fork()
    if pid == 0:
        try:
            _connects(name)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def process(method):
    def escape(name):
        made = multiprocessing.get_context(method).Process(target=_connects, args=(name,))
        made.start()
        made.join(10)

    return escape


WAYS = {
    "ctypes connect": ctypes_connect,
    "ctypes sendto": ctypes_sendto,
    "io_uring": io_uring,
    "uvloop": over_uvloop,
    "uvloop lookup": uvloop_lookup,
    "pycurl": over_pycurl,
    "curl_cffi": over_curl_cffi,
    "grpcio": over_grpc,
    "psycopg": over_psycopg,
    "pyzmq": over_zmq,
    "pyreqwest": over_pyreqwest,
    "rnet": over_rnet,
    "primp": over_primp,
    "curl": lambda name: subprocess.run(["curl", "-s", "-m", "2", url(name)], timeout=10, check=False),
    "a static program": static_program,
    "a static Go program": static_go_program,
    "python -c": child(),
    "python -I": child("-I"),
    "python -S": child("-S"),
    "python, env={}": child(env={}),
    "python, detached": detached,
    "os.system": lambda name: os.system(f'"{sys.executable}" -c "{code(name)}"'),
    "posix_spawn": posix_spawn,
    "asyncio subprocess": lambda name: asyncio.run(_subprocess(name)),
    "os.fork": forked,
    "multiprocessing fork": process("fork"),
    "multiprocessing spawn": process("spawn"),
    "multiprocessing forkserver": process("forkserver"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [e.name for e in ESCAPES if e.name in WAYS and is_wanted(e.name)])
def test_escape(name):
    WAYS[name](name)
    time.sleep(0)
