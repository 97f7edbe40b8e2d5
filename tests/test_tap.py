"""``twistd smtpx``: each option, and each that is wrong: one clear line, exit status 1, never a traceback."""

from __future__ import annotations

import re
import socket

import pytest
from twisted.logger import capturedLogs

from tests.wire.twistd import LOCAL, run
from txsmtpx import (
    CertificateDirectory,
    MaildirBackend,
    MemoryBackend,
    OpenBackend,
    PortalBackend,
    Session,
    SMTPError,
    SMTPServerFactory,
)
from txsmtpx.command.groups import GROUPS
from txsmtpx.command.process import Listener
from txsmtpx.interfaces import Connection
from txsmtpx.tap import Options, SMTPXService, makeService
from txsmtpx.testing import Pem, issue


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return issue(tmp_path_factory.mktemp("other"), "other")


def parsed(*options: str) -> Options:
    found = Options()
    found.parseOptions(list(options))
    return found


def listener(*options: str) -> Listener:
    """The only one that the options make."""
    (made,) = parsed(*options).process.listeners
    return made


def factory(*options: str) -> SMTPServerFactory:
    return listener(*options).factory


def test_defaults():
    only = listener()
    made, settings = only.factory, only.factory.settings
    (port,) = only.ports
    assert (port.endpoint._port, port.endpoint._interface) == (1025, "127.0.0.1")
    assert type(settings.backend) is OpenBackend
    assert settings.domain == socket.gethostname()
    assert (settings.lmtp, settings.require_auth, settings.require_tls, settings.allow_insecure_auth) == (False,) * 4
    assert (settings.max_message_bytes, settings.max_recipients) == (32 * 1024 * 1024, 1000)
    assert (made.read_timeout, made.write_timeout, made.message_timeout) == (300, 300, 3600)
    assert settings.delivery_timeout == 300
    assert (made.admission.max_connections, made.admission.max_connections_per_host) == (0, 0)
    assert (settings.max_errors, made.greeting_delay) == (20, 0)
    assert settings.bare_newlines == "normalize"
    assert made.transcript is None
    assert made.tls is None
    assert only.shutdown_timeout == 30


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--domain", "mx.example"], "domain", "mx.example"),
        (["--lmtp"], "lmtp", True),
        (["--allow-insecure-auth"], "allow_insecure_auth", True),
        (["--max-message-bytes", "0"], "max_message_bytes", 0),
        (["--max-message-bytes", "12345"], "max_message_bytes", 12345),
        (["--max-recipients", "7"], "max_recipients", 7),
        (["--max-transactions", "8"], "max_transactions", 8),
        (["--max-recipient-domains", "9"], "max_recipient_domains", 9),
        (["--max-errors", "0"], "max_errors", 0),
        (["--delivery-timeout", "1.5"], "delivery_timeout", 1.5),
        (["--bare-newlines", "reject"], "bare_newlines", "reject"),
        (["--bare-newlines", "accept"], "bare_newlines", "accept"),
    ],
)
def test_settings(options, name, value):
    assert getattr(factory(*options).settings, name) == value


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--read-timeout", "10"], "read_timeout", 10),
        (["--write-timeout", "0.5"], "write_timeout", 0.5),
        (["--greeting-delay", "5"], "greeting_delay", 5),
        (["--message-timeout", "0"], "message_timeout", 0),
    ],
)
def test_settings_of_the_factory(options, name, value):
    assert getattr(factory(*options), name) == value


def test_limits_on_connections():
    admission = factory("--max-connections", "3", "--max-connections-per-host", "2").admission
    assert (admission.max_connections, admission.max_connections_per_host) == (3, 2)


def test_transcript():
    assert factory("--transcript").transcript is not None


def test_ident():
    assert factory("--ident", "Postbox 7").settings.greeting.lines[0].endswith(" ESMTP Postbox 7")
    assert factory().settings.greeting.lines[0].endswith(" ESMTP txsmtpx")


def test_mechanisms_that_are_left_out():
    made = factory("--auth", "memory:a:b", "--without-mechanism", "login", "--without-mechanism", "CRAM-MD5")
    everything = {each.name for each in factory("--auth", "memory:a:b").settings.mechanisms}
    assert {each.name for each in made.settings.mechanisms} == everything - {"LOGIN", "CRAM-MD5"}
    assert {"LOGIN", "CRAM-MD5"} <= everything


def test_trusted_networks():
    made = factory("--trusted-network", "10.0.0.0/8", "--trusted-network", "2001:db8::1")
    assert list(map(str, made.settings.trusted_networks)) == ["10.0.0.0/8", "2001:db8::1/128"]
    assert {"XCLIENT", "XFORWARD"} <= made.settings.tables.usual.keywords
    assert not {"XCLIENT", "XFORWARD"} & factory().settings.tables.usual.keywords


def test_a_proxys_login_is_one():
    """XCLIENT LOGIN passes for the login that is required: the backend gives its session."""
    backend = factory("--require-auth", "--auth", "memory:user:password").settings.backend
    connection = Connection("1", "localhost", False)
    with pytest.raises(SMTPError) as raised:
        backend.anonymous_login(connection)
    assert raised.value.code == 530
    connection.username = "user"
    assert isinstance(backend.anonymous_login(connection), Session)


def test_shutdown_timeout():
    service = makeService(parsed("--shutdown-timeout", "2.5"))
    assert isinstance(service, SMTPXService)
    assert [each._shutdown_timeout for each in service] == [2.5]


@pytest.mark.parametrize(
    ("ports", "kinds"),
    [
        (["2525"], ["TCP4ServerEndpoint"]),
        (["tcp:2525:interface=127.0.0.1", "2526"], ["TCP4ServerEndpoint"] * 2),
        (["tcp6:2525"], ["TCP6ServerEndpoint"]),
        (["unix:/run/lmtp"], ["UNIXServerEndpoint"]),
        (["haproxy:tcp:2525"], ["_WrapperServerEndpoint"]),
    ],
)
def test_ports(ports, kinds):
    options = [option for port in ports for option in ("-p", port)]
    assert [type(each.endpoint).__name__ for each in listener(*options).ports] == kinds


@pytest.mark.parametrize(
    ("name", "kind"), [("log", OpenBackend), ("memory", MemoryBackend), ("maildir:x", MaildirBackend)]
)
def test_backends(name, kind):
    assert type(factory("--backend", name).settings.backend) is kind
    assert type(factory("-b", name).settings.backend) is kind


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


def test_auth(tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("other:word\n")
    settings = factory("--auth", "memory:user:password", "--auth", f"file:{passwords}", "--require-auth").settings
    assert isinstance(settings.backend, PortalBackend)
    assert settings.require_auth is True
    found = []
    for name, password in [("user", "password"), ("other", "word"), ("user", "word")]:
        settings.backend.login(None, name, password).addCallbacks(found.append, lambda failure: found.append(None))
    assert [each is not None for each in found] == [True, True, False]


WRONG = {
    "no workers": (["--workers", "0"], "--workers must be an integer of 1 or more (processes), not '0'"),
    "workers of what is in one process": (["--workers", "2", "--backend", "memory"], "--workers 2: the backend "),
    "workers, and users, of what is in one process": (
        ["--workers", "2", "--backend", "memory", "--auth", "memory:user:password"], "in the memory of one process"
    ),
    "no such option": (["--bogus"], "--bogus"),
    "an argument": (["argument"], "argument"),
    "without its value": (["--domain"], "--domain"),
    "no number": (["--max-recipients", "many"], "many"),
    "a fraction": (["--max-message-bytes", "1.5"], "1.5"),
    "negative": (["--max-connections", "-1"], "-1"),
    "no time": (["--read-timeout", "soon"], "soon"),
    "infinite": (["--write-timeout", "inf"], "inf"),
    "not a number": (["--message-timeout", "nan"], "nan"),
    "no time at all": (["--delivery-timeout", "0"], "delivery"),
    "negative time": (["--shutdown-timeout", "-1"], "-1"),
    "no port": (["--port", "tcp:http-alt-x"], "--port tcp:http-alt-x"),
    "no endpoint": (["--port", "nonsense:25"], "--port nonsense:25"),
    "an empty endpoint": (["--port", ""], "--port"),
    "an endpoint too short": (["--port", "tcp"], "--port tcp"),
    "an endpoint with too much": (["--port", "tcp:25:colour=blue"], "colour"),
    "an endpoint in one": (["--port", "haproxy:nonsense:25"], "haproxy:nonsense:25"),
    "an endpoint without its files": (["--port", "ssl:4650:privateKey=/nowhere/key"], "/nowhere/key"),
    "nothing of systemd's": (["--port", "systemd:domain=INET:index=0"], "systemd"),
    "no such backend": (["--backend", "nobody"], "nobody"),
    "a backend without its argument": (["--backend", "maildir"], "maildir:PATH"),
    "a backend with one too many": (["--backend", "log:x"], "no argument"),
    "no such module": (["--backend", "no.such.module"], "no.such.module"),
    "no backend": (["--backend", "os.sep"], "os.sep"),
    "no network": (["--trusted-network", "10.0.0.0/99"], "--trusted-network must be a network, such as 10.0.0.0/8"),
    "a network with a host in it": (["--trusted-network", "10.0.0.1/8"], "10.0.0.1/8"),
    "a network in two lines": (["--trusted-network", "10.0.0.0\n/8"], "--trusted-network"),
    "an ident in two lines": (["--ident", "a\nb"], "--ident must be up to 200 printable characters"),
    "newlines": (["--bare-newlines", "sometimes"], "sometimes"),
    "no certificate file": (["--tls-certificate", "/nowhere/pem"], "/nowhere/pem: cannot read it: No such file"),
    "a directory": (["--tls-certificate", "/"], "/: cannot read it"),
    "a key without certificate": (["--tls-key", "/nowhere/key"], "--tls-certificate"),
    "require TLS without a certificate": (["--require-tls"], ": there is no certificate; add "),
    "a port of TLS without a certificate": (["--tls-port", "4650"], ": there is no certificate; add "),
    "no directory of certificates": (["--tls-directory", "/nowhere"], "--tls-directory /nowhere: cannot read it"),
    "no certificates in the directory": (["--tls-directory", "/proc/self/fd"], "no certificates in /proc/self/fd"),
    "require AUTH without users": (["--require-auth"], "--auth"),
    "require AUTH of nobody": (["--require-auth", "--auth", "anonymous"], "require"),
    "no such checker": (["--auth", "telepathy"], "telepathy"),
    "no such mechanism": (["--auth", "memory:a:b", "--without-mechanism", "LOGN"], "--without-mechanism must be "),
    "no mechanism at all": (["--without-mechanism", "LOGIN"], "LOGIN: there are no logins; add --auth"),
    "half a user": (["--auth", "memory:user"], "memory:NAME:PASSWORD"),
    "a checker whose file is missing": (["--auth", "file:/nowhere/passwords"], "/nowhere/passwords"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_one_clear_line(options, why, capsys):
    with pytest.raises(SystemExit) as exit:
        parsed(*options)
    # A text here is what Python prints to stderr, and then exits with status 1.
    assert isinstance(exit.value.code, str)
    assert exit.value.code.startswith("twistd smtpx: ")
    assert why in exit.value.code
    assert len(exit.value.code.splitlines()) == 1
    assert capsys.readouterr().out == ""


def test_workers_need_their_python():
    options = parsed("--workers", "2")
    options.parent = {"chroot": "/srv"}
    with pytest.raises(SystemExit, match=r"^twistd smtpx: --workers .* --chroot$"):
        makeService(options)


def test_a_wrong_port_does_not_hide_what_else_is_wrong(pem, capsys):
    with pytest.raises(SystemExit) as exit:
        parsed("--port", "nonsense:25", "--tls-directory", str(pem.both.parent), "--require-auth")
    assert [line.split()[2] for line in str(exit.value.code).splitlines()] == ["--port", "--require-auth:"]


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


def complaint(directory, *options) -> str:
    """The one line with which the command ends."""
    ended = run(directory, *options)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("twistd smtpx: ")
    return line


SEEN = ["no such option", "no number", "no endpoint", "no such backend", "a checker whose file is missing"]


@pytest.mark.parametrize("options", SEEN)
def test_as_an_operator_sees_it(tmp_path, options):
    assert WRONG[options][1] in complaint(tmp_path, *WRONG[options][0])


def test_a_key_that_does_not_belong(tmp_path, pem, other):
    assert "is not that of the first certificate in" in complaint(
        tmp_path, "--tls-certificate", str(pem.certificate), "--tls-key", str(other.key)
    )


def test_a_port_in_use(tmp_path, port_in_use):
    assert str(port_in_use) in complaint(tmp_path, "--port", f"tcp:{port_in_use}:interface=127.0.0.1")


def test_one_of_two_ports_in_use(tmp_path, port_in_use):
    assert str(port_in_use) in complaint(tmp_path, "--port", LOCAL, "--port", f"tcp:{port_in_use}:interface=127.0.0.1")


@pytest.mark.parametrize(
    "port",
    [
        "unix:/nowhere/socket",
        "unix:/proc/socket",
        f"unix:{'x' * 200}",
        "tcp:99999:interface=127.0.0.1",
        "tcp:0:interface=192.0.2.1",
        "tcp:0:interface=no.such.host.invalid",
    ],
)
def test_a_port_that_cannot_be_had(tmp_path, port):
    complaint(tmp_path, "--port", port)


def test_a_file_where_the_socket_should_be(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    complaint(tmp_path, "--port", f"unix:{file}")
    assert file.read_text() == "kept"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--help", ["--port", "--lmtp", "--backend", "--auth", "--transcript"]),
        ("--help-backends", ["log", "maildir:PATH", "memory", "null", "DOTTED.NAME"]),
        ("--help-auth", ["memory", "file"]),
    ],
)
def test_help(tmp_path, option, words):
    ended = run(tmp_path, option)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [word for word in words if word not in ended.stdout] == []
    assert all(len(line) <= 120 for line in ended.stdout.splitlines())


def test_help_names_every_option(tmp_path):
    shown = run(tmp_path, "--help").stdout
    listed = re.findall(r"(?m)^(?:([A-Z].*):$|  (?:-.,|   ) --([\w-]+))", shown)
    expected = []
    for group in GROUPS:
        expected += [(group.title, ""), *(("", each.name) for each in (*group.options, *group.actions))]
    assert listed == [*expected, ("Others", ""), ("", "help"), ("", "version")]


def test_sighup_without_a_certificate():
    """There is nothing to read; it must not be the end of the server either."""
    service = makeService(parsed())
    with capturedLogs() as events:
        service.reload()
    assert [event["log_format"] for event in events] == ["SIGHUP: there is no certificate to read again"]


PLUGIN = """
from txsmtpx.backends.plugins import BackendPlugin

theirs = BackendPlugin("theirs", "theirs:WORD", "somebody else's", "their_package.make", takes_argument=True)
"""

PACKAGE = """
from txsmtpx import OpenBackend, Session, Reply

class Theirs(Session):
    def __init__(self, word):
        self.word = word

    def mail(self, sender, options):
        return Reply(250, (2, 1, 0), self.word)

def make(word):
    return OpenBackend(lambda connection: Theirs(word))
"""


@pytest.fixture
def their_package(tmp_path):
    """A package of somebody else's, with a backend; the environment in which it is found."""
    plugins = tmp_path / "site" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "their_plugin.py").write_text(PLUGIN)
    (tmp_path / "site" / "their_package.py").write_text(PACKAGE)
    return {"PYTHONPATH": str(tmp_path / "site")}


def test_a_backend_of_another_package_is_listed(tmp_path, their_package):
    listed = run(tmp_path, "--help-backends", extra=their_package).stdout
    assert "  theirs:WORD     somebody else's\n" in listed
    assert "  maildir:PATH " in listed
