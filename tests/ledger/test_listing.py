"""Lists by kind, day and institution, and settlements by what somebody has of them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import apsw
import pytest
from medsettle.ledger import Entry, EntryKind, SqliteLedger
from medsettle.ledger.list_indexes import LIST_INDEXES
from medsettle.ledger.opening import LedgerPlace, OpenLedger, migrate_ledger, open_ledger
from medsettle.ledger.postgres import PostgresLedger

from tests.ledger.building import AREA, entry, ledger_path
from tests.stores import new_place, postgres

_DAY = entry(1).service_day
_KINDS: tuple[EntryKind, ...] = ("settle", "cancel", "adjust")


@pytest.fixture
def ledger(place: LedgerPlace) -> Iterator[OpenLedger]:
    """Return a new ledger."""
    with open_ledger(place) as opened:
        yield opened


def _many() -> list[Entry]:
    """Return entries of all kinds that lists have, and a message, of two hospitals and two days."""
    found: list[Entry] = []
    for number in range(1, 25):
        institution, day = f"H{number % 2}", _DAY + number // 7 % 2
        one = entry(number, institution=institution, institution_settlement=f"N{number // 2}")
        if number % 6 == 5:
            one = entry(number, kind="cancel", original=f"S{number - 4}", institution=institution)
        if number % 6 == 0:
            one = entry(number, kind="adjust", subject=f"S{number - 4}", institution=institution)
        if number in {3, 9}:
            one = entry(number, kind="message", subject="E1", institution=institution)
        found.append(replace(one, service_day=day))
    return found


def test_a_list_has_what_it_is_narrowed_to(ledger: OpenLedger) -> None:
    """Of each kind, hospital and day, upwards and downwards from a position, nearest first."""
    entries = _many()
    ledger.append(entries, 5)
    numbered = list(enumerate(entries, 1))
    asked = product(_KINDS, (None, "H0", "H1"), (None, _DAY, _DAY + 1), (None, 4, 13), (1, 3, 50))
    for kind, institution, day, position, limit in asked:
        wanted = [
            seq
            for seq, each in numbered
            if each.kind == kind
            and institution in {None, each.institution}
            and day in {None, each.service_day}
        ]
        chosen = {"limit": limit, "institution": institution, "service_day": day}
        above = [seq for seq in wanted if seq > (position or 0)][:limit]
        below = [seq for seq in wanted[::-1] if position is None or seq < position][:limit]

        upwards = ledger.listed(kind, above=position or 0, **chosen)  # type: ignore[arg-type]
        downwards = ledger.listed(kind, below=position, **chosen)  # type: ignore[arg-type]
        assert above == [each.seq for each in upwards]
        assert below == [each.seq for each in downwards]
    assert [] == ledger.listed("settle", limit=5, pooling_area="999901")
    assert 5 == len(ledger.listed("settle", limit=5, pooling_area=AREA))


def test_a_settlement_is_found_without_its_institution(ledger: OpenLedger) -> None:
    """By request id, by the institution's number and by person; of all who have such an id."""
    ledger.append(
        [
            entry(1, request_id="R", institution="H1", institution_settlement="N"),
            entry(2, request_id="R", institution="H2", person="P2"),
            entry(3, request_id="Q", institution="H3", institution_settlement="N", person="P3"),
            entry(4, request_id="Z", institution="H4", kind="message", subject="R"),
            entry(5, request_id="V", institution="H5", kind="visit", person="P5"),
            entry(6, request_id="T", institution="H5", kind="refusal", person="P5"),
        ],
        5,
    )

    def called(word: str, limit: int = 10) -> list[int]:
        return [each.seq for each in ledger.called(word, limit=limit)]

    assert [2, 1] == called("R")
    assert [2] == called("R", limit=1)
    assert [3, 1] == called("N")
    assert [2] == called("P2")
    assert [5] == called("V")
    assert [[]] * 4 == [called("T"), called("P5"), called("S1"), called("R\0")]


_FOUND_BY = {
    ("settle", False, True): "settlements_of_day",
    ("settle", True, True): "settlements_of_institution_by_day",
    ("cancel", False, False): "changes_of_settlements",
    ("adjust", True, False): "changes_of_institution",
}


@pytest.mark.parametrize(("asked", "index"), _FOUND_BY.items())
def test_lists_are_read_by_their_index(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: tuple[EntryKind, bool, bool],
    index: str,
) -> None:
    """In both stores, in the order of the list: nothing is sorted and nothing read past."""
    kind, of_institution, of_day = asked
    given = {
        "institution": "H1" if of_institution else None,
        "service_day": _DAY if of_day else None,
    }
    plans: list[str] = []
    with SqliteLedger(ledger_path(tmp_path)) as file:
        connection = file._connection

        def in_file(statement: str, values: tuple[object, ...]) -> list[object]:
            rows = connection.execute(f"explain query plan {statement}", values).fetchall()
            plans.extend(str(row[-1]) for row in rows)
            return []

        monkeypatch.setattr(file, "_rows", in_file)
        file.listed(kind, limit=10, below=7, **given)  # type: ignore[arg-type]
    assert any(f"{index} (" in step for step in plans), plans
    assert not any("TEMP B-TREE" in step for step in plans), plans

    plans.clear()
    url = new_place("postgres", tmp_path)
    assert isinstance(url, str)
    asking = f"{url}%20-cenable_seqscan%3Doff%20-cenable_bitmapscan%3Doff"
    with PostgresLedger(url) as server:

        def at_server(statement: str, values: tuple[object, ...]) -> list[object]:
            for value in values:
                text = str(value) if isinstance(value, int) else f"'{value}'"
                statement = statement.replace("%s", text, 1)
            rows = postgres().execute(f"explain {statement}", url=asking)
            plans.extend(str(row[0]) for row in rows)
            return []

        monkeypatch.setattr(server, "_rows", at_server)
        server.listed(kind, limit=10, below=7, **given)  # type: ignore[arg-type]
    assert any(f"{index} " in step for step in plans), plans
    assert not any("Sort" in step for step in plans), plans


def _indexes(path: Path) -> set[str]:
    connection = apsw.Connection(str(path))
    found = connection.execute("select name from sqlite_schema where type = 'index'").fetchall()
    connection.close()
    return {str(name) for (name,) in found}


def test_a_file_without_the_indexes_gets_them_from_its_next_writer(tmp_path: Path) -> None:
    """Until then it is read as before; its version stays what it was."""
    path = ledger_path(tmp_path)
    with SqliteLedger(path) as ledger:
        ledger.append(_many(), 5)
        wanted = ledger.listed("cancel", limit=50, service_day=_DAY)
    connection = apsw.Connection(str(path))
    for index in LIST_INDEXES:
        connection.execute(f"drop index {index.name}")
    connection.close()
    names = {index.name for index in LIST_INDEXES}
    with SqliteLedger.reader(path) as reader:
        assert wanted == reader.listed("cancel", limit=50, service_day=_DAY)
    assert not names & _indexes(path)
    before = migrate_ledger(path)

    assert before[0] == before[1]
    assert names <= _indexes(path)


def test_a_server_gets_the_indexes_while_others_write(tmp_path: Path) -> None:
    """`medsettle ledger migrate` makes those that are missing, and anew what was broken off."""
    url = new_place("postgres", tmp_path)
    assert isinstance(url, str)
    with PostgresLedger(url) as ledger:
        ledger.append(_many(), 5)
        missing, broken = LIST_INDEXES[0].name, LIST_INDEXES[1].name
        postgres().execute(f"drop index {missing}", url=url)
        postgres().execute(
            f"update pg_index set indisvalid = false where indexrelid = '{broken}'::regclass",
            url=url,
        )
        before = migrate_ledger(url)
        ledger.append([entry(99)], 6)
    rows = postgres().execute(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid "
        "where i.indrelid = 'entries'::regclass and i.indisvalid",
        url=url,
    )

    assert before[0] == before[1]
    assert {index.name for index in LIST_INDEXES} <= {str(name) for (name,) in rows}
