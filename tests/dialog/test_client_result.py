"""
Guarantees 23 and 26, for each recipient: a reply that came before the connection was lost counts for more than the
loss, so that a retry does neither double nor lose anything.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, TimeoutError

from txsmtpx import CommandCancelled, Delivered, ProtocolError, RecipientsRefused, Reply, Result, SMTPError
from txsmtpx.dialog.client_result import merged
from txsmtpx.testing import HANG_UP, SILENCE, Outcome

TO = ["one@example.net", "two@example.net", "three@example.net"]
BODY = b"Subject: x\r\n\r\nx\r\n"
OFFERS = {"DATA": [], "pipelining": ["PIPELINING"], "BDAT": ["CHUNKING"], "both": ["PIPELINING", "CHUNKING"]}
EACH = pytest.mark.parametrize("offers", OFFERS.values(), ids=OFFERS)

ENDS = {  # what the server does in place of the next reply: the class of the error, and whether it may be delivered
    "close": (HANG_UP, ConnectionDone, Delivered.MAYBE),
    "silence": (SILENCE, TimeoutError, Delivered.MAYBE),
    "421": ("421 4.3.2 Going down", SMTPError, Delivered.NO),
    "nonsense": ("nonsense", ProtocolError, Delivered.MAYBE),
}
LATER = pytest.mark.parametrize("end", ENDS)


def sent(network, offers, lmtp=True, to=TO, **script):
    net = network(offers=offers, lmtp=lmtp, **script)
    outcome = Outcome(net.greeted(lmtp=lmtp).send("me@example.org", to, BODY))
    net.flush()
    net.advance(601)
    return outcome


@EACH
@LATER
def test_two_were_delivered_and_the_third_may_be(network, offers, end):
    said, kind, delivered = ENDS[end]
    result = sent(network, offers, END=["250 2.0.0 one", "250 2.0.0 two", said]).result()
    assert [(each, str(reply)) for each, reply in result.accepted] == [
        (TO[0], "250 2.0.0 one"), (TO[1], "250 2.0.0 two")]  # fmt: skip
    ((recipient, error),) = result.refused
    assert recipient == TO[2]
    assert isinstance(error, kind)
    assert error.command == ("BDAT" if "CHUNKING" in offers else "DATA")
    assert (error.temporary, error.delivered) == (True, delivered)
    assert (error.code == 421) is (end == "421")


@EACH
def test_421_answers_for_one_recipient(network, offers):
    """For those after it no reply came; a server may have stored the message for them before."""
    result = sent(network, offers, END=["250 2.0.0 one", "421 4.3.2 Going down"]).result()
    assert [each for each, _ in result.accepted] == TO[:1]
    assert [(each, error.code, error.delivered) for each, error in result.refused] == [
        (TO[1], 421, Delivered.NO), (TO[2], 421, Delivered.MAYBE)]  # fmt: skip


@EACH
def test_421_in_place_of_the_first_of_many_replies(network, offers):
    error = sent(network, offers, END=["421 4.3.2 Going down"]).error
    assert isinstance(error, SMTPError)
    assert (error.code, error.temporary, error.delivered) == (421, True, Delivered.MAYBE)
    error = sent(network, offers, lmtp=False, END=["421 4.3.2 Going down"]).error
    assert (error.code, error.delivered) == (421, Delivered.NO)


@EACH
@LATER
def test_one_of_each(network, offers, end):
    """Accepted, refused by RCPT, refused after the message, unknown."""
    said, kind, _ = ENDS[end]
    to = [*TO, "four@example.net"]
    script = {"RCPT": [None, "550 5.1.1 two", None, None], "END": ["250 2.0.0 one", "452 4.2.2 three", said]}
    result = sent(network, offers, to=to, **script).result()
    assert [each for each, _ in result.accepted] == TO[:1]
    assert [(each, type(error) is SMTPError, error.code) for each, error in result.refused] == [
        ("two@example.net", True, 550),
        ("three@example.net", True, 452),
        ("four@example.net", kind is SMTPError, 421 if kind is SMTPError else None),
    ]
    assert isinstance(result.refused[2][1], kind)
    assert [error.temporary for _, error in result.refused] == [False, True, True]


@EACH
@pytest.mark.parametrize("end", ["close", "silence", "nonsense"])
def test_refused_and_then_lost(network, offers, end):
    """No recipient has it: the loss is the error, and the refusal is in it."""
    said, kind, delivered = ENDS[end]
    error = sent(network, offers, END=["550 5.2.1 one", said, said]).error
    assert isinstance(error, kind)
    assert error.delivered is delivered
    assert [(each, refusal.code) for each, refusal in error.refused] == [(TO[0], 550)]


@EACH
def test_refused_and_then_421(network, offers):
    """Which is a refusal too, of all that are left."""
    error = sent(network, offers, END=["550 5.2.1 one", "421 4.3.2 Down"]).error
    assert isinstance(error, RecipientsRefused)
    assert [(each, refusal.code) for each, refusal in error.refused] == list(zip(TO, [550, 421, 421], strict=True))
    assert (error.temporary, error.delivered) == (True, Delivered.MAYBE)  # for the third no reply came


@EACH
@pytest.mark.parametrize("lmtp", [False, True])
def test_the_only_recipient_is_refused_and_the_connection_closed(network, offers, lmtp):
    error = sent(network, offers, lmtp, TO[:1], RCPT=b"550 5.1.1 No\r\n", DATA=HANG_UP).error
    assert isinstance(error, RecipientsRefused)
    assert (error.temporary, error.refused[0][1].code) == (False, 550)


@pytest.mark.parametrize("lmtp", [False, True])
def test_all_recipients_are_refused_and_nothing_more_is_said(network, lmtp):
    """Not even to DATA, which was sent with them."""
    for last in (HANG_UP, SILENCE, "421 4.3.2 Down"):
        error = sent(network, ["PIPELINING"], lmtp, RCPT="550 5.1.1 No", DATA=last).error
        assert isinstance(error, RecipientsRefused)
        assert [refusal.code for _, refusal in error.refused] == [550] * 3


@EACH
def test_some_recipients_are_refused_and_then_the_connection_is_lost(network, offers):
    """The others were not delivered to; for those that were refused there is no need to try again."""
    error = sent(network, offers, False, RCPT=["550 5.1.1 one", "250 2.1.5 two", HANG_UP]).error
    assert isinstance(error, ConnectionDone)
    assert (error.command, error.delivered) == ("RCPT", Delivered.NO)
    assert [(each, refusal.code) for each, refusal in error.refused] == [(TO[0], 550)]


@EACH
@LATER
def test_some_recipients_are_refused_and_the_message_is_not_answered(network, offers, end):
    said, kind, delivered = ENDS[end]
    error = sent(network, offers, False, RCPT=["550 5.1.1 one"], END=said).error
    assert isinstance(error, kind)
    assert error.delivered is delivered
    assert [(each, refusal.code) for each, refusal in error.refused] == [(TO[0], 550)]


@EACH
@pytest.mark.parametrize("verb", ["DATA", "END"])
def test_some_recipients_are_refused_and_then_the_message(network, offers, verb):
    if "CHUNKING" in offers and verb == "DATA":
        verb = "END"
    error = sent(network, offers, False, RCPT=["550 5.1.1 one"], **{verb: ["451 4.3.0 Later"]}).error
    assert isinstance(error, SMTPError)
    assert (error.code, error.temporary, error.delivered) == (451, True, Delivered.NO)
    assert [(each, refusal.code) for each, refusal in error.refused] == [(TO[0], 550)]


def test_the_sender_is_refused_and_the_connection_closed(network):
    for offers in OFFERS.values():
        error = sent(network, offers, False, MAIL=b"550 5.1.0 Not you\r\n", RCPT=HANG_UP).error
        assert (error.code, error.command) == (550, "MAIL")


def test_no_half_a_reply_counts(network):
    error = sent(network, [], True, TO[:2], END=["250 2.0.0 one", b"250 2.0"]).result().refused[0][1]
    assert isinstance(error, TimeoutError)


# ---- PRDR


@LATER
@pytest.mark.parametrize("offers", [["PRDR"], ["PRDR", "CHUNKING", "PIPELINING"]], ids=["DATA", "BDAT"])
def test_prdr_that_ends_early(network, offers, end):
    said, kind, delivered = ENDS[end]
    rest = {HANG_UP: b"", SILENCE: b""}.get(said, f"{said}\r\n".encode() if isinstance(said, str) else b"")
    net = network(offers=offers, END=[b"353 now\r\n250 2.0.0 one\r\n550 5.7.1 two\r\n" + rest])
    outcome = Outcome(net.greeted().send("me@example.org", TO, BODY))
    net.flush()
    if said == HANG_UP:
        net.servers[0].transport.loseConnection()
        net.flush()
    net.advance(601)
    result = outcome.result()
    assert [each for each, _ in result.accepted] == TO[:1]
    (two, refusal), (three, error) = result.refused
    assert (two, three, refusal.code) == (TO[1], TO[2], 550)
    assert isinstance(error, kind)
    assert error.delivered is delivered
    assert error.command == ("BDAT" if "CHUNKING" in offers else "DATA")


@pytest.mark.parametrize("refusals", [0, 3])
def test_prdr_without_the_last_word(network, refusals):
    """The replies that came are those of the recipients; the last would have overridden them only by a no."""
    said = [b"550 5.7.1 No\r\n"] * refusals + [b"250 2.0.0 Ok\r\n"] * (3 - refusals)
    net = network(offers=["PRDR"], END=[b"353 now\r\n" + b"".join(said)])
    outcome = Outcome(net.greeted().send("me@example.org", TO, BODY))
    net.flush()
    net.servers[0].transport.loseConnection()
    net.flush()
    if refusals:
        assert isinstance(outcome.error, RecipientsRefused)
    else:
        assert len(outcome.result().accepted) == 3


# ---- by hand


@pytest.mark.parametrize("how", ["data", "bdat", "transmit"])
def test_by_hand(network, how):
    net = network(offers=["CHUNKING"], lmtp=True, END=["250 2.0.0 one", "550 5.2.1 two", HANG_UP])
    client = net.greeted(lmtp=True)
    net.result(client.mail("me@example.org"))
    for each in TO:
        net.result(client.rcpt(each))
    call = {"data": client.data, "transmit": client.transmit}.get(how)
    one, two, three = net.result(client.bdat(BODY, True, 3) if call is None else call(BODY, 3))
    assert (one.code, two.code) == (250, 550)
    assert isinstance(three, ConnectionDone)
    assert three.delivered is Delivered.MAYBE


# ---- cancelled


@EACH
@pytest.mark.parametrize("replies", [0, 1, 2])
def test_cancelled_after_some_had_it(network, offers, replies):
    """The error says who, so that a second attempt leaves them out."""
    ends = ["250 2.0.0 Ok"] * replies + [SILENCE] * 3
    net = network(offers=offers, lmtp=True, RCPT=[None, "550 5.1.1 two"], END=ends)
    outcome = Outcome(given := net.greeted(lmtp=True).send("me@example.org", [*TO, "four@example.net"], BODY))
    net.flush()
    given.cancel()
    error = outcome.error
    assert isinstance(error, CommandCancelled)
    assert isinstance(error, CancelledError)
    assert [each for each, _ in error.accepted] == [TO[0], TO[2]][:replies]
    assert error.delivered is (Delivered.YES if replies else Delivered.MAYBE)
    assert [(each, refusal.code) for each, refusal in error.refused] == [(TO[1], 550)]
    assert len(outcome.results) == 1


# ---- in several transactions (RFC 9422)

LIMITED = ["LIMITS RCPTMAX=1"]


@LATER
def test_several_transactions_of_which_one_is_lost(network, end):
    """No reply is made up for those that had none."""
    said, kind, delivered = ENDS[end]
    result = sent(network, LIMITED, False, END=["250 2.0.0 one", said]).result()
    assert [each for each, _ in result.accepted] == TO[:1]
    assert [each for each, _ in result.refused] == TO[1:]
    assert all(isinstance(error, kind) for _, error in result.refused)
    assert [error.delivered for _, error in result.refused] == [delivered, Delivered.NO]


def test_several_transactions_that_are_refused_and_lost(network):
    error = sent(network, LIMITED, False, RCPT=["550 5.1.1 one", HANG_UP]).error
    assert isinstance(error, ConnectionDone)
    (one, refusal), (three, unsent) = error.refused
    assert (one, refusal.code, three) == (TO[0], 550, TO[2])
    assert isinstance(unsent, ConnectionDone)
    error = sent(network, LIMITED, False, END=["550 5.1.1 one", "450 4.1.1 two", "550 5.1.1 three"]).error
    assert isinstance(error, RecipientsRefused)
    assert [(each, refusal.code) for each, refusal in error.refused] == list(zip(TO, [550, 450, 550], strict=True))
    error = sent(network, LIMITED, False, MAIL="550 5.1.0 Not you").error
    assert (type(error), error.code) == (SMTPError, 550)


def test_several_transactions_of_which_one_is_cancelled(network):
    net = network(offers=LIMITED, END=["250 2.0.0 one", SILENCE])
    outcome = Outcome(given := net.greeted().send("me@example.org", TO, BODY))
    net.flush()
    given.cancel()
    error = outcome.error
    assert isinstance(error, CommandCancelled)
    assert ([each for each, _ in error.accepted], error.delivered) == (TO[:1], Delivered.YES)


def test_a_body_that_fails_after_others_had_it(network):
    """The result says who has it, and the others' error that it was the body."""

    class File:
        times = 0
        done = False

        def seekable(self):
            return True

        def tell(self):
            return 0

        def seek(self, at):
            self.times += 1
            self.done = False

        def read(self, size):
            if self.times > 6:  # the file is looked at once, and wound back before each transaction, twice
                raise OSError("the disk is gone")
            done, self.done = self.done, True
            return b"" if done else BODY

    net = network(offers=LIMITED)
    outcome = Outcome(net.greeted().send("me@example.org", TO, File()))
    net.flush()
    result = outcome.result()
    assert [each for each, _ in result.accepted] == TO[:2]
    ((three, error),) = result.refused
    assert three == TO[2]
    assert str(error) == "the body failed: OSError: the disk is gone"
    assert error.delivered is Delivered.NO


def test_an_address_that_is_none_is_found_before_anything_is_sent(network):
    net = network(offers=LIMITED)
    outcome = Outcome(net.greeted().send("me@example.org", [*TO, "no address"], BODY))
    assert isinstance(outcome.error, ValueError)
    assert net.servers[0].verbs == ["EHLO"]


def test_the_same_address_twice_in_two_transactions(network):
    result = sent(network, LIMITED, False, ["a@example.net"] * 3, END=["250 2.0.0 one", "550 5.2.1 two"]).result()
    assert [reply.code for _, reply in result.accepted] == [250, 250]
    assert [error.code for _, error in result.refused] == [550]


def test_nothing_fires_twice(network):
    """A cancelled message whose replies come all the same."""
    net = network(lmtp=True, END=["250 2.0.0 one", SILENCE, SILENCE])
    results = []
    given: Deferred = net.greeted(lmtp=True).send("me@example.org", TO, BODY)
    given.addBoth(results.append)
    net.flush()
    given.cancel()
    net.servers[0].send_reply("250 2.0.0 two\n250 2.0.0 three")
    net.flush()
    assert len(results) == 1

YES, NO = Reply(250, (2, 0, 0), "yes"), Reply(550, (5, 0, 0), "no")


def test_all_that_was_accepted_and_all_that_was_refused():
    outcomes = [
        (["a", "b"], Result([("a", YES)], [("b", SMTPError.from_reply(NO))])),
        (["c", "d"], Result([("c", YES)], [("d", SMTPError.from_reply(NO))])),
        (["e"], RecipientsRefused([("e", SMTPError.from_reply(NO, "RCPT"))])),
        (["f"], SMTPError.from_reply(NO)),
    ]
    result = merged(outcomes)
    assert [who for who, _ in result.accepted] == ["a", "c"]
    assert [who for who, _ in result.refused] == ["b", "d", "e", "f"]
