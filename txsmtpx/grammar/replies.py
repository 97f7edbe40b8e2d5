"""
The replies of the server.

Replies with a fixed text are constants, the others are functions.  Each name ends in the reply code, so that a caller
sees which code it sends.  If only one extension or one backend sends a reply, the reply is in the file of that one.

Reply codes are those of RFC 5321 §4.2.3 and of each extension's RFC.  Enhanced codes are those of RFC 3463 and
RFC 5248.
"""

from __future__ import annotations

from functools import lru_cache

from txsmtpx.grammar.reply import EnhancedCode, Reply

# Replies that a server sends to each client are cached, with their octets.

# 2xx: the command is completed.

OK_250 = Reply(250, (2, 0, 0), "Ok")
"""To NOOP, RSET and XFORWARD."""
SENDER_OK_250 = Reply(250, (2, 1, 0), "Sender ok")
"""To MAIL, if the sender is accepted."""
RECIPIENT_OK_250 = Reply(250, (2, 1, 5), "Recipient ok")
"""To RCPT, if the recipient is accepted."""


@lru_cache(maxsize=100)
def greeting_220(domain: str, protocol: str, ident: str) -> Reply:
    """
    Return the greeting (RFC 5321 §4.2).  It has no enhanced code.

    Args:
        domain: The name of the server.
        protocol: "ESMTP" or "LMTP".
        ident: The name of the software, or "".

    Returns:
        The reply.

    Example:
        >>> print(greeting_220("mail.example.org", "ESMTP", "txsmtpx"))
        220 mail.example.org ESMTP txsmtpx
    """
    return Reply(220, None, f"{domain} {protocol} {ident}".rstrip(" "))


@lru_cache(maxsize=100)
def closing_221(domain: str) -> Reply:
    """
    Return the reply to QUIT.

    Args:
        domain: The name of the server.

    Returns:
        The reply.
    """
    return Reply(221, (2, 0, 0), f"{domain} closing the connection")


def help_214(*lines: str) -> Reply:
    """
    Return the reply to HELP.

    Args:
        *lines: The lines of the text.

    Returns:
        The reply.
    """
    return Reply(214, (2, 0, 0), *lines)


@lru_cache(maxsize=100)
def hello_250(*lines: str) -> Reply:
    """
    Return the reply to HELO, EHLO or LHLO.  It has no enhanced code (RFC 2034 §4).

    Args:
        *lines: The name of the server, and one line for each extension.

    Returns:
        The reply.
    """
    return Reply(250, None, *lines)


def delivered_250(text: str) -> Reply:
    """
    Return the reply for a recipient of a message, if the backend has delivered it.

    Args:
        text: The backend's text.

    Returns:
        The reply.
    """
    return Reply(250, (2, 0, 0), text)


# 3xx: the client must send more.  These replies have no enhanced codes (RFC 2034 §4).

SEND_DATA_354 = Reply(354, None, "End data with <CR><LF>.<CR><LF>")
"""To DATA: the client sends the message next."""


RECIPIENTS_FOLLOW_353 = Reply(353, None, "A reply for each recipient follows, then one for all")
"""To the end of a message with PRDR: the replies for the recipients follow."""


def shown(recipient: str) -> str:
    r"""
    Return a recipient as replies show it.

    Replies are in ASCII, except those to VRFY and EXPN (RFC 6531 §3.7.4.2).

    Args:
        recipient: The address.

    Returns:
        The address in angle brackets, each character beyond ASCII in the form of RFC 6533 §3.

    Example:
        >>> print(shown("jürgen@example.org"))
        <j\x{FC}rgen@example.org>
    """
    if recipient.isascii():
        return f"<{recipient}>"
    return "<" + "".join(each if each.isascii() else f"\\x{{{ord(each):02X}}}" for each in recipient) + ">"


# 4xx: a later attempt may succeed.

IDLE_421 = Reply(421, (4, 4, 2), "Idle for too long, closing the connection")
"""If the client sends no command within `read_timeout`. The connection is closed."""
MESSAGE_TIMEOUT_421 = Reply(421, (4, 4, 2), "The message took too long, closing the connection")
"""If the message is not complete within `message_timeout`. The connection is closed."""
SHUTTING_DOWN_421 = Reply(421, (4, 3, 2), "Service shutting down, closing the connection")
"""If the server stops. The connection is closed."""
TOO_MANY_CONNECTIONS_421 = Reply(421, (4, 7, 0), "Too many connections, try again later")
"""Instead of the greeting, if a limit on connections is reached. The connection is closed."""
TOO_MANY_ERRORS_421 = Reply(421, (4, 7, 0), "Too many errors, closing the connection")
"""After `max_errors` rejected commands. The connection is closed."""
TOO_MANY_RECIPIENTS_452 = Reply(452, (4, 5, 3), "Too many recipients")
"""To RCPT, if the message has `max_recipients` recipients already."""
TOO_MANY_DOMAINS_452 = Reply(452, (4, 5, 3), "Recipients of too many domains, connect again")
"""To RCPT, if the recipients of the connection have `max_recipient_domains` domains already."""
TOO_MANY_TRANSACTIONS_452 = Reply(452, (4, 5, 0), "Too many transactions, connect again")
"""To MAIL, after `max_transactions` messages on the connection."""
LOCAL_ERROR_451 = Reply(451, (4, 3, 0), "Local error in processing")
"""To a command, if the backend or an extension fails. The log has the traceback."""


def local_error_451(queue_id: str) -> Reply:
    """
    Return the reply to a message if the backend fails.  The log has the traceback.

    Args:
        queue_id: The identifier of the message.

    Returns:
        The reply.
    """
    return Reply(451, (4, 3, 0), f"Local error in processing ({queue_id})")


def delivery_timed_out_420(recipient: str) -> Reply:
    """
    Return the reply for a recipient of a message, if its delivery reaches its time-out.

    Args:
        recipient: The address.

    Returns:
        The reply.
    """
    return Reply(420, (4, 4, 7), f"{shown(recipient)} Error: timeout reached")


def delivery_expired_451(queue_id: str) -> Reply:
    """
    Return the reply to a message if its delivery takes longer than `delivery_timeout`.

    Args:
        queue_id: The identifier of the message.

    Returns:
        The reply.
    """
    return Reply(451, (4, 4, 7), f"Delivery took too long ({queue_id})")


# 5xx: the command is rejected, and the same attempt will be rejected again.

BARE_NEWLINE_500 = Reply(500, (5, 5, 2), "A command ends in <CR><LF>")
"""To a line that ends in a bare LF, if `bare_newlines` is "reject"."""
LINE_TOO_LONG_500 = Reply(500, (5, 5, 2), "Line too long")
"""To a command line that is longer than the limit."""
RESPONSE_TOO_LONG_500 = Reply(500, (5, 5, 6), "Response too long")
"""To a response of AUTH that is longer than the limit."""
UNKNOWN_COMMAND_500 = Reply(500, (5, 5, 2), "Command not recognized")
"""To a line that is not a command of the server."""
LMTP_ONLY_500 = Reply(500, (5, 5, 1), "This is an LMTP server, send LHLO")
"""To HELO or EHLO, if the server is an LMTP server."""
TAKES_NO_PARAMETERS_501 = Reply(501, (5, 5, 4), "That command takes no parameters")
"""To DATA, RSET, STARTTLS or QUIT with an argument."""
NOT_ASCII_501 = Reply(501, (5, 5, 4), "Bad parameter value: beyond ASCII it needs SMTPUTF8")
"""To a parameter that is not ASCII, if MAIL has no SMTPUTF8."""
NOT_OFFERED_502 = Reply(502, (5, 5, 1), "Command not offered here")
"""To a command that the server implements but does not offer, or to EXPN of an unknown list."""
EHLO_FIRST_503 = Reply(503, (5, 5, 1), "Send EHLO first")
"""To a command before HELO or EHLO."""
LHLO_FIRST_503 = Reply(503, (5, 5, 1), "Send LHLO first")
"""To a command before LHLO, if the server is an LMTP server."""
NESTED_MAIL_503 = Reply(503, (5, 5, 1), "A transaction is open already, RSET ends it")
"""To MAIL after MAIL."""
MAIL_FIRST_503 = Reply(503, (5, 5, 1), "MAIL comes first")
"""To RCPT, DATA or BDAT before MAIL."""
RCPT_FIRST_503 = Reply(503, (5, 5, 1), "No valid recipients, RCPT comes first")
"""To DATA or BDAT before a recipient is accepted."""
NOT_IN_TRANSACTION_503 = Reply(503, (5, 5, 1), "Not within a mail transaction")
"""To a command that is not allowed after MAIL, such as AUTH or STARTTLS."""
CHUNKS_BEGUN_503 = Reply(503, (5, 5, 1), "The message is being sent by BDAT")
"""To MAIL, RCPT or DATA after the first BDAT of a message."""
BDAT_ONLY_503 = Reply(503, (5, 5, 1), "A BINARYMIME message needs BDAT")
"""To DATA after MAIL with BODY=BINARYMIME."""
NO_HELP_504 = Reply(504, (5, 5, 4), "No help for that")
"""To HELP with an argument that is not a command."""
AUTH_FIRST_530 = Reply(530, (5, 7, 0), "Authentication required")
"""To MAIL and other commands before AUTH, if the server or the backend requires a login."""
TLS_FIRST_530 = Reply(530, (5, 7, 0), "Issue STARTTLS first")
"""To MAIL, AUTH and other commands before STARTTLS, if `require_tls` is set."""
TEMPORARY_LOGIN_FAILURE_454 = Reply(454, (4, 7, 0), "Temporary authentication failure")
"""To AUTH, if the program that checks logins cannot be asked, or has a fault (RFC 4954 §6)."""
BAD_CREDENTIALS_535 = Reply(535, (5, 7, 8), "Authentication credentials invalid")
"""To AUTH, if the user name or the password is wrong."""
SENDER_NOT_ASCII_550 = Reply(550, (5, 6, 7), "That sender needs SMTPUTF8")
"""To MAIL without SMTPUTF8, if the sender is not ASCII."""
EARLY_TALKER_554 = Reply(554, (5, 5, 1), "Wait for the greeting before the first command")
"""Instead of the greeting, if the client sends before it. The connection is closed."""
TOO_BIG_552 = Reply(552, (5, 3, 4), "Message too big")
"""To MAIL, if its SIZE is more than `max_message_bytes`."""
NOT_ASCII_553 = Reply(553, (5, 6, 7), "That address needs SMTPUTF8")
"""To RCPT, VRFY or EXPN without SMTPUTF8, if the address is not ASCII."""


def syntax_501(syntax: str) -> Reply:
    """
    Return the reply to a command whose argument breaks its syntax.

    Args:
        syntax: The syntax of the command.

    Returns:
        The reply.
    """
    return Reply(501, (5, 5, 2), f"Syntax: {syntax}")


def malformed_501(what: str) -> Reply:
    """
    Return the reply to a command with octets that are not allowed (RFC 5321 §4.1.2).

    Args:
        what: The text of a `Malformed`.

    Returns:
        The reply.
    """
    return Reply(501, (5, 5, 2), what)


def bad_address_501(what: str) -> Reply:
    """
    Return the reply to MAIL or RCPT with a malformed address.

    Args:
        what: The text of a `Malformed`.

    Returns:
        The reply.
    """
    return Reply(501, (5, 5, 2), f"Bad address: {what}")


def bad_parameter_501(what: str) -> Reply:
    """
    Return the reply to MAIL or RCPT, if the value of a parameter is wrong.

    Args:
        what: The text of a `BadParameter` or `Malformed`.

    Returns:
        The reply.
    """
    return Reply(501, (5, 5, 4), f"Bad parameter value: {what}")


def unknown_parameter_555(keyword: str) -> Reply:
    """
    Return the reply to MAIL or RCPT with a parameter that the server does not offer.

    Args:
        keyword: The keyword of the parameter.

    Returns:
        The reply.
    """
    return Reply(555, (5, 5, 4), f"Parameter not recognized: {keyword}")


def too_big_552(queue_id: str) -> Reply:
    """
    Return the reply to a message of more than `max_message_bytes` octets (RFC 1870 §6.1).

    Args:
        queue_id: The identifier of the message.

    Returns:
        The reply.
    """
    return Reply(552, (5, 3, 4), f"Message too big ({queue_id})")


def bare_newline_550(queue_id: str) -> Reply:
    """
    Return the reply to a message with a bare CR or LF, if `bare_newlines` is "reject" (RFC 5321 §2.3.8).

    Args:
        queue_id: The identifier of the message.

    Returns:
        The reply.
    """
    return Reply(550, (5, 5, 2), f"Bare <CR> or <LF> in the message ({queue_id})")


def default_enhanced_code(code: int) -> EnhancedCode | None:
    """
    Return the enhanced code of a reply for which no other is given.

    Args:
        code: The reply code.

    Returns:
        X.0.0 for 2xx, 4xx and 5xx, None for 3xx (RFC 2034 §4).
    """
    return None if code // 100 == 3 else (code // 100, 0, 0)
