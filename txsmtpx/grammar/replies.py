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
READY_FOR_TLS_220 = Reply(220, (2, 0, 0), "Ready to start TLS")
AUTHENTICATED_235 = Reply(235, (2, 7, 0), "Authentication succeeded")
NEEDS_UTF8_252 = Reply(252, (2, 6, 8), "The answer is in UTF-8, ask for it with SMTPUTF8")
CANNOT_VERIFY_252 = Reply(252, (2, 5, 0), "Cannot verify that user, but will take mail and attempt delivery")


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


def found_250(*lines: str) -> Reply:
    """The backend's word on VRFY and EXPN."""
    return Reply(250, (2, 1, 5), *lines)


def queued_250(queue_id: str) -> Reply:
    return Reply(250, (2, 0, 0), f"Ok: queued as {queue_id}")


def delivered_250(text: str) -> Reply:
    return Reply(250, (2, 0, 0), text)


def chunk_250(octets: int) -> Reply:
    """RFC 3030 §2: a chunk that is not the last."""
    return Reply(250, (2, 0, 0), f"{octets} octets received")


# 3xx: go on.  No enhanced codes (RFC 2034 §4).

SEND_DATA_354 = Reply(354, None, "End data with <CR><LF>.<CR><LF>")


def challenge_334(text: str) -> Reply:
    """``text``: base64 (RFC 4954 §4)."""
    return Reply(334, None, text)


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
TOO_MANY_FAILED_LOGINS_421 = Reply(421, (4, 7, 0), "Too many failed logins, closing the connection")
TOO_MANY_ERRORS_421 = Reply(421, (4, 7, 0), "Too many errors, closing the connection")
TOO_MANY_RECIPIENTS_452 = Reply(452, (4, 5, 3), "Too many recipients")
TOO_MANY_DOMAINS_452 = Reply(452, (4, 5, 3), "Recipients of too many domains, connect again")
TOO_MANY_TRANSACTIONS_452 = Reply(452, (4, 5, 0), "Too many transactions, connect again")
TOO_MUCH_MAIL_450 = Reply(450, (4, 7, 1), "Too much mail, try again later")
LOCAL_ERROR_451 = Reply(451, (4, 3, 0), "Local error in processing")
NO_NEXT_SERVER_451 = Reply(451, (4, 4, 1), "The next server cannot be reached")
NEXT_BUSY_451 = Reply(451, (4, 3, 2), "All connections to the next server are in use, try again later")
NEXT_TAKEN_451 = Reply(451, (4, 3, 2), "The message came too slowly while others waited, try again later")
NEXT_LOST_451 = Reply(451, (4, 4, 2), "The connection to the next server was lost")


def local_error_451(queue_id: str) -> Reply:
    """Whatever went wrong in a backend: no word of the exception reaches the peer."""
    return Reply(451, (4, 3, 0), f"Local error in processing ({queue_id})")


def delivery_timed_out_420(recipient: str) -> Reply:
    """A delivery's own time-out."""
    return Reply(420, (4, 4, 7), f"{shown(recipient)} Error: timeout reached")


def delivery_expired_451(queue_id: str) -> Reply:
    """The server-wide cap on what comes after the end of the data."""
    return Reply(451, (4, 4, 7), f"Delivery took too long ({queue_id})")


def disk_full_452(queue_id: str) -> Reply:
    return Reply(452, (4, 3, 1), f"Insufficient system storage ({queue_id})")


# 5xx: no.

BARE_NEWLINE_500 = Reply(500, (5, 5, 2), "A command ends in <CR><LF>")
LINE_TOO_LONG_500 = Reply(500, (5, 5, 2), "Line too long")
RESPONSE_TOO_LONG_500 = Reply(500, (5, 5, 6), "Response too long")
UNKNOWN_COMMAND_500 = Reply(500, (5, 5, 2), "Command not recognized")
LMTP_ONLY_500 = Reply(500, (5, 5, 1), "This is an LMTP server, say LHLO")
NO_MORE_CREDENTIALS_501 = Reply(501, (5, 7, 0), "Authentication cancelled")
SERVER_FIRST_501 = Reply(501, (5, 7, 0), "With that mechanism the server speaks first")
BAD_BASE64_501 = Reply(501, (5, 5, 2), "Not base64")
BAD_RESPONSE_501 = Reply(501, (5, 5, 2), "Malformed response for that mechanism")
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
TLS_ACTIVE_503 = Reply(503, (5, 5, 1), "TLS is active already")
AUTHENTICATED_503 = Reply(503, (5, 5, 1), "Already authenticated")
HOLD_TOO_LONG_501 = Reply(501, (5, 5, 4), "Longer than messages are held here")
NO_HELP_504 = Reply(504, (5, 5, 4), "No help on that")
UNKNOWN_MECHANISM_504 = Reply(504, (5, 5, 4), "Authentication mechanism not offered")
AUTH_FIRST_530 = Reply(530, (5, 7, 0), "Authentication required")
TLS_FIRST_530 = Reply(530, (5, 7, 0), "Issue STARTTLS first")
BAD_CREDENTIALS_535 = Reply(535, (5, 7, 8), "Authentication credentials invalid")
TLS_FOR_MECHANISM_538 = Reply(538, (5, 7, 11), "Encryption required for that authentication mechanism")
SPAM_550 = Reply(550, (5, 7, 1), "That looks like spam")
NO_SUCH_MAILBOX_550 = Reply(550, (5, 1, 1), "No such mailbox here")
SENDER_REFUSED_550 = Reply(550, (5, 7, 1), "That sender is not taken here")
NOT_TRUSTED_550 = Reply(550, (5, 7, 0), "Not for you")
RELAYING_DENIED_550 = Reply(550, (5, 7, 1), "Relaying denied")
NEXT_CANNOT_550 = Reply(550, (5, 6, 7), "The next server does not offer what that message needs")
NEXT_SENDER_553 = Reply(553, (5, 1, 7), "That sender cannot be sent to the next server")
NEXT_RECIPIENT_553 = Reply(553, (5, 1, 3), "That recipient cannot be sent to the next server")
NEXT_SEVEN_BITS_554 = Reply(554, (5, 6, 3), "The next server takes no 8-bit content")
SENDER_NOT_ASCII_550 = Reply(550, (5, 6, 7), "That sender needs SMTPUTF8")
REQUIRETLS_550 = Reply(550, (5, 7, 30), "REQUIRETLS cannot be passed on")
EARLY_TALKER_554 = Reply(554, (5, 5, 1), "You spoke before the greeting")
LOOP_554 = Reply(554, (5, 4, 6), "Too many hops, the message is going round")
TOO_BIG_552 = Reply(552, (5, 3, 4), "Message too big")
UNSAFE_MAILBOX_553 = Reply(553, (5, 1, 3), "No mailbox can have that name")
NOT_ASCII_553 = Reply(553, (5, 6, 7), "That address needs SMTPUTF8")
TOO_SOON_555 = Reply(555, (5, 4, 7), "Not to be delivered within so short a time")


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
