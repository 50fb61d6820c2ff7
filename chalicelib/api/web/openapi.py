"""The OpenAPI 3.1 document, generated from the very types that validate.

Imported when somebody asks for the document; nothing else of the API needs it.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from chalicelib.api.web import openapi_parts as parts
from chalicelib.api.web import problems
from chalicelib.api.web.operations import MATCHED, READS, Operation
from chalicelib.core import errors

Json = dict[str, Any]

_EVERYWHERE: Final = (problems.MethodNotAllowed, problems.InternalError)
"""Refusals that no operation lists: they come from no operation, or should never come."""


def document(operations: Sequence[Operation], *, build: str, server: str = "/") -> Json:
    """Return the document of ``operations``.

    Args:
        operations: what the API can do.
        build: the version of the code.
        server: where the paths start, such as ``/`` or the stage ``/dev``.

    Raises:
        ValueError: two operations have the same name.
    """
    names = [operation.name for operation in operations]
    if len(names) != len(set(names)):
        raise ValueError(f"operations share a name: {sorted(names)}")
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        described = _operation(operation, schemas)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    used = {operation.tag for operation in operations}
    described = {
        "openapi": "3.1.0",
        "info": {"title": "Couponry", "version": build, "description": parts.ABOUT},
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "tags": [
            {"name": name, "description": about}
            for name, about in parts.TAGS.items()
            if name in used
        ]
        + [{"name": name} for name in sorted(used - set(parts.TAGS))],
        "paths": paths,
        "components": {
            "schemas": schemas.components | parts.PROBLEM_SCHEMAS,
            "headers": parts.HEADERS,
            "parameters": parts.PARAMETERS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": parts.KEYS}
            },
        },
        "x-errors": _error_table(operations),
    }
    # What a client will read: defaults that are tuples or enums here are lists and texts there.
    written: Json = msgspec.json.decode(msgspec.json.encode(described))
    return written


class _Schemas:
    """The schemas of all types, and which of them are components."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._types: list[Any] = []
        queries = []
        for operation in operations:
            queries += [operation.query] if operation.query else []
            kinds = (operation.body, operation.answer, operation.page_answer)
            self._types += [kind for kind in kinds if kind not in {None, bytes}]
        types = [*self._types, *queries]
        shown, components = msgspec.json.schema_components(
            types, ref_template=parts.SCHEMAS + "{name}"
        )
        self._shown = [(kind, schema) for kind, schema in zip(types, shown, strict=True)]
        self._all = components
        # A query is no object on the wire: its fields become parameters.
        in_query = {self._name(query) for query in queries}
        self.components = {
            name: schema for name, schema in components.items() if name not in in_query
        }

    def of(self, kind: Any) -> Json:
        """Return the schema of a type, as a reference where it is a component."""
        return next(dict(schema) for known, schema in self._shown if known is kind or known == kind)

    def fields(self, query: type[msgspec.Struct]) -> tuple[dict[str, Json], set[str]]:
        """Return the schemas of a query's fields, and which of them are required."""
        schema = self._all[self._name(query)]
        return schema["properties"], set(schema.get("required", ()))

    def _name(self, query: type[msgspec.Struct]) -> str:
        return str(self.of(query)["$ref"]).removeprefix(parts.SCHEMAS)


def _operation(operation: Operation, schemas: _Schemas) -> Json:
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": _parameters(operation, schemas),
        "responses": {
            str(operation.status): _success(operation, schemas),
            **{str(status): _bare(status) for status in operation.further},
            **{str(status): _problem(status, kinds) for status, kinds in _by_status(operation)},
        },
        "x-roles": sorted(operation.roles),
    }
    if operation.is_public:
        described["security"] = []
    if operation.body is not None:
        described["requestBody"] = {
            "required": _needs_body(operation.body),
            "content": {"application/json": {"schema": schemas.of(operation.body)}},
        }
    return described


def _description(operation: Operation) -> str:
    roles = ", ".join(sorted(operation.roles))
    who = f"Roles: {roles}." if roles else "Needs no key."
    return f"{operation.description}\n\n{who}".strip()


def _parameters(operation: Operation, schemas: _Schemas) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": parts.PATH_VALUE}
        for name in operation.path_names
    ]
    if operation.query is not None:
        fields, required = schemas.fields(operation.query)
        for name, schema in fields.items():
            parameters.append(_query_parameter(name, schema, required=name in required))
    if operation.writes:
        name = "RequiredIdempotencyKey" if operation.key_required else "IdempotencyKey"
        parameters.append({"$ref": f"#/components/parameters/{name}"})
    if operation.method in MATCHED:
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    return parameters


def _query_parameter(name: str, schema: Json, *, required: bool) -> Json:
    # Nothing in a query is null: what may be null is simply left out.
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        schema = options[0] | rest
    if schema.get("default", ...) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    parameter: Json = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in schema:
        parameter["description"] = schema["description"]
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _success(operation: Operation, schemas: _Schemas) -> Json:
    names = ["X-Request-Id"]
    if operation.method in READS | MATCHED and operation.answer is not None:
        names.append("ETag")
    if operation.status == HTTPStatus.CREATED:
        names.append("Location")
    if operation.writes:
        names.append("Idempotent-Replayed")
    answer: Json = {
        "description": HTTPStatus(operation.status).phrase,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if operation.answer is bytes:
        answer["content"] = {operation.media_type: {"schema": {}}}
    elif operation.answer is not None:
        schema = schemas.of(operation.answer)
        if operation.page_answer is not None:
            schema = {"anyOf": [schema, schemas.of(operation.page_answer)]}
        answer["content"] = {operation.media_type: {"schema": schema}}
    return answer


def _bare(status: int) -> Json:
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    }


def _by_status(
    operation: Operation,
) -> list[tuple[int, list[type[errors.DomainError]]]]:
    kinds: dict[int, list[type[errors.DomainError]]] = {}
    for kind in operation.errors():
        kinds.setdefault(problems.status_of(kind), []).append(kind)
    return sorted(kinds.items())


def _problem(status: int, kinds: Iterable[type[errors.DomainError]]) -> Json:
    titles = {kind.code: problems.title_of(kind) for kind in kinds}
    names = ["X-Request-Id"]
    names += {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}.get(status, [])
    return {
        "description": "\n".join(f"- `{code}`: {title}" for code, title in titles.items()),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {
            problems.MEDIA_TYPE: {
                "schema": {
                    "allOf": [{"$ref": parts.SCHEMAS + "Problem"}],
                    "properties": {"status": {"const": status}, "code": {"enum": list(titles)}},
                }
            }
        },
    }


def _error_table(operations: Iterable[Operation]) -> dict[str, Json]:
    kinds: list[type[errors.DomainError]] = list(_EVERYWHERE)
    for operation in operations:
        kinds += operation.errors()
    table = {
        kind.code: {"status": problems.status_of(kind), "title": problems.title_of(kind)}
        for kind in kinds
    }
    return dict(sorted(table.items(), key=lambda row: (int(str(row[1]["status"])), row[0])))


def _needs_body(body: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(body))
