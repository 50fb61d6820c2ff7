"""Reads ``template.yaml``, so that tests and tools need no second description of the table."""

from pathlib import Path
from typing import Any

import yaml

from tools.paths import TEMPLATE

_TABLE_FIELDS = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
)


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref X`` is read as ``{"Ref": "X"}``."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template with CloudFormation's short forms written out."""
    # A subclass of SafeLoader is as safe as it is.
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    assert isinstance(loaded, dict)
    return loaded


def table_definition() -> dict[str, Any]:
    """Return the arguments of ``create_table``, but for the name, of the deployed table."""
    properties: dict[str, Any] = load()["Resources"]["Table"]["Properties"]
    definition = {field: properties[field] for field in _TABLE_FIELDS}
    definition["StreamSpecification"] = {
        "StreamEnabled": True,
        "StreamViewType": properties["StreamSpecification"]["StreamViewType"],
    }
    return definition
