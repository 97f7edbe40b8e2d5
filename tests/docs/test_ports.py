"""The mail functions of Buildbot, Scrapy and Synapse, as a page has them, with servers of ours on real ports."""

from __future__ import annotations

import logging
from email.message import EmailMessage
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.docs.block import texts
from tests.docs.page import ROOT
from txsmtpx import NotOffered, TLSFailed
from txsmtpx.testing import MailServer, Pem

PAGE = ROOT / "docs" / "howto" / "from-twisted-mail.md"
LOGIN = ("me", "secret")


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    """What the blocks of the page define."""
    names: dict[str, Any] = {"__name__": "__page__"}
    for text in texts(PAGE, "python"):
        exec(text, names)
    return names


@pytest.fixture
def trusted(smtp_certificate: Pem, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system trusts the servers."""
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp_certificate.certificate))


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@example.org>", "You <you@example.net>", "Report"
    message.set_content("Hey\n")
    return message


# ---- Buildbot


def report(functions: dict[str, Any], to: MailServer, **settings: Any) -> Deferred[Any]:
    usual = {"use_tls": False, "use_smtps": False, "user": None, "password": None}
    return functions["send_report"](  # type: ignore[no-any-return]
        letter(), ["You <you@example.net>", "him@example.net"], "Ann <ann@example.org>", to.host, to.port,
        **usual | settings
    )  # fmt: skip


async def test_buildbot_in_the_clear(functions: dict[str, Any], make_smtp_server: Any) -> None:
    to = make_smtp_server()
    result = await report(functions, to)
    assert [address for address, _ in result.accepted] == ["you@example.net", "him@example.net"]
    (received,) = to.messages
    assert (received.sender, received.message["Subject"]) == ("ann@example.org", "Report")


async def test_buildbot_with_its_own_certificate(functions: dict[str, Any], make_smtp_server: Any) -> None:
    """useSmtps: nobody has signed it, and it is accepted."""
    to = make_smtp_server(tls="implicit", users=dict([LOGIN]))
    await report(functions, to, use_smtps=True, user=LOGIN[0], password=LOGIN[1])
    assert to.messages[0].username == LOGIN[0]


@pytest.mark.parametrize("use_tls", [True, False])
async def test_buildbot_verifies_starttls(functions: dict[str, Any], make_smtp_server: Any, use_tls: bool) -> None:
    to = make_smtp_server(tls="starttls", users=dict([LOGIN]))
    with pytest.raises(TLSFailed):
        await report(functions, to, use_tls=use_tls, user=LOGIN[0], password=LOGIN[1])
    assert to.messages == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("use_tls", [True, False])
async def test_buildbot_by_starttls(functions: dict[str, Any], make_smtp_server: Any, use_tls: bool) -> None:
    to = make_smtp_server(tls="starttls", users=dict([LOGIN]))
    await report(functions, to, use_tls=use_tls, user=LOGIN[0], password=LOGIN[1])
    assert (to.messages[0].protocol, to.messages[0].username) == ("ESMTPSA", LOGIN[0])


async def test_buildbot_requires_what_it_asks_for(functions: dict[str, Any], make_smtp_server: Any) -> None:
    to = make_smtp_server()
    with pytest.raises(NotOffered, match="STARTTLS"):
        await report(functions, to, use_tls=True)
    with pytest.raises(NotOffered):
        await report(functions, to, user=LOGIN[0], password=LOGIN[1])
    assert to.messages == []


# ---- Scrapy


def mail(functions: dict[str, Any], to: MailServer, **settings: Any) -> Deferred[None]:
    usual = {"user": None, "password": None, "starttls": False, "ssl": False}
    return functions["send_and_log"](  # type: ignore[no-any-return]
        "scrapy@localhost", ["you@example.net"], letter(), to.host, to.port, **usual | settings
    )


@pytest.mark.parametrize("user", [None, LOGIN[0]])
async def test_scrapy_logs_in_if_it_can(
    functions: dict[str, Any], make_smtp_server: Any, user: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    to = make_smtp_server()
    with caplog.at_level(logging.INFO, "mail"):
        await mail(functions, to, user=user, password=LOGIN[1])
    assert len(to.messages) == 1
    assert caplog.messages == ["Mail sent: To=['you@example.net']"]


async def test_scrapy_with_ssl(functions: dict[str, Any], make_smtp_server: Any) -> None:
    to = make_smtp_server(tls="implicit", users=dict([LOGIN]))
    await mail(functions, to, ssl=True, user=LOGIN[0], password=LOGIN[1])
    assert to.messages[0].username == LOGIN[0]


@pytest.mark.parametrize(
    ("how", "settings", "why"),
    [
        ({}, {"starttls": True}, "STARTTLS"),
        ({"tls": "starttls"}, {}, "certificate"),
        ({"users": dict([LOGIN])}, {}, "530"),
        ({"users": dict([LOGIN]), "allow_insecure_auth": True}, {"user": "me", "password": "secret"}, "in the clear"),
    ],
    ids=["no STARTTLS", "certificate", "no login", "in the clear"],
)
async def test_scrapy_logs_what_went_wrong(
    functions: dict[str, Any],
    make_smtp_server: Any,
    how: dict[str, Any],
    settings: dict[str, Any],
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    to = make_smtp_server(**how)
    await mail(functions, to, **settings)
    assert to.messages == []
    (said,) = [record for record in caplog.records if record.name == "mail"]
    assert said.levelno == logging.ERROR
    assert why in said.getMessage()
    assert "secret" not in said.getMessage()


# ---- Synapse


def notify(functions: dict[str, Any], to: MailServer, **settings: Any) -> Deferred[None]:
    usual: dict[str, Any] = {"username": None, "password": None, "enable_tls": True, "require_tls": False}
    usual |= {"force_tls": False, "tlsname": None}
    return Deferred.fromCoroutine(
        functions["send_notification"](
            to.host, to.port, "ann@example.org", "you@example.net", b"Subject: x\r\n\r\nHey\r\n", **usual | settings
        )
    )


@pytest.mark.parametrize("tls", ["starttls", None])
async def test_synapse_without_tls(functions: dict[str, Any], make_smtp_server: Any, tls: Any) -> None:
    to = make_smtp_server(tls=tls)
    await notify(functions, to, enable_tls=False)
    assert to.messages[0].protocol == "ESMTP"


async def test_synapse_uses_tls_if_it_can(functions: dict[str, Any], make_smtp_server: Any) -> None:
    to = make_smtp_server()
    await notify(functions, to)
    assert len(to.messages) == 1


@pytest.mark.parametrize(
    ("tls", "settings"),
    [("starttls", {}), ("starttls", {"require_tls": True}), ("implicit", {"force_tls": True}),
     ("starttls", {"require_tls": True, "tlsname": "other.example"})],
    ids=str,
)  # fmt: skip
async def test_synapse_verifies(
    functions: dict[str, Any], make_smtp_server: Any, tls: Any, settings: dict[str, Any]
) -> None:
    to = make_smtp_server(tls=tls)
    with pytest.raises(TLSFailed):
        await notify(functions, to, **settings)
    assert to.messages == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("tls", "settings"),
    [("starttls", {}), ("starttls", {"require_tls": True}), ("implicit", {"force_tls": True}),
     ("starttls", {"require_tls": True, "tlsname": "localhost"})],
    ids=str,
)  # fmt: skip
async def test_synapse_within_tls(
    functions: dict[str, Any], make_smtp_server: Any, tls: Any, settings: dict[str, Any]
) -> None:
    to = make_smtp_server(tls=tls, users=dict([LOGIN]))
    await notify(functions, to, username=LOGIN[0], password=LOGIN[1], **settings)
    assert (to.messages[0].protocol, to.messages[0].username) == ("ESMTPSA", LOGIN[0])


async def test_synapse_requires_what_it_asks_for(functions: dict[str, Any], make_smtp_server: Any) -> None:
    to = make_smtp_server()
    with pytest.raises(NotOffered, match="STARTTLS"):
        await notify(functions, to, require_tls=True)
    with pytest.raises(NotOffered):
        await notify(functions, to, username=LOGIN[0], password=LOGIN[1])
    with pytest.raises(ValueError, match="require_tls needs enable_tls"):
        await notify(functions, to, require_tls=True, enable_tls=False)
    assert to.messages == []
