"""The file with the tokens of a login."""

from __future__ import annotations

import math

import pytest

from txsmtpx.wire.oauth2_tokens import OAuth2Tokens
from txsmtpx.wire.token_file import TokenFile

TOKENS = [OAuth2Tokens("a", 1700000000.5, "b"), OAuth2Tokens("a", math.inf), OAuth2Tokens()]


@pytest.mark.parametrize("tokens", TOKENS)
def test_the_next_process_has_them(tmp_path, tokens):
    TokenFile(tmp_path / "tokens.json").store(OAuth2Tokens("old"))
    TokenFile(str(tmp_path / "tokens.json")).store(tokens)
    assert TokenFile(tmp_path / "tokens.json").tokens() == tokens
    assert [each.name for each in tmp_path.iterdir()] == ["tokens.json"]


def test_no_file(tmp_path):
    assert TokenFile(tmp_path / "tokens.json").tokens() is None


def test_only_the_owner_can_read_it(tmp_path):
    file = TokenFile(tmp_path / "tokens.json")
    (tmp_path / "tokens.json.new").write_text("of a process that was killed")
    file.store(TOKENS[0])
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", [
    "", "{}", "[]", '{"access_token": 5, "expires": null, "refresh_token": null}', "hidden",
    '{"access_token": "a", "expires": "hidden", "refresh_token": null}',
    '{"access_token": "a", "expires": null, "refresh_token": ["hidden"]}',
])  # fmt: skip
def test_another_file(tmp_path, text):
    (tmp_path / "tokens.json").write_text(text)
    with pytest.raises(ValueError, match=r"tokens\.json has no tokens: remove it, and log in again") as raised:
        TokenFile(tmp_path / "tokens.json").tokens()
    assert "hidden" not in str(raised.value).replace(str(tmp_path), "")


def test_a_directory_that_is_missing(tmp_path):
    """Guarantee 27: the first token that the issuer replaces would be lost."""
    with pytest.raises(ValueError, match=r"nowhere/tokens.json: there is no directory .*/nowhere; create it"):
        TokenFile(tmp_path / "nowhere" / "tokens.json")


def test_a_directory(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path}: it is a directory; name a file"):
        TokenFile(tmp_path)


def test_a_directory_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ValueError, match=f"no file can be created in {tmp_path}; name another one"):
        TokenFile(tmp_path / "tokens.json")


def test_a_directory_that_is_removed(tmp_path):
    (tmp_path / "place").mkdir()
    file = TokenFile(tmp_path / "place" / "tokens.json")
    (tmp_path / "place").rmdir()
    with pytest.raises(FileNotFoundError):
        file.store(TOKENS[0])
