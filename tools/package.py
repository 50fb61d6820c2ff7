"""Makes what CloudFormation deploys: the functions' archives and the merged template."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools import bytecode
from tools.paths import ROOT

_SOURCES = ("app.py", "template.yaml", "requirements.txt")
_FOLDERS = ("chalicelib", ".chalice")
_NOT_PACKAGED = shutil.ignore_patterns("deployments", "__pycache__", "*.pyc", ".*_cache")


class PackageError(Exception):
    """``chalice package`` refused; the message is what it printed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A template whose ``CodeUri`` and ``ContentUri`` are paths relative to ``folder``."""

    template: dict[str, Any]
    folder: Path

    def archives(self) -> list[Path]:
        return sorted(self.folder.glob("*.zip"))


def make(*, stage: str, full: bool, build: Path) -> Package:
    """Package the project for a stage of ``.chalice/config.json``, in the folder ``build``.

    Without ``full`` the dependencies stay out: the functions of the local stack find them in
    ``.venv``, and each of its processes need not unpack its own copy.
    """
    source, folder = build / "source", build / "out"
    source.mkdir(parents=True, exist_ok=True)
    for name in _FOLDERS:
        # Chalice keeps the built layer in .chalice/deployments; it stays for the next time.
        _copy_folder(ROOT / name, source / name, keep="deployments")
    for name in _SOURCES:
        shutil.copyfile(ROOT / name, source / name)
    if not full:
        (source / "requirements.txt").write_text("", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    _chalice_package(source, folder, stage=stage)
    with (folder / "sam.yaml").open(encoding="utf-8") as file:
        package = Package(template=yaml.safe_load(file), folder=folder)
    for archive in package.archives():
        bytecode.add_to(archive, cache=build / "compiled")
    return package


def revision() -> str:
    """Return the short git revision, with ``-dirty`` after changes; ``unknown`` without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _copy_folder(source: Path, target: Path, *, keep: str) -> None:
    target.mkdir(exist_ok=True)
    for path in target.iterdir():
        if path.is_dir() and path.name != keep:
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    shutil.copytree(source, target, ignore=_NOT_PACKAGED, dirs_exist_ok=True)


def _chalice_package(source: Path, folder: Path, *, stage: str) -> None:
    command = [str(Path(sys.executable).parent / "chalice"), "--project-dir", str(source)]
    command += ["package", "--stage", stage, "--merge-template", str(source / "template.yaml")]
    # It imports app.py, and wants a region for a name that it looks up and never uses.
    environment = os.environ | {"AWS_DEFAULT_REGION": "us-east-1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [*command, str(folder)], env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise PackageError(f"chalice package failed:\n{done.stdout}{done.stderr}")
    config = json.loads((source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert stage in config["stages"], stage
