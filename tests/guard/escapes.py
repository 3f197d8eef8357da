"""The escapes: what a test suite may do to reach the network, one row each.

Rule: a row's program stands in `programs/` and is judged by what the listener of the arena saw, never by what the
client said. Imported by the programs too, so it imports nothing but the standard library.
"""

from __future__ import annotations

import os
from typing import NamedTuple

# Outside of what the guards are told to allow. The whole of 127.0.0.0/8 is this machine.
HOST = "127.0.0.9"
FIRST_PORT = 21000
DOMAIN = "leak.test"


class Escape(NamedTuple):
    """One escape.

    Attributes:
        name: as it is listed. group: `socket`, `lookup`, `native`, `process`, `phase`, `swallowed`. needs: the package
            or program, or `""`. by: `tcp`, `udp` or `dns`: what the listener is to see.
    """

    name: str
    group: str
    needs: str = ""
    by: str = "tcp"


ESCAPES = (
    # Python's own sockets
    Escape("socket.create_connection", "socket"),
    Escape("connect_ex", "socket"),
    Escape("from socket import socket, at import", "socket"),
    Escape("a subclass made at import", "socket"),
    Escape("an instance made at import", "socket"),
    Escape("TLS over an instance made at import", "socket"),
    Escape("_socket.socket", "socket"),
    Escape("a method of _socket saved at import", "socket"),
    Escape("importlib.reload(socket)", "socket"),
    Escape("UDP sendto", "socket", by="udp"),
    Escape("UDP sendmsg", "socket", by="udp"),
    Escape("UDP connect and send", "socket", by="udp"),
    Escape("TCP fast-open", "socket"),
    Escape("http.client", "socket"),
    Escape("smtplib", "socket"),
    Escape("asyncio streams", "socket"),
    Escape("asyncio datagrams", "socket", by="udp"),
    Escape("trio", "socket", "trio"),
    Escape("requests", "socket", "requests"),
    Escape("httpx", "socket", "httpx"),
    Escape("aiohttp", "socket", "aiohttp"),
    Escape("gevent", "socket", "gevent"),
    # Lookups
    Escape("getaddrinfo", "lookup", by="dns"),
    Escape("getaddrinfo, imported by name", "lookup", by="dns"),
    Escape("_socket.getaddrinfo", "lookup", by="dns"),
    Escape("gethostbyname", "lookup", by="dns"),
    Escape("gethostbyname, imported by name", "lookup", by="dns"),
    Escape("gethostbyname_ex", "lookup", by="dns"),
    Escape("gethostbyaddr", "lookup", by="dns"),
    Escape("getnameinfo", "lookup", by="dns"),
    Escape("connect by name", "lookup", by="dns"),
    Escape("urllib.request by name", "lookup", by="dns"),
    Escape("asyncio lookup", "lookup", by="dns"),
    Escape("gevent lookup", "lookup", "gevent", by="dns"),
    Escape("dnspython", "lookup", "dns", by="dns"),
    Escape("pycares", "lookup", "pycares", by="dns"),
    # C and Rust
    Escape("ctypes connect", "native"),
    Escape("ctypes sendto", "native", by="udp"),
    Escape("io_uring", "native"),
    Escape("uvloop", "native", "uvloop"),
    Escape("uvloop lookup", "native", "uvloop", by="dns"),
    Escape("pycurl", "native", "pycurl"),
    Escape("curl_cffi", "native", "curl_cffi"),
    Escape("grpcio", "native", "grpc"),
    Escape("psycopg", "native", "psycopg"),
    Escape("pyzmq", "native", "zmq"),
    Escape("pyreqwest", "native", "pyreqwest"),
    Escape("rnet", "native", "rnet"),
    Escape("primp", "native", "primp"),
    # Other processes
    Escape("curl", "process", "curl"),
    Escape("a static program", "process"),
    Escape("a static Go program", "process", "go"),
    Escape("python -c", "process"),
    Escape("python -I", "process"),
    Escape("python -S", "process"),
    Escape("python, env={}", "process"),
    Escape("python, detached", "process"),
    Escape("os.system", "process"),
    Escape("posix_spawn", "process"),
    Escape("asyncio subprocess", "process"),
    Escape("os.fork", "process"),
    Escape("multiprocessing fork", "process"),
    Escape("multiprocessing spawn", "process"),
    Escape("multiprocessing forkserver", "process"),
    # Outside of a test's call
    Escape("import of a test module", "phase"),
    Escape("import of a conftest", "phase"),
    Escape("pytest_generate_tests", "phase"),
    Escape("pytest_sessionstart", "phase"),
    Escape("pytest_sessionfinish", "phase"),
    Escape("atexit", "phase"),
    Escape("an item that is no Python", "phase"),
    Escape("session fixture", "phase"),
    Escape("session fixture of a test with an allowance", "phase"),
    Escape("teardown of a session fixture", "phase"),
    Escape("teardown of a fixture", "phase"),
    Escape("setup_module", "phase"),
    Escape("setUpClass", "phase"),
    Escape("teardown_method", "phase"),
    Escape("doctest", "phase"),
    Escape("a thread that is left over", "phase"),
    Escape("allow list as a tuple", "phase"),
    Escape("allow list as a set", "phase"),
    # Stopped, but who hears of it?
    Escape("swallowed by except", "swallowed"),
    Escape("swallowed by a thread", "swallowed"),
    Escape("swallowed by __del__", "swallowed"),
)
PORTS = {escape.name: FIRST_PORT + number for number, escape in enumerate(ESCAPES)}


def address(name: str) -> tuple[str, int]:
    """Where an escape is to arrive."""
    return HOST, PORTS[name]


def host_of(name: str) -> str:
    """The name that an escape is to look up: one that nobody else does."""
    return f"e{PORTS[name]}.{DOMAIN}"


def lookup_address(name: str) -> str:
    """An address whose name an escape is to look up (RFC 5737: a documentation address; the query stays here)."""
    return f"192.0.2.{PORTS[name] - FIRST_PORT}"


def is_wanted(name: str) -> bool:
    """The arena has asked for it: what is not installed here, or needs a lookup where none is possible, is left out."""
    return name in os.environ["ESCAPES"].split("|")
