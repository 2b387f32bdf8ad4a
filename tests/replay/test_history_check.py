"""Whatever is wrong with a history is told, the first of it, with the file or the part."""

from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from medsettle.replay.history import COLUMNS, MANIFEST, History, HistoryWriter, table_bytes
from medsettle.replay.history_check import first_fault
from medsettle.replay.layout import arrow_schema

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def _claim(number: int, person: str, order: int, lines: int = 1, **changes: object) -> Row:
    own = {"pooling_area": "999900", "person": person, "order": order, "line_count": lines}
    return {"claim": number} | own | changes


def _parts() -> list[Tables]:
    """Return two parts: A and B with three claims, then C."""
    return [
        {
            "claims": [
                _claim(0, "A", 1, 2, taken_back=9),
                _claim(1, "A", 4),
                _claim(2, "B", 2, 0),
            ],
            "lines": [{"claim": 0}, {"claim": 0}, {"claim": 1}],
            "moves": [_moved("A", 0), _moved("A", 3), _moved("B", 1)],
            "stages": [{"claim": 0, "position": 0}, {"claim": 0, "position": 1}],
        },
        {"claims": [_claim(3, "C", 1)], "lines": [{"claim": 3}]},
    ]


def _moved(person: str, order: int) -> Row:
    return {"pooling_area": "999900", "person": person, "order": order}


def _written(folder: Path, parts: list[Tables]) -> History:
    writer = HistoryWriter(folder, {})
    for part in parts:
        writer.add({name: _table(name, rows) for name, rows in part.items()})
    return writer.finish()


def _table(name: str, rows: list[Row]) -> pa.Table:
    schema = pa.schema([field.with_nullable(True) for field in arrow_schema(COLUMNS[name])])
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema)


def test_a_sound_history_has_no_fault(tmp_path: Path) -> None:
    """Also one without a part."""
    assert first_fault(_written(tmp_path / "h", _parts())) is None
    assert first_fault(_written(tmp_path / "none", [])) is None


def _set(part: int, table: str, row: int, **changes: object) -> Callable[[list[Tables]], None]:
    def change(parts: list[Tables]) -> None:
        parts[part][table][row] |= changes

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            _set(0, "claims", 1, claim=2),
            "part 0: row 1 of claims has the number 2, expected 1",
            id="number",
        ),
        pytest.param(
            _set(1, "claims", 0, claim=4),
            "part 1: row 0 of claims has the number 4, expected 3",
            id="number-over-parts",
        ),
        pytest.param(
            _set(0, "claims", 1, order=1),
            "part 0: claims 0 and 1 of one person have the orders 1, 1",
            id="order",
        ),
        pytest.param(
            _set(0, "claims", 2, person="A", pooling_area="999901"),
            "part 0: moves has persons that are not in the part",
            id="of-another-area",
        ),
        pytest.param(
            _set(0, "claims", 0, taken_back=1),
            "part 0: claim 0 was taken back at 1, and settled at 1",
            id="taken-back-at-once",
        ),
        pytest.param(_set(0, "claims", 0, taken_back=2), None, id="taken-back-next"),
        pytest.param(
            _set(0, "claims", 2, line_count=1),
            "part 0: claim 2 has 0 lines, told are 1",
            id="lines-told",
        ),
        pytest.param(
            _set(0, "lines", 1, claim=1),
            "part 0: claim 0 has 1 lines, told are 2",
            id="lines-of-another",
        ),
        pytest.param(
            _set(0, "lines", 0, claim=1),
            "part 0: lines does not lie in the order of the claims",
            id="lines-order",
        ),
        pytest.param(
            _set(0, "lines", 2, claim=3),
            "part 0: lines has rows of claims that are not in the part",
            id="lines-of-another-part",
        ),
        pytest.param(
            _set(0, "stages", 1, position=2),
            "part 0: stages does not count the rows of a claim from 0",
            id="stages",
        ),
        pytest.param(
            _set(0, "moves", 2, person="C"),
            "part 0: moves has persons that are not in the part",
            id="moves-of-others",
        ),
        pytest.param(
            _set(0, "moves", 0, order=5),
            "part 0: the moves of a person do not come in order",
            id="moves-order",
        ),
        pytest.param(_set(0, "moves", 0, order=3), None, id="moves-of-one-entry"),
        pytest.param(
            _set(0, "moves", 1, order=4),
            "part 0: a move has the order of a claim of its person",
            id="move-with-a-claim",
        ),
        pytest.param(
            _set(1, "claims", 0, person="B"),
            "claims/part-00000.parquet and claims/part-00001.parquet: have claims of one person",
            id="person-in-two-parts",
        ),
    ],
)
def test_the_first_fault_is_told(
    change: Callable[[list[Tables]], None], said: str | None, tmp_path: Path
) -> None:
    """Of numbers, order, counts and persons; what is only unusual is none."""
    parts = _parts()
    change(parts)

    found = first_fault(_written(tmp_path, parts))

    assert said == (None if found is None else str(found))


def test_claims_of_a_person_lie_together(tmp_path: Path) -> None:
    """A person who comes again after another one is told."""
    parts = _parts()
    parts[0]["claims"][1:] = [_claim(1, "B", 2), _claim(2, "A", 4, 0)]

    found = first_fault(_written(tmp_path, parts))

    assert "part 0: the claims of a person do not lie together" == str(found)


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    """By its digest; and one that is gone."""
    history = _written(tmp_path, _parts())
    path = tmp_path / "lines" / "part-00001.parquet"
    path.write_bytes(table_bytes(COLUMNS["lines"], _table("lines", [{"claim": 2}])))

    assert "lines/part-00001.parquet: has SHA-256" in str(first_fault(history))
    path.unlink()
    assert "lines/part-00001.parquet: is gone" in str(first_fault(history))


def test_a_changed_manifest_is_held_to_the_files(tmp_path: Path) -> None:
    """Rows that the manifest tells otherwise, and parts out of their places."""
    history = _written(tmp_path, _parts())
    told = orjson.loads((tmp_path / MANIFEST).read_bytes())
    told["parts"][1]["files"][0]["rows"] = 2
    (tmp_path / MANIFEST).write_bytes(orjson.dumps(told))
    wanted = "part 1: claims/part-00001.parquet has 1 rows, told are 2"
    assert wanted == str(first_fault(History.open(tmp_path)))

    told["parts"] = [asdict(part) for part in reversed(history.parts)]
    (tmp_path / MANIFEST).write_bytes(orjson.dumps(told))
    assert "part 1 stands where 0 should" in str(first_fault(History.open(tmp_path)))


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    """Whose digest was written anew with it."""
    history = _written(tmp_path, _parts())
    path = history.folder / "claims" / "part-00000.parquet"
    path.write_bytes(b"PAR1")
    told = orjson.loads((tmp_path / MANIFEST).read_bytes())
    told["parts"][0]["files"][0]["sha256"] = sha256(b"PAR1").hexdigest()
    (tmp_path / MANIFEST).write_bytes(orjson.dumps(told))

    assert "is no Parquet file of claims" in str(first_fault(History.open(tmp_path)))
