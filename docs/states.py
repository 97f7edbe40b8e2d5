"""
Writes states.md beside this file: which command is legal in which state, by the table of the extensions.

    python docs/states.py

A test fails when the page is older than the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.state import Gate, State
from txsmtpx.dialog.table import Table
from txsmtpx.extensions.lmtp import LMTP
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.extensions.smtp import SMTP
from txsmtpx.grammar.reply import Reply

PAGE = Path(__file__).with_name("states.md")

BEGINNING = """\
# States

This page has the reply to each command in each state of a session. `docs/states.py` generates it from the extensions.

A session is in one of these states. A command moves the session to the next state (RFC 5321 §4.1.4).
"""

NO_OCTETS = "0"
"""An argument with which every refused command can be asked for its answer: for BDAT it announces nothing."""


def page() -> str:
    """The text of states.md."""
    return "\n".join(_paragraphs()) + "\n"


def _paragraphs() -> Iterator[str]:
    yield BEGINNING
    yield _grid(["state", "meaning"], [[state.name, state.value] for state in State])
    for name, base in (("SMTP", SMTP), ("LMTP", LMTP)):
        table = Table([base, *EXTENSIONS], EXTENSIONS)
        yield f"\n## {name}: commands by state\n"
        yield 'If the cell is "yes", the command is legal in this state. Otherwise the cell has the reply.\n'
        yield _grid(["command", *(state.name for state in State)], _legality(table))
    table = Table([SMTP, *EXTENSIONS], EXTENSIONS)
    yield "\n## If TLS or authentication is required\n"
    yield "These are the replies with `require_tls` and with `require_auth`. `LHLO` is like `EHLO`.\n"
    yield _grid(["command", "before STARTTLS", "before AUTH"], _gates(table))
    yield "\n## Extensions\n"
    yield "If an extension is not advertised, the reply to its commands is 502 5.5.1, to its parameters 555 5.5.4.\n"
    head = ["keyword", "RFC", "commands", "parameters of MAIL", "parameters of RCPT"]
    yield _grid(head, map(_extension, EXTENSIONS))


def _legality(table: Table) -> Iterator[list[str]]:
    for name, verb in table.verbs.items():
        yield [f"`{name}`", *(_answer(table, Gate.OPEN, state, verb) for state in State)]


def _gates(table: Table) -> Iterator[list[str]]:
    """In the first state where each command is legal, for there a refusal can only come from the gate."""
    for name, verb in table.verbs.items():
        state = next(each for each in State if each in verb.states)
        yield [f"`{name}`", *(_answer(table, gate, state, verb) for gate in (Gate.TLS, Gate.AUTH))]


def _answer(table: Table, gate: Gate, state: State, verb: Verb) -> str:
    entry = table.by_state[gate][state][verb.name]
    if entry is verb.run:
        return "yes"
    refused = entry(None, NO_OCTETS)  # type: ignore[arg-type]  # a refusal of nothing needs no dialog
    assert isinstance(refused, Reply)
    assert refused.enhanced_code is not None
    return f"{refused.code} {'.'.join(map(str, refused.enhanced_code))}"


def _extension(extension: Extension) -> list[str]:
    verbs = [verb.syntax for verb in extension.verbs]
    mail = [parameter.syntax for parameter in extension.mail]
    rcpt = [parameter.syntax for parameter in extension.rcpt]
    return [f"`{extension.keyword}`", extension.rfc, *map(_listed, (verbs, mail, rcpt))]


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
