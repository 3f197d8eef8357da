"""The certificate authority of this process: made when the first TLS connection needs it, gone with the process.

A leaf for each name and IP, and the server contexts that present it, valid or wrong in one known way.

Rule 1: nothing is imported, generated or written before it is asked for; `cryptography` is the extra `wire`.
Rule 2: the key of the authority never leaves the process: whoever trusts it trusts this process only.
Rule 3: no clock is read. Leaves are valid from 2000 to 2038, so that a test's frozen time changes nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netdouble._patch import UndoStack
from netdouble.errors import DeclarationError, MissingExtra

if TYPE_CHECKING:
    import ssl

# What a server can present. `valid` is what a client accepts, each other one is refused for its own reason.
CERTIFICATES = ("valid", "expired", "self-signed", "wrong-host", "unknown-issuer")

# Presented instead of the name that was asked for.
OTHER_HOST = "another-host.invalid"

HTTP1 = ("http/1.1",)
HTTP2 = ("h2", "http/1.1")

# Servers of this process that present its certificates now. While there are any, every client here trusts it.
serving: set[object] = set()

_lock = threading.RLock()
_authority: Authority | None = None


def authority() -> Authority:
    """The authority of this process.

    Raises:
        MissingExtra: `cryptography` is not installed.
    """
    global _authority
    with _lock:
        if _authority is None:
            with _time_as_it_is():
                _authority = Authority()
        return _authority


@contextmanager
def _time_as_it_is() -> Iterator[None]:
    """For as long as `cryptography` is used for the first time, `datetime` holds its own classes.

    It keeps the ones that it finds then (PyO3, on which it stands, does), and one of a frozen clock takes no real
    moment afterwards, neither from us nor from the user's own code.
    """
    import datetime as dt

    undo = UndoStack()
    for name in ("date", "datetime"):
        present = getattr(dt, name)
        undo.replace(dt, name, next(kind for kind in present.__mro__ if kind.__module__ == "datetime"))
    try:
        yield
    finally:
        undo.undo()


def context_class(module: Any) -> Any:
    """The context class of the standard library, also when `truststore.inject_into_ssl()` put its own in the place.

    Args:
        module: the module `ssl`.
    """
    return next((c for c in module.SSLContext.__mro__ if c.__module__ == "ssl"), module.SSLContext)


class Authority:
    """A P-256 authority, its leaves, and server contexts; all of it is kept.

    Attributes:
        pem, der: its certificate.
    """

    def __init__(self) -> None:
        self._issuer = _Issuer("netdouble: the authority of one test process")
        self._stranger: _Issuer | None = None
        self._chains: dict[tuple[str, str], bytes] = {}
        self._contexts: dict[tuple[str, str, tuple[str, ...], bool], ssl.SSLContext] = {}
        self._files: dict[str, str] = {}
        self.pem: bytes = self._issuer.pem
        self.der: bytes = self._issuer.der

    @property
    def file(self) -> str:
        """The path of a PEM file of its certificate, removed when the process ends."""
        return self._kept_file("authority", self.pem)

    @property
    def bundle_file(self) -> str:
        """The path of a PEM file of its certificate and the system's authorities."""
        return self._kept_file("bundle", self.pem + _system_bundle())

    def chain(self, name: str, certificate: str = "valid") -> bytes:
        """The private key and the certificate that a server of `name` presents, as PEM.

        Args:
            name: a host name or an IP address. certificate: one of `CERTIFICATES`.

        Raises:
            DeclarationError: there is no such certificate, or `name` can't stand in one.
        """
        if certificate not in CERTIFICATES:
            raise DeclarationError(f"certificate={certificate!r} is not one of {', '.join(CERTIFICATES)}")
        key = (name, certificate)
        with _lock:
            if key not in self._chains:
                self._chains[key] = self._issue(name, certificate)
            return self._chains[key]

    def client_file(self, name: str = "client.test") -> str:
        """The path of a PEM file with a key and certificate of a client, which a server that demands one accepts."""
        with _lock:
            return self._kept_file(f"client of {name}", self._issuer.leaf(name, is_client=True))

    def context(self, name: str, *, certificate: str = "valid", alpn: Sequence[str] = HTTP1,
                demands_client: bool = False) -> ssl.SSLContext:  # fmt: skip
        """The server's context for `name`: a host name, or an IP address.

        Args:
            certificate: one of `CERTIFICATES`. alpn: the protocols it agrees to, the preferred one first.
            demands_client: it refuses a client that shows no certificate of this authority (see `client_file`).

        Example:
            >>> authority().context("api.example.com", alpn=HTTP2)
        """
        key = (name, certificate, tuple(alpn), demands_client)
        with _lock:
            if key not in self._contexts:
                self._contexts[key] = self._context(*key)
            return self._contexts[key]

    def _issue(self, name: str, certificate: str) -> bytes:
        if certificate == "self-signed":
            return _Issuer(name).leaf(name, by_itself=True)
        if certificate == "unknown-issuer":
            if self._stranger is None:
                self._stranger = _Issuer("netdouble: an authority that nobody trusts")
            return self._stranger.leaf(name)
        if certificate == "wrong-host":
            return self._issuer.leaf(OTHER_HOST)
        return self._issuer.leaf(name, is_expired=certificate == "expired")

    def _context(self, name: str, certificate: str, alpn: tuple[str, ...], demands_client: bool) -> ssl.SSLContext:
        import ssl

        made: ssl.SSLContext = context_class(ssl)(ssl.PROTOCOL_TLS_SERVER)
        made.set_alpn_protocols(list(alpn))
        # Nothing is resumed: a session of the last test's server would hide this one's certificate.
        _set(made, "options", made.options | ssl.OP_NO_TICKET)
        made.num_tickets = 0
        path = _written(self.chain(name, certificate))  # the ssl module reads a key from a file only
        try:
            made.load_cert_chain(path)
        finally:
            os.unlink(path)
        if demands_client:
            made.load_verify_locations(cadata=self.der)
            _set(made, "verify_mode", ssl.CERT_REQUIRED)
        return made

    def _kept_file(self, kind: str, content: bytes) -> str:
        with _lock:
            if kind not in self._files:
                self._files[kind] = _written(content)
                _remove_at_exit(self._files[kind])
            return self._files[kind]


class _Issuer:
    """A key and a certificate that signs others."""

    def __init__(self, name: str) -> None:
        try:
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec
        except ImportError as error:
            raise MissingExtra(
                f"TLS on a real connection needs a certificate authority, and that needs the package cryptography "
                f"({error}). Install the extra: pip install 'netdouble[wire]'"
            ) from error
        self._x509, self._serialization = x509, serialization
        self._sha256 = hashes.SHA256()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())  # one for all leaves: 0.1 ms less for each
        self._name = self._named(name)
        authority = self._builder(self._name, self._key.public_key())
        authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        authority = authority.add_extension(self._usage(signs=True), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        made = authority.add_extension(identifier, critical=False).sign(self._key, self._sha256)
        self.pem: bytes = made.public_bytes(serialization.Encoding.PEM)
        self.der: bytes = made.public_bytes(serialization.Encoding.DER)

    def leaf(self, name: str, *, is_expired: bool = False, by_itself: bool = False, is_client: bool = False) -> bytes:
        """Key and certificate of `name`, as PEM; `by_itself`: signed by its own key."""
        x509 = self._x509
        name = _ascii(name)
        key = self._key if by_itself else self._leaf_key
        purposes = x509.oid.ExtendedKeyUsageOID
        usages = [purposes.CLIENT_AUTH] if is_client else [purposes.SERVER_AUTH, purposes.CLIENT_AUTH]
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = self._builder(self._named(name), key.public_key(), until=2001 if is_expired else 2038)
        builder = builder.add_extension(x509.SubjectAlternativeName([self._identity(name)]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(self._usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        made = builder.add_extension(identifier, critical=False).sign(self._key, self._sha256)
        spelled = self._serialization
        private = key.private_bytes(spelled.Encoding.PEM, spelled.PrivateFormat.PKCS8, spelled.NoEncryption())
        both: bytes = private + made.public_bytes(spelled.Encoding.PEM)
        return both

    def _builder(self, subject: Any, key: Any, until: int = 2038) -> Any:
        import datetime as dt

        builder = self._x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        builder = builder.serial_number(self._x509.random_serial_number())
        builder = builder.not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc))
        return builder.not_valid_after(dt.datetime(until, 1, 1, tzinfo=dt.timezone.utc))

    def _named(self, name: str) -> Any:
        common = self._x509.NameAttribute(self._x509.oid.NameOID.COMMON_NAME, name[:64] or "-")  # X.520: 64 at most
        return self._x509.Name([common])

    def _identity(self, name: str) -> Any:
        import ipaddress

        try:
            return self._x509.IPAddress(ipaddress.ip_address(name.strip("[]").partition("%")[0]))
        except ValueError:
            return self._x509.DNSName(name)

    def _usage(self, *, signs: bool) -> Any:
        return self._x509.KeyUsage(
            digital_signature=True, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip


def _ascii(name: str) -> str:
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except ValueError as error:
        raise DeclarationError(f"no certificate can be made for the name {name!r}: {error}") from None


def _set(context: ssl.SSLContext, name: str, value: object) -> None:
    """Set an attribute that ssl.py sets through the global name `SSLContext`, which truststore may have replaced."""
    getattr(context_class(sys.modules["ssl"]).__base__, name).__set__(context, value)


def _system_bundle() -> bytes:
    """What programs of this machine trust, as PEM; nothing where there is no such file."""
    import ssl

    paths = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_BUNDLES)
    for path in paths:
        if path and os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read()
    return b""


# Debian and its kin, Red Hat and its kin, Alpine, macOS and BSD.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def _written(content: bytes) -> str:
    """The path of a new file that only this user may read."""
    import tempfile

    handle, path = tempfile.mkstemp(prefix="netdouble-", suffix=".pem")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return path


def _remove_at_exit(path: str) -> None:
    import atexit
    from contextlib import suppress

    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child ends earlier
            with suppress(OSError):
                os.unlink(path)

    atexit.register(remove)
