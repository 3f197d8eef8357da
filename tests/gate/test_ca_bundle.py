"""The CA bundle is read when a handshake needs it, and every context is what it would have been.

`loaded(context)` asks OpenSSL itself, past every hook.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager, suppress

import certifi
import httpx
import pytest
import requests
import trustme
import truststore
import urllib3.util.ssl_

from netdouble import ClientNotSupported, Network
from netdouble._gate import ca_bundle

ROOTS = 100  # certifi has about 140, and always had more than this


class Own(ssl.SSLContext):
    def wrap_socket(self, *args, **kwargs):
        return super().wrap_socket(*args, **kwargs)

    def load_verify_locations(self, *args, **kwargs):
        super().load_verify_locations(*args, **kwargs)


def loaded(context: ssl.SSLContext) -> int:
    """How many authorities are really in the context now."""
    return super(ssl.SSLContext, context).cert_store_stats()["x509_ca"]


def client_context(kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    context = kind(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=certifi.where())
    return context


@pytest.fixture
def deferring():
    """As in a session whose clients are attached: contexts may be used after the last network has closed."""
    undo = ca_bundle.install(ssl)
    yield
    undo()


@pytest.fixture
def reads(monkeypatch, deferring):
    """The bundles that are really read, by path or by the method that knows where they are."""
    seen = []
    for name in ("load_verify_locations", "set_default_verify_paths"):
        real = getattr(ssl.SSLContext, name)

        def spy(self, *args, _real=real, _name=name, **kwargs):
            seen.append((args or tuple(kwargs.values()) or (_name,))[0])
            return _real(self, *args, **kwargs)

        monkeypatch.setattr(ssl.SSLContext, name, spy)
    undo = ca_bundle.install(ssl)
    yield seen
    undo()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls_port(authority):
    """A TLS server on the loopback, its certificate for localhost and issued by `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), accepted, context.wrap_socket(accepted, server_side=True) as tls:
                tls.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


# Handshakes, each way that there is to one


def connected(context, port):
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def connected_later(context, port):
    with context.wrap_socket(socket.socket(), server_hostname="localhost") as tls:
        tls.connect(("127.0.0.1", port))


def unbound(context, port):
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        ssl.SSLContext.wrap_socket(context, plain, server_hostname="localhost"),
    ):
        pass


def by_memory(context, port):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port)) as plain:
        while True:
            try:
                return tls.do_handshake()
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(16384))


def by_asyncio(context, port):
    async def main():
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    asyncio.run(main())


HANDSHAKES = {f.__name__: f for f in (connected, connected_later, unbound, by_memory, by_asyncio)}


@pytest.mark.parametrize("shake", HANDSHAKES.values(), ids=HANDSHAKES.keys())
@pytest.mark.parametrize("kind", [ssl.SSLContext, Own])
def test_a_handshake_trusts_the_tests_own_authority_and_has_the_roots_as_well(
    deferring, authority, tls_port, kind, shake
):
    with Network():
        context = client_context(kind)
        authority.configure_trust(context)
        assert loaded(context) == 1  # the test's own, at once
        shake(context, tls_port)
        assert loaded(context) > ROOTS


@pytest.mark.parametrize("shake", HANDSHAKES.values(), ids=HANDSHAKES.keys())
def test_a_handshake_with_an_unknown_issuer_is_refused_with_the_roots_loaded(deferring, tls_port, shake):
    with Network():
        context = client_context()
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            shake(context, tls_port)
        assert loaded(context) > ROOTS


def test_a_wrong_host_name_is_refused(deferring, authority, tls_port):
    with Network():
        context = client_context()
        authority.configure_trust(context)
        with socket.create_connection(("127.0.0.1", tls_port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="other.test")


def test_a_context_made_in_a_network_is_right_after_it(deferring, authority, tls_port):
    with Network():
        context = client_context()
        authority.configure_trust(context)
    assert loaded(context) == 1
    connected(context, tls_port)
    assert loaded(context) > ROOTS


def test_a_context_outlives_the_patches(authority, tls_port):
    undo = ca_bundle.install(ssl)
    with Network():
        context = client_context()
    undo()
    authority.configure_trust(context)
    connected(context, tls_port)
    assert loaded(context) > ROOTS


def test_a_context_made_before_keeps_what_it_has_and_defers_what_it_is_given(deferring, authority, tls_port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with Network():
        context.load_verify_locations(certifi.where())
        assert loaded(context) == 1
        connected(context, tls_port)
        assert loaded(context) > ROOTS


# Questions


def test_questions_about_the_certificates_are_answered_as_ever(deferring):
    eager = client_context()
    with Network():
        stats, certificates, binary = client_context(), client_context(), client_context()
        assert stats.cert_store_stats() == eager.cert_store_stats()
        assert certificates.get_ca_certs() == eager.get_ca_certs()
        assert binary.get_ca_certs(binary_form=True) == eager.get_ca_certs(True)


def test_a_loaded_context_carries_no_hooks(deferring):
    with Network():
        context = client_context()
        context.cert_store_stats()
        assert vars(context) == vars(client_context_without_deferring())


def client_context_without_deferring():
    with Network(ca_bundle="eager"):
        return client_context()


def test_a_context_goes_as_soon_as_its_last_user_does(deferring):
    gc.disable()
    try:
        with Network():
            context = client_context()
            alive = weakref.ref(context)
            del context
            assert alive() is None
    finally:
        gc.enable()


# What is deferred, and what is not

MAKERS = {
    "httpx.Client": lambda: httpx.Client().close(),
    "httpx.AsyncClient": httpx.AsyncClient,
    "requests.Session": lambda: requests.Session().close(),
    "urllib3 context": lambda: urllib3.util.ssl_.create_urllib3_context().load_default_certs(),
    "ssl.create_default_context": ssl.create_default_context,
    "ssl.create_default_context of certifi": lambda: ssl.create_default_context(cafile=certifi.where()),
}
if sys.version_info >= (3, 11):
    import httpx2

    MAKERS["httpx2.Client"] = lambda: httpx2.Client().close()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_making_a_client_reads_no_bundle(reads, make):
    with Network():
        made = make()
    assert reads == []
    del made


def test_the_client_that_made_no_difference_reads_it_without_a_network(reads):
    httpx.Client().close()
    assert reads == [reads[0]]
    assert os.path.getsize(reads[0]) > ROOTS * 1000


def test_the_switch_turns_it_off(reads):
    with Network(ca_bundle="eager"):
        assert loaded(client_context()) > ROOTS
    assert reads == [certifi.where()]


def test_a_file_that_is_no_known_bundle_is_read_at_once(deferring, tmp_path):
    copied = tmp_path / "cacert.pem"
    shutil.copy(certifi.where(), copied)
    with Network():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(copied)
        copied.unlink()
        assert loaded(context) > ROOTS


def test_authorities_given_as_data_are_loaded_at_once(deferring, authority):
    with Network():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certifi.where(), cadata=authority.cert_pem.bytes().decode())
        assert loaded(context) > ROOTS


WRONG = {
    "a missing file": (lambda c: c.load_verify_locations("/no/such/cacert.pem"), FileNotFoundError),
    "a missing folder's file": (lambda c: c.load_verify_locations(capath=b"/no/such"), None),
    "nothing": (lambda c: c.load_verify_locations(), TypeError),
    "no purpose": (lambda c: c.load_default_certs("server"), TypeError),
}


@pytest.mark.parametrize(("load", "error"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_an_error_at_once_as_ever(deferring, load, error):
    outcomes = []
    for network in (Network(), Network(ca_bundle="eager")):
        with network:
            try:
                load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
                outcomes.append(None)
            except Exception as raised:
                outcomes.append(type(raised))
    assert outcomes == [error, error]


@pytest.mark.parametrize("load", ["load_default_certs", "set_default_verify_paths"])
def test_the_default_paths_are_those_of_the_moment_they_were_asked_for(
    deferring, authority, tls_port, tmp_path, monkeypatch, load
):
    file = tmp_path / "own.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    with Network():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        getattr(context, load)()
        assert loaded(context) == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
        connected(context, tls_port)
        assert loaded(context) == 1


# Threads, and truststore


def test_many_threads_that_shake_hands_at_once_all_find_it_loaded(deferring, authority, tls_port):
    with Network():
        context = client_context()
        authority.configure_trust(context)
        counts, start = [], threading.Barrier(8)

        def work(number):
            start.wait(5)
            if number % 2:
                connected(context, tls_port)
            else:
                context.load_verify_locations(certifi.where())
            counts.append(context.cert_store_stats()["x509_ca"])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(counts) == 8
    assert min(counts) > ROOTS


def test_truststore_keeps_its_own_ways(deferring, authority, tls_port):
    with Network():
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with pytest.raises(ssl.SSLCertVerificationError):
            connected(context, tls_port)
        context.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
        connected(context, tls_port)


@contextmanager
def injected():
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def test_injected_truststore_is_left_alone_and_the_original_class_is_deferred(authority, tls_port):
    original = ssl.SSLContext
    with injected():
        undo = ca_bundle.install(ssl)
        try:
            with Network():
                assert loaded_of(client_context(original), original) == 0
                context = ssl.create_default_context()
                context.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
                connected(context, tls_port)
        finally:
            undo()


def loaded_of(context, kind):
    return super(kind, context).cert_store_stats()["x509_ca"]


def test_a_context_class_without_the_seam_is_one_loud_error():
    class Module:
        class SSLContext:
            load_verify_locations = None

    with pytest.raises(ClientNotSupported, match=r"SSLContext\.set_default_verify_paths") as caught:
        ca_bundle.install(Module)
    assert caught.value.seam == "ssl.SSLContext.set_default_verify_paths"


def test_the_undo_puts_the_class_back():
    before = dict(vars(ssl.SSLContext))
    ca_bundle.install(ssl)()
    assert dict(vars(ssl.SSLContext)) == before


IMPORTED_LATER = """
import sys
from netdouble import Network

assert "ssl" not in sys.modules
with Network():
    import aiohttp.connector, ssl

    # Before 3.10 aiohttp makes none on import.
    context = getattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", None) or ssl.create_default_context()
    print(super(ssl.SSLContext, context).cert_store_stats()["x509_ca"])
print(context.cert_store_stats()["x509_ca"] > 0)
"""


def test_aiohttp_imported_in_a_network_reads_no_bundle_for_the_contexts_it_makes_then(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    done = subprocess.run([sys.executable, "-c", IMPORTED_LATER], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\nTrue\n", "")
