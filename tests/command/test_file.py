"""``--config FILE``: several listeners, what counts more than what, and each error with its line."""

from __future__ import annotations

import smtplib

import pytest

from tests.maildir import stored
from tests.waiting import PATIENCE
from tests.wire.twistd import Twistd, run
from txsmtpx import MaildirBackend, OpenBackend
from txsmtpx.command.groups.authentication import AuthBackend
from txsmtpx.command.groups.backend_choice import RELAY_DOMAIN
from txsmtpx.tap import Options, makeService

ROLES = """\
domain = "mx.example.org"
max-message-bytes = 1000
relay-domain = ["example.org", "Example.NET"]

[listener.in]
port = "tcp:0:interface=127.0.0.1"
backend = "maildir:Maildir"
relay-domain = []

[listener.submission]
port = ["unix:one", "unix:two"]
backend = "relay:tcp:127.0.0.1:25"
auth = "memory:user:password"
require-auth = true
allow-insecure-auth = true
max-message-bytes = 2000
read-timeout = 1.5

[listener.lmtp]
port = "unix:lmtp"
lmtp = true
relay-domain = []
"""


@pytest.fixture
def said(tmp_path):
    """Options, with a file that says so."""

    def parse(text: str, *options: str) -> Options:
        file = tmp_path / "mail.toml"
        file.write_text(text)
        parsed = Options()
        parsed.parseOptions(["--config", str(file), *options])
        return parsed

    return parse


def test_roles(said):
    first, second, third = said(ROLES).process.listeners
    assert [each.name for each in (first, second, third)] == ["in", "submission", "lmtp"]
    assert [type(each.backend) for each in (first, second, third)] == [MaildirBackend, AuthBackend, OpenBackend]
    settings = [each.factory.settings for each in (first, second, third)]
    assert [each.domain for each in settings] == ["mx.example.org"] * 3
    assert [each.max_message_bytes for each in settings] == [1000, 2000, 1000]
    assert [each.require_auth for each in settings] == [False, True, False]
    assert [each.lmtp for each in settings] == [False, False, True]
    assert [len(each.ports) for each in (first, second, third)] == [1, 2, 1]
    assert second.factory.read_timeout == 1.5
    assert len(second.services) == 1
    assert second.values[RELAY_DOMAIN] == ("example.org", "example.net")


def test_the_command_line_counts_more(said):
    process = said(ROLES, "--max-message-bytes", "3000", "--domain", "other.example").process
    assert [each.factory.settings.max_message_bytes for each in process.listeners] == [3000] * 3
    assert {each.factory.settings.domain for each in process.listeners} == {"other.example"}


def test_one_listener_needs_no_table(said):
    (only,) = said("lmtp = true\nport = 2525\n").process.listeners
    assert only.factory.settings.lmtp
    assert only.ports[0].endpoint._port == 2525


def test_a_flag_may_be_taken_back(said):
    first, second = said(
        'lmtp = true\n[listener.a]\nport = "unix:a"\nlmtp = false\n[listener.b]\nport = "unix:b"\n'
    ).process.listeners
    assert (first.factory.settings.lmtp, second.factory.settings.lmtp) == (False, True)


def test_each_listener_is_a_service(said):
    service = makeService(said(ROLES))
    assert len([each for each in service if hasattr(each, "ports")]) == 3
    assert len(list(service)) == 4  # and the pool of the relay


def test_all_certificates_are_read_again(said, pem):
    line = f'tls-certificate = "{pem.both}"'
    service = makeService(said(f'[listener.a]\nport = 1\n{line}\n[listener.b]\nport = 2\n{line}\n[listener.c]\nport=3'))
    read = []
    for certificate in service._certificates:
        certificate.reload = lambda: read.append(1)
    service.reload()
    assert read == [1, 1]


WRONG = {
    "no TOML": ("port = 25\nlmtp = yes\n", "2: not TOML: Invalid value"),
    "too many digits": (f"\nmax-errors = {'9' * 5000}\n", "2: not TOML: a number has too many digits"),
    "no end": ('port = 25\ndomain = "', "2: "),
    "twice": ("port = 25\n\nport = 26\n", "3: not TOML: Cannot overwrite"),
    "no such option": ("port = 25\nmax-recipient = 3\n", "2: max-recipient is not an option; did you mean max-r"),
    "as Python says it": ("max_recipients = 3\n", "1: max_recipients is not an option; did you mean max-recipients?"),
    "nothing like it": ("frobnicate = 3\n", "1: frobnicate is not an option"),
    "plural": ("[listeners.mx]\nport = 25\n", "1: listeners is not a table of this file; did you mean "),
    "of the command line": ("\ncheck = true\n", "2: check is an option of the command line only"),
    "no string": ("max-recipients = '7'\n", "1: max-recipients must be a number, not a string"),
    "no flag": ("lmtp = 1\n", "1: lmtp must be true or false, not a number"),
    "no text": ("domain = true\n", "1: domain must be a string, not true or false"),
    "a list": ("domain = ['a']\n", "1: domain must be a string, not a list"),
    "a table": ("\n[domain]\nx = 1\n", "2: domain must be a string, not a table"),
    "a date": ("domain = 2026-11-25\n", "1: domain must be a string, not a date"),
    "a list of flags": ("port = [25, true]\n", "1: port must be a string or a number, or a list of them, not true or"),
    "negative": ("max-recipients = -1\n", "1: max-recipients must be an integer of 0 or more, not '-1'"),
    "not a number": ("read-timeout = nan\n", "1: read-timeout must be a number of seconds, 0 or more, such as 30s, "),
    "no choice": ("bare-newlines = 'x'\n", "1: bare-newlines must be normalize, reject or accept, not 'x'"),
    "no endpoint": ("[listener.a]\n\nport = 'x:1'\n", "3: port x:1: "),
    "no backend": ("[listener.a]\nbackend = 'nobody'\n", "2: backend nobody: no backend is called 'nobody'"),
    "what it needs": ("[listener.a]\nrequire-tls = true\n", "2: require-tls: there is no certificate; add "),
    "what the factory says": ("delivery-timeout = 0\n", "1: delivery-timeout must be a number of seconds greater than"),
    "without a name": ("[[listener]]\nport = 25\n", "1: a listener is a table with a name; write [listener.NAME]"),
    "no table": ("[listener]\nport = 25\n", "2: port is in [listener], which has no name; write [listener.NAME]"),
    "one port twice": ("[listener.a]\nport = 25\n[listener.b]\nport = 25\n", "4: port tcp:25 is the port of"),
    "the usual port twice": ("[listener.a]\n[listener.b]\n", "2: port tcp:1025:interface=127.0.0.1 is the default"),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_stands_on_a_line(said, text, why, tmp_path):
    with pytest.raises(SystemExit) as exit:
        said(text)
    assert str(exit.value.code).startswith(f"twistd smtpx: {tmp_path / 'mail.toml'}:{why}")
    assert len(exit.value.code.splitlines()) == 1


def test_lists_within_lists(said, tmp_path):
    with pytest.raises(SystemExit) as exit:
        said(f"port = {'[' * 3000}{']' * 3000}\n")
    why = "its lists or tables are nested too deeply; an option has one list at most"
    assert exit.value.code == f"twistd smtpx: {tmp_path / 'mail.toml'}: {why}"


def test_everything_that_is_wrong_is_told(said):
    with pytest.raises(SystemExit) as exit:
        said("max-recipients = 'x'\n\n[listener.a]\nprot = 1\nlmtp = 1\n\n[listener.b]\nread-timeout = true\n")
    assert [line.partition("mail.toml:")[2][:4] for line in exit.value.code.splitlines()] == [
        "1: m", "4: p", "5: l", "8: r",
    ]  # fmt: skip


def test_a_file_that_cannot_be_read(tmp_path):
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SystemExit) as exit:
            Options().parseOptions(["--config", str(path)])
        assert why in exit.value.code
    (tmp_path / "latin").write_bytes(b"# \n\ndomain = '\xfc'\n")
    with pytest.raises(SystemExit) as exit:
        Options().parseOptions(["--config", str(tmp_path / "latin")])
    assert exit.value.code == f"twistd smtpx: {tmp_path / 'latin'}:3: this is not UTF-8; save the file in UTF-8"


def test_check_as_an_operator_sees_it(tmp_path):
    (tmp_path / "mail.toml").write_text(f'log-format = "json"\n{ROLES}')
    ended = run(tmp_path, "--config", "mail.toml", "--check", "--max-recipients", "7", "--workers", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    said = ended.stdout.splitlines()
    assert [line for line in said if not line.startswith(" ")] == [
        "listener in:", "listener submission:", "listener lmtp:", "process:",
    ]  # fmt: skip
    assert "  ESMTP at unix:one, unix:two as mx.example.org" in said
    assert "  LMTP at unix:lmtp as mx.example.org" in said
    assert "  max-message-bytes = 1000 (mail.toml:3)" in said
    assert "  max-message-bytes = 2000 (mail.toml:17)" in said
    assert said.count("  max-recipients = 7 (--max-recipients)") == 3
    assert "  auth = memory (mail.toml:14)" in said
    assert said[-3:] == ["process:", "  log-format = json (mail.toml:1)", "  workers = 2 (--workers)"]
    assert "password" not in ended.stdout
    (tmp_path / "mail.toml").write_text("max-recipient = 7\n")
    ended = run(tmp_path, "--config", "mail.toml", "--check")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "twistd smtpx: mail.toml:1: max-recipient is not an option; did you mean max-recipients?\n"


def test_check_without_a_file(tmp_path):
    ended = run(tmp_path, "--check", "--lmtp", "--port", "unix:socket")
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "One listener:")
    assert "  lmtp = true (--lmtp)" in ended.stdout.splitlines()
    assert not (tmp_path / "socket").exists()


PROCESS = """\
[listener.in]
port = "tcp:0:interface=127.0.0.1"
backend = "maildir:in"

[listener.submission]
port = "tcp:0:interface=127.0.0.1"
backend = "maildir:out"
auth = "memory:user:password"
require-auth = true
allow-insecure-auth = true

[listener.lmtp]
port = "unix:socket"
lmtp = true
backend = "maildir:local"
"""


def test_one_process_serves_them_all(tmp_path_factory):
    directory = tmp_path_factory.mktemp("t")  # short enough for a UNIX socket's path
    (directory / "mail.toml").write_text(PROCESS)
    message = "Subject: hi\r\n\r\nbody\r\n"
    with Twistd(directory, "--config", "mail.toml") as server:
        first, second, _ = server.ports(3)
        with smtplib.SMTP("127.0.0.1", int(first), timeout=PATIENCE) as client:
            client.sendmail("a@client.example", ["b@localhost"], message)
        with smtplib.SMTP("127.0.0.1", int(second), timeout=PATIENCE) as client:
            client.ehlo()
            assert client.mail("a@client.example")[0] == 530
            client.login("user", "password")
            client.sendmail("a@client.example", ["b@localhost"], message)
        with smtplib.LMTP(str(directory / "socket")) as client:
            client.sendmail("a@client.example", ["b@localhost"], message)
        assert [len(stored(directory / name)) for name in ("in", "out", "local")] == [1, 1, 1]
        assert server.stop()
