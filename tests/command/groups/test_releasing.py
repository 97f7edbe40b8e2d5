"""The options that release mail of the inbox: what becomes of them.  ``errors.txt`` has the errors."""

from __future__ import annotations

import pytest

from tests.command.parsing import parsed
from txsmtpx.inbox.mail_release import MailRelease
from txsmtpx.wire.pool import SMTPPool

SERVER = "tls:mail.example:465"


def release(*options: str, server: str = SERVER, anyone: bool = True) -> MailRelease | None:
    """What sends mail on."""
    allowed = ("--release-recipient", "*") if anyone else ()
    (service,) = parsed("--web", "8025", "--release-to", server, *allowed, *options).process.services
    found = service.inbox.release
    assert [each for each in service if isinstance(each, SMTPPool)] == [found.pool]
    return found


def test_nothing_is_released_by_default():
    (service,) = parsed("--web", "8025").process.services
    assert service.inbox.release is None


def test_the_next_server():
    made = release()
    assert (made.server, made.pool.settings.tls, made.pool.settings.auth, made.rules) == (SERVER, None, None, ())
    assert made.pool.settings.tls_verify


def test_tls_and_a_login(tmp_path):
    (tmp_path / "login").write_text("ann:secret\n")
    options = ("--release-tls", "required", "--release-auth", str(tmp_path / "login"), "--release-allow-unverified-tls")
    settings = release(*options, server="tcp:mail.example:587").pool.settings
    assert (settings.tls, settings.auth, settings.tls_verify) == ("required", ("ann", "secret"), False)


def test_recipients_and_rules():
    options = ("--release-recipient", "*@qa.example", "--release-recipient", "shop.example")
    rules = (
        "--forward",
        "*@qa.example",
        "--forward",
        "*@shop.example  qa@qa.example",
        "--release-sender",
        "b@qa.example",
    )
    made = release(*options, *rules, anyone=False)
    assert made.allowed == "*@qa.example, shop.example"
    assert [(each.pattern.text, each.to) for each in made.rules] == [
        ("*@qa.example", None), ("*@shop.example", "qa@qa.example")
    ]  # fmt: skip
    assert made._sender == "b@qa.example"


def test_a_login_allows_all_recipients():
    assert release("--web-auth", "memory:me:secret", anyone=False).is_allowed("ann@example.org")


ERRORS = {
    "an open relay": (
        ["--release-to", SERVER],
        f"--release-to {SERVER}: without a login, anyone who reaches the web inbox could send to any recipient; add "
        "--release-recipient or --web-auth",
    ),
    "no next server": (
        ["--forward", "*@x.example"],
        "--forward *@x.example: there is no next server; add --release-to",
    ),
    "no endpoint": (
        ["--release-to", "mail.example", "--release-recipient", "*"],
        "write tcp:HOST:PORT or unix:PATH",
    ),
    "TLS twice": (
        ["--release-to", SERVER, "--release-recipient", "*", "--release-tls", "required"],
        f"--release-tls required: {SERVER} begins with TLS; leave this option out, or write tcp: for tls:",
    ),
    "a pattern": (
        ["--release-to", SERVER, "--release-recipient", "ann@"],
        "--release-recipient must be an address or a domain, such as qa@example.org, *@example.org, *.example.org "
        "or *, not 'ann@'",
    ),
    "an address": (
        ["--release-to", SERVER, "--release-recipient", "*", "--forward", "* ann"],
        "--forward must be an address, such as qa@example.org, not 'ann'",
    ),
    "a sender": (
        ["--release-to", SERVER, "--release-recipient", "*", "--release-sender", "ann"],
        "--release-sender must be an address, such as qa@example.org, not 'ann'",
    ),
    "a file": (
        ["--release-to", SERVER, "--release-recipient", "*", "--release-auth", "/nowhere/login"],
        "--release-auth /nowhere/login: cannot read it: No such file",
    ),
    "two logins": (
        ["--release-to", SERVER, "--release-recipient", "*", "--release-auth", "a", "--release-oauth", "b"],
        "--release-oauth b: it is a login; leave it out, or leave out --release-auth",
    ),
}


@pytest.mark.parametrize(("options", "error"), ERRORS.values(), ids=ERRORS)
def test_errors(options, error):
    with pytest.raises(SystemExit) as exit:
        parsed("--web", "8025", *options)
    assert error in exit.value.code
    assert len(exit.value.code.splitlines()) == 1


def test_a_password_is_not_sent_in_the_clear(tmp_path):
    (tmp_path / "login").write_text("ann:secret\n")
    with pytest.raises(SystemExit) as exit:
        release("--release-auth", str(tmp_path / "login"), server="tcp:127.0.0.1:25")
    text = "the password would be sent to tcp:127.0.0.1:25 without TLS; add --release-tls required"
    assert exit.value.code.endswith(f"login: {text}")


def test_without_an_inbox():
    with pytest.raises(SystemExit) as exit:
        parsed("--backend", "memory", "--release-to", SERVER)
    assert f"--release-to {SERVER}: there is no web inbox; add --web" in exit.value.code
