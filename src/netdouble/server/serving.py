"""The Server: a network's routes on loopback, for programs that are given a URL.

Rule: a route is declared on its network, and every request judged there.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from netdouble._core.declaring import UrlInput, Verbs
from netdouble._core.matchers import Conditions
from netdouble._core.routes import Route
from netdouble._core.scenarios import RouteOptions, split_options
from netdouble._far_end import Origin
from netdouble.errors import DeclarationError
from netdouble.server.address import Address
from netdouble.server.hosting import ServerHost
from netdouble.server.origins import only_origin, text_of
from netdouble.server.running import Owner, Running
from netdouble.server.waiting import Waiters

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Server(Running, Verbs):
    """Routes on a real server of this machine. Made by `net.serve()`, `netdouble.serve()` and the fixture `net_server`.

    It starts when its address is first asked for. A context manager, also `async with`.

    Example:
        >>> with net.serve("https://api.example.com") as server:
        ...     run_the_program("--api", server.url)
    """

    def __init__(self, owner: Owner, origin: Origin | None, address: Address, *, shares: bool,
                 verify: Callable[[BaseException | None], None] | None = None) -> None:  # fmt: skip
        waiters = Waiters()
        super().__init__(owner, address, waiters, ServerHost(owner, origin, address, waiters, shares=shares))
        self._origin, self._verify, self._shares = origin, verify, shares

    def _before_listening(self) -> None:
        if self._shares and self._origin is None:
            only_origin(self._owner.routes)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._verify is not None:
            self._verify(error)

    def url_for(self, target: str = "/") -> str:
        """The URL of a path, with a query if need be: `server.url_for("/users/7?full=1")`.

        Raises:
            DeclarationError: it is no path.
        """
        given: object = target
        if not isinstance(given, str) or "://" in given.partition("?")[0]:
            raise DeclarationError(
                f'url_for() takes a path on this server, as in url_for("/users/7"), not {given!r:.60}'
            )
        return f"{self.url}{'' if target.startswith('/') else '/'}{target}"

    # Declaring

    def _declare(self, method: str | None, url: UrlInput | None, conditions: RouteOptions,
                 kind: type[Route] | None = None) -> Route:  # fmt: skip
        return self._owner._declare_at(self._base(url), method, url, *split_options(conditions), kind or Route)

    def _base(self, url: object = "/") -> str:
        """What stands before a path: the origin that a served network's requests are judged by."""
        if not self._shares or not isinstance(url, str) or not url.startswith("/"):
            return ""
        origin = self._origin or only_origin(self._owner.routes)
        if origin is None:
            raise DeclarationError(f'{url!r}: for which host? Name it: net.serve("https://HOST"), or a whole URL here')
        return text_of(origin)

    def at(self, base_url: str, **conditions: Unpack[Conditions]) -> Verbs:
        """A view whose routes begin with `base_url`, a path, and carry `conditions`."""
        return self._owner.at(self._base(base_url) + base_url, **conditions)

    def reset(self) -> None:
        """Forget the calls and the routes declared since it was opened."""
        self._owner.reset()

    # What happened

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in declared order."""
        return self._owner.routes

    def __getitem__(self, name: str) -> Route:
        """The route of that name. Raises KeyError when there is none."""
        return self._owner[name]

    def assert_all_called(self) -> None:
        """As `Network.assert_all_called`."""
        self._owner.assert_all_called()

    def assert_order(self, *routes: Route) -> None:
        """As `Network.assert_order`."""
        self._owner.assert_order(*routes)

    def __repr__(self) -> str:
        from netdouble._core.wording import counted  # reports only

        where = self.url if self.is_running else "not listening"
        return f"<Server {where}, {counted(len(self.routes), 'route')}, {counted(self.count, 'call')}>"
