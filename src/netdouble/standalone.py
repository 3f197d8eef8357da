"""A server with routes of its own: no network around it, nothing patched.

Rule: its requests are its own; what clients in this process send elsewhere is none of its business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.keywords import keywords_of, unknown_keyword
from netdouble._core.settings import NAMES
from netdouble.network import Network
from netdouble.server.address import Address
from netdouble.server.serving import Server

if TYPE_CHECKING:
    import ssl

    from typing_extensions import Unpack

    from netdouble._core.settings import SettingsOptions


class ServerNetwork(Network):
    """The routes and the log of one server: never opened, so no client in this process is answered by it."""

    takes_paths: ClassVar[bool] = True

    def __init__(self, **settings: Unpack[SettingsOptions]) -> None:
        super().__init__(**settings)
        _active.unopened.discard(self._base)
        self.scope = super()._scope()

    def _scope(self) -> Scope:
        return self.scope

    def reset(self) -> None:
        """Forget the routes and the calls."""
        self._base = self._last = self.scope.router = self._new_router()
        self.scope.misses.clear()

    def verify(self, error: BaseException | None) -> None:
        """Check it, as a network is checked on leaving."""
        self._finish(self.scope, error, None)


def serve(*, tls: bool | ssl.SSLContext = False, http2: bool = False, host: str = "127.0.0.1", port: int = 0,
          certificate: str = "valid", client_cert: bool = False,
          **settings: Unpack[SettingsOptions]) -> Server:  # fmt: skip
    """A server with routes of its own, declared by their paths; checked at the end of its `with`.

    Args:
        tls, http2, host, port, certificate, client_cert: see `Network.serve`. settings: those of `Network`: `unused`,
            `swallowed`, `bodies`.

    Raises:
        DeclarationError: a value can't work. MissingExtra: TLS needs the extra `wire`, HTTP/2 the extra `http2`.
        UnmetExpectation: on leaving, when a route was never used, or a request came that nothing answers.

    Example:
        >>> with netdouble.serve() as server:
        ...     server.get("/users/{id}").reply(json={"id": 7})
        ...     run_the_program("--api", server.url)
    """
    unknown = settings.keys() - set(NAMES)
    if unknown:
        raise unknown_keyword("serve()", settings, (*keywords_of(serve), *NAMES))
    network = ServerNetwork(**settings)
    return serve_own(network, Address(host, port, tls, http2, certificate, client_cert))


def serve_own(network: ServerNetwork, address: Address) -> Server:
    """A server for a network of its own. For fixtures and facades."""
    return Server(network, None, address, shares=False, verify=network.verify)
