"""The options of TLS: which certificate is used, on which ports, and what is wrong with one."""

from __future__ import annotations

import pytest

from tests.command.parsing import factory, parsed
from txsmtpx import (
    CertificateDirectory,
)
from txsmtpx.testing import Pem, issue


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return issue(tmp_path_factory.mktemp("other"), "other")


def test_certificates(pem):
    for options in (["--tls-certificate", pem.certificate, "--tls-key", pem.key], ["--tls-certificate", pem.both]):
        made = factory(*map(str, options), "--require-tls")
        assert made.tls is not None
        assert made.settings.require_tls is True


def test_a_directory_of_certificates(pem, other):
    """The default is for the name of the server; in a file of its own it may be given too."""
    directory = ["--tls-directory", str(pem.both.parent)]
    made = factory(*directory, "--tls-certificate", str(other.both), "--require-tls")
    assert type(made.tls) is CertificateDirectory
    assert made.settings.require_tls is True
    assert factory(*directory, "--domain", "localhost").tls.names == ("localhost",)


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--tls-port", "465"], ["ImplicitTLSEndpoint"]),
        (["--tls-port", "465", "--tls-port", "haproxy:unix:x"], ["ImplicitTLSEndpoint"] * 2),
        (["--tls-port", "465", "--port", "25"], ["TCP4ServerEndpoint", "ImplicitTLSEndpoint"]),
    ],
)
def test_tls_ports(pem, options, kinds):
    process = parsed("--tls-certificate", str(pem.both), *options).process
    assert [type(each.endpoint).__name__ for each in process.listeners[0].ports] == kinds


def test_wrong_certificates(pem, other, tmp_path):
    garbage = tmp_path / "garbage"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    empty = tmp_path / "empty"
    empty.touch()
    for certificate, key in [
        (pem.certificate, other.key),
        (pem.certificate, pem.certificate),
        (pem.certificate, empty),
        (pem.key, pem.key),
        (garbage, pem.key),
        (empty, pem.key),
    ]:
        with pytest.raises(SystemExit) as exit:
            parsed("--tls-certificate", str(certificate), "--tls-key", str(key))
        assert str(certificate) in exit.value.code
        assert len(exit.value.code.splitlines()) == 1
    with pytest.raises(SystemExit) as exit:
        parsed("--tls-certificate", str(pem.certificate))  # without a key in it
    assert str(pem.certificate) in exit.value.code
