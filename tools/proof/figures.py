"""What a test measured, written down for the page that ``make proof`` makes of it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

Value = int | float | str
_FOLDER = "COUPONRY_PROOF_DIR"


def record(name: str, figures: Mapping[str, Value]) -> None:
    """Write ``figures`` under ``name``; outside of ``make proof`` do nothing."""
    folder = os.environ.get(_FOLDER)
    if folder:
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(dict(figures), indent=1), encoding="utf-8")


def read(folder: Path) -> dict[str, dict[str, Value]]:
    """Return all figures in ``folder`` by name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }
