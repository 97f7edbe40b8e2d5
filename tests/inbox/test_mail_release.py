"""Messages go to real recipients, and their outcomes come back."""

from __future__ import annotations

from tests.inbox.releasing import releasing
from txsmtpx.inbox.mail_release import KEPT, MAX_RECIPIENTS
from txsmtpx.testing import HANG_UP, Outcome


def sent(web, *recipients, content=b"Subject: a\r\n\r\nHey\r\n"):
    outcome = Outcome(web.release.send(web.keep(content, "on@envelope.example"), recipients))
    web.work()
    return [(each.recipient, each.released, each.reply) for each in outcome.result()]


def test_each_recipient_has_the_reply_of_the_next_server():
    with releasing(
        RCPT=["250 2.1.5 Ok", "550-5.1.1 No such\n550 5.1.1 user here", "452 4.2.2 Full"], END="250 2.0.0 Taken"
    ) as web:
        assert sent(web, "a@x.example", "b@x.example", "c@x.example") == [
            ("a@x.example", True, "250 2.0.0 Taken"),
            ("b@x.example", False, "550-5.1.1 No such / 550 5.1.1 user here"),
            ("c@x.example", False, "452 4.2.2 Full"),
        ]
        assert web.commands[0] == "MAIL FROM:<sender@client.example>"
        assert len(web.messages) == 1


def test_one_reply_for_all():
    with releasing(MAIL="550 5.7.1 Log in first") as web:
        assert sent(web, "a@x.example", "b@x.example") == [
            ("a@x.example", False, "550 5.7.1 Log in first"),
            ("b@x.example", False, "550 5.7.1 Log in first"),
        ]


def test_the_connection_is_lost():
    with releasing(DATA=HANG_UP) as web:
        ((recipient, released, reply),) = sent(web, "a@x.example")
        assert (recipient, released) == ("a@x.example", False)
        assert "connection" in reply.lower()


def test_the_reply_to_the_message_is_missing():
    """Another release may deliver it twice (guarantee 26)."""
    with releasing(RCPT=["250 Ok", "550 5.1.1 No"], END=HANG_UP) as web:
        (perhaps, refused) = sent(web, "a@x.example", "b@x.example")
        assert perhaps[:2] == ("a@x.example", False)
        assert perhaps[2].startswith("It may have been sent: the end of the message has no reply. ")
        assert refused == ("b@x.example", False, "550 5.1.1 No")


def test_only_those_that_are_allowed():
    with releasing("*@x.example", "qa@y.example") as web:
        assert sent(web, "a@x.example", "a@y.example", "QA@y.example") == [
            ("a@x.example", True, "250 2.0.0 Taken"),
            ("a@y.example", False, "Not sent: this recipient is not allowed. Allowed are: *@x.example, qa@y.example"),
            ("QA@y.example", True, "250 2.0.0 Taken"),
        ]
        assert web.commands[1:] == ["RCPT TO:<a@x.example>", "RCPT TO:<QA@y.example>"]


def test_nothing_is_sent_if_none_is_allowed():
    with releasing("x.example") as web:
        assert [each[1] for each in sent(web, "a@y.example")] == [False]
        assert web.network.servers == []


def test_one_mailbox_gets_one():
    with releasing() as web:
        assert len(sent(web, "ann@x.example", "ANN@X.example")) == 1


def test_the_sender_of_the_operator():
    with releasing(sender="bounces@x.example") as web:
        sent(web, "a@x.example")
        assert web.commands[0] == "MAIL FROM:<bounces@x.example>"


def test_too_many_recipients():
    with releasing() as web:
        found = sent(web, *(f"{n}@x.example" for n in range(MAX_RECIPIENTS + 1)))
        assert [each[1] for each in found] == [True] * MAX_RECIPIENTS + [False]
        assert found[-1][2] == "Not sent: 100 recipients are the limit for one message."


def test_a_header_that_cannot_be_edited():
    with releasing() as web:
        found = sent(web, "a@x.example", content=b"A: b\r\n" * 20_000 + b"\r\n")
        assert found == [("a@x.example", False, "Not sent: the header of this message is too long to be edited.")]


def test_the_outcomes_of_the_newest_are_kept():
    with releasing("x.example") as web:
        for _ in range(KEPT + 1):
            sent(web, "a@y.example")
        assert web.release.outcomes(1) == ()
        assert [each.recipient for each in web.release.outcomes(KEPT)] == ["a@y.example"]


def test_an_error_of_ours_is_an_outcome(monkeypatch, logged_failures):
    with releasing() as web:
        monkeypatch.setattr(web.release.pool, "send", lambda *arguments: 1 / 0)
        found = sent(web, "a@x.example")
        assert found == [("a@x.example", False, "Not sent: the inbox failed. The log has the reason.")]
        assert len(logged_failures.flush(ZeroDivisionError)) == 1
