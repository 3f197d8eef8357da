"""responses' recorder: real exchanges written to a file, to be registered again by `_add_from_file`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from netdouble._core.replies import PASS_THROUGH, Compute, Reply, Verbatim
from netdouble._intercept.requests import send_for_real
from netdouble.facades._requests_objects import verbatim
from netdouble.facades.responses._mock import RequestsMock, _yaml
from netdouble.facades.responses._replies import BaseResponse, Response
from netdouble.facades.responses.registries import FirstMatchRegistry, OrderedRegistry

_DEFAULT_HEADERS = ("content-length", "content-type", "date", "server", "connection", "content-encoding")


def _remove_default_headers(data: Any, keep_headers: Iterable[str] | str | None = None) -> Any:
    """Take the headers away that every server sends, but for those named."""
    kept = [keep_headers] if isinstance(keep_headers, str) else list(keep_headers or ())
    gone = set(_DEFAULT_HEADERS) - {name.lower() for name in kept}
    for each in data["responses"]:
        response = each["response"]
        fields = {name: value for name, value in (response.get("headers") or {}).items() if name.lower() not in gone}
        response.pop("headers", None)
        if fields:
            response["headers"] = fields
    return data


def _dump(
    registered: list[BaseResponse],
    destination: Any,
    dumper: Callable[[Any, Any], Any],
    *,
    keep_headers: Iterable[str] | str | None = None,
) -> None:
    """Write `registered` to an open file.

    Raises:
        AttributeError: one of them is no `Response`.
    """
    rows: list[dict[str, Any]] = []
    for each in registered:
        if not isinstance(each, Response):
            raise AttributeError(  # noqa: TRY004  # the peer's
                f"only a Response can be written to a file, not a {type(each).__name__}: {each.url}"
            )
        said = {
            "method": each.method,
            "url": getattr(each.url, "pattern", each.url),
            "body": each.body,
            "status": each.status,
            "headers": dict(each.headers or {}),
            "content_type": each.content_type,
            "auto_calculate_content_length": each.auto_calculate_content_length,
        }
        rows.append({"response": said})
    dumper(_remove_default_headers({"responses": rows}, keep_headers), destination)


class Recorder(RequestsMock):
    """Lets every request reach the real service, and registers what it answered."""

    def __init__(self, *, target: str = "requests.adapters.HTTPAdapter.send",
                 registry: type[FirstMatchRegistry] = OrderedRegistry) -> None:  # fmt: skip
        super().__init__(target=target, assert_all_requests_are_fired=False)
        # Not the registry that is asked: what was recorded does not answer while recording.
        self._kind = registry
        self._recorded = registry()

    def get_registry(self) -> FirstMatchRegistry:
        """What was recorded."""
        return self._recorded

    def reset(self) -> None:
        """Forget what was recorded."""
        super().reset()
        self._recorded = self._kind()

    def unrouted(self, registry: FirstMatchRegistry, request: Any) -> Reply | None:  # noqa: ARG002  # the base's signature
        """Let it pass, and look at the response."""
        objects = request.native
        if objects is None or objects.library != "requests":
            return PASS_THROUGH

        def record(asked: Any) -> Verbatim:  # noqa: ARG001  # the signature of replies
            response = send_for_real(objects)
            self._recorded.add(_as_stub(response, objects.request))
            return verbatim(response)

        return Compute(record, is_async=False)

    def record(self, *, file_path: Any = "response.yaml", keep_headers: Iterable[str] | str | None = None) -> Any:
        """Decorate a function: what it requests is written to a file."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def recording(*args: Any, **kwargs: Any) -> Any:
                self.reset()
                self.start()
                try:
                    return function(*args, **kwargs)
                finally:
                    self.stop()
                    self.dump_to_file(file_path, self.get_registry().registered, keep_headers=keep_headers)
                    self.reset()

            return recording

        return decorate

    def dump_to_file(self, file_path: Any, registered: list[BaseResponse] | None = None, *,
                     keep_headers: Iterable[str] | str | None = None) -> None:  # fmt: skip
        """Write what was recorded to a file, as YAML."""
        yaml = _yaml()
        with open(file_path, "w", encoding="utf-8") as file:
            _dump(self.get_registry().registered if registered is None else registered, file, yaml.dump,
                  keep_headers=keep_headers)  # fmt: skip


def _as_stub(response: Any, request: Any) -> Response:
    kind = response.headers.get("Content-Type", "text/plain").partition(";")[0]
    return Response(request.method, str(request.url), body=response.text, status=response.status_code,
                    headers=dict(response.headers.items()), content_type=kind)  # fmt: skip


recorder = Recorder()
record = recorder.record
