"""A client certificate is a login of one of the names in it."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface.verify import verifyObject

from txsmtpx.logins.client_certificate import CertificateChecker
from txsmtpx.sasl.external import ClientCertificate, IClientCertificate
from txsmtpx.testing import Outcome

NAMES = ("alice@example.org", "client.example.org", "Älice")


def outcome(names: tuple[str, ...], authorization: str) -> Outcome:
    return Outcome(CertificateChecker().requestAvatarId(ClientCertificate(object(), names, authorization)))


def test_it_is_a_checker_of_certificates() -> None:
    assert verifyObject(ICredentialsChecker, CertificateChecker())
    assert CertificateChecker.credentialInterfaces == (IClientCertificate,)


@pytest.mark.parametrize(("authorization", "name"), [("", NAMES[0]), *zip(NAMES, NAMES, strict=True)])
def test_each_name_and_without_one_the_first(authorization: str, name: str) -> None:
    assert outcome(NAMES, authorization).result() == name.encode()


@pytest.mark.parametrize("authorization", ["bob@example.org", "ALICE@example.org", "example.org", "*", "alice"])
def test_no_other_name(authorization: str) -> None:
    """The names are compared exactly."""
    assert isinstance(outcome(NAMES, authorization).error, UnauthorizedLogin)


@pytest.mark.parametrize("authorization", ["", "alice@example.org"])
def test_a_certificate_without_names(authorization: str) -> None:
    assert isinstance(outcome((), authorization).error, UnauthorizedLogin)
