"""The certificate authority: what it presents is accepted, or refused for the reason that was asked for."""

from __future__ import annotations

import ipaddress
import os
import ssl
import subprocess
import sys
import textwrap

import pytest
import truststore

from netdouble import DeclarationError
from netdouble._authority import CERTIFICATES, HTTP2, authority


def handshake(server: ssl.SSLContext, name: str, client: ssl.SSLContext) -> ssl.SSLObject:
    """A whole handshake in memory, the client asking for `name`; its side of the connection."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = server.wrap_bio(to_server, to_client, server_side=True)
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    waiting = [near, far]
    for _ in range(10):
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    assert waiting == []
    if server.verify_mode == ssl.CERT_REQUIRED:
        near.write(b"?")  # TLS 1.3: a client is done before the server has looked at its certificate
        assert far.read() == b"?"
    return near


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority().der)
    context.verify_flags |= getattr(ssl, "VERIFY_X509_STRICT", 0)  # the default from Python 3.13 on
    return context


NAMES = ["api.test", "127.0.0.1", "::1", "my_service", "xn--bcher-kva.test", "a.b.c.d.test", f"{'a' * 60}.test"]
REFUSALS = {
    "expired": "certificate has expired",
    "self-signed": "self.signed certificate",
    "wrong-host": "Hostname mismatch",
    "unknown-issuer": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_authority_accepts_a_leaf_of_any_name(name):
    shown = handshake(authority().context(name), name, trusting()).getpeercert()
    kind = "IP Address" if name[-1].isdigit() else "DNS"
    said = dict(shown["subjectAltName"])[kind]
    assert (str(ipaddress.ip_address(said)) if kind != "DNS" else said) == name


@pytest.mark.parametrize("certificate", REFUSALS)
def test_a_client_refuses_each_wrong_certificate_for_its_own_reason(certificate):
    with pytest.raises(ssl.SSLCertVerificationError, match=REFUSALS[certificate]):
        handshake(authority().context("api.test", certificate=certificate), "api.test", trusting())


def test_every_certificate_that_is_not_valid_is_in_the_table_of_refusals():
    assert {"valid", *REFUSALS} == set(CERTIFICATES)


def test_the_protocol_is_agreed_on():
    client = trusting()
    client.set_alpn_protocols(["h2", "http/1.1"])
    assert handshake(authority().context("api.test", alpn=HTTP2), "api.test", client).selected_alpn_protocol() == "h2"
    assert handshake(authority().context("api.test"), "api.test", client).selected_alpn_protocol() == "http/1.1"


def test_a_client_certificate_is_demanded_and_accepted():
    server = authority().context("api.test", demands_client=True)
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate"):
        handshake(server, "api.test", trusting())
    client = trusting()
    client.load_cert_chain(authority().client_file("ada"))
    handshake(server, "api.test", client)


def test_a_context_is_made_once_and_the_authority_too():
    assert authority() is authority()
    assert authority().context("once.test") is authority().context("once.test")
    assert authority().context("once.test") is not authority().context("once.test", certificate="expired")


def test_truststore_in_the_place_of_ssl_changes_nothing():
    truststore.inject_into_ssl()
    try:
        server = authority().context("truststore.test")
        assert type(server).__module__ == "ssl"
    finally:
        truststore.extract_from_ssl()
    handshake(server, "truststore.test", trusting())


def test_a_certificate_of_another_kind_and_a_name_that_is_none_are_refused_at_once():
    with pytest.raises(DeclarationError, match=r"certificate='revoked' is not one of valid, expired, self-signed"):
        authority().context("api.test", certificate="revoked")
    with pytest.raises(DeclarationError, match="no certificate can be made for the name"):
        authority().context("ü" * 300)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nothing_is_loaded_before_the_first_certificate_is_asked_for():
    assert run("""
        import sys, netdouble._authority
        print(sorted({"ssl", "cryptography", "tempfile", "ipaddress"} & set(sys.modules)))
    """) == "[]"  # fmt: skip


def test_certificates_are_made_while_a_clock_is_frozen_and_afterwards():
    assert run("""
        import datetime, freezegun
        from netdouble._authority import authority
        with freezegun.freeze_time("2020-01-01"):
            authority().chain("frozen.test")
            assert datetime.datetime.now() == datetime.datetime(2020, 1, 1)
            assert datetime.date.today() == datetime.date(2020, 1, 1)
        authority().chain("running.test")
        with freezegun.freeze_time("1999-01-01"):
            authority().chain("frozen-again.test")
        print("made")
    """) == "made"  # fmt: skip


def test_the_file_is_the_authority_and_goes_with_the_process():
    path = run("""
        from netdouble._authority import authority
        import ssl
        path = authority().file
        assert path == authority().file
        assert ssl.create_default_context(cafile=path).get_ca_certs()
        print(path)
    """)
    assert not os.path.exists(path)


def test_without_cryptography_the_error_names_the_extra():
    assert run("""
        import sys
        sys.modules["cryptography"] = None
        from netdouble import MissingExtra
        from netdouble._authority import authority
        try:
            authority()
        except MissingExtra as error:
            print(error)
    """).endswith("Install the extra: pip install 'netdouble[wire]'")  # fmt: skip
