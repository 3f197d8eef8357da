"""requests: everything of it runs, on top of urllib3's door.

Seam: `HTTPAdapter.send`, under which requests are recorded as this client's and its own exceptions pass urllib3
unseen. With the setting `fast` on it answers with a response object, unless the adapter retries: urllib3 does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any

import requests
import requests.adapters

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.client_objects import ClientObjects, carried, carrying
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.urls import parse_url
from netdouble._intercept.layers import Dialect, spoken_by
from netdouble._intercept.object_seam import answered, bare_response, fast_scope, of_the_wire, read_timeout
from netdouble._intercept.seams import seam
from netdouble._patch import Undo, replace
from netdouble.errors import DeclarationError

DIALECT = Dialect(f"requests {requests.__version__}", "requests", frozenset({"urllib3"}))
# For our other files that stand at requests: it is imported here only.
LIBRARY: Any = requests
Mount = Callable[[Any, Callable[[], Scope]], None]

# urllib3 as requests has it: it is imported in urllib3's own file only.
_urllib3: Any = getattr(requests.packages, "urllib3")  # noqa: B009  # put there at run time, unknown to its types


def install(module: ModuleType) -> Undo:
    """Attach to requests.

    Raises:
        ClientNotSupported: the seam is missing or has changed.
    """
    adapter = module.adapters.HTTPAdapter
    original = seam(adapter, "send", ("self", "request", "stream", "timeout"), client=DIALECT.client)
    return replace(adapter, "send", spoken_by(DIALECT, _send(original)))


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def send(self: Any, request: Any, stream: bool = False, timeout: Any = None, *args: Any, **kwargs: Any) -> Any:
        def send_on() -> Any:
            bound = (self,) if hasattr(original, "__get__") else ()  # a user's mock in its place is called without
            return original(*bound, request, stream, timeout, *args, **kwargs)

        if _active.wants_objects() and not _active.is_passing():
            options = {**dict(zip(_OPTIONS, args, strict=False)), **kwargs, "stream": stream, "timeout": timeout}
            return _sent_with_objects(self, request, options, send_on)
        scope = None if isinstance(self, _Mounted) else fast_scope(request.body)
        if scope is None or _retries(self.max_retries):
            return send_on()
        return _answered(scope, self, request, send_on, timeout)

    return send


def send_for_real(objects: ClientObjects) -> Any:
    """What the real service answers to a request that came with its objects."""
    options = {name: value for name, value in objects.options.items() if not name.startswith("_")}
    with ExitStack() as stack:
        stack.enter_context(_active.passing())
        for text in (objects.request.url, *(options.get("proxies") or {}).values()):
            with suppress(ValueError):  # what is no URL is requests' to refuse
                where = parse_url(text)
                stack.enter_context(_active.admitted(where.host, where.port))
        return objects.sender.send(objects.request, **options)


# The parameters of `HTTPAdapter.send` after stream and timeout.
_OPTIONS = ("verify", "cert", "proxies")


def _answered(scope: Scope, adapter: Any, request: Any, send_on: Callable[[], Any], timeout: Any) -> Any:
    def build(response: Response) -> Any:
        raw = bare_response(_urllib3, response, request.method, preload_content=False, decode_content=False)
        return adapter.build_response(request, raw)

    return answered(scope, neutral(request), build, send_on, read_timeout(timeout), "requests")


def _sent_with_objects(adapter: Any, request: Any, options: Mapping[str, Any], send_on: Callable[[], Any]) -> Any:
    """As `send`, the request carrying its objects for the facades of requests' own test doubles.

    They look at the body before it is sent, so a file is read here, as they do, and so is a generator.
    """
    request.body = body_at_hand(request.body)
    objects = ClientObjects("requests", request, adapter, options)
    above = carried()
    if above is not None and above.request is request:
        objects.session = above.session
    with carrying(objects):
        scope = None if isinstance(adapter, _Mounted) else fast_scope(request.body)
        if scope is None or _retries(adapter.max_retries):
            response = send_on()
        else:
            response = _answered(scope, adapter, request, send_on, options["timeout"])
    if objects.call is not None:
        objects.call.native = response
    return response


def body_at_hand(body: Any) -> Any:
    """A body that can be looked at more than once: of a file, or of what makes it piece by piece."""
    if body is None or isinstance(body, (bytes, str)):
        return body
    if hasattr(body, "read"):
        return body.read()
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    return b"".join([piece.encode() if isinstance(piece, str) else piece for piece in body])


def is_retrying(adapter: Any) -> bool:
    """It is requests' own adapter, or one that sends as that does, and sends again by urllib3's rules."""
    rules = getattr(adapter, "max_retries", None)
    if rules is None or not _retries(rules):
        return False
    ours = LIBRARY.adapters.HTTPAdapter
    return isinstance(adapter, ours) and type(adapter).send is ours.send


def _retries(retries: Any) -> bool:
    """The adapter would send a request again: not so the default, `Retry(0, read=False)`."""
    return bool(retries.total or retries.status_forcelist)


def neutral(request: Any) -> Request:
    """A PreparedRequest in our words. What http.client would add to its headers is not there yet."""
    headers, where = request.headers, parse_url(request.url)
    # Its own items() looks each of them up again (requests/structures.py).
    lines = headers._store.values() if type(headers) is LIBRARY.structures.CaseInsensitiveDict else headers.items()
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    return Request(request.method.upper(), where, _headers(tuple(lines)), body, DIALECT.client, "1.1", where.target)


@lru_cache(maxsize=256)  # one value for all requests with the same lines
def _headers(lines: tuple[tuple[str | bytes, str | bytes], ...]) -> Headers:
    return Headers(tuple([(_text(name), _text(value)) for name, value in lines]))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# Without patching


class _Mounted(requests.adapters.HTTPAdapter):
    """An adapter whose connections are made in memory."""

    def __init__(self, scope_of: Callable[[], Scope], mount: Mount) -> None:
        self._scope_of, self._mount = scope_of, mount
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._mount(self.poolmanager, self._scope_of)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        known = self.proxy_manager.get(proxy)
        manager = super().proxy_manager_for(proxy, **kwargs)
        if manager is not known:
            self._mount(manager, self._scope_of)
        return manager

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        answered: requests.Response = spoken_by(DIALECT, super().send)(request, *args, **kwargs)
        return answered


def requests_adapter(scope_of: Callable[[], Scope], mount: Mount) -> requests.adapters.HTTPAdapter:
    """An adapter whose requests are answered by `scope_of()`, asked at each of them; nothing is patched.

    Args:
        mount: makes a urllib3 pool manager connect in memory (the door of urllib3 has it).
    """
    return _Mounted(scope_of, mount)


# Native objects


def to_native(response: Response, request: Request | None, library: str) -> Any:  # noqa: ARG001  # the doors' signature
    """`response` as a `requests.Response`, as if `request` had been answered with it."""
    asked = request if request is not None else Request.to("GET", "http://netdouble.test/")
    prepared = requests.Request(asked.method, str(asked.url), dict(asked.headers), data=asked.body or None).prepare()
    raw = bare_response(_urllib3, response, asked.method, preload_content=False, decode_content=False)
    return requests.adapters.HTTPAdapter().build_response(prepared, raw)


def from_native(native: Any) -> Response:
    """The response in a `requests.Response`; it is read, and can be read again through `.content`.

    Raises:
        DeclarationError: it was read as a stream, so what it said is lost.
    """
    if native._content is False and native._content_consumed:
        raise DeclarationError(
            "this requests response was read as a stream already, so its body is gone; reply with "
            "Response(status, stream=[...]), or read .content before iterating over it"
        )
    body = native.content or b""
    headers: Mapping[str, str] = getattr(native.raw, "headers", None) or native.headers
    gone = of_the_wire(decoded=True)
    pairs = [(name, value) for name, value in headers.items() if name.lower() not in gone]
    return Response.of_parts(native.status_code, pairs, body, reason=native.reason)
