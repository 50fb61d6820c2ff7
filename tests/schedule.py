"""Which tests share a process under pytest-xdist: those that are marked with the same group."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parent.parent
_MARK = re.compile(r'^pytestmark = pytest\.mark\.xdist_group\("([\w-]+)"\)$', re.MULTILINE)


@cache
def group_of(module: str) -> str | None:
    """Return the group that a test module is marked with, or None; ``module`` is its path."""
    path = _ROOT / module
    found = _MARK.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found[1] if found else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Keep groups together with ``--dist loadgroup``.

    pytest-xdist 3.8.0 appends the group to a private attribute that pytest 9.2 no longer has, and
    so spreads the tests silently: https://github.com/pytest-dev/pytest-xdist/issues/1386. A
    release that closes the issue lets us drop this; ``tests/tools/test_schedule.py`` stays.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    # A plug-in, which may be left out.
    from xdist.scheduler import (  # type: ignore[import-untyped] # noqa: PLC0415
        LoadGroupScheduling,
    )

    class Groups(LoadGroupScheduling):  # type: ignore[misc] # it has no types
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.partition("::")[0]) or str(super()._split_scope(nodeid))

    return Groups(config, log)
