"""RFC 5321: the commands of SMTP itself, the first extension of all; DATA is in `txsmtpx.extensions.data`."""

from __future__ import annotations

from txsmtpx.dialog.extension import Answer, Extension, Verb
from txsmtpx.dialog.outcome_reply import answer
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.server_session import abort_transaction, with_session
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.dialog.state import ANY, State
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.data import DATA
from txsmtpx.extensions.vrfy_expn import EXPN, VRFY
from txsmtpx.grammar import asciitext, esmtp_parameter, path, replies
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import SessionLike
from txsmtpx.interfaces.connection import NO_ATTRIBUTES
from txsmtpx.settling import then

_MAIL, _RCPT = State.MAIL, State.RCPT  # a look-up of these costs as much as a function call


def ehlo(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer EHLO (§4.1.1.1), or LHLO (RFC 2033 §4.1).  Both reset, as RSET does (§4.1.4).

    Args:
        dialog: The client's dialog.
        argument: The client's name.

    Returns:
        250 with the extensions, or 501.
    """
    return _hello(dialog, argument, extended=True)


def helo(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer HELO (§4.1.1.1).

    Args:
        dialog: The client's dialog.
        argument: The client's name.

    Returns:
        250 or 501.
    """
    return _hello(dialog, argument, extended=False)


def _hello(dialog: ServerDialog, argument: str, extended: bool) -> Answer:
    if not argument:
        return replies.syntax_501("EHLO or HELO, and your domain")
    name = argument.partition(" ")[0]

    def greeted() -> Reply:
        connection = dialog.connection
        connection.helo = connection.xclient.get("HELO") or name  # a proxy may send EHLO in its own name
        connection.extended = extended
        connection.xforward = NO_ATTRIBUTES
        dialog.enter(State.READY)
        return replies.hello_250(dialog.settings.domain, *(_announced(dialog) if extended else ()))

    return abort_transaction(dialog, greeted)


def _announced(dialog: ServerDialog) -> list[str]:
    lines = []
    for extension in dialog.table.extensions:
        keyword = extension.keyword
        if keyword:
            values = "" if extension.announce is None else extension.announce(dialog)
            if values is not None:
                lines.append(f"{keyword} {values}" if values else keyword)
    return lines


def mail(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer MAIL (§4.1.1.2).

    Args:
        dialog: The client's dialog.
        argument: The path and the parameters.

    Returns:
        The backend's reply, 250 by default; or why the command is rejected.

    Raises:
        SMTPError: The path or a parameter is malformed.
    """
    dialog.transactions += 1
    if 0 < dialog.settings.max_transactions < dialog.transactions:
        return replies.TOO_MANY_TRANSACTIONS_452
    beginning = argument[:5]
    if beginning != "FROM:" and asciitext.upper(beginning) != "FROM:":
        return replies.syntax_501(MAIL.syntax)
    try:
        sender, rest = path.parse_path(argument[5:])
    except Malformed as malformed:
        raise SMTPError.from_reply(replies.bad_address_501(str(malformed))) from malformed
    if sender and "@" not in sender:  # <Postmaster>: §4.1.1.3 allows it without a domain in RCPT alone
        return replies.bad_address_501("a sender has a domain")
    given = MailOptions.__new__(MailOptions)  # __init__ checks arguments, of which there are none
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
    if dialog.session is None:
        return with_session(dialog, lambda session: _ask(dialog, session, sender, given))
    return _ask(dialog, dialog.session, sender, given)


def _ask(dialog: ServerDialog, session: SessionLike, sender: str, given: MailOptions) -> Answer:
    """Ask the backend whether it accepts a sender."""
    result: object = session.mail(sender, given)
    if result is None:
        return _open(dialog, sender, given)
    known: Answer = then(result, lambda value: _sender_known(dialog, sender, given, value))
    return known


def _sender_known(dialog: ServerDialog, sender: str, given: MailOptions, value: object) -> Reply:
    if value is None:
        return _open(dialog, sender, given)
    reply = answer(value, dialog.session, "mail")
    if reply.positive:
        _open(dialog, sender, given)
    return reply


def _open(dialog: ServerDialog, sender: str, given: MailOptions) -> Reply:
    settings = dialog.settings
    dialog.transaction = Transaction(sender, given, next(settings.queue_ids), dialog.connection, settings)
    dialog.go_on(_MAIL)
    return replies.SENDER_OK_250


def rcpt(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer RCPT (§4.1.1.3).

    Args:
        dialog: The client's dialog.
        argument: The path and the parameters.

    Returns:
        The backend's reply, 250 by default; or why the command is rejected.

    Raises:
        SMTPError: The path or a parameter is malformed.
    """
    beginning = argument[:3]
    if beginning != "TO:" and asciitext.upper(beginning) != "TO:":
        return replies.syntax_501(RCPT.syntax)
    try:
        recipient, rest = path.parse_path(argument[3:])
    except Malformed as malformed:
        raise SMTPError.from_reply(replies.bad_address_501(str(malformed))) from malformed
    if not recipient:
        return replies.bad_address_501("a recipient cannot be <>")
    transaction, session = dialog.transaction, dialog.session
    assert transaction is not None and session is not None
    if not recipient.isascii() and not transaction.options.smtputf8:
        return replies.NOT_ASCII_553
    given = RcptOptions.__new__(RcptOptions)  # as in mail
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

    def answered(value: object) -> Reply:
        reply = replies.RECIPIENT_OK_250 if value is None else answer(value, session, "rcpt")
        if reply.code < 400:
            transaction.recipients.append(recipient)
            transaction.recipient_options.append(given)
            if domain:
                dialog.recipient_domains |= {domain}
            dialog.go_on(_RCPT)
        return reply

    result: object = session.rcpt(recipient, given)
    known: Answer = answered(None) if result is None else then(result, answered)
    return known


def _parameters(text: str, known: dict[str, esmtp_parameter.Parameter], given: Options) -> None:
    try:
        esmtp_parameter.parse(text, known, given)
    except esmtp_parameter.UnknownParameter as error:
        raise SMTPError.from_reply(replies.unknown_parameter_555(str(error))) from error
    except Malformed as malformed:
        raise SMTPError.from_reply(replies.bad_parameter_501(str(malformed))) from malformed


def rset(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer RSET (§4.1.1.5): abort the transaction, if one is open.

    Args:
        dialog: The client's dialog.
        argument: Rejected if there is one.

    Returns:
        250 or 501.
    """
    if argument:
        return replies.TAKES_NO_PARAMETERS_501
    dialog.connection.xforward = NO_ATTRIBUTES
    return abort_transaction(dialog, lambda: replies.OK_250)


def noop(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer NOOP (§4.1.1.9).

    Args:
        dialog: The client's dialog.
        argument: Ignored.

    Returns:
        250.
    """
    return replies.OK_250


def help(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer HELP (§4.1.1.8), from the table.

    Args:
        dialog: The client's dialog.
        argument: A command, or nothing.

    Returns:
        214 with the syntax of the command, or with all commands; 504 for another word.
    """
    verbs = dialog.table.verbs
    if not argument:
        return replies.help_214("Commands: " + " ".join(verbs), "HELP with a command returns its syntax")
    verb = verbs.get(asciitext.upper(argument))
    return replies.NO_HELP_504 if verb is None else replies.help_214(f"Syntax: {verb.syntax}")


def quit(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer QUIT (§4.1.1.10).

    Args:
        dialog: The client's dialog.
        argument: Rejected if there is one.

    Returns:
        221, which closes the connection, or 501.
    """
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
RSET = Verb("RSET", rset, "RSET", ANY, before_auth=True, grouped=True)
NOOP = Verb("NOOP", noop, "NOOP [anything]", ANY, before_tls=True, before_auth=True)
HELP = Verb("HELP", help, "HELP [command]", ANY, before_auth=True)
QUIT = Verb("QUIT", quit, "QUIT", ANY, before_tls=True, before_auth=True)

COMMON = (MAIL, RCPT, DATA, RSET, NOOP, VRFY, EXPN, HELP, QUIT)
"""The commands that LMTP has too."""

SMTP = Extension("", "RFC 5321", verbs=(EHLO, HELO, *COMMON))
