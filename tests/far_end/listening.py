"""A far end on a real connection: one thread on a loopback listener, for clients that want a socket."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

from tests.far_end.driving import far_end

from netdouble import Connection, Network
from netdouble._codec.scripts import Ending
from netdouble._core.streams import Pause
from netdouble._far_end import Act, Concurrent, FarEnd, MayWait, Origin, Work

RESETS = struct.pack("ii", 1, 0)


class Driver:
    """Carries out the acts of one connection, those that run beside each other by turns."""

    def __init__(self, connection: socket.socket, end: FarEnd) -> None:
        self.connection, self.end = connection, end
        self.due: list[tuple[float, int, Iterator[Act]]] = []
        self.numbers = itertools.count()
        self.error: BaseException | None = None

    def run(self) -> None:
        with contextlib.closing(self.connection), contextlib.suppress(OSError):
            try:
                while self.turn():
                    pass
            except Exception as error:
                self.error = error

    def turn(self) -> bool:
        while self.due and self.due[0][0] <= time.monotonic():
            if not self.carry_out(heapq.heappop(self.due)[2]):
                return False
        patience = self.due[0][0] - time.monotonic() if self.due else None
        if not select.select([self.connection], [], [], patience if patience is None else max(patience, 0))[0]:
            return True
        data = self.connection.recv(65536)
        return self.carry_out(self.end.hear(data) if data else self.end.hear_end()) and bool(data)

    def carry_out(self, acts: Iterator[Act]) -> bool:
        for act in acts:
            if isinstance(act, bytes):
                self.connection.sendall(act)
            elif isinstance(act, Pause):
                heapq.heappush(self.due, (time.monotonic() + act.seconds, next(self.numbers), acts))
                return True
            elif isinstance(act, Concurrent):
                if not self.carry_out(act.acts):
                    return False
            elif not isinstance(act, (Work, MayWait)):
                if act is Ending.RESET:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
                elif act is Ending.CLOSE:
                    self.close_in_order()
                return act is Ending.STALL
        return True

    def close_in_order(self) -> None:
        """To close with bytes unread would reset the connection (RFC 9293 section 3.10.4)."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(10)
        while self.connection.recv(65536):
            pass


class Listener:
    """Accepts connections and serves each in a thread; `with Listener(net) as listener: ... listener.url`."""

    def __init__(self, net: Network, **options: object) -> None:
        self.net, self.options = net, options
        self.drivers: list[Driver] = []
        self.threads: list[threading.Thread] = []

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()
        return self

    def accept(self) -> None:
        for index in itertools.count():
            try:
                connection, peer = self.socket.accept()
            except OSError:
                return
            end = far_end(self.net, origin=Origin("http", "api.test", 80), connection=Connection(index, peer),
                          **self.options)  # fmt: skip
            driver = Driver(connection, end)
            self.drivers.append(driver)
            self.threads.append(threading.Thread(target=driver.run))
            self.threads[-1].start()

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.socket.close()
        self.acceptor.join()
        for driver, thread in zip(self.drivers, self.threads, strict=True):
            with contextlib.suppress(OSError):
                driver.connection.shutdown(socket.SHUT_RDWR)
            thread.join()
