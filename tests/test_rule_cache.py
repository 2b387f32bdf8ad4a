"""What is kept of a rule book between processes: the same book, never a stale or a torn one."""

import shutil
from pathlib import Path

import pytest
from medsettle import limits, rule_cache
from medsettle.errors import PolicyRejected
from medsettle.policy.book import load_rule_book, policy_files
from medsettle.rule_cache import rule_book

_SHAPES = Path(__file__).parents[1] / "fixtures" / "policies" / "shapes"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where books are kept, of this test alone."""
    monkeypatch.setenv(rule_cache.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Return a folder of one area, to change."""
    area = min(path for path in _SHAPES.iterdir() if path.is_dir())
    shutil.copytree(area, tmp_path / "rules" / area.name)
    return tmp_path / "rules"


def _books(kept: Path) -> list[Path]:
    return sorted(kept.iterdir())


def test_a_kept_book_is_the_compiled_one(
    kept: Path, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read back says the same, and its tables are as read-only as those compiled."""
    rule_book(rules)
    monkeypatch.setattr(rule_cache, "_loaded", pytest.fail)
    found = rule_book(rules)

    expected = load_rule_book(rules)
    assert [str(each.program) for each in expected.policies] == [
        str(each.program) for each in found.policies
    ]
    assert expected.policies[0].policy == found.policies[0].policy
    catalogue = next(iter(found.catalogues.values()))
    assert next(iter(expected.catalogues.values())).index == catalogue.index
    assert not catalogue.sort_key.flags.writeable
    assert 1 == len(_books(kept))


def test_changed_documents_are_read(kept: Path, rules: Path) -> None:
    """A book follows its documents, whatever their times say."""
    before = rule_book(rules)
    path = next(policy_files(next(rules.iterdir())))
    path.write_text(path.read_text(encoding="utf-8") + "\n# Another version.\n", encoding="utf-8")

    after = rule_book(rules)
    assert {each.digest for each in before.policies} != {each.digest for each in after.policies}
    assert 2 == len(_books(kept))


@pytest.mark.parametrize("torn", [0, 40, -1])
def test_a_torn_book_is_written_again(kept: Path, rules: Path, torn: int) -> None:
    """A file that a crash or a full disk cut is no book."""
    rule_book(rules)
    (path,) = _books(kept)
    whole = path.read_bytes()
    path.write_bytes(whole[:torn])

    assert rule_book(rules).policies
    assert len(whole) == path.stat().st_size


def test_a_folder_that_others_may_write_to_is_not_trusted(kept: Path, rules: Path) -> None:
    """Reading a book runs what it says, so nobody else may have put it there."""
    rule_book(rules)
    (path,) = _books(kept)
    path.unlink()
    kept.chmod(0o777)

    assert rule_book(rules).policies
    assert [] == _books(kept)


@pytest.mark.parametrize("named", ["", "file/kept"])
def test_where_nothing_can_be_kept_everything_is_compiled(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """No folder, or none that can be made, costs time and nothing else."""
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(rule_cache.VARIABLE, named)

    assert rule_book(rules).policies
    assert {"file", "rules"} == {path.name for path in tmp_path.iterdir()}


def test_faults_are_told_every_time(kept: Path, rules: Path) -> None:
    """Documents with faults are never kept."""
    next(rules.glob("*/area.yaml")).write_text("area: 1\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(PolicyRejected):
            rule_book(rules)
    assert [] == _books(kept)


def test_the_books_read_last_are_kept(
    kept: Path, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than a bound is kept, and what is used stays."""
    monkeypatch.setattr(limits, "RULE_BOOKS_KEPT", 2)
    for number in range(4):
        (next(rules.glob("*/area.yaml")).parent / "notes.txt").write_text(str(number))
        rule_book(rules)
    assert 2 == len(_books(kept))
