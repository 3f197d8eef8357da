"""Escapes over Python's own sockets and lookups."""

from __future__ import annotations

import _socket
import asyncio
import http.client
import importlib
import smtplib
import socket
import ssl
import urllib.request
from socket import getaddrinfo as imported_getaddrinfo
from socket import gethostbyname as imported_gethostbyname
from socket import socket as imported_socket

import pytest
from escapes import ESCAPES, HOST, address, host_of, is_wanted, lookup_address


class Own(socket.socket):
    pass


instance = socket.socket()
for_tls = socket.socket()
saved_connect = _socket.socket.connect


def plain(make):
    def escape(name):
        with make() as sock:
            sock.settimeout(2)
            sock.connect(address(name))

    return escape


def tls(name):
    context = ssl.create_default_context()
    for_tls.settimeout(2)
    with context.wrap_socket(for_tls, server_hostname="leak.test") as sock:
        sock.connect(address(name))


def c_type(name):
    sock = _socket.socket()
    try:
        sock.settimeout(2)
        sock.connect(address(name))
    finally:
        sock.close()


def saved(name):
    with imported_socket() as sock:
        sock.settimeout(2)
        saved_connect(sock, address(name))


def reloaded(name):
    before = dict(vars(socket))
    try:
        with importlib.reload(socket).socket() as sock:
            sock.connect(address(name))
    finally:
        vars(socket).update(before)


def udp(send):
    def escape(name):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            send(sock, address(name))

    return escape


def connect_and_send(sock, target):
    sock.connect(target)
    sock.send(b"x")


def connect_ex(name):
    with socket.socket() as sock:
        sock.connect_ex(address(name))


def fast_open(name):
    with socket.socket() as sock:
        sock.settimeout(2)
        sock.sendto(b"x", getattr(socket, "MSG_FASTOPEN", 0x20000000), address(name))


def over_http(name):
    host, port = address(name)
    http.client.HTTPConnection(host, port, timeout=2).request("GET", "/")


async def datagram(name):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=address(name)
    )
    transport.sendto(b"x")
    transport.close()


def over_trio(name):
    import trio

    trio.run(trio.open_tcp_stream, *address(name))


def url(name):
    host, port = address(name)
    return f"http://{host}:{port}/"


def over_requests(name):
    import requests

    requests.get(url(name), timeout=2)


def over_httpx(name):
    import httpx

    httpx.get(url(name), timeout=2)


def over_aiohttp(name):
    import aiohttp

    async def get():
        async with aiohttp.ClientSession() as session, session.get(url(name)):
            pass

    asyncio.run(asyncio.wait_for(get(), 3))


def over_gevent(name):
    import gevent.socket

    sock = gevent.socket.socket()
    sock.settimeout(2)
    sock.connect(address(name))


def gevent_lookup(name):
    import gevent.socket

    gevent.socket.getaddrinfo(host_of(name), 80)


def dnspython(name):
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.lifetime = [HOST], 1
    resolver.resolve(host_of(name))


def pycares_lookup(name):
    import threading

    import pycares

    done = threading.Event()
    channel = pycares.Channel(servers=[HOST], timeout=1, tries=1)
    channel.query(host_of(name), pycares.QUERY_TYPE_A, callback=lambda *_: done.set())
    done.wait(3)
    channel.close()


async def async_lookup(name):
    await asyncio.get_running_loop().getaddrinfo(host_of(name), 80)


def by_name(name):
    with socket.socket() as sock:
        sock.settimeout(2)
        sock.connect((host_of(name), 80))


def of_host(lookup):
    return lambda name: lookup(host_of(name))


WAYS = {
    "socket.create_connection": lambda name: socket.create_connection(address(name), 2).close(),
    "connect_ex": connect_ex,
    "from socket import socket, at import": plain(imported_socket),
    "a subclass made at import": plain(Own),
    "an instance made at import": plain(lambda: instance),
    "TLS over an instance made at import": tls,
    "_socket.socket": c_type,
    "a method of _socket saved at import": saved,
    "importlib.reload(socket)": reloaded,
    "UDP sendto": udp(lambda sock, target: sock.sendto(b"x", target)),
    "UDP sendmsg": udp(lambda sock, target: sock.sendmsg([b"x"], [], 0, target)),
    "UDP connect and send": udp(connect_and_send),
    "TCP fast-open": fast_open,
    "http.client": over_http,
    "smtplib": lambda name: smtplib.SMTP(*address(name), timeout=2),
    "asyncio streams": lambda name: asyncio.run(asyncio.wait_for(asyncio.open_connection(*address(name)), 3)),
    "asyncio datagrams": lambda name: asyncio.run(datagram(name)),
    "trio": over_trio,
    "requests": over_requests,
    "httpx": over_httpx,
    "aiohttp": over_aiohttp,
    "gevent": over_gevent,
    "getaddrinfo": of_host(lambda host: socket.getaddrinfo(host, 80)),
    "getaddrinfo, imported by name": of_host(lambda host: imported_getaddrinfo(host, 80)),
    "_socket.getaddrinfo": of_host(lambda host: _socket.getaddrinfo(host, 80)),
    "gethostbyname": of_host(lambda host: socket.gethostbyname(host)),
    "gethostbyname, imported by name": of_host(imported_gethostbyname),
    "gethostbyname_ex": of_host(lambda host: socket.gethostbyname_ex(host)),
    "gethostbyaddr": lambda name: socket.gethostbyaddr(lookup_address(name)),
    "getnameinfo": lambda name: socket.getnameinfo((lookup_address(name), 80), 0),
    "connect by name": by_name,
    "urllib.request by name": lambda name: urllib.request.urlopen(f"http://{host_of(name)}/", timeout=2),
    "asyncio lookup": lambda name: asyncio.run(async_lookup(name)),
    "gevent lookup": gevent_lookup,
    "dnspython": dnspython,
    "pycares": pycares_lookup,
}


@pytest.mark.parametrize("name", [e.name for e in ESCAPES if e.name in WAYS and is_wanted(e.name)])
def test_escape(name):
    WAYS[name](name)
