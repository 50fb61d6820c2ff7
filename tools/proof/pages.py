"""Pages under docs/proof, made from results."""

from tools.proof.figures import Value
from tools.proof.parts import PARTS, Part
from tools.proof.results import Result

_NOTE = "<!-- Written by `make proof`; do not edit. -->"


def page(part: Part, result: Result) -> str:
    """Return the page of one part."""
    facts = {
        "Verdict": _verdict(result),
        "Date": result.began_at,
        "Build": f"`{result.build}`",
        "Machine": result.machine,
        "Command": f"`{part.command}`",
        "Duration": f"{result.seconds:,} s",
    }
    sections = [f"# {part.title}", _NOTE, part.claim, _table(facts)]
    for name, heading in part.figures.items():
        if name in result.figures:
            sections += [f"## {heading}", _table(result.figures[name])]
    if result.tests:
        rows = [f"| {test.name} | {test.verdict} | {test.seconds} |" for test in result.tests]
        table = "\n".join(["| | | s |", "| --- | --- | ---: |", *rows])
        sections += ["## What was checked", table]
    return "\n\n".join(sections) + "\n"


def index(results: dict[str, Result]) -> str:
    """Return the page that lists all parts."""
    rows = ["| | | | s |", "| --- | --- | --- | ---: |"]
    for part in PARTS:
        found = results.get(part.name)
        date, verdict, seconds = (
            ("", "not run yet", "")
            if found is None
            else (found.began_at, _verdict(found), f"{found.seconds:,}")
        )
        rows.append(f"| [{part.title}]({part.name}.md) | {verdict} | {date} | {seconds} |")
    text = "`make proof` runs the tests at full size. These pages are what it measured."
    return "\n\n".join(["# Proof", _NOTE, text, "\n".join(rows)]) + "\n"


def _verdict(result: Result) -> str:
    return "proved" if result.proved else "**not proved**"


def _table(facts: dict[str, Value] | dict[str, str]) -> str:
    rows = [
        f"| {name} | {f'{value:,}' if isinstance(value, int | float) else value} |"
        for name, value in facts.items()
    ]
    return "\n".join(["| | |", "| --- | ---: |", *rows])
