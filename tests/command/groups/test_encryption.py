"""The options of TLS: which certificate is used, on which ports, and what is wrong with one."""

from __future__ import annotations

import pytest

from tests.command.parsing import complaints, factory, listener, parsed
from txsmtpx import (
    CertificateDirectory,
)
from txsmtpx.command.groups.encryption import described
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


NEEDS = ": there is no certificate; add --tls-certificate, --tls-directory or --tls-self-signed"


@pytest.mark.parametrize(("options", "line"), [
    (["--tls-client-ca", "ca.pem"], f"--tls-client-ca ca.pem{NEEDS}"),
    (["--tls-port", "4650"], f"--tls-port tcp:4650{NEEDS}"),
    (["--require-tls"], f"--require-tls{NEEDS}"),
    (["--tls-key", "x.key"], "--tls-key x.key: the certificate of this key is missing; add --tls-certificate"),
    (["--tls-self-signed", "--tls-key", "x.key"],
     "--tls-self-signed: it makes a certificate, and --tls-key names one; leave one of them out"),
    (["--tls-certificate", "/nowhere"], "--tls-certificate /nowhere: cannot read it: No such file or directory"),
    (["--tls-directory", "/nowhere"], "--tls-directory /nowhere: cannot read it: No such file or directory"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_option(options, line):
    assert complaints(*options) == [line]


def test_each_file_that_cannot_be_read_is_told_with_its_option(pem):
    certificate = ["--tls-certificate", str(pem.both)]
    for option in ("--tls-key", "--tls-client-ca"):
        assert complaints(*certificate, option, "/nowhere") == [
            f"{option} /nowhere: cannot read it: No such file or directory"
        ]


def test_a_self_signed_certificate_is_for_the_domain():
    made = listener("--tls-self-signed", "--domain", "mx.example.org").certificate
    assert {"localhost", "mx.example.org"} <= set(made.names)
    values = listener("--tls-self-signed").values
    assert described(values, made).startswith("a self-signed certificate for ")
    assert made.fingerprint in described(values, made)


def test_a_certificate_is_described_with_its_names_and_its_end(pem):
    made = listener("--tls-certificate", str(pem.both))
    assert described(made.values, made.certificate) == (
        f"the certificate in {pem.both} for localhost, valid until {made.certificate.expires:%Y-%m-%d}"
    )
    made = listener("--tls-directory", str(pem.both.parent))
    shown = described(made.values, made.certificate)
    assert shown.startswith(f"the certificates in {pem.both.parent}, by default the one for localhost, valid until ")


def test_without_a_certificate_there_is_no_tls():
    assert listener().certificate is None
    assert factory().tls is None
