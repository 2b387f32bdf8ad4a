"""Audit tables under pseudonyms say what plain ones say, of nobody who could be named."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from medsettle.audit import Projector, connect, persons_keys, read_segments
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.books.conservation import discrepancies
from medsettle.engine import Engine
from medsettle.errors import Precondition
from medsettle.privacy.links import rotate
from medsettle.privacy.pseudonyms import Kind, Pseudonyms, made_under
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.sources import EngineData, Wanted, make_history

from tests.engine import visits
from tests.engine.engines import rule_book
from tests.replay import year

# As the code has them, stated once more: a column that is forgotten there is missed here.
_PERSONAL_COLUMNS = {
    "person": Kind.PERSON,
    "giver": Kind.PERSON,
    "card": Kind.CARD,
    "counter": Kind.COUNTER,
}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    """Yield the engine of a year with a visit by card, and the folder of its plain audit tables."""
    folder = tmp_path_factory.mktemp("year")
    with year.lived(folder / "ledger.db", folder / "audit") as engine:
        visits.settle(
            engine, visits.injury_stay(request_id="VC", credential_type="03", card="CARD1")
        )
        _projected(engine, folder / "audit", None, 11, 1)
        yield engine, folder / "audit"


def _projected(engine: Engine, audit: Path, keys: Pseudonyms | None, rows: int, most: int) -> None:
    with Projector(engine.ledger, audit, keys) as projector:
        for _ in range(most):
            projector.run_once(max_rows=rows)


def _rows(folder: Path, table: str) -> list[Row]:
    with connect(folder) as connection:
        found: list[Row] = connection.table(table).to_arrow_table().to_pylist()
        return found


def _everybody(folder: Path) -> list[tuple[Kind, str]]:
    found = []
    for table, columns in AUDIT_TABLES.items():
        for name in {column.name for column in columns} & _PERSONAL_COLUMNS.keys():
            kind = _PERSONAL_COLUMNS[name]
            found += [(kind, row[name]) for row in _rows(folder, table) if row[name] is not None]
    return found


def _relatives(folder: Path) -> set[str]:
    """Return whom the names of counters name."""
    counters = {value for kind, value in _everybody(folder) if kind is Kind.COUNTER}
    return {value.rpartition("/")[2] for value in counters if "/" in value}


def _claims(history: Any) -> Mapping[str, Row]:  # noqa: ANN401 - a history
    """Return the claims by their place in the ledger, without the numbers that a history gives."""
    found = {}
    for row in year.claim_rows(history):
        within = {name: [each | {"claim": 0} for each in row[name]] for name in ("lines", "splits")}
        found[row["order"]] = row | within | {"claim": 0}
    return found


def test_tables_differ_in_persons_alone(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """Each value that points at a person is its pseudonym, and every other value is as it was."""
    engine, plain = lived
    keys = Pseudonyms.opened(tmp_path / "keys")
    _projected(engine, tmp_path / "audit", keys, 11, 1_000)

    assert {keys.newest} == persons_keys(tmp_path / "audit")
    assert {None} == persons_keys(plain)
    for table in AUDIT_TABLES:
        expected = [
            row
            | {
                name: keys.of(kind, row[name])
                for name, kind in _PERSONAL_COLUMNS.items()
                if row.get(name) is not None
            }
            for row in _rows(plain, table)
        ]
        assert expected == _rows(tmp_path / "audit", table), table
    counters = {value for kind, value in _everybody(plain) if kind is Kind.COUNTER}
    assert any("mutual_aid.limit:" in counter for counter in counters), "relatives are in the year"


def test_no_number_is_in_any_byte(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """Neither decoded values nor raw bytes of files and manifest have a person or card."""
    engine, plain = lived
    _projected(engine, tmp_path / "audit", Pseudonyms.opened(tmp_path / "keys"), 11, 1_000)
    numbers = {value for kind, value in _everybody(plain) if kind is not Kind.COUNTER}
    long = {number for number in numbers if len(number) > 3}
    shown = set()
    for path in (tmp_path / "audit").rglob("*"):
        if path.suffix == ".parquet":
            for column in pq.read_table(path).columns:
                shown |= {value for value in column.to_pylist() if isinstance(value, str)}
        if path.is_file():
            raw = path.read_bytes()
            assert [] == [number for number in long if number.encode() in raw], path

    # A claim may have a code that is spelled like a person of the year, such as `M`.
    personal = {value for kind, value in _everybody(tmp_path / "audit") if kind is not Kind.COUNTER}
    assert len(numbers) > 5
    assert "CARD1" in long
    assert set() == numbers & personal
    assert numbers & _relatives(plain)
    assert set() == numbers & _relatives(tmp_path / "audit")
    assert set() == long & shown


def test_the_books_are_held_to_the_ledger(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """With the keys every row is; without them all but persons; another person is found."""
    engine, _ = lived
    keys = Pseudonyms.opened(tmp_path / "keys")
    _projected(engine, tmp_path / "audit", keys, 11, 1_000)

    ledger: Any = engine.ledger
    assert [] == list(discrepancies(ledger, tmp_path / "audit", pseudonyms=keys))
    assert [] == list(discrepancies(ledger, tmp_path / "audit"))

    keys._keys = dict.fromkeys(keys._keys, keys.keys[0])
    wrong = Pseudonyms.opened(tmp_path / "others")
    name = keys.newest
    keys._keys = {name: type(keys.keys[0])(name, "HMAC-SHA-256", wrong.keys[0].secret)}
    found = list(discrepancies(ledger, tmp_path / "audit", pseudonyms=keys))
    assert any("settlements[0].person" in str(each) for each in found)


def test_a_history_is_the_same_but_for_names(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """It settles again to what was recorded, persons in order, with their counters."""
    engine, plain = lived
    keys = Pseudonyms.opened(tmp_path / "keys")
    _projected(engine, tmp_path / "audit", keys, 11, 1_000)
    named = history_from_audit([AuditBook.in_folder(tmp_path / "audit")], tmp_path / "named")
    before = history_from_audit([AuditBook.in_folder(plain)], tmp_path / "plain")

    _assert_same(before, named, keys)
    _assert_settles_alike(before, named)


def test_a_person_is_followed_across_keys(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """Tables that were plain, then under one key, then under another, make one history."""
    engine, plain = lived
    everybody = _everybody(plain)
    audit, folder = tmp_path / "audit", tmp_path / "keys"
    _projected(engine, audit, None, 9, 2)
    _projected(engine, audit, Pseudonyms.opened(folder), 9, 2)
    rotate(folder, "HMAC-SM3", lambda: everybody)
    keys = Pseudonyms(folder)
    _projected(engine, audit, keys, 9, 1)
    assert 3 == len(persons_keys(audit))
    rest = EngineData(engine.ledger, audit)

    made = make_history(rest, tmp_path / "history", Wanted(pseudonyms=keys)).history

    before = history_from_audit([AuditBook.in_folder(plain)], tmp_path / "plain")
    _assert_same(before, made, keys)
    _assert_settles_alike(before, made)
    copytree(audit, tmp_path / "given-away")
    _projected(engine, audit, keys, 9, 1_000)
    from_folder = make_history([audit], tmp_path / "other", Wanted(pseudonyms=keys)).history
    _assert_same(before, from_folder, keys)
    with pytest.raises(Precondition, match="--pseudonym-keys"):
        make_history([tmp_path / "given-away"], tmp_path / "none")


def test_a_running_projector_takes_a_new_key_up(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """The segment after a rotation is under the new key, without a restart."""
    engine, plain = lived
    keys = Pseudonyms.opened(tmp_path / "keys")
    old = keys.newest
    with Projector(engine.ledger, tmp_path / "audit", keys) as projector:
        projector.run_once(max_rows=9)
        new, _ = rotate(tmp_path / "keys", "HMAC-SHA-256", lambda: _everybody(plain))
        projector.run_once(max_rows=9)

    by_segment = [
        {made_under(value) for value in _persons(tmp_path / "audit", segment)}
        for segment in read_segments(tmp_path / "audit")
    ]
    assert [{old}, {new.name}] == by_segment


def _persons(folder: Path, segment: Any) -> Iterator[str]:  # noqa: ANN401 - a segment
    for file in segment.files:
        if file.table in {"settlements", "moves"}:
            yield from pq.read_table(folder / file.path)["person"].to_pylist()


def _assert_same(plain: Any, named: Any, keys: Pseudonyms) -> None:  # noqa: ANN401 - histories
    ours, theirs = _claims(plain), _claims(named)
    assert ours.keys() == theirs.keys()
    for order, row in ours.items():
        told = {"person": keys.of(Kind.PERSON, row["person"])}
        if row["card"] is not None:
            told["card"] = keys.of(Kind.CARD, row["card"])
        assert row | told == theirs[order]


def _assert_settles_alike(plain: Any, named: Any) -> None:  # noqa: ANN401 - histories
    book = rule_book(year.BOOK)
    before, _ = year.settled_again(plain, book)
    after, _ = year.settled_again(named, book)
    orders = {row["claim"]: row["order"] for row in year.claim_rows(plain)}
    again = {row["claim"]: row["order"] for row in year.claim_rows(named)}
    assert {orders[claim]: _amounts(each) for claim, each in before.items()} == {
        again[claim]: _amounts(each) for claim, each in after.items()
    }


def _amounts(settled: Any) -> object:  # noqa: ANN401 - whatever a claim came to
    columns = getattr(getattr(settled, "settlement", settled), "columns", None)
    return None if columns is None else {k: v for k, v in columns.items() if k.endswith("_fen")}


def test_two_engines_with_a_key_each_are_not_mixed(
    lived: tuple[Engine, Path], tmp_path: Path
) -> None:
    """Where both decided for one area nobody could be followed, which is said and not done."""
    engine, plain = lived
    _projected(engine, tmp_path / "audit", Pseudonyms.opened(tmp_path / "keys"), 11, 1_000)

    with pytest.raises(Precondition, match="by different keys"):
        make_history([plain, tmp_path / "audit"], tmp_path / "history")


def test_no_query_reaches_a_key(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """What may ask SQL of the audit tables reads no file of the keys beside them."""
    engine, _ = lived
    keys = Pseudonyms.opened(tmp_path / "keys")
    _projected(engine, tmp_path / "audit", keys, 50, 1)
    path = tmp_path / "keys" / f"{keys.newest}.key"

    with connect(tmp_path / "audit") as connection, pytest.raises(duckdb.PermissionException):
        connection.sql(f"select content from read_text('{path}')").fetchall()
