"""The command line behind ``make proof``."""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from tools import package
from tools.paths import ROOT
from tools.proof import figures, pages
from tools.proof.parts import PARTS, Part
from tools.proof.results import Result, Run, judge, read_tests

_PAGES = ROOT / "docs" / "proof"
_RESULTS = _PAGES / "results.json"


@click.command()
@click.option(
    "--only",
    type=click.Choice([part.name for part in PARTS]),
    multiple=True,
    help="Run this part; the others keep the results of their last run.",
)
def main(only: tuple[str, ...]) -> None:
    """Run the tests at full size and write what they measured to docs/proof."""
    failed = []
    for part in PARTS:
        if only and part.name not in only:
            continue
        click.secho(f"== {part.title}\n   {part.command}", bold=True)
        result = run(part)
        _keep(part, result)
        click.secho(f"== {'proved' if result.proved else 'NOT PROVED'} in {result.seconds:,} s\n")
        if not result.proved:
            failed.append(part.name)
    click.echo(f"Figures: {_PAGES.relative_to(ROOT)}")
    if failed:
        raise click.ClickException(f"not proved: {', '.join(failed)}")


def run(part: Part) -> Result:
    """Run one part, with its output on the terminal."""
    with tempfile.TemporaryDirectory(prefix="couponry-proof-") as folder:
        junit = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", *part.arguments]
        if part.is_tests:
            command += [f"--junitxml={junit}", "-q"]
        measured = Path(folder) / "figures"
        measured.mkdir()
        environment = os.environ | part.environment | {"COUPONRY_PROOF_DIR": str(measured)}
        build, began_at, begun = _build(), datetime.now(UTC), time.monotonic()
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        done = Run(
            status=status,
            tests=read_tests(junit),
            figures=figures.read(measured),
            build=build,
            began_at=began_at,
            seconds=time.monotonic() - begun,
        )
        return judge(part, done)


def _build() -> str:
    """Return the revision of the code; the pages of other parts are no change of it."""
    command = ["git", "status", "--porcelain", "--", ".", ":(exclude)docs/proof"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    revision = package.revision()
    return revision if done.stdout.strip() else revision.removesuffix("-dirty")


def _keep(part: Part, result: Result) -> None:
    """Write the page of ``part``, and the index with all results up to now."""
    _PAGES.mkdir(parents=True, exist_ok=True)
    known = json.loads(_RESULTS.read_text(encoding="utf-8")) if _RESULTS.exists() else {}
    known[part.name] = result.to_json()
    _RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (_PAGES / f"{part.name}.md").write_text(pages.page(part, result), encoding="utf-8")
    results = {name: Result.from_json(found) for name, found in known.items()}
    (_PAGES / "README.md").write_text(pages.index(results), encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m tools.proof")
