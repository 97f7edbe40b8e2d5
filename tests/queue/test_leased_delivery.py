"""What is leased: reports to the sender, and routes that have changed."""

import io

import pytest

from tests.queue.queues import ANN, BOB, BODY, ME, Queues
from txsmtpx import MailOptions, RcptOptions
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.queue.leased_delivery import tls_not_required
from txsmtpx.queue.report_request import Report
from txsmtpx.queue.route import Route, Routes
from txsmtpx.testing import ScriptedServer

NO = "550 5.1.1 No such mailbox"


class Reporter:
    """
    Writes reports.

    Attributes:
        told: The action and the recipients of each report.
        failing: True if it fails.
    """

    def __init__(self):
        self.told, self.bodies, self.failing = [], [], False

    def __call__(self, request, body):
        if self.failing:
            raise RuntimeError("no report")
        addresses = tuple(each.recipient.address for each in request.recipients)
        self.told.append((request.recipients[0].action, addresses))
        self.bodies.append(body.read())
        return Report(request.mail.envelope.sender, b"Subject: a report\r\n\r\n")


@pytest.fixture
def reporter():
    return Reporter()


@pytest.fixture
def queues(reporter):
    made = []

    def make(*arguments, **keywords):
        made.append(Queues(*arguments, reporter=reporter, **keywords))
        return made[-1]

    yield make
    for each in made:
        each.stop(60)


def scripted(**script):
    return lambda: ScriptedServer(**script)


def test_a_message_that_fails_is_reported_and_the_report_is_delivered(queues, reporter):
    one = queues({"example.net": scripted(RCPT=NO), "*": ScriptedServer})
    one.submit(ANN, "eve@example.net", BOB)
    assert reporter.told == [("failed", (ANN, "eve@example.net"))]
    assert reporter.bodies == [BODY]
    assert sorted(one.messages()) == [b"Subject: a report\r\n\r\n", BODY]
    assert "MAIL FROM:<>" in one.lines()
    assert f"RCPT TO:<{ME}>" in one.lines()


def test_there_is_no_report_of_a_report(queues, reporter):
    one = queues({"*": scripted(RCPT=NO)})
    one.submit(ANN, sender="")
    assert reporter.told == []
    assert one.store.mails == {}


@pytest.mark.parametrize(("notify", "told"), [((), 0), (("SUCCESS",), 0), (("FAILURE",), 1), (None, 1)])
def test_notify_decides_about_a_report_of_a_failure(queues, reporter, notify, told):
    one = queues({"example.net": scripted(RCPT=NO), "*": ScriptedServer})
    one.submit((ANN, RcptOptions(notify=notify)))
    assert len(reporter.told) == told


def test_a_success_is_reported_if_the_server_does_not(queues, reporter):
    one = queues({"example.net": ScriptedServer, "*": lambda: ScriptedServer(["DSN"])})
    one.submit((ANN, RcptOptions(notify=["SUCCESS"])), (BOB, RcptOptions(notify=["SUCCESS"])))
    assert reporter.told == [("relayed", (ANN,))]
    assert f"RCPT TO:<{BOB}> NOTIFY=SUCCESS" in one.lines()


def test_by_lmtp_it_is_delivered(queues, reporter):
    one = queues({"*": lambda: ScriptedServer(lmtp=True)}, lmtp=True)
    one.submit((ANN, RcptOptions(notify=["SUCCESS"])), sender="x@example.org")
    assert reporter.told[0] == ("delivered", (ANN,))


def test_a_delay_is_reported_once(queues, reporter):
    one = queues({"example.net": scripted(MAIL="451 4.3.0 Later"), "*": ScriptedServer}, delay_report=1000.0)
    one.submit(ANN, ("eve@example.net", RcptOptions(notify=["FAILURE"])))
    for _ in range(200):
        one.advance(100)
    assert reporter.told == [("delayed", (ANN,))]


def test_a_time_that_has_passed_is_reported(queues, reporter):
    one = queues({"example.net": scripted(MAIL="451 4.3.0 Later"), "*": ScriptedServer}, retry=3000.0)
    one.submit(ANN, options=MailOptions(deliver_by=DeliverBy(600, "N")))
    one.advance(599)
    assert reporter.told == []
    one.advance(1)
    assert reporter.told == [("delayed", (ANN,))]


def test_a_report_that_cannot_be_written_loses_no_mail(queues, reporter, logged_failures):
    one = queues({"example.net": scripted(RCPT=NO), "*": ScriptedServer})
    reporter.failing = True
    one.submit(ANN)
    assert [str(each.value) for each in logged_failures.flush(RuntimeError)] == ["no report"]
    assert one.store.pending() == [(ANN, "waiting", 1)]
    reporter.failing = False
    one.advance(400)
    assert reporter.told == [("failed", (ANN,))]
    assert one.store.mails == {}


def test_the_routes_of_now_count_for_what_was_stored_before(queues):
    one = queues({"*": ScriptedServer, "example.net": ScriptedServer})
    one.stop(60)
    one.submit(ANN, BOB)
    route = Route("*", one.nets["*"], tls="none")
    one.queue.routes = Routes([route])
    one.queue.startService()
    one.flush()
    assert one.nets["example.net"].servers == []
    assert sorted(address for address, _, _ in one.store.final) == [ANN, BOB]


def test_a_message_whose_body_is_gone_waits_and_then_fails_with_a_report(queues, reporter):
    one = queues(expire=1000.0, retry=300.0)
    one.store.broken = {"open_body"}
    one.submit(ANN)
    assert one.store.pending() == [(ANN, "waiting", 1)]
    for _ in range(20):
        one.advance(100)
        if reporter.told:
            break
    assert reporter.told == [("failed", (ANN,))]
    assert reporter.bodies == [b""]
    one.store.broken = set()


def test_an_observer_that_fails_stops_neither_reports_nor_attempts(queues, reporter, logged_failures):
    """The outcomes are stored then."""

    class Observer:
        def attempted(self, destination, outcome, seconds):
            raise RuntimeError(f"{outcome} is not counted")

    one = queues({"example.net": scripted(RCPT=[NO, "451 4.2.0 Later"]), "*": ScriptedServer}, retry=300.0)
    one.queue.observer = Observer()
    one.submit(ANN, "eve@example.net")
    texts = [str(each.value) for each in logged_failures.flush(RuntimeError)]
    assert sorted(texts) == [f"{each} is not counted" for each in ("deferred", "delivered", "failed")]
    assert reporter.told == [("failed", (ANN,))]
    one.advance(400)
    assert one.store.mails == {}
    assert len(logged_failures.flush(RuntimeError)) == 2  # of this attempt, and of the report


# ---- TLS-Required (RFC 8689 §3, §5)


def message(*fields, body=b"hello\r\n"):
    return b"".join(each + b"\r\n" for each in (b"Subject: x", *fields, b"To: ann@example.net")) + b"\r\n" + body


FIELD = b"TLS-Required: No"
LONG = [b"X-Long: " + b"x" * 900] * 60
"""Fields of 54 kB: the header is looked at in the first 64 KiB."""


@pytest.mark.parametrize("fields", [
    [FIELD],
    [b"tls-required: no"],
    [b"TLS-REQUIRED: NO"],
    [b"TLS-Required:No"],
    [b"TLS-Required: \t No \t"],
    [b"TLS-Required:\r\n No"],
    [*LONG, FIELD],
    [FIELD, *LONG, *LONG],
])  # fmt: skip
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
def test_a_message_that_needs_no_tls(fields, as_file):
    octets = message(*fields)
    body = io.BytesIO(octets) if as_file else octets
    assert tls_not_required(body)
    if as_file:
        assert body.read() == octets  # it is sent after that


@pytest.mark.parametrize("octets", [
    message(),
    message(b"TLS-Required: Yes"),
    message(b"TLS-Required:"),
    message(b"TLS-Required: No, really"),
    message(b"TLS-Required: Now"),
    message(b"TLS-Required: N o"),
    message(FIELD, FIELD),
    message(FIELD, b"tls-required: Yes"),
    message(b"TLS-Required: Yes", FIELD),
    message(b"X-TLS-Required: No"),
    message(b"TLS-Required-X: No"),
    message(b"X: TLS-Required: No"),
    message(b"X: y", b" TLS-Required: No"),
    message(body=FIELD + b"\r\n"),
    message(body=b"\r\n" + FIELD + b"\r\n\r\nx"),
    message(b"Content-Type: message/rfc822", body=message(FIELD)),
    b"\r\n" + message(FIELD),
    FIELD[:-1],
    b"",
])  # fmt: skip
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
def test_a_message_that_needs_tls(octets, as_file):
    """RFC 8689 §3: the value No, exactly once, in the header of the message itself."""
    body = io.BytesIO(octets) if as_file else octets
    assert not tls_not_required(body)
    if as_file:
        assert body.read() == octets


@pytest.mark.parametrize("rest", [b"t for you", b"\r\n really"])
@pytest.mark.parametrize("more", range(-3, 3))
def test_a_field_that_is_cut_off_does_not_count(rest, more):
    """64 KiB are looked at, and what is behind them may be a part of the value."""
    before = b"Subject: x\r\nX: "
    filler = b"x" * (65536 + more - len(before) - len(b"\r\n") - len(FIELD)) + b"\r\n"
    octets = before + filler + FIELD + rest + b"\r\n\r\nhello\r\n"
    assert not tls_not_required(octets)
    assert tls_not_required(before + filler[1000:] + FIELD + b"\r\n\r\nhello\r\n")


def test_a_message_that_needs_no_tls_shares_the_connections_of_a_route(queues):
    """The policies are those of exchangers.  A route has settings of its own."""
    one = queues()
    one.submit(ANN)
    one.submit(ANN, body=message(FIELD))
    assert [len(net.servers) for net in one.nets.values()] == [1]
    assert len(one.server().messages) == 2


@pytest.mark.parametrize(("field", "found"), [
    ("TLS-Required: No", True),
    ("tls-required:no", True),
    ("TLS-Required:\r\n No ", True),
    ("X: a\r\n b\r\nTLS-Required : No", True),
    ("TLS-Required: Yes", False),
    ("TLS-Required: No (a comment)", False),
    ("TLS-Required: No\r\nTLS-Required: No", False),  # it must not be there twice
    ("TLS-Required: Yes\r\nTLS-Required: No", False),
    ("TLS-Required: =?utf-8?q?No?=", False),
    ("TLS-Required: No\0", False),
    ("TLS-Required: \xa0No", False),
    ("Subject: TLS-Required: No", False),
    ("X: a\r\n TLS-Required: No", False),
    ("X: a\r\n\r\nTLS-Required: No", False),
    ("no field\r\nTLS-Required: No", False),
])  # fmt: skip
def test_the_field_as_it_is_written(field, found):
    message = f"From: ann@example.org\r\n{field}\r\n\r\nHello\r\n".encode("latin-1")
    assert tls_not_required(message) is found
    file = io.BytesIO(message)
    assert tls_not_required(file) is found
    assert file.tell() == 0


def test_a_route_has_its_own_tls_and_so_one_pool():
    queues = Queues({"*": ScriptedServer}, connections=1)
    queues.submit(ANN)
    queues.submit(ANN, body=b"TLS-Required: No\r\n" + BODY)
    assert [state for _, state, _ in queues.store.final] == ["delivered"] * 2
    assert len(queues.nets["*"].servers) == 1
    queues.stop(60)
