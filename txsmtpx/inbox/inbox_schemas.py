"""The schemas of the inbox's own API: the JSON of its responses."""

from __future__ import annotations

from txsmtpx.web.api_operation import FLAG, NUMBER, TEXT, Schema, list_of, map_of, named, object_of

_NULLABLE: Schema = {"type": ["string", "null"]}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_DECIMAL: Schema = {"type": "number"}

_LISTED: dict[str, Schema] = {
    "id": NUMBER,
    "queue_id": TEXT,
    "arrived": _MOMENT,
    "sender": TEXT,
    "recipients": list_of(TEXT),
    "from": TEXT,
    "to": TEXT,
    "cc": TEXT,
    "subject": TEXT,
    "beginning": TEXT,
    "size": NUMBER,
    "attachments": NUMBER,
    "tags": list_of(TEXT),
    "mailboxes": list_of(TEXT),
    "read": FLAG,
}

_ONE: dict[str, Schema] = {
    "username": _NULLABLE,
    "peer_host": TEXT,
    "helo": TEXT,
    "protocol": TEXT,
    "facts": map_of({"type": ["string", "number"]}),
    "whole": FLAG,
    "headers": list_of({"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}),
    "text": _NULLABLE,
    "html": _NULLABLE,
    "parts": list_of(named("Part")),
}

_OUTCOME: dict[str, Schema] = {"recipient": TEXT, "released": FLAG, "reply": TEXT}


def _message() -> Schema:
    schema = dict(object_of({**_LISTED, **_ONE}))
    # Only an inbox that releases messages has this field.
    schema["properties"] = {**_LISTED, **_ONE, "releases": list_of(object_of(_OUTCOME))}
    return schema


SCHEMAS: dict[str, Schema] = {
    "Error": object_of({"error": TEXT}),
    "Paths": map_of(TEXT),
    "ListedMessage": object_of(_LISTED),
    "MessageList": object_of({"total": NUMBER, "start": NUMBER, "messages": list_of(named("ListedMessage"))}),
    "Message": _message(),
    "Part": object_of(
        {
            "number": NUMBER,
            "content_type": TEXT,
            "disposition": TEXT,
            "filename": TEXT,
            "content_id": TEXT,
            "size": NUMBER,
            "url": TEXT,
        }
    ),
    "Outcomes": object_of(
        {"outcomes": list_of(object_of({"id": NUMBER, **_OUTCOME})), "released": NUMBER, "failed": NUMBER}
    ),
    "Checks": object_of(
        {
            "links": list_of(object_of({"kind": TEXT, "url": TEXT})),
            "features": list_of(
                object_of(
                    {
                        "title": TEXT,
                        "url": TEXT,
                        "percent": _DECIMAL,
                        "partly": list_of(TEXT),
                        "unsupported": list_of(TEXT),
                    }
                )
            ),
            "features_date": TEXT,
            "headers": list_of(object_of({"level": TEXT, "field": TEXT, "text": TEXT})),
        }
    ),
    "CheckedLinks": object_of(
        {
            "links": list_of(object_of({"kind": TEXT, "url": TEXT, "status": NUMBER, "target": TEXT, "error": TEXT})),
        }
    ),
    "SpamScore": {
        "oneOf": [
            named("Error"),
            object_of(
                {
                    "program": TEXT,
                    "spam": FLAG,
                    "score": _DECIMAL,
                    "threshold": _DECIMAL,
                    "rules": list_of(object_of({"name": TEXT, "score": _DECIMAL, "description": TEXT})),
                }
            ),
        ]
    },
    "Faults": object_of(
        {
            "faults": list_of(
                object_of(
                    {
                        "command": TEXT,
                        "address": TEXT,
                        "share": _DECIMAL,
                        "code": NUMBER,
                        "text": TEXT,
                        "delay": _DECIMAL,
                    }
                ),
            ),
        }
    ),
    "Mailbox": object_of({"name": TEXT, "messages": NUMBER, "unread": NUMBER, "octets": NUMBER}),
    "MailboxList": object_of({"total": NUMBER, "start": NUMBER, "mailboxes": list_of(named("Mailbox"))}),
}
"""The schemas by name."""
