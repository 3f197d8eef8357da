"""Where a native client is led to, and how its constructors are given more arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netdouble._intercept.seams import original_of, unsupported

Arguments = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """The proxy, and whom to trust.

    Attributes:
        client: name and version, for errors. url: the proxy's. ca_file: our authority alone. bundle_file: ours and
            the system's.
    """

    client: str
    url: str
    ca_file: str
    bundle_file: str


def original(owner: Any, name: str, target: Target) -> Any:
    """The client's own `owner.name`, below a replacement of ours: the innermost block holds.

    Raises:
        ClientNotSupported: it is not there.
    """
    found = getattr(owner, name, None)
    if found is None:
        raise unsupported(target.client, f"{getattr(owner, '__name__', owner)}.{name}", "is not there")
    return original_of(found) or found


def derived(module: Any, name: str, target: Target, change: Arguments) -> Any:
    """A class that stands for class `module.name`, the keywords of its constructor going through `change`.

    Derived, not patched: a type of Rust whose `__new__` was once written to can't be given its own back.
    """
    before = original(module, name, target)

    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  # it becomes one
        return before.__new__(cls, *args, **change(kwargs))

    own = {"__new__": __new__, "__module__": before.__module__, "netdouble_original": before}
    return type(before.__name__, (before,), own)
