"""The options about logins: the checkers, and the mechanisms that they allow."""

from __future__ import annotations

import pytest

from txsmtpx import passwd
from txsmtpx.tap import Options


def test_by_twistd(tmp_path):
    path, scram = tmp_path / "users", tmp_path / "scram"
    passwd.store(str(path), "alice", passwd.hashes("argon2", b"wonderland"))
    passwd.store(str(scram), "bob", passwd.hashes("scram", b"builder", 4096))
    options = Options()
    options.parseOptions(["--auth", f"argon2:{path}", "--auth", f"scram:{scram}", "--allow-insecure-auth"])
    names = [mechanism.name for mechanism in options.process.listeners[0].factory.settings.mechanisms]
    assert names[-5:] == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]


@pytest.mark.parametrize("auth", ["argon2", "argon2:/nowhere", "scram:", "certificate:x"])
def test_by_twistd_wrongly(auth):
    with pytest.raises(SystemExit, match="twistd smtpx: "):
        Options().parseOptions(["--auth", auth])
