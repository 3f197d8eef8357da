"""What a network says of certificates: what stubbed hosts show in their handshakes, and files for whoever wants them.

Rule: only what is asked for here loads or makes anything.
"""

from __future__ import annotations

from abc import abstractmethod

from netdouble._authority import CERTIFICATES, authority
from netdouble._core.keywords import named_keywords
from netdouble._core.presenting import Presented, host_of
from netdouble.errors import DeclarationError


class Certificates:
    """The part of `Network` that is about TLS."""

    __slots__ = ()

    @abstractmethod
    def _presented(self) -> dict[tuple[str, int], Presented]:
        """What was said so far, by host and port."""

    @named_keywords
    def tls(self, url: str, *, certificate: str = "valid", demands_client: bool = False) -> None:
        """Say what the host of `url` shows in its TLS handshake, on real connections (the layer `wire`, servers).

        Args:
            url: `https://host` or `https://host:port`; a path in it means nothing.
            certificate: `valid`; or one that clients refuse for its own reason: `expired`, `self-signed`,
                `wrong-host`, `unknown-issuer`.
            demands_client: it refuses clients that show no certificate (see `client_certificate`).

        Raises:
            DeclarationError: it is no URL of a host with TLS, or there is no such certificate.
            MissingExtra: `netdouble[wire]` is not installed.

        Example:
            >>> net.tls("https://api.example.com", certificate="expired")
            >>> with pytest.raises(requests.exceptions.SSLError):
            ...     fetch_user(7)
        """
        host, port = host_of(url)
        if certificate not in CERTIFICATES:
            raise DeclarationError(f"tls: certificate={certificate!r} is not one of {', '.join(CERTIFICATES)}")
        authority()  # what is missing is missed here, not at the first handshake
        self._presented()[host, port] = Presented(certificate, demands_client)

    @property
    def ca_file(self) -> str:
        """The path of a PEM file with the authority of this process, for a program that verifies by a file.

        Raises:
            MissingExtra: `netdouble[wire]` is not installed.
        """
        return authority().file

    def client_certificate(self, name: str = "client.test") -> str:
        """The path of a PEM file with a key and certificate in the name of a client, which stubbed hosts accept.

        Raises:
            DeclarationError: no certificate can be made for `name`. MissingExtra: `netdouble[wire]` is missing.
        """
        given: object = name
        if not isinstance(given, str) or not given:
            raise DeclarationError(f"client_certificate() takes the name of a client, not {given!r:.60}")
        return authority().client_file(name)
