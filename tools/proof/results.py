"""How a part went: its tests, its figures, its verdict; and the machine it ran on."""

import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tools.proof.figures import Value
from tools.proof.parts import Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One test. ``verdict`` is passed, failed or skipped."""

    name: str
    verdict: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What a command left: its exit status, its tests if it ran any, and all it measured."""

    status: int
    tests: tuple[Check, ...]
    figures: dict[str, dict[str, Value]]
    build: str
    began_at: datetime
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a run of a part gave; what the page says, and nothing else, comes from here."""

    began_at: str
    seconds: float
    build: str
    machine: str
    proved: bool
    tests: tuple[Check, ...]
    figures: dict[str, dict[str, Value]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Result":
        tests = tuple(Check(**test) for test in found["tests"])
        return cls(**(found | {"tests": tests}))


def judge(part: Part, run: Run) -> Result:
    """Return the result of ``run``.

    Proved is what ended well, skipped no test, and measured all that the page is to show.
    """
    passed = all(test.verdict == "passed" for test in run.tests)
    complete = set(part.figures) <= set(run.figures) and bool(run.tests) == part.is_tests
    return Result(
        began_at=run.began_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        seconds=round(run.seconds, 1),
        build=run.build,
        machine=machine(),
        proved=run.status == 0 and passed and complete,
        tests=run.tests,
        figures={name: run.figures[name] for name in part.figures if name in run.figures},
    )


def read_tests(junit: Path) -> tuple[Check, ...]:
    """Return the tests in a report of pytest; none if there is no report."""
    if not junit.exists():
        return ()
    # Written by our own pytest a moment ago.
    cases = ET.parse(junit).getroot().iter("testcase")  # noqa: S314
    return tuple(
        Check(
            name=f"{case.attrib['classname'].rpartition('.')[2]}: {_sentence(case.attrib['name'])}",
            verdict=_verdict(case),
            seconds=round(float(case.attrib["time"]), 1),
        )
        for case in cases
    )


def machine() -> str:
    """Return what the figures depend on; nothing that names the machine."""
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores, {gibibytes:.0f} GiB of memory, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )


def _verdict(case: ET.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def _sentence(name: str) -> str:
    plain, bracket, parameters = name.removeprefix("test_").partition("[")
    return plain.replace("_", " ") + (f" ({parameters.rstrip(']')})" if bracket else "")
