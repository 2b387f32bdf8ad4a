"""A history of Parquet claims: what is right is taken as it came, what is faulty is listed."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.core import schema
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.errors import InvalidRequest, NotFound, Precondition
from medsettle.replay.from_claims import REFUSED, Made, history_from_claims
from medsettle.replay.history_check import first_fault
from medsettle.replay.sorting import PartSize

from tests.replay import year
from tests.service.claims import claim, line

Row = dict[str, Any]
_FIRST = date(2024, 5, 1)


def _claims(count: int) -> list[Row]:
    """Return claims of seven persons whose days go back and forth."""
    found = []
    for number in range(count):
        day = date(2024, 5, 1 + (number * 13) % 20)
        lines = [line(100 * number + each, line_id=str(each)) for each in range(1, 4)]
        dates: Row = {"service_date": day, "admission_date": _FIRST}
        found.append(claim(number, person=f"P{number % 7}", lines=lines[: number % 4], **dates))
    return found


def _write(path: Path, rows: Sequence[Row]) -> Path:
    pq.write_table(claims_table([*rows]), path)
    return path


def _made(out: Path, *sources: Path, **options: Any) -> Made:  # noqa: ANN401 - those of it
    return history_from_claims(sources, out, **options)


def _taken(row: Row, names: Sequence[Any]) -> Row:
    return {column.name: row.get(column.name) for column in names}


@pytest.mark.parametrize("size", [PartSize(), PartSize(claims=6)])
def test_claims_come_out_as_they_went_in(tmp_path: Path, size: PartSize) -> None:
    """Every fact and line, by area, person, day of service and request id; nothing was recorded."""
    rows = _claims(90)
    _write(tmp_path / "a.parquet", rows[:20])
    (tmp_path / "more").mkdir()
    _write(tmp_path / "more" / "b.parquet", rows[20:])

    made = _made(tmp_path / "h", tmp_path / "more", tmp_path / "a.parquet", size=size)

    assert (90, 0, ()) == (made.read, made.refused, made.examples)
    assert first_fault(made.history) is None
    ordered = sorted(
        rows, key=lambda each: (each["person"], each["service_date"], each["request_id"])
    )
    found = year.claim_rows(made.history)
    checked = ClaimBatch.from_rows(ordered).rows
    for number, (row, expected) in enumerate(zip(found, checked, strict=True)):
        assert _taken(expected, schema.CLAIM) == _taken(row, schema.CLAIM)
        lines: Any = expected["lines"]
        assert [{"claim": number, **_taken(each, schema.LINE)} for each in lines] == row["lines"]
        assert number == row["claim"]
        assert {None} == {value for name, value in row.items() if name.startswith("recorded_")}
        assert row["taken_back"] is None
    per_person = [sum(each["person"] == f"P{who}" for each in rows) for who in range(7)]
    orders = [order for count in per_person for order in range(1, count + 1)]
    assert orders == [row["order"] for row in found]
    assert not (tmp_path / "h" / REFUSED).exists()


def test_other_types_are_read_as_rows(tmp_path: Path) -> None:
    """Amounts of 32 bits and large texts are none of the schema, and mean the same."""
    rows = _claims(40)
    _write(tmp_path / "plain.parquet", rows)
    table = claims_table(rows)
    place = table.column_names.index("request_id")
    table = table.set_column(place, "request_id", table["request_id"].cast(pa.large_string()))
    pq.write_table(table, tmp_path / "large.parquet")

    plain = _made(tmp_path / "one", tmp_path / "plain.parquet").history
    large = _made(tmp_path / "two", tmp_path / "large.parquet").history

    for table_name in ("claims", "lines"):
        assert year.rows_of(plain, table_name) == year.rows_of(large, table_name)


def test_codes_may_come_as_dictionaries(tmp_path: Path) -> None:
    """A sender that numbers its texts, differently in each file, sends the same claims."""
    rows = _claims(60)
    _write(tmp_path / "plain.parquet", rows)
    for number, part in enumerate((rows[:20], rows[20:])):
        table = claims_table([*part])
        for place, name in enumerate(table.column_names):
            if table.schema.field(name).type == pa.string() and name != "credential_time":
                table = table.set_column(place, name, table[name].dictionary_encode())
        pq.write_table(table, tmp_path / f"coded-{number}.parquet")

    plain = _made(tmp_path / "one", tmp_path / "plain.parquet").history
    coded = _made(
        tmp_path / "two", tmp_path / "coded-0.parquet", tmp_path / "coded-1.parquet"
    ).history

    assert plain.parts == coded.parts


def test_faulty_claims_are_listed_and_left_out(tmp_path: Path) -> None:
    """With file, row and each fault; all others are there."""
    rows = _claims(40)
    rows[5]["person"] = ""
    rows[11]["lines"][0]["amount_fen"] += 5_000
    rows[11]["service_date"] = date(2023, 1, 1)
    rows[30]["request_id"] = "R3"
    _write(tmp_path / "a.parquet", rows[:25])
    _write(tmp_path / "b.parquet", rows[25:])

    made = _made(tmp_path / "h", tmp_path)

    assert (40, 3, 37) == (made.read, made.refused, made.history.rows("claims"))
    listed = pq.read_table(tmp_path / "h" / REFUSED).to_pylist()
    places = [(Path(each["file"]).name, each["row"], each["path"]) for each in listed]
    assert ("a.parquet", 5, "person") == places[0]
    assert {"a.parquet"} == {name for name, row, _ in places if row == 11}
    assert {"lines[0].amount_fen", "admission_date"} <= {
        path for _, row, path in places if row == 11
    }
    assert ("b.parquet", 5, "request_id") == places[-1]
    assert f"row 3 of {tmp_path / 'a.parquet'}" in listed[-1]["message"]
    assert f"{tmp_path / 'a.parquet'} row 5: person: missing" in made.examples[0]
    kept = {row["request_id"] for row in year.claim_rows(made.history)}
    assert {f"R{number}" for number in range(40)} - {"R5", "R11", "R30"} == kept
    assert 3 == made.history.source["claims_refused"]


@pytest.mark.parametrize("faulty", [limits.REFUSED_CLAIMS_SHOWN, limits.REFUSED_CLAIMS_SHOWN + 1])
def test_some_faults_are_shown(tmp_path: Path, faulty: int) -> None:
    """The first few that are unlike in words, all of them in the file."""
    rows = _claims(40)
    for number, row in enumerate(rows[:faulty]):
        row["institution"] = "H" * (limits.CODE_CHARS_MAX + 1 + number)

    made = _made(tmp_path / "h", _write(tmp_path / "a.parquet", rows))

    assert min(faulty, limits.REFUSED_CLAIMS_SHOWN) == len(made.examples)
    assert faulty == pq.read_table(tmp_path / "h" / REFUSED).num_rows


def test_a_fault_of_many_claims_is_told_once(tmp_path: Path) -> None:
    """With the first row and how often it came again: a file may lack a column in every row."""
    table = claims_table(_claims(40)).drop_columns(["person"])
    pq.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(Precondition, match="no claim of 40 can be taken: ") as caught:
        _made(tmp_path / "h", tmp_path / "a.parquet")
    assert 1 == caught.value.message.count("a.parquet row ")
    assert "a.parquet row 0: person: missing" in caught.value.message
    assert "(and 39 times more)" in caught.value.message


def test_nothing_but_faults_is_no_history(tmp_path: Path) -> None:
    """It is told with the first of them, and their list is there."""
    rows = [row | {"person": ""} for row in _claims(3)]
    _write(tmp_path / "a.parquet", rows)

    with pytest.raises(
        Precondition, match=r"no claim of 3 can be taken: .*a.parquet row 0: person"
    ):
        _made(tmp_path / "h", tmp_path / "a.parquet")
    assert not (tmp_path / "h" / "history.json").exists()
    assert 3 == pq.read_table(tmp_path / "h" / REFUSED).num_rows
    pq.write_table(claims_table(_claims(1)).slice(1), tmp_path / "a.parquet")
    with pytest.raises(Precondition, match="the files are empty"):
        _made(tmp_path / "h", tmp_path / "a.parquet")


# --- order and what people bring along ---------------------------------------------------------


@pytest.mark.parametrize("name", ["seen", "institution_settlement"])
def test_a_column_states_the_order(tmp_path: Path, name: str) -> None:
    """One beside the claim or of it; equal ones come as the files have them."""
    rows = _claims(30)
    places = [(number * 7) % 15 for number in range(30)]
    for row, place in zip(rows, places, strict=True):
        row["institution_settlement"] = f"N{place:02d}-{row['request_id']}"
    table = claims_table(rows)
    if name == "seen":
        table = table.append_column(name, pa.array(places))
    pq.write_table(table, tmp_path / "a.parquet")

    made = _made(tmp_path / "h", tmp_path / "a.parquet", order_by=name)

    assert 0 == made.refused
    keys = {
        row["request_id"]: (place, number)
        for number, (row, place) in enumerate(zip(rows, places, strict=True))
    }
    if name != "seen":
        keys = {row["request_id"]: (row["institution_settlement"], 0) for row in rows}
    expected = sorted(rows, key=lambda each: (each["person"], keys[each["request_id"]]))
    found = [row["request_id"] for row in year.claim_rows(made.history)]
    assert [row["request_id"] for row in expected] == found


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (None, "has no column seen; its columns are request_id, institution"),
        (pa.array([1, None, 3]), "seen of .* is missing in 1 rows"),
        (pa.array([True, False, True]), "seen of .* is bool; no order goes by it"),
    ],
)
def test_an_order_that_is_none_is_refused(
    tmp_path: Path, column: pa.Array | None, said: str
) -> None:
    """A column that is not there, has gaps, or is of a type without an order."""
    table = claims_table(_claims(3))
    table = table if column is None else table.append_column("seen", column)
    pq.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(InvalidRequest, match=said):
        _made(tmp_path / "h", tmp_path / "a.parquet", order_by="seen")


def _moves(path: Path, rows: Sequence[Row]) -> Path:
    pq.write_table(pa.Table.from_pylist([*rows]), path)
    return path


_MOVE: Row = {"pooling_area": "999900", "person": "P1", "counter": "account", "period": 0}


def test_what_people_bring_along_has_its_place(tmp_path: Path) -> None:
    """Before everything, or before the claims of its day; that of nobody is left out."""
    rows = [
        claim(number, person="P1", service_date=date(2024, 5, day), admission_date=_FIRST)
        for number, day in enumerate((1, 3, 3, 5))
    ]
    moves = [
        _MOVE | {"delta": 70_000, "move_date": None, "kind": None},
        _MOVE | {"delta": 500, "move_date": date(2024, 5, 3)},
        _MOVE | {"delta": 600, "move_date": date(2024, 5, 4), "kind": "deposit"},
        _MOVE | {"delta": 9, "move_date": None, "person": "PX"},
    ]
    openings = _moves(tmp_path / "moves.parquet", moves)

    made = _made(tmp_path / "h", _write(tmp_path / "a.parquet", rows), openings=openings)

    found = [
        (row["order"], row["delta"], row["kind"]) for row in year.rows_of(made.history, "moves")
    ]
    assert [(1, 70_000, "opening"), (3, 500, "opening"), (6, 600, "deposit")] == found
    assert [2, 4, 5, 7] == [row["order"] for row in year.claim_rows(made.history)]
    assert 1 == made.history.source["moves_of_others_left_out"]
    assert first_fault(made.history) is None


def test_days_of_moves_have_no_place_in_another_order(tmp_path: Path) -> None:
    """Without days they come before all claims; with days it is told."""
    rows = _claims(8)
    table = claims_table(rows).append_column("seen", pa.array(range(8)))
    pq.write_table(table, tmp_path / "a.parquet")
    plain = _moves(tmp_path / "plain.parquet", [_MOVE | {"delta": 5}])
    dated = _moves(tmp_path / "dated.parquet", [_MOVE | {"delta": 5, "move_date": _FIRST}])

    made = _made(tmp_path / "h", tmp_path / "a.parquet", order_by="seen", openings=plain)
    assert [1] == [row["order"] for row in year.rows_of(made.history, "moves")]
    with pytest.raises(InvalidRequest, match="days of moves have no place in the order by seen"):
        _made(tmp_path / "i", tmp_path / "a.parquet", order_by="seen", openings=dated)


_LONG = "c" * limits.COUNTER_NAME_CHARS_MAX


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counter": _LONG}, ""),
        ({"counter": f"{_LONG}c"}, r"openings\[0\].counter: has not 1 to 1024 characters"),
        ({"counter": ""}, r"openings\[0\].counter: has not 1 to 1024 characters"),
        ({"delta": limits.AMOUNT_FEN_MAX}, ""),
        ({"delta": -limits.AMOUNT_FEN_MAX}, ""),
        ({"delta": limits.AMOUNT_FEN_MAX + 1}, r"openings\[0\].delta: lies outside"),
        ({"delta": -limits.AMOUNT_FEN_MAX - 1}, r"openings\[0\].delta: lies outside"),
        ({"period": -1}, r"openings\[0\].period: lies outside"),
        ({"person": None}, r"openings\[0\].person: is missing"),
        ({"fen": 5}, "has fen; a move has counter, delta, kind"),
    ],
)
def test_a_move_has_bounds(tmp_path: Path, change: Row, said: str) -> None:
    """Each value one step either side, with its row and column."""
    path = _moves(tmp_path / "moves.parquet", [_MOVE | {"delta": 5} | change])
    claims = _write(tmp_path / "a.parquet", _claims(8))
    if not said:
        assert 1 == _made(tmp_path / "h", claims, openings=path).history.rows("moves")
        return
    with pytest.raises(InvalidRequest, match=said):
        _made(tmp_path / "h", claims, openings=path)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A source that is not there or no Parquet, and openings likewise."""
    claims = _write(tmp_path / "a.parquet", _claims(8))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    (tmp_path / "empty").mkdir()
    lacking = _moves(tmp_path / "lacking.parquet", [{"person": "P1"}])

    with pytest.raises(NotFound, match="nowhere is not there"):
        _made(tmp_path / "h", tmp_path / "nowhere")
    with pytest.raises(NotFound, match="empty has no Parquet files"):
        _made(tmp_path / "h", tmp_path / "empty")
    with pytest.raises(InvalidRequest, match=r"bad.parquet is no Parquet file of claims"):
        _made(tmp_path / "h", claims, tmp_path / "bad.parquet")
    with pytest.raises(InvalidRequest, match=r"bad.parquet is no Parquet file of moves"):
        _made(tmp_path / "h", claims, openings=tmp_path / "bad.parquet")
    with pytest.raises(NotFound, match="name a Parquet file of moves"):
        _made(tmp_path / "h", claims, openings=tmp_path / "nowhere.parquet")
    with pytest.raises(InvalidRequest, match="lacks counter, delta, period, pooling_area"):
        _made(tmp_path / "h", claims, openings=lacking)
    assert not (tmp_path / "h" / "history.json").exists()


def test_a_column_that_claims_have_not_makes_all_faulty(tmp_path: Path) -> None:
    """It may be one that was meant for another; unless it states the order."""
    table = claims_table(_claims(20)).append_column("pooled_fen", pa.array([1] * 20))
    pq.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(Precondition, match=r"no claim of 20 can be taken: .*pooled_fen"):
        _made(tmp_path / "h", tmp_path / "a.parquet")


def test_many_claims_go_through_in_stretches(tmp_path: Path) -> None:
    """More claims than one batch has, in one file: each with its lines, once."""
    count = limits.CLAIMS_PER_BATCH_MAX + 100
    table = claims_table(_claims(7))
    numbers = pa.array([f"R{number}" for number in range(count)])
    table = table.take(pa.array([number % 7 for number in range(count)]))
    table = table.set_column(table.column_names.index("request_id"), "request_id", numbers)
    pq.write_table(table, tmp_path / "a.parquet")

    history = _made(tmp_path / "h", tmp_path / "a.parquet").history

    assert (count, 0) == (history.rows("claims"), history.rows("moves"))
    assert pc.sum(pc.list_value_length(table["lines"])).as_py() == history.rows("lines")
    assert first_fault(history) is None


def test_a_text_that_is_none_is_told(tmp_path: Path) -> None:
    """Bytes that are no text are the fault of the file, not of a claim that nobody could name."""
    table = claims_table(_claims(20))
    raw = pa.array([b"P1"] * 19 + [b"\xff\xfe"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 20, raw.buffers())
    place = table.column_names.index("person")
    pq.write_table(table.set_column(place, "person", broken), tmp_path / "a.parquet")

    with pytest.raises(InvalidRequest, match=r"a.parquet is no Parquet file of claims: .*UTF8"):
        _made(tmp_path / "h", tmp_path / "a.parquet")


def test_a_text_of_a_move_that_is_none_is_told(tmp_path: Path) -> None:
    """As one of a claim is."""
    raw = pa.array([b"P1", b"\xff\xfe"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    table = pa.Table.from_pylist([_MOVE | {"delta": 5}] * 2)
    place = table.column_names.index("person")
    path = tmp_path / "moves.parquet"
    pq.write_table(table.set_column(place, "person", broken), path)

    with pytest.raises(InvalidRequest, match=r"moves.parquet is no Parquet file of moves: .*UTF8"):
        _made(tmp_path / "h", _write(tmp_path / "a.parquet", _claims(8)), openings=path)


def test_files_state_the_order_alike(tmp_path: Path) -> None:
    """Days in one file and numbers in another have no order between them."""
    for number, column in enumerate((pa.array([1, 2]), pa.array([_FIRST, _FIRST]))):
        table = claims_table(_claims(2)).append_column("seen", column)
        pq.write_table(table, tmp_path / f"{number}.parquet")

    with pytest.raises(InvalidRequest, match=r"1.parquet is date32\[day\], in the files before"):
        _made(tmp_path / "h", tmp_path, order_by="seen")
