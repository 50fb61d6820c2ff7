"""The file that scripts source to reach the local stack; only its owner may read it."""

import os
from collections.abc import Mapping
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """Return the file's settings; none if there is no file."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def merge(path: Path, settings: Mapping[str, str]) -> None:
    """Set some settings and keep the others; a reader sees the old file or the new one."""
    merged = read(path) | dict(settings)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    # Made with its mode, not changed to it: the key is never readable by others, not for a moment.
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in sorted(merged.items()))
    scratch.replace(path)
