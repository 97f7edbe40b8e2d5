"""TLS 1.2 and newer, and nothing else, by STARTTLS and from the first octet on: real clients, old and new."""

from __future__ import annotations

import smtplib
import ssl
import warnings

import pytest

from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd

V = ssl.TLSVersion


@pytest.fixture(scope="module")
def server(tmp_path_factory, pem):
    implicit = f"ssl:0:interface=127.0.0.1:privateKey={pem.key}:certKey={pem.certificate}"
    options = ["--tls-certificate", str(pem.both), "--backend", "null", "-p", LOCAL, "-p", implicit]
    with Twistd(tmp_path_factory.mktemp("server"), *options, forked=True) as server:
        yield server


def of_version(version: ssl.TLSVersion, pem) -> ssl.SSLContext:
    """A client that speaks nothing else, as one of that time would."""
    context = ssl.create_default_context(cafile=str(pem.certificate))
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def negotiate(server: Twistd, context: ssl.SSLContext, implicit: bool) -> str:
    """The version that is agreed on."""
    port = int(server.ports(2)[implicit])
    if implicit:
        with smtplib.SMTP_SSL("localhost", port, timeout=PATIENCE, context=context) as client:
            return client.sock.version()
    with smtplib.SMTP("localhost", port, timeout=PATIENCE) as client:
        client.starttls(context=context)
        return client.sock.version()


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(("version", "name"), [(V.TLSv1_2, "TLSv1.2"), (V.TLSv1_3, "TLSv1.3")])
def test_modern(server, pem, version, name, implicit):
    assert negotiate(server, of_version(version, pem), implicit) == name


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("version", [V.TLSv1, V.TLSv1_1])
def test_old(server, pem, version, implicit):
    with pytest.raises(ssl.SSLError) as refused:
        negotiate(server, of_version(version, pem), implicit)
    # The alert is the server's: the client was willing.
    assert "alert protocol version" in str(refused.value).lower().replace("_", " ")
