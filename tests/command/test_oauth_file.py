"""The file of ``--relay-oauth``."""

from __future__ import annotations

import os

import pytest

from tests.command.groups.test_relaying import relay
from txsmtpx.command.oauth_file import oauth_of
from txsmtpx.wire.oauth2 import OAuth2
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens
from txsmtpx.wire.token_file import TokenFile

TEXT = """
username = "me@example.org"
token_endpoint = "https://login.example.org/token"
client_id = "the client"
refresh_token = "a-refresh-token"
store = "tokens.json"
"""


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "oauth.toml"
    made.write_text(TEXT)
    os.utime(made, (1000, 1000))
    return made


def test_a_login(path):
    (pool,) = relay("--relay-oauth", str(path)).pools
    assert isinstance(pool.settings.auth, OAuth2)
    assert repr(pool.settings.auth) == "<OAuth2 'me@example.org' at login.example.org>"
    assert pool.settings.auth.tokens.refresh_token == "a-refresh-token"


def test_all_next_servers_share_it(path):
    pools = relay("--relay-oauth", str(path), endpoint="tcp:one.example:25,tcp:two.example:25").pools
    assert pools[0].settings.auth is pools[1].settings.auth


def test_the_tokens_are_stored_beside_it(path):
    TokenFile(path.with_name("tokens.json")).store(OAuth2Tokens("one", 5.0, "rotated"))
    assert oauth_of(str(path)).tokens == OAuth2Tokens("one", 5.0, "rotated")


def test_a_file_that_was_edited_since_has_a_new_refresh_token(path):
    TokenFile(path.with_name("tokens.json")).store(OAuth2Tokens("one", 5.0, "rotated"))
    os.utime(path.with_name("tokens.json"), (999, 999))
    assert oauth_of(str(path)).tokens.refresh_token == "a-refresh-token"


def test_a_key(path, authority):
    pem = authority.issue("client")
    path.write_text(
        'client_id = "c"\ntoken_endpoint = "https://login.example.org/"\n'
        f'key = "{pem}"\nkey_id = "1"\ncertificate = "{pem}"\n'
    )
    assert oauth_of(str(path)).tokens.refresh_token is None


WRONG = [
    ("client_id = ", "it is no TOML; write lines such as"),
    ('client_id = "c"\nclient_secret = "hidden\n', "it is no TOML at line 2; write lines such as"),
    (TEXT.replace("tokens.json", "no/tokens.json"), "there is no directory {}/no; create it, or name another file"),
    (TEXT + 'clientsecret = "x"', "it has no argument clientsecret; did you mean client_secret?"),
    (TEXT + "client_secret = 5", "client_secret must be text or None, not int"),
    (TEXT.replace("https", "http"), "token_endpoint: http://login.example.org/token would send secrets in the clear"),
    (TEXT + "key = 5", "key is the path of a file, not int"),
    (TEXT + 'tokens = "x"', "it cannot have tokens; store names a file for them"),
    (TEXT + 'key_id = "x"', ": missing: key"),
    (TEXT.replace("client_id", "#"), ": missing: client_id"),
    (TEXT + 'key = "nowhere.pem"', "cannot read {}/nowhere.pem: No such file or directory"),
    (TEXT + 'trust_roots = "nowhere.pem"', "nowhere.pem' cannot be used"),
]


@pytest.mark.parametrize(("text", "why"), WRONG, ids=[each[1][:40] for each in WRONG])
def test_errors(path, text, why):
    path.write_text(text)
    with pytest.raises(SystemExit) as exit:
        relay("--relay-oauth", str(path))
    assert str(exit.value.code).startswith(f"twistd smtpx: --relay-oauth {path}: ")
    assert why.format(path.parent) in str(exit.value.code)
    assert "a-refresh-token" not in str(exit.value.code)


def test_other_options(path, tmp_path):
    (tmp_path / "login").write_text("me:secret\n")
    for options, why in [
        (["--relay-auth", str(tmp_path / "login")], "it is a login; leave it out, or leave out --relay-auth"),
        (["--relay-tls", "none"], "the access token would be sent to tcp:mail.example:25 without TLS"),
        (["--workers", "2"], "one process can use the file of tokens of --relay-oauth; leave out --workers"),
    ]:
        with pytest.raises(SystemExit) as exit:
            relay("--relay-oauth", str(path), *options)
        assert why in str(exit.value.code)
