"""A history is there once it is finished, tells what is wrong, and gives back what was written."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle.errors import InvalidRequest, NotFound
from medsettle.replay.history import MANIFEST, History, HistoryWriter
from medsettle.replay.layout import HISTORY_CLAIM, HISTORY_LINE, MOVE, arrow_schema
from pyarrow.dataset import dataset


def _claims(count: int, first: int = 0) -> pa.Table:
    schema = arrow_schema(HISTORY_CLAIM)
    rows = [dict.fromkeys(schema.names) for _ in range(count)]
    for number, row in enumerate(rows, first):
        row |= {"claim": number, "order": number + 1, "line_count": 0, "person": f"p{number}"}
        row |= {"pooling_area": "999900", "benefit_groups": ["a", "b"], "recorded_cash_fen": -5}
    return pa.Table.from_pylist(rows, schema=pa.schema([f.with_nullable(True) for f in schema]))


def _no_lines() -> pa.Table:
    return arrow_schema(HISTORY_LINE).empty_table()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Two parts, the second without moves; codes come as dictionaries."""
    writer = HistoryWriter(tmp_path / "h", {"made by": "a test"})
    moves = pa.table(
        [["999900"], ["p0"], [0], ["opening"], ["account"], [0], [250_00]],
        schema=arrow_schema(MOVE),
    )
    writer.add({"claims": _claims(2), "lines": _no_lines(), "moves": moves})
    writer.add({"claims": _claims(1, 2), "lines": _no_lines(), "moves": moves.slice(0, 0)})

    history = writer.finish()

    assert History.open(tmp_path / "h") == history
    assert (3, 0, 1) == tuple(history.rows(name) for name in ("claims", "lines", "moves"))
    first, second = history.parts
    claims = history.read(first, "claims", ["person", "benefit_groups", "recorded_cash_fen"])
    assert pa.types.is_dictionary(claims.schema.field("person").type)
    assert [
        {"person": f"p{number}", "benefit_groups": ["a", "b"], "recorded_cash_fen": -5}
        for number in (0, 1)
    ] == claims.to_pylist()
    assert [250_00] == history.read(first, "moves")["delta"].to_pylist()
    assert 0 == history.read(second, "moves").num_rows


def test_a_history_tells_whether_anything_was_recorded(tmp_path: Path) -> None:
    """One amount of one claim, in the last part, is enough; the name of a settlement is none."""
    nothing = _claims(2)
    for name, values in (("cash_fen", [None, None]), ("settlement", ["S1", None])):
        at = nothing.column_names.index(f"recorded_{name}")
        kind = nothing.schema.field(at).type
        nothing = nothing.set_column(at, f"recorded_{name}", pa.array(values, kind))
    found = []
    for number, parts in enumerate(([], [nothing], [nothing, _claims(1, 2)])):
        writer = HistoryWriter(tmp_path / str(number), {})
        for claims in parts:
            writer.add({"claims": claims, "lines": _no_lines()})
        found.append(writer.finish().recorded())

    assert [False, False, True] == found


def test_a_file_may_lack_columns(tmp_path: Path) -> None:
    """A part of which no claim states a code, or a number, does without them."""
    writer = HistoryWriter(tmp_path, {})
    part = writer.add({"claims": _claims(2), "lines": _no_lines()})
    history = writer.finish()
    path = tmp_path / "claims" / "part-00000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["disease", "sessions"]), path)

    found = history.read(part, "claims", ["person", "disease", "sessions"])

    assert ["person"] == found.column_names
    assert pa.types.is_dictionary(found.schema.field("person").type)
    assert 2 == history.read(part, "claims").num_rows


def test_an_unfinished_history_is_none(tmp_path: Path) -> None:
    """Without its manifest nothing was finished."""
    HistoryWriter(tmp_path, {}).add({"claims": _claims(1), "lines": _no_lines()})

    with pytest.raises(NotFound, match="no history was finished in this folder; make one first"):
        History.open(tmp_path)


def test_a_finished_history_is_not_written_to(tmp_path: Path) -> None:
    """Two histories in one folder would be neither."""
    HistoryWriter(tmp_path, {}).finish()

    with pytest.raises(InvalidRequest) as caught:
        HistoryWriter(tmp_path, {})
    assert "has a history already" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "is no manifest"),
        (b"[]", "is no manifest"),
        (b'{"format": 2, "source": {}, "parts": []}', "format 2"),
    ],
)
def test_another_manifest_is_refused(tmp_path: Path, raw: bytes, said: str) -> None:
    """Whatever stands there is told, not raised as a KeyError."""
    (tmp_path / MANIFEST).write_bytes(raw)

    with pytest.raises(InvalidRequest) as caught:
        History.open(tmp_path)
    assert said in str(caught.value)


def test_a_part_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    """The file is named."""
    writer = HistoryWriter(tmp_path, {})
    writer.add({"claims": _claims(1), "lines": _no_lines()})
    history = writer.finish()
    path = tmp_path / "claims" / "part-00000.parquet"

    path.write_bytes(b"PAR1")
    with pytest.raises(InvalidRequest) as caught:
        history.read(history.parts[0], "claims")
    assert str(path) in str(caught.value)
    path.unlink()
    with pytest.raises(NotFound, match="is gone; make the history again"):
        history.read(history.parts[0], "claims")


def test_parts_of_any_size_are_one_table(tmp_path: Path) -> None:
    """Few rows have no dictionaries and many have, amounts are small or large: all read as one."""
    writer = HistoryWriter(tmp_path, {})
    small, large = _claims(2), _claims(5_000, 2)
    at = large.column_names.index("recorded_cash_fen")
    amounts = pa.array([10**13 - number for number in range(5_000)], pa.int64())
    large = large.set_column(at, "recorded_cash_fen", amounts)
    for claims in (small, large):
        writer.add({"claims": claims, "lines": _no_lines()})
    writer.finish()
    total = -5 * 2 + sum(10**13 - number for number in range(5_000))

    files = f"{tmp_path}/claims/*.parquet"
    asked = "select count(*), sum(recorded_cash_fen), count(distinct person) from read_parquet"
    with duckdb.connect() as connection:
        assert (5_002, total, 5_002) == connection.execute(f"{asked}('{files}')").fetchone()
    table = dataset(tmp_path / "claims").to_table(columns=["recorded_cash_fen", "person"])
    assert total == sum(table["recorded_cash_fen"].to_pylist())
