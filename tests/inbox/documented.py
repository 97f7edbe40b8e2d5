"""Responses, compared with the description of the API."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from jsonschema import Draft202012Validator

from tests.inbox.site import Answer, Web
from txsmtpx.web.api_operation import ApiRoute


def operations(routes: Iterable[ApiRoute]) -> set[tuple[str, str]]:
    """The method and the path of each operation of a table, with ``{}`` for each value."""
    return {(method, _comparable(route.path)) for route in routes for method in route.methods}


def named(texts: Iterable[str]) -> set[tuple[str, str]]:
    """The same, of texts such as ``GET``, ``DELETE /api/messages/ID``."""
    found: set[tuple[str, str]] = set()
    for text in texts:
        methods: list[str] = []
        complete = False
        for method, path in re.findall(r"(GET|POST|PUT|DELETE)|/api(/[^`?]*)", text):
            if method:
                methods = [method] if complete else [*methods, method]
            else:
                found |= {(each, _comparable(path)) for each in methods}
            complete = not method
    return found


def _comparable(path: str) -> str:
    return re.sub(r"\{\w+\}|\b[A-Z]+\b", "{}", path)


class Documented:
    """
    The description of the API of an inbox.  No object of JSON may have a field that is not described.

    Args:
        web: The inbox.
    """

    def __init__(self, web: Web) -> None:
        self.document: dict[str, Any] = web.json("/api/openapi.json")
        self._components = copy.deepcopy(self.document["components"])
        _close(self._components["schemas"])

    @property
    def operations(self) -> list[tuple[str, str]]:
        """The method and the path of each operation."""
        return [
            (method.upper(), path)
            for path, described in self.document["paths"].items()
            for method in described
            if method != "parameters"
        ]

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Fail if an answer is not as described."""
        described = self.document["paths"][path][method.lower()]["responses"][str(answer.status)]
        content = described.get("content", {})
        if not content:
            assert answer.body == b""
            return
        assert answer.headers["Content-Type"].partition(";")[0] in content
        schema = content[answer.headers["Content-Type"].partition(";")[0]].get("schema")
        if schema is not None and answer.headers["Content-Type"] == "application/json":
            Draft202012Validator(copy.deepcopy(schema) | {"components": self._components}).validate(answer.json)


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            schema["additionalProperties"] = False
        for each in schema.values():
            _close(each)
    elif isinstance(schema, list):
        for each in schema:
            _close(each)
