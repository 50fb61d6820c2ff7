"""The bodies that Google's REST API takes, by its published schema; see tests/data/README.md."""

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent.parent / "data" / "google_wallet_schema.json"
SCHEMAS: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))["schemas"]
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def check(schema: str, body: Any, *, whole: bool = True) -> None:
    """Fail unless ``body`` is what the schema says: no more and, where ``whole``, no less.

    A patch may take a field away by null.
    """
    assert isinstance(body, dict), f"{schema} is an object"
    properties = SCHEMAS[schema]["properties"]
    missing = set(SCHEMAS[schema]["required"]) - set(body)
    assert not (whole and missing), f"{schema} needs {missing}"
    for name, value in body.items():
        assert name in properties, f"{schema} has no {name}"
        if value is None and not whole:
            assert name not in SCHEMAS[schema]["required"], f"{schema} keeps its {name}"
            continue
        _check_value(f"{schema}.{name}", properties[name], value)


def _check_value(where: str, said: Any, value: Any) -> None:
    if "$ref" in said:
        check(said["$ref"], value)
    elif said["type"] == "array":
        assert isinstance(value, list), where
        for each in value:
            _check_value(where, said["items"], each)
    else:
        assert isinstance(value, _TYPES[said["type"]]), where
        assert said["type"] == "boolean" or not isinstance(value, bool), where
        assert value in said.get("enum", [value]), f"{where} is no {value}"
