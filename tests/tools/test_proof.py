import platform
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tools.proof import figures, pages
from tools.proof.parts import PARTS, Part
from tools.proof.results import Check, Result, Run, judge, machine, read_tests

A_PART = Part(
    name="races",
    title="Races",
    claim="Each coupon is redeemed once.",
    arguments=("pytest", "tests/stack"),
    environment={"COUPONRY_RACE_CLIENTS": "64"},
    figures={"race": "The race"},
)
A_CHECK = Check(name="TestRace: is won by one", verdict="passed", seconds=1.5)
A_RUN = Run(
    status=0,
    tests=(A_CHECK,),
    figures={"race": {"clients": 64, "attempts sent": 15_000}},
    build="1a2b3c4",
    began_at=datetime(2026, 3, 29, 12, 0, tzinfo=UTC),
    seconds=61.23,
)


class TestVerdict:
    def test_is_proved_when_all_passed_and_was_measured(self) -> None:
        assert judge(A_PART, A_RUN).proved

    @pytest.mark.parametrize(
        "run",
        [
            pytest.param(replace(A_RUN, status=1), id="the command failed"),
            pytest.param(replace(A_RUN, tests=()), id="no test ran"),
            pytest.param(
                replace(A_RUN, tests=(A_CHECK, replace(A_CHECK, verdict="failed"))),
                id="a test failed",
            ),
            pytest.param(
                replace(A_RUN, tests=(A_CHECK, replace(A_CHECK, verdict="skipped"))),
                id="a test was skipped",
            ),
            pytest.param(replace(A_RUN, figures={}), id="nothing was measured"),
        ],
    )
    def test_is_not_proved_when(self, run: Run) -> None:
        result = judge(A_PART, run)

        assert not result.proved
        assert "**not proved**" in pages.page(A_PART, result)

    def test_of_a_measurement_needs_no_tests(self) -> None:
        measurement = replace(A_PART, arguments=("bench.attempts",))

        assert judge(measurement, replace(A_RUN, tests=())).proved


class TestPage:
    def test_shows_what_was_measured_with_the_command(self) -> None:
        page = pages.page(A_PART, judge(A_PART, A_RUN))

        assert "| Command | `COUPONRY_RACE_CLIENTS=64 python -m pytest tests/stack` |" in page
        assert "| attempts sent | 15,000 |" in page
        assert "| Build | `1a2b3c4` |" in page
        assert "| Date | 2026-03-29 12:00 UTC |" in page
        assert "| TestRace: is won by one | passed | 1.5 |" in page

    def test_index_names_every_part(self) -> None:
        index = pages.index({PARTS[0].name: judge(PARTS[0], A_RUN)})

        assert [part.name for part in PARTS if f"({part.name}.md)" not in index] == []
        assert index.count("not run yet") == len(PARTS) - 1

    def test_is_made_again_from_what_was_kept(self) -> None:
        result = judge(A_PART, A_RUN)

        assert Result.from_json(result.to_json()) == result


class TestFigures:
    def test_are_what_the_tests_wrote(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COUPONRY_PROOF_DIR", str(tmp_path))

        figures.record("race", {"clients": 16})

        assert figures.read(tmp_path) == {"race": {"clients": 16}}

    def test_are_written_nowhere_in_an_ordinary_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COUPONRY_PROOF_DIR", raising=False)
        monkeypatch.chdir(tmp_path)

        figures.record("race", {"clients": 16})

        assert list(tmp_path.iterdir()) == []


class TestReport:
    def test_is_read_as_sentences(self, tmp_path: Path) -> None:
        report = tmp_path / "tests.xml"
        report.write_text(
            '<testsuites><testsuite><testcase classname="tests.stack.TestRace" time="1.25" '
            'name="test_is_won_by_one[functions-killed]"/><testcase classname="tests.TestOther" '
            'name="test_it" time="0"><failure/></testcase></testsuite></testsuites>',
            encoding="utf-8",
        )

        assert read_tests(report) == (
            Check(name="TestRace: is won by one (functions-killed)", verdict="passed", seconds=1.2),
            Check(name="TestOther: it", verdict="failed", seconds=0.0),
        )

    def test_of_a_run_that_never_began_is_empty(self, tmp_path: Path) -> None:
        assert read_tests(tmp_path / "none.xml") == ()

    def test_does_not_name_the_machine(self) -> None:
        assert platform.node() not in machine()
