"""A filter as the operator chose it, by ``--filter`` or by a table of the configuration file; and ready for use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.kind import Kind
from txsmtpx.command.option import repeated
from txsmtpx.middleware.filter import ConfiguredFilter

FILTER = repeated(
    "filter",
    Kind(
        "FILTER",
        (str, dict),
        partial(Chosen.from_text, "filter"),
        lambda chosen: cast(Chosen, chosen).text,
        read_table=partial(Chosen.from_table, "filter"),
    ),
    "Let a filter inspect each connection and message: NAME:ARGUMENT SETTING=VALUE...; see --help-filters.  Filters "
    "are asked in their order.  In a file, each may be a table [[filter]] with its settings.",
)


@dataclass(frozen=True)
class MadeFilter:
    """
    A filter, ready for use.

    Attributes:
        chosen: What the operator gave.
        configured: The maker of the filters, and the common settings.
    """

    chosen: Chosen
    configured: ConfiguredFilter
