"""
The operations of the API, as values.

The API is made from a table of these values.  They decide which paths, methods and parameters it takes, and the OpenAPI
document is written from them.  So the document cannot differ from the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.web_resource import WebResource

Schema = Mapping[str, JsonValue]
"""A schema of JSON (JSON Schema 2020-12)."""

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}


def list_of(schema: Schema) -> Schema:
    """
    Return the schema of an array.

    Args:
        schema: The schema of each element.

    Returns:
        The schema.
    """
    return {"type": "array", "items": schema}


def object_of(fields: Mapping[str, Schema]) -> Schema:
    """
    Return the schema of an object that has all of these fields.

    Args:
        fields: The schema of each field.

    Returns:
        The schema.
    """
    return {"type": "object", "properties": fields, "required": list(fields)}


def map_of(schema: Schema) -> Schema:
    """
    Return the schema of an object whose fields have any names.

    Args:
        schema: The schema of each value.

    Returns:
        The schema.
    """
    return {"type": "object", "additionalProperties": schema}


def named(name: str) -> Schema:
    """
    Return a reference to a schema of the document.

    Args:
        name: The name of the schema.

    Returns:
        The reference.
    """
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True)
class ApiParameter:
    """
    Describe a query parameter.

    Attributes:
        name: The name.
        description: What it means.
        schema: The values that it takes.
        required: True if a request needs it.
    """

    name: str
    description: str
    schema: Schema
    required: bool = False


@dataclass(frozen=True)
class ApiResponse:
    """
    Describe a response.

    Attributes:
        status: The status code.
        description: When it is sent.
        schema: The JSON of the body; None if the body is no JSON.
        content_type: The types of a body that is no JSON, with commas between them; "" for none.
    """

    status: int
    description: str
    schema: Schema | None = None
    content_type: str = ""


@dataclass(frozen=True)
class ApiOperation:
    """
    Describe an operation: one method of one path.

    Attributes:
        method: The HTTP method.
        summary: What it does.
        responses: The responses, without those of wrong requests.
        parameters: The query parameters.
        body: The JSON of the body of a request; None for an operation that takes no body.  PUT needs the body.
        needs_body: True if another method needs it too.
    """

    method: str
    summary: str
    responses: Sequence[ApiResponse]
    parameters: Sequence[ApiParameter] = ()
    body: Schema | None = None
    needs_body: bool = False


@dataclass(frozen=True)
class ApiRoute:
    """
    Describe a path: its operations, and the resource that handles them.

    Attributes:
        path: The path below ``/api``, such as ``/messages/{id}``.  A segment in braces stands for any value.
        operations: The operations.
        resource: A function of the values of the path.  It returns the resource.
    """

    path: str
    operations: Sequence[ApiOperation]
    resource: Callable[..., WebResource]

    @property
    def methods(self) -> dict[str, list[str]]:
        """The HTTP methods, each with the names of its query parameters."""
        return {each.method: [one.name for one in each.parameters] for each in self.operations}
