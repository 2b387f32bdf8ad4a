"""How far to fuzz: a few rounds in every run, as many as one likes with `--fuzz-rounds`."""

import pytest


@pytest.fixture(scope="session")
def fuzz_rounds(pytestconfig: pytest.Config) -> int:
    """Return how many rounds each test of this folder does."""
    rounds: int = pytestconfig.getoption("--fuzz-rounds")
    return rounds
