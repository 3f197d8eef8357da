"""What a stubbed host shows of itself in a TLS handshake: a certificate, and whether it wants the client's."""

from __future__ import annotations

from dataclasses import dataclass

from netdouble._core.urls import parse_url
from netdouble.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Presented:
    """What a host shows.

    Attributes:
        certificate: `valid`, or what is wrong with it. demands_client: it refuses clients without a certificate.
    """

    certificate: str = "valid"
    demands_client: bool = False


def host_of(url: str) -> tuple[str, int]:
    """Host and port that `url` names: `https://host`, `https://host:8443`, or the host alone (port 443).

    Raises:
        DeclarationError: it is no such URL.
    """
    if not isinstance(url, str):
        raise DeclarationError(f"tls() takes a URL such as https://api.example.com, not {url!r:.60}")
    try:
        parsed = parse_url(url if "://" in url else f"https://{url}")
    except ValueError as error:
        raise DeclarationError(f"tls() takes a URL such as https://api.example.com, not {url!r}: {error}") from None
    if parsed.scheme not in {"https", "wss"}:
        raise DeclarationError(f"tls() is about a host with TLS: write https://, not {url!r}")
    return parsed.host, parsed.port
