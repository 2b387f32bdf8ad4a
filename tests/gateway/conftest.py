"""A counter with an empty ledger for each test; rules and directory are read once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.gateway.directory_files import FileDirectory
from medsettle.policy.rule_book import RuleBook

from fixtures import make_directory as invented
from tests.gateway.counter import Counter, counter_on, rules_of


@pytest.fixture(scope="session")
def real_rules(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return the rules of the areas in which the invented persons are insured."""
    return rules_of(tmp_path_factory.mktemp("gateway") / "rules")


@pytest.fixture(scope="session")
def files() -> Iterator[FileDirectory]:
    """Yield the invented directory."""
    held = FileDirectory(invented.FOLDER)
    yield held
    held.close()


@pytest.fixture
def counter(tmp_path: Path, real_rules: RuleBook, files: FileDirectory) -> Iterator[Counter]:
    """Yield a counter of the bureau."""
    with counter_on(tmp_path, real_rules, files) as made:
        yield made
