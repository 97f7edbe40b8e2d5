"""The terminal of twistd: where an error goes, in the foreground and from a daemon."""

from __future__ import annotations

import os

import pytest

from txsmtpx.command.terminal import Terminal


@pytest.mark.parametrize("twistd", [None, {}, {"nodaemon": True}])
def test_in_the_foreground(twistd, monkeypatch, tmp_path):
    with (tmp_path / "errors").open("w+") as errors:
        monkeypatch.setattr("sys.__stderr__", errors)
        terminal = Terminal(twistd)
        terminal.report(OSError("no port"))
        terminal.close()
        errors.seek(0)
        assert errors.read() == "twistd smtpx: no port\n"


def test_from_a_daemon(monkeypatch, tmp_path, capfd):
    reading, writing = os.pipe()
    (tmp_path / "pid").write_text("1")
    terminal = Terminal({"nodaemon": False, "statusPipe": writing, "pidfile": str(tmp_path / "pid")})
    terminal.report(OSError("no port \udcff"))
    assert capfd.readouterr().err == "twistd smtpx: no port \\udcff\n"
    with open(reading, "rb") as pipe:
        assert pipe.read() == b"1 see the line above"
    assert list(tmp_path.iterdir()) == []
    terminal.close()
    terminal.close()
