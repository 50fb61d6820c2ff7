"""Groups of tests stay in one process, whatever the versions of the test runner."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import schedule

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("schedule")


def test_a_module_is_in_the_group_that_it_is_marked_with() -> None:
    assert schedule.group_of("tests/tools/test_schedule.py") == "schedule"
    assert schedule.group_of("tests/tools/test_wsgi.py") is None
    assert schedule.group_of("tests/nowhere.py") is None


def test_no_module_is_marked_in_a_way_that_is_not_read() -> None:
    modules = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")]

    marked = {each for each in modules if "mark.xdist_group(" in (ROOT / each).read_text()}

    assert len(marked) > 1
    assert [each for each in marked if schedule.group_of(each) is None] == []


@pytest.mark.parametrize("number", range(8))
def test_of_which_there_are_many(number: int) -> None:
    """What the next test runs."""


def test_a_group_runs_in_one_process() -> None:
    command = [sys.executable, "-m", "pytest", "tests/tools/test_schedule.py", "-v", "-n", "2"]
    command += ["--dist", "loadgroup", "-k", "of_which_there_are_many"]

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout

    processes = [line.split()[0] for line in ran.splitlines() if "PASSED" in line]
    assert len(processes) == 8, ran
    assert len(set(processes)) == 1, ran
