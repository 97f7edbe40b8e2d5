"""
A command that has failed: the reply, and whose code has failed, for the log.

The functions of an extension of the user fail by themselves.  Those of the built-in extensions call the backend, so a
failure below one of them is a failure of the backend.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from functools import partial
from types import CodeType

from twisted.cred.error import UnauthorizedLogin
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.outcome_reply import refusal
from txsmtpx.grammar import command, replies
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.reply import Reply

log = Logger(__name__)


def reply_to_failure(
    failure: Failure, session_id: str, queue_id: str, extensions: Iterable[Extension], line: bytes | None
) -> Reply:
    """
    Return the reply to a command that has failed.

    Args:
        failure: The failure of the backend or of an extension.
        session_id: The session, for the log.
        queue_id: The transaction, for the log.
        extensions: The extensions of the server.
        line: The command; None before the first.

    Returns:
        4xx or 5xx.
    """
    if failure.check(UnauthorizedLogin):
        return replies.BAD_CREDENTIALS_535
    reply = refusal(failure, session_id, queue_id, source_of(failure, extensions, line))
    if reply.code >= 400:
        return reply
    text = "session={session} queue={queue} a positive reply was raised, which only outcomes may be"
    log.failure(text, failure=failure, session=session_id, queue=queue_id)
    return replies.LOCAL_ERROR_451


def source_of(failure: Failure, extensions: Iterable[Extension], line: bytes | None) -> str:
    """
    Return what has failed, for the log.

    Args:
        failure: The failure of a command.
        extensions: The extensions of the server.
        line: The command; None before the first.

    Returns:
        An extension of the user that has the command, or one of whose functions is in the traceback.  Otherwise "the
        backend".

    Example:
        >>> source_of(Failure(ValueError()), [], b"MAIL FROM:<>")
        'the backend'
    """
    verb = ""
    with contextlib.suppress(Malformed):
        verb = command.split(line or b"")[0]
    codes = frozenset(_codes(failure))
    for extension in extensions:
        name = f"the extension {extension.keyword or extension.rfc}"
        if any(each.name == verb and _is_of_user(each.run) for each in extension.verbs):
            return f"the command {verb} of {name}"
        if codes and any(_code_of(each) in codes and _is_of_user(each) for each in _functions(extension)):
            return name
    return "the backend"


def _functions(extension: Extension) -> Iterator[object]:
    yield from (extension.announce, extension.read, extension.check_mail, extension.keep_to, extension.wanted)
    for parameter in (*extension.mail, *extension.rcpt):
        yield from (parameter.decode, parameter.encode)
    for verb in extension.verbs:
        yield from (verb.run, verb.refuse)


def _codes(failure: Failure) -> Iterator[CodeType]:
    """Iterate over the functions of other packages in the traceback."""
    at = None if failure.value is None else failure.value.__traceback__
    while at is not None:
        if not _is_ours(at.tb_frame.f_globals.get("__name__")):
            yield at.tb_frame.f_code
        at = at.tb_next


def _function(called: object) -> object:
    """Return the function that is called where an object is: of a partial, of a method, of an object with __call__."""
    while isinstance(called, partial):
        called = called.func
    called = getattr(called, "__func__", called)
    return called if hasattr(called, "__code__") or not callable(called) else type(called).__call__


def _code_of(called: object) -> object:
    return getattr(_function(called), "__code__", None)


def _is_of_user(called: object) -> bool:
    module = getattr(_function(called), "__module__", None)
    return isinstance(module, str) and not _is_ours(module)


def _is_ours(module: object) -> bool:
    return f"{module}.".startswith("txsmtpx.")
