"""Options of `medsettle torture` that would do nothing are refused before anything is killed."""

import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["--simulate", "--rounds", "5"], "--rounds", id="rounds-of-a-simulation"),
        pytest.param(["--seeds", "5"], "--seeds", id="seeds-of-real-servers"),
        pytest.param(["--simulate", "--seed", "7", "--first", "5"], "--first", id="one-seed"),
        pytest.param(["--provinces", "--clients", "5"], "--clients", id="clients-of-one-area"),
        pytest.param(["--provinces", "--simulate"], "--simulate", id="provinces-simulated"),
        pytest.param(["--ledger", "postgresql://x@y/z"], "--store postgres", id="url-of-files"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], says: str) -> None:
    """The option is named, and what it belongs to."""
    ran = run("torture", *words)
    assert (Exit.USAGE, True) == (ran.code, says in ran.err), ran
