"""A plugin of pytest: httpbin.org as far as aioresponses' suite asks it, on the loopback, for aiohttp only."""

import asyncio
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme
from aiohttp import TCPConnector

NAME = "httpbin.org"


class Httpbin(BaseHTTPRequestHandler):
    def do_GET(self):
        head, _, last = self.path.partition("?")[0].rpartition("/")
        body = json.dumps({"url": self.path}).encode()
        self.send_response(int(last) if head == "/status" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def served(context=None) -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Httpbin)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


authority = trustme.CA()
its_own, clients = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
authority.issue_cert(NAME).configure_cert(its_own)
authority.configure_trust(clients)
PORTS = {80: served(), 443: served(its_own)}
resolve, choose_context = TCPConnector._resolve_host, TCPConnector._get_ssl_context


async def resolve_here(self, host, port, traces=None):
    if host != NAME:
        return await resolve(self, host, port, traces)
    await asyncio.sleep(0)
    return [{"hostname": host, "host": "127.0.0.1", "port": PORTS[port], "family": socket.AF_INET, "proto": 0,
             "flags": socket.AI_NUMERICHOST}]  # fmt: skip


def choose_here(self, request):
    chosen = choose_context(self, request)
    return clients if chosen is not None and request.url.raw_host == NAME else chosen


TCPConnector._resolve_host, TCPConnector._get_ssl_context = resolve_here, choose_here
