"""``python -m txsmtpx.dkim keygen``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from txsmtpx.dkim import main
from txsmtpx.wire.dkim_key import DKIMKeys


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_and_its_record(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    main(["keygen", "Example.org", "--selector", "2030a", "--kind", kind, "--directory", str(tmp_path)])
    (key,) = DKIMKeys(tmp_path).of("example.org")
    printed = capsys.readouterr().out
    assert "".join(re.findall(r'"(.*)"', printed)) == key.record
    assert all(len(each) <= 255 for each in re.findall(r'"(.*)"', printed))
    assert f"\n{key.record_name}. IN TXT (\n" in printed
    assert (tmp_path / f"{key.record_name}.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["example.org"], r"mail\._domainkey\.example\.org\.pem exists; choose another selector$"),
        (["example.org", "--selector", "a b"], "the selector must be labels of a domain name, not 'a b'$"),
        (["example..org"], "^txsmtpx.dkim: the domain of a key must be a domain, not 'example..org'$"),
        (["example.org", "--directory", "/nowhere"], r"no directory /nowhere; create it: mkdir -m 700 /nowhere$"),
    ],
)
def test_what_cannot_be_done(tmp_path: Path, words: list[str], why: str) -> None:
    main(["keygen", "example.org", "--kind", "ed25519", "--directory", str(tmp_path)])
    with pytest.raises(SystemExit, match=why):
        main(["keygen", "--directory", str(tmp_path), *words])


@pytest.mark.system
def test_as_a_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "txsmtpx.dkim", "keygen", "example.org"]
    ran = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True, text=True)
    assert ran.stdout.startswith("; mail._domainkey.example.org.pem has the key. Publish this record:\n")
