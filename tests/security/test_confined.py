"""No recipient has a Maildir outside of where they are, whatever he is called: what a real process has left on disk."""

from __future__ import annotations

import pytest

from tests.wire.twistd import LOCAL, Twistd

LOCALS = [
    "../escaped", "../../escaped", "/tmp/escaped", '"../escaped"', '"/escaped"', '".."', '"."', '"..\\\\escaped"', "..",
    ".", "..escaped", ".escaped", '"a/../../escaped"', '"a\\/..\\/escaped"', "~root", "$HOME", "{domain}", "{local}",
    '"{0.__class__}"', "%2e%2e%2fescaped", '"a b"', "\u2024\u2024/escaped", "\uff0e\uff0e\uff0fescaped", "new", "tmp",
    "a" * 300, "con", "nul", '"\t"', "postmaster",
]  # fmt: skip
DOMAINS = ["localhost", "..", "a/../../escaped", "[127.0.0.1]", "[IPv6:::1]", "[a:../escaped]", "..escaped", "{local}"]

BODY = ("DATA", "hi", ".")


@pytest.fixture(params=["{domain}/{local}", "{local}", "fixed"])
def pattern(request):
    return request.param


def test_maildirs(tmp_path, pattern):
    inside = tmp_path / "a" / "b" / "Maildir"
    with Twistd(tmp_path, "-p", LOCAL, "-b", f"maildir:{inside}/{pattern}", "--max-errors", "0", forked=True) as server:
        before = everything(tmp_path)
        taken = 0
        with server.connect() as client:
            client.reply()
            assert client.ask("EHLO client.example")[:3] == "250"
            for domain in DOMAINS:
                for local in LOCALS:
                    client.say("RSET", "MAIL FROM:<a@client.example> SMTPUTF8", f"RCPT TO:<{local}@{domain}>")
                    assert [client.reply()[:3] for _ in range(2)] == ["250", "250"]
                    if client.reply()[:3] == "250":
                        assert client.ask("DATA")[:3] == "354"
                        client.say("hi", ".")
                        taken += client.reply()[:3] == "250"
        assert server.stop()
    assert taken > 10
    outside = {path for path in everything(tmp_path) - before if inside not in path.parents}
    assert outside == {tmp_path / "a", tmp_path / "a" / "b", inside}
    depth = pattern.count("/") + 1 if pattern != "fixed" else 1
    for path in inside.rglob("*"):
        assert len(path.relative_to(inside).parts) <= depth + 2
        assert not path.is_symlink()
    stored = [path for path in inside.rglob("*") if path.is_file()]
    assert len(stored) == taken
    assert {path.parent.name for path in stored} == {"new"}


def everything(directory):
    return set(directory.rglob("*"))


def test_nothing_is_made_for_a_recipient_who_is_refused(tmp_path):
    options = ("-p", LOCAL, "-b", "maildir:Maildir/{local}")
    with Twistd(tmp_path, *options, forked=True) as server, server.connect() as client:
        client.reply()
        client.ask("EHLO client.example")
        client.ask("MAIL FROM:<a@client.example>")
        assert client.ask('RCPT TO:<"../x"@localhost>') == "553 5.1.3 No mailbox can have that name"
        assert not (tmp_path / "Maildir").exists()
