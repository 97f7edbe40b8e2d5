"""The options of a relay: what becomes of them in its pools.  ``errors.txt`` has the errors."""

from __future__ import annotations

import pytest

from txsmtpx.backends.relay import RelayBackend
from txsmtpx.command.usage import Options


def relay(*options: str, endpoint: str = "tcp:mail.example:25") -> RelayBackend:
    """The relay that the options describe."""
    parsed = Options()
    parsed.parseOptions(["--backend", f"relay:{endpoint}", "--relay-domain", "example.org", *options])
    backend = parsed.process.listeners[0].chosen_backend
    assert isinstance(backend, RelayBackend)
    return backend


@pytest.mark.parametrize("mode", ["opportunistic", "required", "implicit", "none"])
def test_the_mode_of_tls(mode):
    backend = relay("--relay-tls", mode, endpoint="tcp:one.example:25,tcp:two.example:25")
    assert [pool.settings.tls for pool in backend.pools] == [mode, mode]


@pytest.mark.parametrize(
    ("endpoint", "mode"),
    [
        ("tcp:mail.example:25", "required"),
        ("tls:mail.example:465", "implicit"),
        ("tcp:127.0.0.1:25", "none"),
        ("unix:/run/smtp", "none"),
    ],
)
def test_the_default_mode_suits_the_endpoint(endpoint, mode):
    (pool,) = relay(endpoint=endpoint).pools
    assert pool.settings.tls is None
    assert pool.settings.tls_mode(mode) == mode
    (pool,) = relay("--relay-tls", "implicit", endpoint="tls:mail.example:465").pools
    assert pool.settings.tls == "implicit"


def test_a_login(tmp_path):
    (tmp_path / "login").write_text("# of the provider\nme@example.org:a:colon\n")
    (pool,) = relay("--relay-auth", str(tmp_path / "login")).pools
    assert pool.settings.auth == ("me@example.org", "a:colon")
    (pool,) = relay().pools
    assert pool.settings.auth is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "it has 0 logins; write one line NAME:PASSWORD"),
        ("a:b\nc:d\n", "it has 2 logins; write one line NAME:PASSWORD"),
        ("secret\n", "a line has no password; write one line NAME:PASSWORD"),
    ],
)
def test_a_file_that_is_no_login(tmp_path, text, error):
    path = tmp_path / "login"
    path.write_text(text)
    with pytest.raises(SystemExit) as exit:
        relay("--relay-auth", str(path))
    assert exit.value.code == f"twistd smtpx: --relay-auth {path}: {error}"


@pytest.mark.parametrize("options", [["--relay-tls", "none"], []])
def test_no_password_without_tls(tmp_path, options):
    path = tmp_path / "login"
    path.write_text("me:secret\n")
    endpoint = "tcp:mail.example:25" if options else "tcp:127.0.0.1:25"
    with pytest.raises(SystemExit) as exit:
        relay("--relay-auth", str(path), *options, endpoint=endpoint)
    why = f"the password would be sent to {endpoint} without TLS; add --relay-tls required"
    assert exit.value.code == f"twistd smtpx: --relay-auth {path}: {why}"


def test_auth_cannot_be_left_out_with_a_login(tmp_path):
    (tmp_path / "login").write_text("me:secret\n")
    with pytest.raises(SystemExit) as exit:
        relay("--relay-auth", str(tmp_path / "login"), "--relay-without", "auth")
    why = "without it there is no login; leave it out, or leave out --relay-auth"
    assert exit.value.code == f"twistd smtpx: --relay-without AUTH: {why}"


def test_the_rest():
    options = ["--relay-connections", "3", "--relay-wait", "1m", "--relay-hold", "0", "--relay-without", "chunking"]
    backend = relay(*options)
    assert [(pool.size, pool.settings.without) for pool in backend.pools] == [(3, {"CHUNKING"})]
    assert (backend.next_servers.wait, backend.hold, backend.domains) == (60, 0, {"example.org"})
    (pool,) = relay("--relay-allow-unverified-tls").pools
    assert pool.settings.tls_verify is False
