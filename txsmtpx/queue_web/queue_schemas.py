"""The schemas of the API of a queue: the JSON of its requests and responses."""

from __future__ import annotations

from txsmtpx.queue_web.requested_selection import MAX_IDS, STATES
from txsmtpx.web.api_operation import FLAG, NUMBER, TEXT, Schema, list_of, map_of, named, object_of

_MOMENT: Schema = {"type": "string", "format": "date-time"}
_MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}

_MESSAGE: dict[str, Schema] = {
    "id": TEXT,
    "received": _MOMENT,
    "expires": _MOMENT,
    "sender": TEXT,
    "size": NUMBER,
    "priority": {"type": "integer"},
    "recipients": list_of(named("QueuedRecipient")),
}

SCHEMAS: dict[str, Schema] = {
    "Error": object_of({"error": TEXT}),
    "Paths": map_of(TEXT),
    "QueueCounts": object_of(
        {
            "messages": NUMBER,
            "octets": NUMBER,
            "waiting": NUMBER,
            "held": NUMBER,
            "delivering": NUMBER,
            "oldest": _MOMENT_OR_NULL,
        }
    ),
    "QueuedRecipient": object_of(
        {
            "address": TEXT,
            "destination": TEXT,
            "state": {"enum": ["waiting", "held", "delivered", "failed", "expired"]},
            "delivering": FLAG,
            "attempts": NUMBER,
            "next_attempt": _MOMENT_OR_NULL,
            "reply": TEXT,
            "server": TEXT,
        }
    ),
    "QueuedMessage": object_of(_MESSAGE),
    "QueuedMessageList": object_of(
        {"messages": list_of(named("QueuedMessage")), "next": {"type": ["integer", "null"]}}
    ),
    "QueuedMessageDetail": object_of({**_MESSAGE, "envelope": map_of(TEXT)}),
    "Changed": object_of({"changed": NUMBER}),
    "Selection": {
        "type": "object",
        "properties": {
            "ids": {**list_of(TEXT), "minItems": 1, "maxItems": MAX_IDS},
            "sender": TEXT,
            "recipient": TEXT,
            "destination": TEXT,
            "state": {"enum": list(STATES)},
            "all": FLAG,
        },
        "additionalProperties": False,
        "minProperties": 1,
    },
}
"""The schemas by name."""
