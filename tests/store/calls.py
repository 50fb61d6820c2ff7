"""What really goes to the engine, seen at the client: to hold our own counting to it."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.usecases.ports import Store


@dataclass
class Calls:
    """The names of the calls, in order, and the units that the engine says they took."""

    names: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    engine_units: float = 0

    def clear(self) -> None:
        self.names.clear()
        self.requests.clear()
        self.engine_units = 0


def client_of(store: Store) -> Any:
    """Return the client that ``store`` calls."""
    return store._table._client  # type: ignore[attr-defined] # noqa: SLF001 # the seam to the engine


def recorded(store: Store) -> Calls:
    """Return the calls of ``store`` from now on; each is asked for the engine's own count too."""
    calls = Calls()

    def before(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        calls.names.append(model.name)
        calls.requests.append(params)
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def after(parsed: dict[str, Any], **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        for each in consumed if isinstance(consumed, list) else [consumed]:
            calls.engine_units += each["CapacityUnits"]

    events = client_of(store).meta.events
    events.register("provide-client-params.dynamodb.*", before)
    events.register("after-call.dynamodb.*", after)
    return calls


def forbid_scans(store: Store) -> None:
    """Fail whatever makes ``store`` go through the whole table."""

    def fail(model: Any, **_: Any) -> None:
        raise AssertionError(f"{model.name} reads the whole table")

    for name in ("Scan", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        client_of(store).meta.events.register(f"provide-client-params.dynamodb.{name}", fail)


def forbid_repeats(store: Store) -> None:
    """Fail a transaction that names an item twice, as AWS does; DynamoDB Local 2.9 lets it pass."""

    def check(params: dict[str, Any], **_: Any) -> None:
        keys = [_key_of(action) for action in params["TransactItems"]]
        if len(keys) != len(set(keys)):
            raise AssertionError(f"a transaction names an item twice: {sorted(keys)}")

    client_of(store).meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems", check
    )


def _key_of(action: dict[str, Any]) -> tuple[str, str]:
    ((verb, each),) = action.items()
    key = each["Item"] if verb == "Put" else each["Key"]
    return key["PK"]["S"], key["SK"]["S"]
