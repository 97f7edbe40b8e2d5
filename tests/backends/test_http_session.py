"""The session: which recipients a request can have."""

from __future__ import annotations

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_an_address_that_cannot_be_part_of_the_url(mail):
    sent = mail("http://app.example.org/{local}")
    _, reply, _ = sent.begin('".."@example.org')
    assert reply == "553 5.1.3 That mailbox name cannot be part of a URL"


def test_recipients_that_no_header_can_have(mail):
    sent = mail()
    sent.client.ask("MAIL FROM:<a@client.example>")
    replies = [sent.client.ask(f"RCPT TO:<{'x' * 50}{number:03}@example.org>")[0][:9] for number in range(100)]
    accepted = replies.count("250 2.1.5")
    assert replies[accepted:] == ["452 4.5.3"] * (100 - accepted)
    assert 80 < accepted < 100
    sent.client.ask("RSET", "MAIL FROM:<a@client.example>")
    assert sent.client.ask("RCPT TO:<b@example.org>")[0][:3] == "250"
    parsed = mail(format="json")
    parsed.client.ask("MAIL FROM:<a@client.example>")
    replies = {parsed.client.ask(f"RCPT TO:<{'x' * 50}{number:03}@example.org>")[0][:3] for number in range(100)}
    assert replies == {"250"}
