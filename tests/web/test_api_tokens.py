"""The file of tokens."""

from __future__ import annotations

import pytest

from txsmtpx.web.api_tokens import ApiTokens

TOKEN = "abcdefghijklmnopqrst"


def test_names_and_tokens(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"# programs\n\n ci  {TOKEN}\nother\t{TOKEN}u\n")
    tokens = ApiTokens(str(file))
    given = [TOKEN, f"{TOKEN}u", "", "ci", TOKEN[:-1]]
    assert [tokens.name_of(each.encode()) for each in given] == ["ci", "other", None, None, None]
    assert TOKEN not in repr(vars(tokens))


@pytest.mark.parametrize("line", ["ci", "ci short", f"ci {TOKEN} x", f"{TOKEN}", f"ci {TOKEN}\u00fc", f":x {TOKEN}"])
def test_a_wrong_line_is_named_and_not_shown(tmp_path, line):
    file = tmp_path / "tokens"
    file.write_text(f"ok {TOKEN}x\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"tokens:2: a line needs a name, a space and a token of 20") as raised:
        ApiTokens(str(file))
    assert TOKEN not in str(raised.value)


def test_no_token(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("# none\n")
    with pytest.raises(ValueError, match="has no token; write a line NAME TOKEN"):
        ApiTokens(str(file))
    with pytest.raises(OSError, match="missing"):
        ApiTokens(str(tmp_path / "missing"))
