"""Our client and a real server's certificate: what is not to be trusted is refused, and it says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.error import ConnectionClosed

from tests.interop import receivers
from tests.interop.conftest import need
from tests.interop.receivers import Receiver
from txsmtpx import NotOffered, TLSFailed, connect
from txsmtpx.testing import Pem, issue

MODES = ("required", "opportunistic", "implicit")


def endpoint(receiver: Receiver, mode: str, host: str = "localhost") -> str:
    return f"tcp:{host}:{receiver.tls_port if mode == 'implicit' else receiver.port}"


@pytest.fixture(scope="module")
def expired(room: Callable[[str], Path]) -> Pem:
    """It was good until yesterday."""
    return issue(room("expired"), days=-1)


@pytest.fixture(scope="module")
def misnamed(room: Callable[[str], Path]) -> Pem:
    """Another server's."""
    return issue(room("misnamed"), "misnamed", "mail.example.test")


@pytest.fixture(scope="module")
def expired_receiver(room: Callable[[str], Path], expired: Pem) -> Iterator[Receiver]:
    need("exim")
    with receivers.exim(room("exim-expired"), expired) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def misnamed_receiver(room: Callable[[str], Path], misnamed: Pem) -> Iterator[Receiver]:
    need("postfix-sasl")
    with receivers.postfix(room("postfix-misnamed"), misnamed) as receiver:
        yield receiver


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["postfix", "exim", "aiosmtpd"])
async def test_unknown_authority(name: str, mode: str, request: pytest.FixtureRequest) -> None:
    receiver = request.getfixturevalue(f"{name}_receiver")
    with pytest.raises(TLSFailed, match=r"^the certificate is self-signed$"):
        await connect(endpoint(receiver, mode), tls=mode)


@pytest.mark.parametrize("mode", MODES)
async def test_another_authority(postfix_receiver: Receiver, misnamed: Pem, mode: str) -> None:
    with pytest.raises(TLSFailed, match=r"^the certificate is self-signed$"):
        await connect(endpoint(postfix_receiver, mode), tls=mode, trust_roots=str(misnamed.certificate))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_another_name(misnamed_receiver: Receiver, misnamed: Pem, mode: str, host: str) -> None:
    with pytest.raises(TLSFailed, match=r"^the certificate is for another name than "):
        await connect(endpoint(misnamed_receiver, mode, host), tls=mode, trust_roots=str(misnamed.certificate))


@pytest.mark.parametrize("mode", MODES)
async def test_the_name_to_verify_can_be_given(misnamed_receiver: Receiver, misnamed: Pem, mode: str) -> None:
    trust = str(misnamed.certificate)
    where = endpoint(misnamed_receiver, mode)
    client = await connect(where, tls=mode, trust_roots=trust, hostname="mail.example.test")
    assert client.tls is not None
    await client.quit()


@pytest.mark.parametrize("mode", MODES)
async def test_expired(expired_receiver: Receiver, expired: Pem, mode: str) -> None:
    with pytest.raises(TLSFailed, match=r"^the certificate has expired$"):
        await connect(endpoint(expired_receiver, mode), tls=mode, trust_roots=str(expired.certificate))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["postfix", "misnamed", "expired", "exim", "aiosmtpd"])
async def test_any_certificate_will_do_where_the_caller_says_so(
    name: str, mode: str, request: pytest.FixtureRequest
) -> None:
    receiver = request.getfixturevalue(f"{name}_receiver")
    port = receiver.tls_port if mode == "implicit" else receiver.port
    client = await connect(("localhost", port), tls=mode, tls_verify=False)
    assert client.tls is not None
    assert not client.tls.verified
    assert (await client.noop()).code == 250
    await client.quit()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_good(postfix_receiver: Receiver, certificate: Pem, mode: str, host: str) -> None:
    """By name and by address."""
    trust = str(certificate.certificate)
    client = await connect(endpoint(postfix_receiver, mode, host), tls=mode, trust_roots=trust)
    assert client.tls is not None
    assert client.tls.version == "TLSv1.3"
    assert "STARTTLS" not in client.extensions
    await client.quit()


async def test_required_of_a_server_without(opensmtpd_receiver: Receiver) -> None:
    with pytest.raises(NotOffered, match="STARTTLS"):
        await connect(endpoint(opensmtpd_receiver, "required"), tls="required")


async def test_opportunistic_with_a_server_without(opensmtpd_receiver: Receiver) -> None:
    client = await connect(endpoint(opensmtpd_receiver, "opportunistic"), tls="opportunistic")
    assert client.tls is None
    await client.quit()


async def test_tls_where_there_is_none(postfix_receiver: Receiver, certificate: Pem) -> None:
    """A greeting in the clear is no handshake."""
    with pytest.raises(TLSFailed, match=r"^the server sent something that is not TLS"):
        await connect(f"tls:localhost:{postfix_receiver.port}", trust_roots=str(certificate.certificate))


async def test_nothing_is_sent_before_the_certificate_is_verified(misnamed_receiver: Receiver) -> None:
    said: list[str] = []
    with pytest.raises(ConnectionClosed):
        await connect(
            endpoint(misnamed_receiver, "required"),
            tls="required",
            auth=("alice", "secret"),
            transcript=lambda session, who, line: said.append(f"{who} {line}"),
        )
    assert [line.split()[1] for line in said if line.startswith("C ")] == ["EHLO", "STARTTLS"]
