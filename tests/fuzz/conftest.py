"""How far to fuzz: a few rounds in every run, as many as one likes with `--fuzz-rounds`."""

import pytest

_ROUNDS = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the long form, such as `pytest tests/fuzz --fuzz-rounds 1000`."""
    parser.addoption("--fuzz-rounds", type=int, default=_ROUNDS, help="how long tests/fuzz fuzzes")


@pytest.fixture(scope="session")
def fuzz_rounds(pytestconfig: pytest.Config) -> int:
    """Return how many rounds each test of this folder does."""
    rounds: int = pytestconfig.getoption("--fuzz-rounds")
    return rounds
