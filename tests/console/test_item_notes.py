"""Notes on items: who looks into which, and what was said, which nobody takes back."""

from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from medsettle import limits
from medsettle.console.item_notes import ItemNotes, Note
from medsettle.errors import InvalidRequest

_MOMENT = datetime(2026, 3, 3, 1, 2, 3, 4_000, tzinfo=UTC)


def test_an_assignment_replaces_the_one_before(tmp_path: Path) -> None:
    """Only what changes is noted; nobody is an assignee too."""
    with ItemNotes(tmp_path / "state") as notes:
        assert 2 == notes.assign([1, 2], "an", "bo", _MOMENT)
        assert 1 == notes.assign([2, 3], "an", "bo", _MOMENT)
        assert 1 == notes.assign([1], "cy", "bo", _MOMENT)
        assert 1 == notes.assign([3, 4], "", "bo", _MOMENT)

        assert {1: "cy", 2: "an"} == notes.assignees([1, 2, 3, 4])
        assert ([2], [1], [1, 2]) == tuple(map(notes.numbers_of, ("an", "cy", None)))
        assert ["an", "cy"] == [note.assigned_to for note in notes.notes(1)]
        assert ["an", ""] == [note.assigned_to for note in notes.notes(3)]
        assert [] == notes.notes(4)


@pytest.mark.parametrize("count", [1, limits.ITEM_REASON_CHARS_MAX])
def test_what_was_said_is_kept(tmp_path: Path, count: int) -> None:
    """With the moment and the person, after the store was closed."""
    with ItemNotes(tmp_path) as notes:
        notes.say(7, "话" * count, "an", _MOMENT)
    with ItemNotes(tmp_path) as notes:
        assert [Note(_MOMENT, "an", None, "话" * count)] == notes.notes(7)


@pytest.mark.parametrize("said", ["", " \n", "x" * (limits.ITEM_REASON_CHARS_MAX + 1)])
def test_nothing_is_no_comment(tmp_path: Path, said: str) -> None:
    """Nor is more than a store keeps."""
    with ItemNotes(tmp_path) as notes:
        with pytest.raises(InvalidRequest, match="expected 1 to 500 characters"):
            notes.say(7, said, "an", _MOMENT)
        assert [] == notes.notes(7)


@pytest.mark.parametrize("statement", ["update notes set said = 'y'", "delete from notes"])
def test_nobody_takes_back_what_was_said(tmp_path: Path, statement: str) -> None:
    """The table refuses it, whoever asks."""
    with ItemNotes(tmp_path) as notes:
        notes.say(7, "x", "an", _MOMENT)
    connection = apsw.Connection(str(tmp_path / "item-notes.db"))
    with pytest.raises(apsw.ConstraintError, match="notes"):
        connection.execute(statement)
    connection.close()
