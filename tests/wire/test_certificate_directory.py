"""A certificate for each name (RFC 6066 §3): handshakes in memory, with a directory that changes meanwhile."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL
from twisted.internet.ssl import Certificate as Trusted
from twisted.internet.ssl import optionsForClientTLS

from tests.wire.replies import codes
from txsmtpx import Certificate, CertificateDirectory
from txsmtpx.testing import Link, Pem, RecordingBackend, issue
from txsmtpx.wire.tls_state import channel_bindings


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of certificates."""
    path = tmp_path / "live"
    path.mkdir()
    return path


def install(directory: Path, pem: Pem, name: str | None = None) -> None:
    """As ``NAME.pem``."""
    shutil.copy(pem.both, directory / f"{name or pem.both.stem}.pem")


def install_as_certbot(directory: Path, pem: Pem, name: str) -> None:
    (directory / name).mkdir(exist_ok=True)
    shutil.copy(pem.certificate, directory / name / "fullchain.pem")
    shutil.copy(pem.key, directory / name / "privkey.pem")


def handshake(certificate: Certificate, name: str | None) -> tuple[SSL.Connection, SSL.Connection]:
    """A client that asks for ``name``, and the server, when both are done."""
    client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    if name is not None:
        client.set_tlsext_host_name(name.encode())
    server = certificate.serverConnectionForTLS(None)
    client.set_connect_state()
    server.set_accept_state()
    ends = [(client, server), (server, client)]
    for _ in range(3):
        for end, other in ends:
            with contextlib.suppress(SSL.WantReadError):
                end.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(65536))
    return client, server


def shown(certificate: Certificate, name: str | None) -> str:
    """The subject of what a client sees that asks for ``name``."""
    client, _ = handshake(certificate, name)
    leaf = client.get_peer_certificate(as_cryptography=True)
    return leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


def test_each_name_has_its_certificate(directory, tmp_path):
    install(directory, issue(tmp_path, "one", "mx.one.example", "one.example"))
    install_as_certbot(directory, issue(tmp_path, "two", "mx.two.example"), "whatever")
    install(directory, issue(tmp_path, "wild", "*.wild.example"))
    install(directory, issue(tmp_path, "mx.old.example", ""))
    (directory / "README").write_text("Nothing to see here.\n")
    (directory / "empty").mkdir()
    found = CertificateDirectory(str(directory))
    for name, subject in {
        "mx.one.example": "one",
        "one.example": "one",
        "MX.One.Example": "one",
        "mx.two.example": "two",
        "mx.wild.example": "wild",
        "mx.old.example": "mx.old.example",  # which has its name where they stood long ago
    }.items():
        assert (name, shown(found, name)) == (name, subject)
    # Whoever asks for another name, or for none, sees the first.
    for name in ("wild.example", "a.b.wild.example", "example", "whatever", "x" * 200, None):
        assert (name, shown(found, name)) == (name, "mx.old.example")


def test_the_default(directory, tmp_path, pem):
    install(directory, issue(tmp_path, "one", "mx.one.example"))
    install(directory, issue(tmp_path, "two", "mx.two.example"))
    given = CertificateDirectory(str(directory), str(pem.both), domain="mx.two.example")
    assert [shown(given, name) for name in (None, "mx.two.example", "other")] == ["localhost", "two", "localhost"]
    ours = CertificateDirectory(str(directory), domain="MX.two.example")
    assert [shown(ours, name) for name in (None, "mx.one.example", "other")] == ["two", "one", "two"]
    install(directory, issue(tmp_path, "three", "xn--bcher-kva.example"))
    assert shown(CertificateDirectory(str(directory), domain="B\u00fccher.example."), None) == "three"


def test_of_two_for_one_name_the_one_that_lasts(directory, tmp_path):
    install(directory, issue(tmp_path, "new", "mx.example", days=9))
    install(directory, issue(tmp_path, "old", "mx.example", days=2))
    install(directory, issue(tmp_path, "a", "other.example"))
    assert shown(CertificateDirectory(str(directory)), "mx.example") == "new"


def test_new_changed_and_removed(directory, tmp_path):
    install(directory, issue(tmp_path, "a", "a.example"))
    install(directory, issue(tmp_path, "b", "b.example"))
    found = CertificateDirectory(str(directory))
    before = handshake(found, "b.example")
    install(directory, issue(tmp_path, "c", "c.example"))
    install(directory, issue(tmp_path, "renewed", "b.example"), "b")
    assert [shown(found, name) for name in ("b.example", "c.example")] == ["b", "a"]
    found.reload()
    assert [shown(found, name) for name in ("b.example", "c.example")] == ["renewed", "c"]
    (directory / "c.pem").unlink()
    (directory / "a.pem").unlink()
    found.reload()
    assert [shown(found, name) for name in ("a.example", "c.example", "b.example")] == ["renewed"] * 3
    client, server = before
    server.send(b"still here")
    client.bio_write(server.bio_read(65536))
    assert client.recv(100) == b"still here"


def test_the_default_is_read_again_too(directory, tmp_path):
    install(directory, issue(tmp_path, "a", "a.example"))
    file = tmp_path / "default.pem"
    shutil.copy(issue(tmp_path, "first").both, file)
    found = CertificateDirectory(str(directory), str(file))
    shutil.copy(issue(tmp_path, "second").both, file)
    found.reload()
    assert [shown(found, name) for name in (None, "a.example")] == ["second", "a"]
    file.write_text("broken")
    (directory / "a.pem").unlink()
    with pytest.raises(ValueError, match=r"default\.pem"):
        found.reload()
    assert [shown(found, name) for name in (None, "a.example")] == ["second", "second"]


def test_a_broken_one_stays_as_it_was_and_the_others_are_renewed(directory, tmp_path):
    for name in "abc":
        install(directory, issue(tmp_path, name, f"{name}.example"))
    install_as_certbot(directory, issue(tmp_path, "d", "d.example"), "d")
    found = CertificateDirectory(str(directory))
    (directory / "a.pem").write_text("half of it")
    install(directory, issue(tmp_path, "renewed", "b.example"), "b")
    (directory / "d" / "privkey.pem").unlink()
    shutil.copy(issue(tmp_path, "other").certificate, directory / "new.pem")  # without a key
    with pytest.raises(ValueError, match=r"a\.pem.*d/privkey\.pem.*new\.pem") as raised:
        found.reload()
    assert "b.pem" not in str(raised.value)
    assert [shown(found, f"{name}.example") for name in "abcd"] == ["a", "renewed", "c", "d"]


def test_a_directory_that_is_gone_changes_nothing(directory, tmp_path):
    install(directory, issue(tmp_path, "a", "a.example"))
    found = CertificateDirectory(str(directory))
    (directory / "a.pem").unlink()
    with pytest.raises(ValueError, match="no certificates in"):
        found.reload()
    directory.rmdir()
    with pytest.raises(OSError, match="No such file"):
        found.reload()
    assert shown(found, "a.example") == "a"


def test_what_is_broken_at_first(directory, tmp_path):
    with pytest.raises(ValueError, match="no certificates in"):
        CertificateDirectory(str(directory))
    install(directory, issue(tmp_path, "a", "a.example"))
    (directory / "b.pem").touch()
    with pytest.raises(ValueError, match=r"b\.pem"):
        CertificateDirectory(str(directory))


def test_the_channel_is_bound_to_what_is_really_served(directory, tmp_path, pem):
    install(directory, issue(tmp_path, "a", "a.example"))
    found = CertificateDirectory(str(directory), str(pem.certificate), str(pem.key))
    bindings = set()
    for name in ("a.example", "other.example"):
        client, server = handshake(found, name)
        assert channel_bindings(server, server=True) == channel_bindings(client)
        bindings.add(channel_bindings(client)["tls-server-end-point"])
    assert len(bindings) == 2


def test_clients_are_asked_for_certificates_whatever_they_ask_for(directory, tmp_path, pem):
    install(directory, issue(tmp_path, "a", "a.example"))
    install(directory, issue(tmp_path, "b", "b.example"))
    found = CertificateDirectory(str(directory), client_ca=str(pem.certificate))
    for name in ("a.example", "b.example"):
        client, _ = handshake(found, name)
        assert [each.CN for each in client.get_client_ca_list()] == ["localhost"]


def test_starttls_with_a_name(directory, tmp_path):
    pem = issue(tmp_path, "b", "mx.b.example")
    install(directory, pem)
    install(directory, issue(tmp_path, "a", "mx.a.example"))
    client = Link.to(RecordingBackend(), tls=CertificateDirectory(str(directory)))
    client.ask("EHLO client.example", "STARTTLS")
    client.start_tls(optionsForClientTLS("mx.b.example", Trusted.loadPEM(pem.certificate.read_bytes())))
    assert codes(client.ask("EHLO client.example")) == ["250"]
    client.hang_up()


def test_a_key_needs_a_certificate(tmp_path, pem):
    with pytest.raises(ValueError, match=r"^CertificateDirectory: key needs certificate, the file with"):
        CertificateDirectory(tmp_path, key=pem.key)
