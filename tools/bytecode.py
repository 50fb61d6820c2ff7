"""Puts compiled ``.pyc`` files into packaged functions: Lambda cannot write its own.

Chalice ships sources only, so that every cold start would compile every module again.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# Raise it when the result for the same archive changes, so that no old one is taken for it.
_RECIPE = "1"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def add_to(archive: Path, *, cache: Path) -> None:
    """Add the compiled form of every module in the zip file ``archive``, in place.

    The same sources give the same bytes, so that code which did not change is not deployed again.
    They are compiled by the interpreter that runs this, which ``chalice package`` also declares as
    the function's; "unchecked-hash", so that a start does not look at the sources at all. Results
    are kept in the folder ``cache``.
    """
    digest = hashlib.sha256(f"{_RECIPE} {sys.version}".encode() + archive.read_bytes())
    kept = cache / f"{digest.hexdigest()}.zip"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            tree = Path(scratch) / "tree"
            with zipfile.ZipFile(archive) as sources:
                sources.extractall(tree)
            _compile(tree)
            result = Path(scratch) / "result.zip"
            _pack(tree, result)
            result.replace(kept)
    shutil.copyfile(kept, archive)


def _compile(tree: Path) -> None:
    # A process of its own with a fixed hash seed: what is written depends on the order of sets,
    # and on which strings the process has met before.
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(tree)]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"A module does not compile: {done.stdout}{done.stderr}")


def _pack(tree: Path, result: Path) -> None:
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(tree)), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Readable by Lambda's user, whatever the mask of the machine that packages.
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, path.read_bytes())
