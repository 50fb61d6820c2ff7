"""The documentation as one page of HTML, from the OpenAPI document: no script, no outside host."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

Json = Mapping[str, Any]

_CODE = re.compile(r"`+([^`]+)`+")
_REF: Final = "#/components/"


def page(document: Json) -> str:
    """Return the page of ``document``; errors are at ``#error-<code>``, as problem types say."""
    return "".join(_page(document))


def _page(document: Json) -> Iterable[str]:
    title = escape(document["info"]["title"])
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{title} API</title><style>{_STYLE}</style></head><body>"
    yield f"<nav><strong>{title}</strong>{_navigation(document)}</nav><main>"
    yield f"<h1>{title} API</h1><p class=quiet>Version {escape(document['info']['version'])} · "
    yield '<a href="openapi.json">openapi.json</a></p>'
    yield _paragraphs(document["info"]["description"])
    for tag in document["tags"]:
        yield f'<h2 id="tag-{escape(tag["name"])}">{escape(tag["name"])}</h2>'
        yield _paragraphs(tag.get("description", ""))
        for method, path, operation in _operations(document, tag["name"]):
            yield from _operation(document, method, path, operation)
    yield '<h2 id="schemas">Types</h2>'
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>'
        yield _paragraphs(schema.get("description", ""))
        yield _fields(schema)
    yield '<h2 id="errors">Errors</h2>'
    yield _errors(document["x-errors"])
    yield "</main></body></html>"


def _operations(document: Json, tag: str) -> Iterable[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _navigation(document: Json) -> str:
    parts = []
    for tag in document["tags"]:
        links = "".join(
            f'<li><a href="#{escape(operation["operationId"])}">{escape(operation["summary"])}</a>'
            for _, _, operation in _operations(document, tag["name"])
        )
        name = escape(tag["name"])
        parts.append(f'<a href="#tag-{name}">{name}</a><ul>{links}</ul>')
    return "".join(parts) + '<a href="#schemas">Types</a> <a href="#errors">Errors</a>'


def _operation(document: Json, method: str, path: str, operation: Json) -> Iterable[str]:
    anchor, summary = escape(operation["operationId"]), escape(operation["summary"])
    yield f'<section><h3 id="{anchor}">{summary}</h3>'
    yield f"<p class=call><b>{method}</b> <code>{escape(path)}</code></p>"
    yield _paragraphs(operation["description"])
    parameters = [_resolved(document, parameter) for parameter in operation["parameters"]]
    if parameters:
        yield "<h4>Parameters</h4>"
        yield _table(
            ("name", "in", "type", "", "meaning"),
            (
                (
                    f"<code>{escape(parameter['name'])}</code>",
                    escape(parameter["in"]),
                    _type(parameter["schema"]),
                    "required" if parameter["required"] else "",
                    _text(parameter.get("description", "")),
                )
                for parameter in parameters
            ),
        )
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield f"<h4>Body: {_type(content['schema'])}</h4>"
        yield _fields(_resolved(document, content["schema"]))
    yield "<h4>Answers</h4>"
    yield _table(
        ("status", "body", "headers"),
        (
            (escape(status), _answer(status, response), _names(response["headers"]))
            for status, response in operation["responses"].items()
        ),
    )
    yield "</section>"


def _answer(status: str, response: Json) -> str:
    for schema in (content["schema"] for content in response.get("content", {}).values()):
        if int(status) < 400:  # noqa: PLR2004
            return _type(schema)
        codes = schema["properties"]["code"]["enum"]
        return ", ".join(
            f'<a href="#error-{escape(c)}"><code>{escape(c)}</code></a>' for c in codes
        )
    return "nothing"


def _names(headers: Json) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in headers)


def _fields(schema: Json) -> str:
    if "properties" not in schema:
        return f"<p>{_type(schema)}</p>"
    required = schema.get("required", ())
    return _table(
        ("field", "type", "", "meaning"),
        (
            (
                f"<code>{escape(name)}</code>",
                _type(field),
                "required" if name in required else _default(field),
                _text(_about(field)),
            )
            for name, field in schema["properties"].items()
        ),
    )


def _errors(table: Json) -> str:
    rows = "".join(
        f'<tr id="error-{escape(code)}"><td><code>{escape(code)}</code><td>{row["status"]}'
        f"<td>{_text(row['title'])}"
        for code, row in table.items()
    )
    return f"<table><tr><th>code<th>status<th>meaning{rows}</table>"


def _default(field: Json) -> str:
    default = field.get("default")
    return "" if default in (None, [], {}, "") else f"default {escape(str(default))}"


def _about(field: Json) -> str:
    options = [field, *field.get("anyOf", ())]
    return next((str(option["description"]) for option in options if "description" in option), "")


def _type(schema: Json) -> str:
    """Return the type in words, with its limits and with links to named types."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    words = escape(str(schema.get("format") or schema.get("type") or "anything"))
    if "items" in schema:
        words = f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        words = f"object of {_type(schema['additionalProperties'])}"
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    return words + (f" <small>{escape(', '.join(limits))}</small>" if limits else "")


def _resolved(document: Json, schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    _, kind, name = schema["$ref"].removeprefix("#/").split("/")
    resolved: Json = document["components"][kind][name]
    return resolved


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f"<th>{name}" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    return f"<div class=wide><table><tr>{head}{body}</table></div>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_text(part)}</p>" for part in text.split("\n\n") if part.strip())


def _text(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))


_LIMITS: Final = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "minItems": "items ≥",
    "maxItems": "items ≤",
    "pattern": "pattern",
}

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--quiet:#5b6570;--line:#d8dde3;--paper:#fff;
--tint:#f3f5f8;--link:#0b57b7}
@media(prefers-color-scheme:dark){:root{--ink:#e3e7eb;--quiet:#98a2ad;--line:#333b44;
--paper:#14181d;--tint:#1d232a;--link:#7db4ff}}
body{margin:0;display:flex;color:var(--ink);background:var(--paper);
font:16px/1.5 system-ui,sans-serif}
nav{position:sticky;top:0;height:100vh;box-sizing:border-box;overflow:auto;flex:0 0 17rem;
padding:1rem;background:var(--tint);font-size:.85rem}
nav strong{display:block;font-size:1rem;margin-bottom:.5rem}
nav ul{list-style:none;margin:.2rem 0 .8rem;padding-left:.8rem}
main{flex:1;min-width:0;max-width:60rem;padding:1rem 2rem 4rem}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
h2{margin-top:3rem;border-bottom:1px solid var(--line)}h3{margin-top:2rem}h4{margin:1rem 0 .3rem}
.quiet,small{color:var(--quiet)}
.call{background:var(--tint);padding:.4rem .7rem;border-radius:.3rem}
code{font:.88em ui-monospace,monospace;overflow-wrap:anywhere}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
:target{background:var(--tint)}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto}main{padding:1rem}}
"""
