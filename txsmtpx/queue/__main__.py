"""
The command ``python -m txsmtpx.queue URL ACTION``: it lists the messages of a queue, and changes them.

It works while servers deliver from the same queue, and while none does.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from txsmtpx.queue.listing import lines_of, moment, summary_of
from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queue_url import blocking_queue
from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.queue.threaded_queue_store import reason_of

PAGE = 100
"""Messages that are read at a time."""

ACTIONS: Mapping[str, str] = {
    "list": "list messages, the oldest first",
    "show": "show a message: its envelope, its recipients and its content",
    "retry": "try recipients that wait now",
    "hold": "stop attempts to recipients until they are released",
    "release": "release recipients that are held; they are tried now",
    "delete": "delete recipients without a report to the sender",
    "flush": "try all recipients that wait now",
}
"""The actions, and what they do."""


def parser() -> argparse.ArgumentParser:
    """
    Return the parser of the command's arguments.

    Returns:
        The parser.
    """
    found = argparse.ArgumentParser(
        prog="python -m txsmtpx.queue",
        description="List and change the messages of a queue.",
        epilog="Example: python -m txsmtpx.queue sqlite:/var/lib/txsmtpx/queue.db retry --destination example.org",
    )
    found.add_argument("url", metavar="URL", help="sqlite:PATH or postgresql://..., as in --backend queue:URL")
    actions = found.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, help in ACTIONS.items():
        action = actions.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
        if name == "show":
            action.add_argument("id", metavar="ID", help="the identifier of the message")
        elif name != "flush":
            _add_selection(action)
    return found


def _add_selection(action: argparse.ArgumentParser) -> None:
    action.add_argument("ids", metavar="ID", nargs="*", help="identifiers of messages")
    action.add_argument("--sender", metavar="ADDRESS", help="messages of this sender")
    action.add_argument("--recipient", metavar="ADDRESS", help="a recipient, or @example.org for those of a domain")
    action.add_argument("--destination", metavar="DOMAIN", help="recipients whose mail goes to this domain or route")
    action.add_argument("--state", choices=("waiting", "held"), help="recipients in this state")
    action.add_argument("--all", action="store_true", help="all recipients")


def _selection(options: argparse.Namespace) -> Selection:
    """
    Return the selection of the arguments.

    Returns:
        The selection.

    Raises:
        ValueError: An action that changes something has none.
    """
    found = Selection(
        options.ids or None, options.sender, options.recipient, options.destination, options.state
    )
    if options.action != "list" and not options.all and found == Selection():
        raise ValueError(f"{options.action}: name messages, or select recipients, or write --all")
    if options.all and found != Selection():
        raise ValueError("--all cannot be together with a selection")
    return found


def main(arguments: Sequence[str] | None = None, now: Callable[[], float] = time.time) -> None:
    """
    Run the command.

    Args:
        arguments: The arguments.  None: those of the process.
        now: A function that returns seconds since the epoch.

    Raises:
        SystemExit: It failed; the message is one line.
    """
    options = parser().parse_args(arguments)
    try:
        queue = blocking_queue(options.url)
        try:
            _run(queue, options, now())
        finally:
            queue.close()
    except BrokenPipeError:  # such as of `head`
        sys.stderr.close()
    except Exception as error:
        if not isinstance(error, ImportError | OSError | ValueError | LookupError | sqlite3.Error) and (
            type(error).__module__.partition(".")[0] != "psycopg"
        ):
            raise
        sys.exit(f"txsmtpx.queue: {reason_of(error)}")


def _run(queue: SQLQueue, options: argparse.Namespace, now: float) -> None:
    if options.action == "list":
        _list(queue, _selection(options), now)
    elif options.action == "show":
        _show(queue, options.id, now)
    else:
        flush = options.action == "flush"
        change: Change = "retry" if flush else options.action
        number = queue.change(Selection() if flush else _selection(options), change, now)
        print(f"{options.action}: {number} recipient{'s' * (number != 1)}")


def _list(queue: SQLQueue, selection: Selection, now: float) -> None:
    after = 0
    while page := queue.find(selection, PAGE, after):
        for mail in page:
            print("\n".join(lines_of(mail, now)))
        after = page[-1].number
    print(summary_of(queue.depth(now), now))


def _show(queue: SQLQueue, id: str, now: float) -> None:
    """
    Show a message.

    Raises:
        LookupError: There is none.
    """
    found = queue.find(Selection([id]), 1, 0)
    if not found:
        raise LookupError(f"the queue has no message {id}")
    (mail,) = found
    print("\n".join(lines_of(mail, now)))
    print(f"    returned if not delivered by {moment(mail.expires)}; priority {mail.priority}")
    for name, value in mail.envelope.as_strings().items():
        print(f"    {name}: {value}")
    print(flush=True)
    with queue.open_body(id) as body:
        shutil.copyfileobj(body, sys.stdout.buffer)


if __name__ == "__main__":
    main()
