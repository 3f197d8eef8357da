"""A wire that goes nowhere: what the guard lets out is written down instead of being sent."""

from __future__ import annotations

import socket

import pytest

from netdouble import _origins
from netdouble._gate import guard, ledger
from netdouble._gate.entries import is_loopback, plain_host

ADDRESSES = {"api.test": ["192.0.2.7"], "db.test": ["192.0.2.8", "2001:db8::8"], "cdn.test": ["192.0.2.7"]}


class Wire:
    """Stands in for the real methods of `socket`, below the guard. Loopback is real.

    Attributes:
        sent: what would have left the machine: `("connect", address)`, `("lookup", name)`, ...
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, object]] = []

    def method(self, name, address_of, result):
        real = getattr(socket.socket, name)

        def stand_in(sock, *args):
            address = address_of(args)
            leaves = isinstance(address, tuple) and not is_here(address[0])
            if sock.family not in {socket.AF_INET, socket.AF_INET6} or not leaves:
                return real(sock, *args)
            self.sent.append((name, address))
            if isinstance(result, BaseException):
                raise result
            return result

        return stand_in

    def lookup(self, name, found):
        real = getattr(socket, name)

        def stand_in(*args, **kwargs):
            host = kwargs.get("host", args[0])
            host = host[0] if isinstance(host, tuple) else host
            host = host.decode() if isinstance(host, bytes) else host
            numeric = len(args) > 5 and args[5] & socket.AI_NUMERICHOST
            if host is None or numeric or is_here(host) or ":" in host or host.strip("0123456789.") == "":
                return real(*args, **kwargs)
            self.sent.append(("lookup", host))
            if host not in ADDRESSES:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return found(host, ADDRESSES[host], kwargs.get("port", args[1] if len(args) > 1 else 0))

        return stand_in


def is_here(host: object) -> bool:
    return isinstance(host, str) and (is_loopback(plain_host(host)) or host == socket.gethostname())


def infos(host, addresses, port):
    made = []
    for address in addresses:
        if ":" in address:
            made.append((socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)))
        else:
            made.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)))
    return made


@pytest.fixture
def wire(monkeypatch):
    """Nothing in these tests reaches further than the loopback, even when the guard fails."""
    made = Wire()
    # The session's own guard, if there is one, is set aside: what stands below it is replaced.
    with monkeypatch.context() as patch:
        for name, value in {"_owners": 0, "_patches": [], "_undos": [], "_names": {}, "_rules": [],
                            "elsewhere": guard.OFF}.items():  # fmt: skip
            patch.setattr(guard, name, value)
        patch.setattr(_origins, "test", None)
        patch.setattr(_origins, "_runner", None)
        refused = ConnectionRefusedError(111, "the wire goes nowhere")
        for name, address_of, result in [
            ("connect", lambda args: args[0] if args else None, refused),
            ("connect_ex", lambda args: args[0] if args else None, 111),
            ("sendto", lambda args: args[-1] if len(args) > 1 else None, 1),
            ("sendmsg", lambda args: args[3] if len(args) > 3 else None, 1),
        ]:
            patch.setattr(socket.socket, name, made.method(name, address_of, result))
        for name, found in [
            ("getaddrinfo", infos),
            ("gethostbyname", lambda _host, addresses, _port: addresses[0]),
            ("gethostbyname_ex", lambda host, addresses, _port: (host, [], addresses)),
            ("gethostbyaddr", lambda host, addresses, _port: (host, [], addresses)),
            ("getnameinfo", lambda host, _addresses, _port: (host, "")),
        ]:
            patch.setattr(socket, name, made.lookup(name, found))
        undo = ledger.start()
        yield made
        undo()
