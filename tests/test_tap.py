"""``twistd smtpx``: each option, and each that is wrong: one clear line, exit status 1, never a traceback."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from tests.command.parsing import parsed
from tests.wire.twistd import LOCAL, run
from txsmtpx.tap import makeService
from txsmtpx.testing import issue

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


def complaint(directory, *options, forked: bool = True) -> str:
    """The one line with which the command ends."""
    ended = run(directory, *options, forked=forked)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("twistd smtpx: ")
    return line


SEEN = ["no such option", "no number", "no endpoint", "no such backend", "a checker whose file is missing"]


@pytest.mark.parametrize("options", SEEN)
def test_as_an_operator_sees_it(tmp_path, options):
    assert WRONG[options][1] in complaint(tmp_path, *WRONG[options][0], forked=False)


def test_a_key_that_does_not_belong(tmp_path, tmp_path_factory, pem):
    other = issue(tmp_path_factory.mktemp("other"), "other")
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


def test_sighup_without_a_certificate():
    """There is nothing to read; it must not be the end of the server either."""
    service = makeService(parsed())
    with capturedLogs() as events:
        service.reload()
    assert [event["log_format"] for event in events] == ["SIGHUP: there is no certificate to read again"]
