"""What a client shows of the wire and not of a stub."""

from __future__ import annotations


def losses_of(client: str, row: str, name: str) -> bool:
    return False
