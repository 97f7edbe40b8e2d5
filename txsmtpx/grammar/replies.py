"""
Every sentence the server says, named with its number, so that nobody picks the wrong one.

Codes: RFC 5321 §4.2.3 and the RFC of each extension; enhanced codes: RFC 3463, RFC 5248.
"""

from __future__ import annotations

from functools import lru_cache

from txsmtpx.grammar.reply import EnhancedCode, Reply

# What a server says to everybody is remembered, with its octets.

# 2xx: done.

OK_250 = Reply(250, (2, 0, 0), "Ok")
SENDER_OK_250 = Reply(250, (2, 1, 0), "Sender ok")
RECIPIENT_OK_250 = Reply(250, (2, 1, 5), "Recipient ok")


@lru_cache(maxsize=100)
def greeting_220(domain: str, protocol: str, ident: str) -> Reply:
    """RFC 5321 §4.2: the greeting has no enhanced code."""
    return Reply(220, None, f"{domain} {protocol} {ident}".rstrip(" "))


@lru_cache(maxsize=100)
def closing_221(domain: str) -> Reply:
    return Reply(221, (2, 0, 0), f"{domain} closing the connection")


def help_214(*lines: str) -> Reply:
    return Reply(214, (2, 0, 0), *lines)


@lru_cache(maxsize=100)
def hello_250(*lines: str) -> Reply:
    """RFC 2034 §4: the answers to HELO, EHLO and LHLO have no enhanced code."""
    return Reply(250, None, *lines)


def queued_250(queue_id: str) -> Reply:
    return Reply(250, (2, 0, 0), f"Ok: queued as {queue_id}")


def delivered_250(text: str) -> Reply:
    return Reply(250, (2, 0, 0), text)


# 3xx: go on.  No enhanced codes (RFC 2034 §4).

SEND_DATA_354 = Reply(354, None, "End data with <CR><LF>.<CR><LF>")


RECIPIENTS_FOLLOW_353 = Reply(353, None, "A reply for each recipient follows, then one for all")


def shown(recipient: str) -> str:
    """A recipient in a reply, which is in ASCII all but for VRFY (RFC 6531 §3.7.4.2): as in RFC 6533 §3."""
    if recipient.isascii():
        return f"<{recipient}>"
    return "<" + "".join(each if each.isascii() else f"\\x{{{ord(each):02X}}}" for each in recipient) + ">"


# 4xx: not now.

IDLE_421 = Reply(421, (4, 4, 2), "Idle for too long, closing the connection")
MESSAGE_TIMEOUT_421 = Reply(421, (4, 4, 2), "The message took too long, closing the connection")
SHUTTING_DOWN_421 = Reply(421, (4, 3, 2), "Service shutting down, closing the connection")
TOO_MANY_CONNECTIONS_421 = Reply(421, (4, 7, 0), "Too many connections, try again later")
TOO_MANY_ERRORS_421 = Reply(421, (4, 7, 0), "Too many errors, closing the connection")
TOO_MANY_RECIPIENTS_452 = Reply(452, (4, 5, 3), "Too many recipients")
TOO_MANY_DOMAINS_452 = Reply(452, (4, 5, 3), "Recipients of too many domains, connect again")
TOO_MANY_TRANSACTIONS_452 = Reply(452, (4, 5, 0), "Too many transactions, connect again")
LOCAL_ERROR_451 = Reply(451, (4, 3, 0), "Local error in processing")


def local_error_451(queue_id: str) -> Reply:
    """Whatever went wrong in a backend: no word of the exception reaches the peer."""
    return Reply(451, (4, 3, 0), f"Local error in processing ({queue_id})")


def delivery_timed_out_420(recipient: str) -> Reply:
    """A delivery's own time-out."""
    return Reply(420, (4, 4, 7), f"{shown(recipient)} Error: timeout reached")


def delivery_expired_451(queue_id: str) -> Reply:
    """The server-wide cap on what comes after the end of the data."""
    return Reply(451, (4, 4, 7), f"Delivery took too long ({queue_id})")


# 5xx: no.

BARE_NEWLINE_500 = Reply(500, (5, 5, 2), "A command ends in <CR><LF>")
LINE_TOO_LONG_500 = Reply(500, (5, 5, 2), "Line too long")
RESPONSE_TOO_LONG_500 = Reply(500, (5, 5, 6), "Response too long")
UNKNOWN_COMMAND_500 = Reply(500, (5, 5, 2), "Command not recognized")
LMTP_ONLY_500 = Reply(500, (5, 5, 1), "This is an LMTP server, say LHLO")
TAKES_NO_PARAMETERS_501 = Reply(501, (5, 5, 4), "That command takes no parameters")
NOT_ASCII_501 = Reply(501, (5, 5, 4), "Bad parameter value: beyond ASCII it needs SMTPUTF8")
NOT_OFFERED_502 = Reply(502, (5, 5, 1), "Command not offered here")
HELLO_FIRST_503 = Reply(503, (5, 5, 1), "Say hello first")
NESTED_MAIL_503 = Reply(503, (5, 5, 1), "A transaction is open already, RSET ends it")
MAIL_FIRST_503 = Reply(503, (5, 5, 1), "MAIL comes first")
RCPT_FIRST_503 = Reply(503, (5, 5, 1), "No valid recipients, RCPT comes first")
NOT_IN_TRANSACTION_503 = Reply(503, (5, 5, 1), "Not within a mail transaction")
CHUNKS_BEGUN_503 = Reply(503, (5, 5, 1), "The message has begun to come by BDAT")
BDAT_ONLY_503 = Reply(503, (5, 5, 1), "A BINARYMIME message comes by BDAT")
NO_HELP_504 = Reply(504, (5, 5, 4), "No help on that")
AUTH_FIRST_530 = Reply(530, (5, 7, 0), "Authentication required")
TLS_FIRST_530 = Reply(530, (5, 7, 0), "Issue STARTTLS first")
BAD_CREDENTIALS_535 = Reply(535, (5, 7, 8), "Authentication credentials invalid")
SENDER_NOT_ASCII_550 = Reply(550, (5, 6, 7), "That sender needs SMTPUTF8")
EARLY_TALKER_554 = Reply(554, (5, 5, 1), "You spoke before the greeting")
TOO_BIG_552 = Reply(552, (5, 3, 4), "Message too big")
NOT_ASCII_553 = Reply(553, (5, 6, 7), "That address needs SMTPUTF8")


def syntax_501(syntax: str) -> Reply:
    return Reply(501, (5, 5, 2), f"Syntax: {syntax}")


def malformed_501(what: str) -> Reply:
    """RFC 5321 §4.1.2: 501 where octets are not allowed."""
    return Reply(501, (5, 5, 2), what)


def bad_address_501(what: str) -> Reply:
    return Reply(501, (5, 5, 2), f"Bad address: {what}")


def bad_parameter_501(what: str) -> Reply:
    return Reply(501, (5, 5, 4), f"Bad parameter value: {what}")


def unknown_parameter_555(keyword: str) -> Reply:
    return Reply(555, (5, 5, 4), f"Parameter not recognized: {keyword}")


def too_big_552(queue_id: str) -> Reply:
    return Reply(552, (5, 3, 4), f"Message too big ({queue_id})")


def bare_newline_550(queue_id: str) -> Reply:
    return Reply(550, (5, 5, 2), f"Bare <CR> or <LF> in the message ({queue_id})")


def default_enhanced_code(code: int) -> EnhancedCode | None:
    """X.0.0 for 2xx, 4xx and 5xx; none for 3xx."""
    return None if code // 100 == 3 else (code // 100, 0, 0)
