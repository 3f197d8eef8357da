"""Where a server listens, and how: what `net.serve()` and its like are given.

Rule: a value that can't work, and a package that is missing, is an error where it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netdouble._core.urls import normal_host
from netdouble.errors import DeclarationError, MissingExtra
from netdouble.server.listening import UNIX

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and how.

    Attributes:
        host, port: see `net.serve`. tls: the URL is https; a context of the user's own is used as it is.
        http2: HTTP/2 is offered in the handshake (RFC 7301). certificate: one of `_authority.CERTIFICATES`.
        client_cert: a client without a certificate of the authority is refused.

    Raises:
        DeclarationError: a value that can't work. MissingExtra: a package is needed and not there.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: bool | ssl.SSLContext = False
    http2: bool = False
    certificate: str = "valid"
    client_cert: bool = False

    def __post_init__(self) -> None:
        host: object = self.host
        port: object = self.port
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
            raise DeclarationError(f"port={port!r} is no port: a number up to 65535, or 0 for a free one")
        if not isinstance(host, str) or not host or host == UNIX:
            raise DeclarationError(f'host={host!r} is no host: "127.0.0.1", "::1", "localhost" or "unix:/path"')
        if not isinstance(self.tls, bool) and not hasattr(self.tls, "wrap_socket"):  # whoever has one has loaded ssl
            raise DeclarationError(f"tls={self.tls!r:.60} is neither True nor an ssl.SSLContext")
        for name in ("http2", "client_cert"):
            if not isinstance(getattr(self, name), bool):
                raise DeclarationError(f"{name}={getattr(self, name)!r:.60} is neither True nor False")
        if self.http2:
            _need_h2()
        if self.tls is True or self.certificate != "valid" or self.client_cert:
            from netdouble._authority import authority

            authority().chain(self.name, self.certificate)

    @property
    def name(self) -> str:
        """The host as a client asks for it."""
        if self.host.startswith(UNIX):
            return "localhost"
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, normal_host(self.host))  # noqa: S104  # compared

    @property
    def scheme(self) -> str:
        """The URL's."""
        return "https" if self.tls else "http"

    def context(self, name: str | None) -> ssl.SSLContext:
        """How to answer a handshake that asks for `name`.

        Raises:
            MissingExtra: there is nothing to make certificates with.
        """
        if self.tls and not isinstance(self.tls, bool):
            return self.tls
        from netdouble._authority import HTTP1, HTTP2, authority

        alpn = HTTP2 if self.http2 else HTTP1
        options: dict[str, Any] = {"certificate": self.certificate, "alpn": alpn, "demands_client": self.client_cert}
        try:
            return authority().context(name or self.name, **options)
        except DeclarationError:  # what the client sent is no name; its handshake fails on ours
            return authority().context(self.name, **options)

    def names(self, port: int) -> set[tuple[str, int]]:
        """Under which hosts a client in this process finds it."""
        return set() if self.host.startswith(UNIX) else {(self.name, port), ("localhost", port)}


def _need_h2() -> None:
    from importlib.util import find_spec

    if find_spec("h2") is None:
        raise MissingExtra("http2=True needs the package h2. Install the extra: pip install 'netdouble[http2]'")
