"""
RFC 5321: the commands of SMTP itself, the first extension of all.
"""

from __future__ import annotations

from typing import Any

from txsmtpx.dialog.body import DotBody
from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.outcome import answer
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.state import ANY, State
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.vrfy_expn import EXPN, VRFY
from txsmtpx.grammar import asciitext, options, path, replies
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply


def ehlo(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.1; under LMTP it is called LHLO (RFC 2033 §4.1).  Resets, as RSET does (§4.1.4)."""
    return _hello(dialog, argument, extended=True)


def helo(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.1."""
    return _hello(dialog, argument, extended=False)


def _hello(dialog: ServerDialog, argument: str, extended: bool) -> Any:
    if not argument:
        return replies.syntax_501("EHLO or HELO, and your domain")
    name = argument.partition(" ")[0]

    def greeted() -> Reply:
        dialog.greeted(name, extended)
        return replies.hello_250(dialog.settings.domain, *(_announced(dialog) if extended else ()))

    return dialog.abort_transaction(greeted)


def _announced(dialog: ServerDialog) -> list[str]:
    lines = []
    for extension in dialog.table.extensions:
        if extension.keyword:
            said = extension.announce(dialog)
            if said is not None:
                lines.append(f"{extension.keyword} {said}" if said else extension.keyword)
    return lines


def mail(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.2."""
    dialog.transactions += 1
    if 0 < dialog.settings.max_transactions < dialog.transactions:
        return replies.TOO_MANY_TRANSACTIONS_452
    beginning = argument[:5]
    if beginning != "FROM:" and asciitext.upper(beginning) != "FROM:":
        return replies.syntax_501(MAIL.syntax)
    sender, rest = _path(argument[5:])
    if sender and "@" not in sender:  # <Postmaster>: §4.1.1.3 lets it stand without a domain in RCPT alone
        return replies.bad_address_501("a sender has a domain")
    given = MailOptions()
    if rest:
        table = dialog.table
        _parameters(rest, table.mail, given)
        if not rest.isascii() and not given.smtputf8:
            return replies.NOT_ASCII_501
        for check in table.mail_checks:
            refused = check(dialog, given)
            if refused is not None:
                return refused
    if not sender.isascii() and not given.smtputf8:
        return replies.SENDER_NOT_ASCII_550

    return dialog.with_session(
        lambda session: dialog.ask(session.mail(sender, given), lambda said: _sender_known(dialog, sender, given, said))
    )


def _sender_known(dialog: ServerDialog, sender: str, given: MailOptions, said: object) -> Reply:
    reply = replies.SENDER_OK_250 if said is None else answer(said, dialog.session, "mail")
    if reply.positive:
        dialog.open_transaction(sender, given)
    return reply


def rcpt(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.3."""
    beginning = argument[:3]
    if beginning != "TO:" and asciitext.upper(beginning) != "TO:":
        return replies.syntax_501(RCPT.syntax)
    recipient, rest = _path(argument[3:])
    if not recipient:
        return replies.bad_address_501("nobody is called <>")
    transaction = dialog.transaction
    assert transaction is not None
    if not recipient.isascii() and not transaction.options.smtputf8:
        return replies.NOT_ASCII_553
    given = RcptOptions()
    if rest:
        _parameters(rest, dialog.table.rcpt, given)
        if not rest.isascii() and not transaction.options.smtputf8:  # RFC 6533 §3: ORCPT has a form in ASCII too
            return replies.NOT_ASCII_501
    limit = dialog.settings.max_recipients
    if limit and len(transaction.recipients) >= limit:
        return replies.TOO_MANY_RECIPIENTS_452
    domain = ""
    if dialog.settings.max_recipient_domains:
        domain = domain_key(path.split(recipient)[1] or dialog.settings.domain)
        if dialog.settings.max_recipient_domains < len(dialog.recipient_domains | {domain}):
            return replies.TOO_MANY_DOMAINS_452

    def accepted(said: object) -> Reply:
        reply = replies.RECIPIENT_OK_250 if said is None else answer(said, dialog.session, "rcpt")
        if reply.positive:
            transaction.recipients.append(recipient)
            transaction.recipient_options.append(given)
            if domain:
                dialog.recipient_domains |= {domain}
            dialog.recipient_accepted()
        return reply

    return dialog.ask(dialog.session.rcpt(recipient, given), accepted)


def _path(text: str) -> tuple[str, str]:
    try:
        return path.parse_path(text)
    except Malformed as malformed:
        raise SMTPError.from_reply(replies.bad_address_501(str(malformed))) from malformed


def _parameters(text: str, known: dict[str, options.Parameter], given: options.Options) -> None:
    try:
        options.parse(text, known, given)
    except options.UnknownParameter as error:
        raise SMTPError.from_reply(replies.unknown_parameter_555(str(error))) from error
    except Malformed as malformed:
        raise SMTPError.from_reply(replies.bad_parameter_501(str(malformed))) from malformed


def data(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.4."""
    if argument:
        return replies.TAKES_NO_PARAMETERS_501
    if dialog.transaction is not None and dialog.transaction.options.body == "BINARYMIME":
        return replies.BDAT_ONLY_503  # RFC 3030 §3
    dialog.reply(replies.SEND_DATA_354)
    policy = dialog.settings.bare_newlines
    body = DotBody(dialog.begin_message(), policy)

    def ended() -> Any:
        context = dialog.context
        if body.bare and policy == "reject" and context is not None:
            return dialog.end_message(replies.bare_newline_550(context.queue_id))
        return dialog.end_message()

    dialog.expect_body(body, ended)
    return None


def rset(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.5."""
    if argument:
        return replies.TAKES_NO_PARAMETERS_501
    dialog.connection.xforward = {}
    return dialog.abort_transaction(lambda: replies.OK_250)


def noop(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.9."""
    return replies.OK_250


def help(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.8, from the table."""
    verbs = dialog.table.verbs
    if not argument:
        return replies.help_214("Commands: " + " ".join(verbs), "HELP and a command tells its syntax")
    verb = verbs.get(asciitext.upper(argument))
    return replies.NO_HELP_504 if verb is None else replies.help_214(f"Syntax: {verb.syntax}")


def quit(dialog: ServerDialog, argument: str) -> Any:
    """§4.1.1.10."""
    if argument:
        return replies.TAKES_NO_PARAMETERS_501
    return replies.closing_221(dialog.settings.domain)


EHLO = Verb("EHLO", ehlo, "EHLO your.domain", ANY, before_tls=True, before_auth=True)
HELO = Verb("HELO", helo, "HELO your.domain", ANY, before_auth=True)
MAIL = Verb(
    "MAIL",
    mail,
    "MAIL FROM:<address> [parameter ...]",
    frozenset({State.READY}),
    misplaced=replies.NESTED_MAIL_503,
    grouped=True,
)
RCPT = Verb("RCPT", rcpt, "RCPT TO:<address> [parameter ...]", frozenset({State.MAIL, State.RCPT}), grouped=True)
DATA = Verb("DATA", data, "DATA", frozenset({State.RCPT}))
RSET = Verb("RSET", rset, "RSET", ANY, before_auth=True, grouped=True)
NOOP = Verb("NOOP", noop, "NOOP [anything]", ANY, before_tls=True, before_auth=True)
HELP = Verb("HELP", help, "HELP [command]", ANY, before_auth=True)
QUIT = Verb("QUIT", quit, "QUIT", ANY, before_tls=True, before_auth=True)

COMMON = (MAIL, RCPT, DATA, RSET, NOOP, VRFY, EXPN, HELP, QUIT)
"""What LMTP has as well."""

SMTP = Extension("", "RFC 5321", verbs=(EHLO, HELO, *COMMON))
