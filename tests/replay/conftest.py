"""The year of the tests, settled once for each module that asks for it."""

from collections.abc import Iterator

import pytest

from tests.replay.made_year import Made, made_year


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Yield a year and its history."""
    with made_year(tmp_path_factory.mktemp("year")) as made:
        yield made
