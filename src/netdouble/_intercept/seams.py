"""The place in a client where a door attaches, looked at before it is replaced.

Rule: a seam that is missing or takes other arguments than ours is one loud error, never a silent bypass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdouble.errors import ClientNotSupported


def seam(owner: Any, name: str, parameters: tuple[str, ...], *, client: str) -> Callable[..., Any]:
    """The function `owner.name`, when its first parameters are the ones that we know.

    Args:
        owner: a class or module. parameters: as the newest tested version has them, `self` included.
        client: name and version, as `"httpx 0.28.1"`.

    Raises:
        ClientNotSupported: it is not there, or takes something else.
    """
    where = f"{getattr(owner, '__module__', '')}.{getattr(owner, '__name__', owner)}.{name}".lstrip(".")
    found = getattr(owner, name, None)
    if found is None:
        raise unsupported(client, where, "is not there")
    code = getattr(unwrapped(found), "__code__", None)
    if code is not None and code.co_varnames[: code.co_argcount][: len(parameters)] != parameters:
        taken = ", ".join(code.co_varnames[: code.co_argcount])
        raise unsupported(client, where, f"takes ({taken}), where ({', '.join(parameters)}) is known")
    made: Callable[..., Any] = found
    return made


def unwrapped(function: Any) -> Any:
    """The client's own function, below whatever stands around it now: instrumentation, or a replacement of ours."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def marked(replacement: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    """The replacement, knowing what it stands for."""
    replacement.__wrapped__ = replacement.netdouble_original = original
    made: Callable[..., Any] = replacement
    return made


def original_of(function: Any) -> Callable[..., Any] | None:
    """What a replacement of ours stands for; None for any other function."""
    found: Callable[..., Any] | None = getattr(function, "netdouble_original", None)
    return found


def unsupported(client: str, where: str, what: str) -> ClientNotSupported:
    """The error for a client whose insides have changed."""
    library, _, version = client.partition(" ")
    return ClientNotSupported(
        f"{client} can't be answered: {where} {what}. Its requests would reach the network unseen, so nothing is "
        f"attached. Install a {library} that netdouble knows (python -m netdouble doctor lists them), a newer "
        "netdouble, or answer this client by hand",
        client=library, version=version, seam=where,
    )  # fmt: skip
