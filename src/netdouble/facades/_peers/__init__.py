"""The peers: one small file for each says which names it goes by and what it brings to pytest.

Rule: a file here loads neither its facade nor any client; it holds one value, `PEER`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """A library whose API a facade has.

    Attributes:
        name: as users of `replace` write it, with underscores.
        modules: its import name -> our package. Modules below it are looked up below ours by the same names; where
            one goes by another name with us, it has a row of its own.
        plugin: our module that stands for its pytest plugin (fixtures, options, markers).
        plugin_name: what its plugin is called, as in `-p no:NAME`.
    """

    name: str
    modules: dict[str, str]
    plugin: str = ""
    plugin_name: str = ""
