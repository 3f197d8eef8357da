"""A block in which native clients are led to a proxy.

Rule 1: a client is loaded only when it is named.
Rule 2: all of those named are led, or none: a client without its seam is a loud error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version

from netdouble._core.keywords import meant
from netdouble._core.native_clients import NATIVE_CLIENTS
from netdouble._intercept.native.target import Target
from netdouble._intercept.seams import unsupported
from netdouble._patch import UndoStack
from netdouble.errors import DeclarationError


def check(names: Sequence[str]) -> None:
    """Look whether `names` are some that are known.

    Raises:
        DeclarationError: one is not, or there is none.
    """
    known = ", ".join(NATIVE_CLIENTS)
    if not names:
        raise DeclarationError(f"native() takes the names of the clients to lead: {known}")
    for name in names:
        if name not in NATIVE_CLIENTS:
            hint = meant(name, NATIVE_CLIENTS, repr) or "."
            raise DeclarationError(f"native(): {name!r} is no native client that netdouble knows{hint} Known: {known}")


@contextmanager
def led(names: Sequence[str], url: str, ca_file: str, bundle_file: str) -> Iterator[None]:
    """For a while these clients go through the proxy at `url` and trust its authority.

    Raises:
        DeclarationError: a client is not installed. ClientNotSupported: it is not what our file was written for.
    """
    undo = UndoStack()
    try:
        for name in dict.fromkeys(names):
            try:
                module = import_module(name)
            except ImportError as error:
                raise DeclarationError(f"native(): {name} is not installed: pip install {name}") from error
            target = Target(f"{name} {version(name)}", url, ca_file, bundle_file)
            try:
                undo.push(import_module(f"netdouble._intercept.native.{name}").install(module, target))
            except (AttributeError, ImportError) as error:  # our file speaks of something that is gone
                raise unsupported(target.client, name, f"can't be replaced ({error})") from error
        yield
    finally:
        undo.undo()
