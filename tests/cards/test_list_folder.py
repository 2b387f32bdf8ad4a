"""Lists in a folder: each is put in use or refused for itself, and nothing is lost."""

from pathlib import Path

import pytest
from medsettle.cards.invalid_list import InvalidLists
from medsettle.engine.list_folder import ListFolders, LoadedLists, load_lists

from tests.cards.lists import CITY, NATIONAL, NOW, lost, write_list


def _load(folder: Path, old: InvalidLists | None = None) -> LoadedLists:
    return load_lists(ListFolders(folder / "lists", folder / "keys"), old or InvalidLists(), NOW)


def _versions(lists: InvalidLists) -> dict[str, int]:
    return {str(slot): each.version for slot, each in lists.by_slot.items()}


def test_the_lists_of_a_folder_are_loaded(tmp_path: Path) -> None:
    """Each under the level and area of its name."""
    write_list(tmp_path, NATIONAL, 12, lost("C1"))
    write_list(tmp_path, CITY, 31, lost("C2"))
    loaded = _load(tmp_path)

    assert () == loaded.faults
    assert {"city-999900": 31, "national": 12} == _versions(loaded.lists)


def test_a_list_that_has_not_changed_is_kept_as_it_is(tmp_path: Path) -> None:
    """The same bytes are not read again."""
    write_list(tmp_path, CITY, 31, lost("C2"))
    first = _load(tmp_path).lists

    assert first.by_slot[CITY] is _load(tmp_path, first).lists.by_slot[CITY]


@pytest.mark.parametrize("fault", ["older", "tampered", "signature", "key", "gone", "no-file"])
def test_a_refused_list_leaves_the_old_one_in_use(tmp_path: Path, fault: str) -> None:
    """Whatever is wrong with one list, it stays as it was and the other is renewed."""
    path = write_list(tmp_path, CITY, 31, lost("C2"))
    write_list(tmp_path, NATIONAL, 12, [])
    old = _load(tmp_path).lists
    write_list(tmp_path, CITY, 30 if fault == "older" else 32, lost("C3"))
    write_list(tmp_path, NATIONAL, 13, [])
    signature = path.with_name(f"{path.name}.sig")
    if fault == "tampered":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    elif fault == "signature":
        signature.write_bytes(b"")
    elif fault == "key":
        national = (tmp_path / "keys" / "national.pem").read_bytes()
        (tmp_path / "keys" / "city-999900.pem").write_bytes(national)
    elif fault == "gone":
        path.unlink()
    elif fault == "no-file":
        signature.unlink()
    loaded = _load(tmp_path, old)

    assert 1 == len(loaded.faults)
    assert loaded.faults[0].startswith(str(path))
    assert {"city-999900": 31, "national": 13} == _versions(loaded.lists)
    assert old.by_slot[CITY] is loaded.lists.by_slot[CITY]


_NO_LISTS = (
    *("list", "national-999900", "city", "city-99990", "province-1"),
    # A county has no list of its own, and a province's ends in four zeros: nobody would ask these.
    *("city-999930", "provincial-999900", "city-999901"),
)


@pytest.mark.parametrize("name", _NO_LISTS)
def test_a_file_that_is_no_list_is_told(tmp_path: Path, name: str) -> None:
    """A misspelt name would be a list that nobody looks into."""
    path = write_list(tmp_path, CITY, 1, [])
    path.rename(path.with_name(f"{name}.arrow"))
    loaded = _load(tmp_path)

    assert {} == loaded.lists.by_slot
    assert "no list is called so" in loaded.faults[0]


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    """Text, and a key of another kind, are no keeper's key."""
    write_list(tmp_path, CITY, 1, [])
    (tmp_path / "keys" / "city-999900.pem").write_bytes(b"no key")

    assert "holds no public key" in _load(tmp_path).faults[0]
