"""One deployment for all tests against it; ``xdist_group("stack")`` keeps them in one process."""

from collections.abc import Iterator

import pytest

from tests.stack.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("deployment")) as running:
        yield running
