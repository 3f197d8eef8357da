"""A real service for the tests of facades that let requests through."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(201)
        self.send_header("x-id", "7")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"real")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def real_url():
    """The URL of a server on the loopback that is none of netdouble's; it answers `real`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


# httpx2 needs Python 3.11.
collect_ignore = ["test_httpx2.py"] if sys.version_info < (3, 11) else []
