"""The schemas of the API for helpers of MailHog."""

from __future__ import annotations

from txsmtpx.web.api_operation import NUMBER, TEXT, Schema, list_of, map_of, named, object_of

_NULL: Schema = {"type": "null"}
_PARTS: Schema = {"oneOf": [_NULL, object_of({"Parts": list_of(named("MailhogContent"))})]}

SCHEMAS: dict[str, Schema] = {
    "MailhogPath": object_of({"Relays": _NULL, "Mailbox": TEXT, "Domain": TEXT, "Params": TEXT}),
    "MailhogContent": object_of({"Headers": map_of(list_of(TEXT)), "Body": TEXT, "Size": NUMBER, "MIME": _PARTS}),
    "MailhogMessage": object_of(
        {
            "ID": TEXT,
            "From": named("MailhogPath"),
            "To": list_of(named("MailhogPath")),
            "Content": named("MailhogContent"),
            "Created": {"type": "string", "format": "date-time"},
            "MIME": _PARTS,
            "Raw": object_of({"From": TEXT, "To": list_of(TEXT), "Data": TEXT, "Helo": TEXT}),
        }
    ),
    "MailhogMessages": object_of(
        {"total": NUMBER, "count": NUMBER, "start": NUMBER, "items": list_of(named("MailhogMessage"))}
    ),
}
"""The schemas by name."""
