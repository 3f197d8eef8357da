"""What responses says of a request that nothing answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from netdouble._core.messages import Request
from netdouble.facades.responses.registries import FirstMatchRegistry


def begins(prefix: Any, url: str) -> bool:
    """Whether a URL begins with a prefix, a text or a regex."""
    return bool(prefix.match(url)) if hasattr(prefix, "match") else url.startswith(prefix)


def raiser(error: BaseException) -> Callable[[Request], Any]:
    """A reply that raises `error`."""

    def refuse(request: Request) -> Any:  # noqa: ARG001  # the signature of replies
        raise error

    return refuse


def refusal(registry: FirstMatchRegistry, prefixes: Sequence[Any], request: Any) -> str:
    """The text of a refusal: what was asked, and for each response why it does not match."""
    listed = zip(registry.registered, registry.reasons(request), strict=False)
    lines = [
        "Connection refused by Responses: no registered response matches. (netdouble stands for responses)",
        "",
        "Request: ",
        f"- {request.method} {request.url}",
        "",
        "Available matches:",
        *(f"- {each.method} {getattr(each.url, 'pattern', each.url)} {reason}" for each, reason in listed),
    ]
    if not registry.registered:
        lines.append("- none: nothing is registered, or it was used up")
    if prefixes:
        lines += ["", "Passthru prefixes:", *(f"- {getattr(prefix, 'pattern', prefix)}" for prefix in prefixes)]
    return "\n".join(lines)
