"""Tables that somebody made without us: what is missing or of another type is told, all at once."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from medsettle.errors import InvalidRequest
from medsettle.replay.history import COLUMNS
from medsettle.replay.layout import BASELINE, arrow_schema
from medsettle.replay.part import replay_part

from tests.replay.made import Claim, Life, Move, checked, rows_of, tables_of
from tests.replay.years import WORLDS
from tests.service.claims import claim


def _tables() -> dict[str, pa.Table]:
    lives: list[Life] = [
        [Move("account", 0, 20_000), Claim(checked(claim(number, person=f"P{number}")))]
        for number in (1, 2)
    ]
    return tables_of(lives)


def _faults(tables: dict[str, pa.Table]) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        replay_part(tables, WORLDS)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_what_every_row_states_may_not_be_missing() -> None:
    """Each such column of claims, lines and moves, by itself and all together."""
    tables, bare, together = _tables(), _tables(), dict[str, str]()
    for name in ("claims", "lines", "moves"):
        stated = [field for field in arrow_schema(COLUMNS[name]) if not field.nullable]
        assert stated
        for field in stated:
            without = tables | {name: tables[name].drop_columns([field.name])}
            said = {f"{name}.{field.name}": f"is missing; every row states it, as {field.type}"}
            assert said == _faults(without)
            together |= said
        bare[name] = bare[name].drop_columns([field.name for field in stated])
    assert together == _faults(bare)


def test_other_columns_may_be_missing() -> None:
    """What no claim states, and a table of which there are no rows."""
    tables = _tables()
    wanted = rows_of(replay_part(tables, WORLDS)[f"claims/{BASELINE}"])
    for name in ("claims", "lines", "moves"):
        own = arrow_schema(COLUMNS[name])
        empty = [
            field.name
            for field in own
            if field.nullable and tables[name][field.name].null_count == len(tables[name])
        ]
        tables[name] = tables[name].drop_columns(empty)

    assert {"taken_back", "episode"} < {*_tables()["claims"].column_names} - {
        *tables["claims"].column_names
    }
    assert wanted == rows_of(replay_part(tables, WORLDS)[f"claims/{BASELINE}"])


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        ("service_date", pa.string(), "is string; cast it to date32[day]"),
        ("service_date", pa.timestamp("us"), "is timestamp[us]; cast it to date32[day]"),
        ("line_count", pa.float64(), "is double; cast it to int64"),
        ("account_used", pa.int8(), "is int8; cast it to bool"),
        ("institution_level", pa.int64(), "is int64; cast it to string"),
        ("person", pa.large_string(), "is large_string; cast it to string"),
    ],
)
def test_a_column_of_another_type_is_told(column: str, kind: pa.DataType, said: str) -> None:
    """With the type that it is to have; nothing is cast in silence."""
    tables = _tables()
    claims = tables["claims"]
    at = claims.column_names.index(column)
    other = pa.nulls(len(claims), kind)
    tables["claims"] = claims.set_column(at, column, other)

    assert {f"claims.{column}": said} == _faults(tables)


@pytest.mark.parametrize(
    "cast",
    [
        pytest.param(lambda column: column.dictionary_encode(), id="dictionary"),
        pytest.param(lambda column: column, id="plain"),
    ],
)
def test_codes_may_have_dictionaries_and_numbers_fewer_bits(
    cast: Callable[[pa.ChunkedArray], pa.ChunkedArray],
) -> None:
    """As our own files have them."""
    tables = _tables()
    wanted = rows_of(replay_part(tables, WORLDS)[f"claims/{BASELINE}"])
    claims = tables["claims"]
    for name in ("person", "institution"):
        at = claims.column_names.index(name)
        claims = claims.set_column(at, name, cast(claims[name].cast(pa.string())))
    at = claims.column_names.index("line_count")
    narrow = claims["line_count"].cast(pa.int8())
    tables["claims"] = claims.set_column(at, "line_count", narrow)

    assert wanted == rows_of(replay_part(tables, WORLDS)[f"claims/{BASELINE}"])


def test_nulls_and_other_tables_are_told() -> None:
    """A null where every row states something, no lines at all, and a name that is none."""
    tables = _tables()
    claims = tables["claims"]
    at = claims.column_names.index("birth_date")
    half = pa.array([None, claims["birth_date"][1].as_py()], pa.date32())
    tables["claims"] = claims.set_column(at, "birth_date", half)
    del tables["lines"]
    tables["move"] = tables["moves"]

    assert {
        "lines": "is missing; give the table, with no rows where there are none",
        "claims.birth_date": "has 1 nulls; every row states it",
        "move": "is no table of a history; these are claims, lines, moves, stages, splits",
    } == _faults(tables)
