"""A network's doors for other programs: servers, the intercepting proxy, apps to mount.

Rule 1: nothing of the server is loaded before one is asked for.
Rule 2: what was opened in an entry of the network ends with it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from netdouble._core.keywords import named_keywords

if TYPE_CHECKING:
    import ssl

    from netdouble._active import Scope
    from netdouble.server.mounting import AsgiMount, WsgiMount
    from netdouble.server.proxying import Proxy
    from netdouble.server.serving import Server


class Stoppable(Protocol):
    """A server or a proxy."""

    def stop(self) -> None:
        """End it."""
        ...


class Serving:
    """What a network can be besides: a server, a proxy, an app.

    Attributes:
        takes_paths: a route may be declared by its path alone, for whatever host: the network of a server.
    """

    takes_paths: ClassVar[bool] = False

    _scopes: list[Scope]
    _served: list[tuple[Scope | None, Stoppable]]

    @abstractmethod
    def _scope(self) -> Scope: ...

    @named_keywords
    def serve(self, origin: str | None = None, *, tls: bool | ssl.SSLContext = False, http2: bool = False,
              host: str = "127.0.0.1", port: int = 0, certificate: str = "valid",
              client_cert: bool = False) -> Server:  # fmt: skip
        """This network on a real server of this machine, for a program that can be given a URL.

        It listens when its `url` is first asked for, and ends with `stop()`, with its `with`, or with the network.

        Args:
            origin: whom the program believes it talks to, as `"https://api.example.com"`: requests are judged as if
                sent there, plain HTTP or not. None: the one origin that all routes name. A TLS handshake that asks for
                another name is judged by that name.
            tls: the URL is https, with a certificate of the authority in `server.ca_file`; or a context of your own.
                TLS is answered on the same port in any case.
            http2: HTTP/2 is offered in the handshake (extra `http2`).
            host: a name or address of this machine, IPv4 or IPv6, or `unix:/path`. port: 0 for a free one.
            certificate: `valid`, `expired`, `self-signed`, `wrong-host` or `unknown-issuer`.
            client_cert: refuse clients without a certificate (`server.client_cert_file` has one).

        Raises:
            DeclarationError: a value can't work; the routes name several origins and none is given. MissingExtra: TLS
                needs the extra `wire`, HTTP/2 the extra `http2`.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(json={"id": 7})
            >>> subprocess.run(["curl", net.serve().url_for("/users/7")], check=True)
        """
        from netdouble.server.address import Address
        from netdouble.server.origins import read_origin
        from netdouble.server.serving import Server

        address = Address(host, port, tls, http2, certificate, client_cert)
        owner: Any = self
        server = Server(owner, None if origin is None else read_origin(origin), address, shares=True)
        self._keep(server)
        return server

    @named_keywords
    def proxy(self, *, http2: bool = False, host: str = "127.0.0.1", port: int = 0) -> Proxy:
        """This network as an intercepting proxy, for a program whose URLs can't be changed.

        It answers plain requests and those in a CONNECT, opening TLS with the authority in `proxy.ca_file`, for every
        host that a route could answer. Other hosts are tunnelled where `allow` says so; else the program is told 501
        with the nearest routes, and the test fails. It ends as a server does.

        Args:
            http2: HTTP/2 is offered inside of TLS (extra `http2`). host, port: see `serve`.

        Raises:
            DeclarationError: a value can't work. MissingExtra: HTTP/2 needs the extra `http2`.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(json={"id": 7})
            >>> subprocess.run(["curl", "https://api.example.com/users/7"], env=net.proxy().env, check=True)
        """
        from netdouble.server.address import Address
        from netdouble.server.proxying import Proxy

        owner: Any = self
        proxy = Proxy(owner, Address(host, port, http2=http2))
        self._keep(proxy)
        return proxy

    @contextmanager
    def native(self, *clients: str) -> Iterator[Proxy]:
        """Answer clients whose sockets are C's or Rust's, in this process, while the block is open.

        They are led to a `proxy()` of this network and trust its authority, in all threads. That holds for clients that
        are made in the block; pycurl's handles too. The proxy ends with the block.

        Args:
            clients: of `"curl_cffi"`, `"primp"`, `"pycurl"`, `"pyreqwest"`, `"rnet"`.

        Raises:
            DeclarationError: a name is none of these, or that client is not installed. ClientNotSupported: it has
                changed. MissingExtra: the authority needs the extra `wire`.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(json={"id": 7})
            >>> with net.native("curl_cffi"):
            ...     assert curl_cffi.requests.get("https://api.example.com/users/7").json() == {"id": 7}
        """
        from netdouble._intercept.native.opening import check, led

        check(clients)
        with self.proxy() as proxy, led(clients, proxy.url, proxy.ca_file, proxy.variables["SSL_CERT_FILE"]):
            yield proxy

    def asgi(self, origin: str | None = None) -> AsgiMount:
        """This network as an ASGI app, to be mounted in one that exists. See `serve` for `origin`.

        Faults are raised in there: an app can't break its connection.

        Raises:
            DeclarationError: `origin` is none.

        Example:
            >>> Starlette(routes=[Mount("/payments", net.asgi("https://payments.example.com")), ...])
        """
        from netdouble.server.mounting import AsgiMount
        from netdouble.server.origins import read_origin

        owner: Any = self
        return AsgiMount(owner, None if origin is None else read_origin(origin))

    def wsgi(self, origin: str | None = None) -> WsgiMount:
        """This network as a WSGI app. As `asgi`.

        Example:
            >>> DispatcherMiddleware(app, {"/payments": net.wsgi("https://payments.example.com")})
        """
        from netdouble.server.mounting import WsgiMount
        from netdouble.server.origins import read_origin

        owner: Any = self
        return WsgiMount(owner, None if origin is None else read_origin(origin))

    def _keep(self, served: Stoppable) -> None:
        self._served.append((self._scopes[-1] if self._scopes else None, served))

    def stop_served(self, scope: Scope | None) -> None:
        """Stop what was opened in an entry. For `close_scope`."""
        ending = [served for each, served in self._served if each is scope]
        self._served = [(each, served) for each, served in self._served if each is not scope]
        for served in ending:
            served.stop()
