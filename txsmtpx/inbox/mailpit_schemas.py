"""The schemas of the API for helpers of Mailpit."""

from __future__ import annotations

from collections.abc import Mapping

from txsmtpx.web.api_operation import FLAG, NUMBER, TEXT, Schema, list_of, map_of, named, object_of

_PEOPLE = list_of(named("MailpitAddress"))
_MOMENT: Schema = {"type": "string", "format": "date-time"}


def optional(fields: Mapping[str, Schema]) -> Schema:
    """
    Return the schema of an object whose fields may be left out.

    Args:
        fields: The schema of each field.

    Returns:
        The schema.
    """
    return {"type": "object", "properties": fields}


_TRIGGER: dict[str, Schema] = {
    "ErrorCode": {"type": "integer", "minimum": 400, "maximum": 599},
    "Probability": {**NUMBER, "maximum": 100},
}

SCHEMAS: dict[str, Schema] = {
    "MailpitAddress": object_of({"Name": TEXT, "Address": TEXT}),
    "MailpitSummary": object_of(
        {
            "ID": TEXT,
            "MessageID": TEXT,
            "Read": FLAG,
            "From": named("MailpitAddress"),
            "To": _PEOPLE,
            "Cc": _PEOPLE,
            "Bcc": _PEOPLE,
            "ReplyTo": _PEOPLE,
            "Subject": TEXT,
            "Created": _MOMENT,
            "Username": TEXT,
            "Tags": list_of(TEXT),
            "Size": NUMBER,
            "Attachments": NUMBER,
            "Snippet": TEXT,
        }
    ),
    "MailpitMessages": object_of(
        {
            "total": NUMBER,
            "unread": NUMBER,
            "count": NUMBER,
            "messages_count": NUMBER,
            "messages_unread": NUMBER,
            "start": NUMBER,
            "tags": list_of(TEXT),
            "messages": list_of(named("MailpitSummary")),
        }
    ),
    "MailpitFile": object_of(
        {
            "PartID": TEXT,
            "FileName": TEXT,
            "ContentType": TEXT,
            "ContentID": TEXT,
            "Size": NUMBER,
            "Checksums": object_of({"MD5": TEXT, "SHA1": TEXT, "SHA256": TEXT}),
        }
    ),
    "MailpitMessage": object_of(
        {
            "ID": TEXT,
            "MessageID": TEXT,
            "From": named("MailpitAddress"),
            "To": _PEOPLE,
            "Cc": _PEOPLE,
            "Bcc": _PEOPLE,
            "ReplyTo": _PEOPLE,
            "ReturnPath": TEXT,
            "Subject": TEXT,
            "ListUnsubscribe": object_of({"Header": TEXT, "Links": list_of(TEXT), "Errors": TEXT, "HeaderPost": TEXT}),
            "Date": _MOMENT,
            "Tags": list_of(TEXT),
            "Username": TEXT,
            "Text": TEXT,
            "HTML": TEXT,
            "Size": NUMBER,
            "Inline": list_of(named("MailpitFile")),
            "Attachments": list_of(named("MailpitFile")),
        }
    ),
    "MailpitHeaders": map_of(list_of(TEXT)),
    "MailpitTags": list_of(TEXT),
    "MailpitInfo": object_of(
        {
            "Version": TEXT,
            "LatestVersion": TEXT,
            "Database": TEXT,
            "DatabaseSize": NUMBER,
            "Messages": NUMBER,
            "Unread": NUMBER,
            "Tags": map_of(NUMBER),
            "RuntimeStats": object_of(
                {
                    "Uptime": NUMBER,
                    "Memory": NUMBER,
                    "MessagesDeleted": NUMBER,
                    "SMTPAccepted": NUMBER,
                    "SMTPAcceptedSize": NUMBER,
                    "SMTPRejected": NUMBER,
                    "SMTPIgnored": NUMBER,
                }
            ),
        }
    ),
    "MailpitTrigger": object_of(_TRIGGER),
    "MailpitTriggers": object_of(
        {
            "Sender": named("MailpitTrigger"),
            "Recipient": named("MailpitTrigger"),
            "Authentication": named("MailpitTrigger"),
        }
    ),
    "MailpitTriggersToSet": optional(
        {
            "Sender": optional(_TRIGGER),
            "Recipient": optional(_TRIGGER),
            "Authentication": optional(_TRIGGER),
        }
    ),
    "MailpitMarks": optional({"Read": FLAG, "IDs": list_of(TEXT), "Search": TEXT}),
    "MailpitSelection": optional({"IDs": list_of(TEXT)}),
    "MailpitTagsToSet": optional({"IDs": list_of(TEXT), "Tags": list_of(TEXT)}),
    "MailpitTagName": object_of({"Name": TEXT}),
}
"""The schemas by name."""
