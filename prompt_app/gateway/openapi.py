"""The OpenAPI description, from what the endpoints declare of themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from prompt_app.gateway.address import Address
from prompt_app.gateway.errors import TITLES, internal_error

_IN_PATH = re.compile(r"\{(\w+)(?::\w+)?\}")
ERRORS = (400, 401, 403, 404, 408, 413, 424, 429, 500, 502, 503, 504)


def openapi(addresses: Sequence[Address], title: str, version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    kinds = [each.request for each in addresses if each.request is not None]
    _, schemas = models_json_schema(
        [(kind, "validation") for kind in dict.fromkeys(kinds)],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for address in addresses:
        path = _IN_PATH.sub(r"{\1}", address.paths[0])
        paths.setdefault(path, {})[address.method.lower()] = _operation(address)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(address: Address) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "Done"}
    content: dict[str, Any] = {}
    if address.answer is not None:
        content["example"] = address.answer
    response["content"] = {address.produces: content}
    errors = {str(status): _error(address, status) for status in ERRORS}
    operation: dict[str, Any] = {
        "summary": address.summary,
        "operationId": re.sub(r"\W+", "_", f"{address.method}{address.paths[0]}").lower(),
        "tags": [address.route.partition(".")[0]],
        "parameters": [
            *(_parameter(name, "path") for name in _IN_PATH.findall(address.paths[0])),
            *(_parameter(name, "query") for name in address.query),
        ],
        "responses": {"200": response, **errors},
    }
    if address.scope is None:
        operation["security"] = []
    if address.method == "POST":
        schema: dict[str, Any] = {"type": "object"}
        if address.request is not None:
            schema = {"$ref": f"#/components/schemas/{address.request.__name__}"}
        body = {"schema": schema, "example": address.example}
        operation["requestBody"] = {
            "required": True,
            "content": dict.fromkeys(address.media, body),
        }
    return operation


def _parameter(name: str, place: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}


def _error(address: Address, status: int) -> dict[str, Any]:
    kind = address.shape(internal_error()).kind.decode()
    return {"description": TITLES.get(status, "Refused"), "content": {kind: {}}}
