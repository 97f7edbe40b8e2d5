"""The verdicts of filters: which may be given at which stage, and their names for observers."""

from __future__ import annotations

from txsmtpx.dialog.outcome_reply import fits
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    Change,
    Discard,
    FilterStage,
    FilterVerdict,
    InsertHeader,
    Quarantine,
    ReplaceBody,
    Verdict,
)
from txsmtpx.setting import shown

_POSITIVE = ("data", "header", "end")
"""The stages at which a 2xx discards the message."""


def checked_verdict(value: object, stage: FilterStage, may_change: bool) -> Verdict:
    """
    Return what a filter has decided.

    Args:
        value: What the filter has returned, or the reply that it has raised.
        stage: The stage.
        may_change: False if the message can no longer be changed.

    Returns:
        The value.

    Raises:
        TypeError: It is no verdict at this stage.
    """
    if isinstance(value, Reply):
        if not fits(value) or (value.positive and stage not in _POSITIVE):
            allowed = "2xx, 4xx or 5xx" if stage in _POSITIVE else "4xx or 5xx"
            raise TypeError(f"a reply of {stage}() must be {allowed}, not {value.one_line}")
        return value
    if isinstance(value, Accept):
        if any(isinstance(each, ReplaceBody) for each in value.changes) and stage != "end":
            raise TypeError(f"ReplaceBody is a change of end(), not of {stage}()")
        if not may_change and changes_of(value):
            raise TypeError("a filter that changes the message at its end needs FilterBackend(..., hold=True)")
        return value
    if value is not None and not isinstance(value, Discard):
        raise TypeError(f"a verdict must be None, Accept, Discard or Reply, not {shown(value)}")
    return value


def changes_of(verdict: Accept) -> list[Change]:
    """
    Return the changes of a verdict, with its new fields first.

    Args:
        verdict: The verdict.

    Returns:
        The changes, without `Quarantine`, which changes nothing in the message.
    """
    headers: list[Change] = [InsertHeader(0, name, value) for name, value in reversed(verdict.headers)]
    return headers + [each for each in verdict.changes if not isinstance(each, Quarantine)]


def results_of(verdict: Accept) -> list[object]:
    """
    Return the results of a verdict.

    Args:
        verdict: The verdict.

    Returns:
        The results; each `Quarantine` is one too.
    """
    return [*verdict.results, *(each for each in verdict.changes if isinstance(each, Quarantine))]


def name_of(verdict: Verdict) -> FilterVerdict:
    """
    Return the name of a verdict, for observers.

    Args:
        verdict: The verdict.

    Returns:
        The name.

    Example:
        >>> name_of(None), name_of(Reply(450, None, "Later"))
        ('continue', 'defer')
    """
    if verdict is None:
        return "continue"
    if isinstance(verdict, Accept):
        return "accept"
    if isinstance(verdict, Discard) or verdict.positive:
        return "discard"
    return "defer" if verdict.temporary else "reject"
