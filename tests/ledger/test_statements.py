"""What is asked for every claim is found by an index, in each store by its own statement."""

from collections.abc import Callable
from pathlib import Path

import pytest
from medsettle.ledger import SqliteLedger
from medsettle.ledger.listing import Row
from medsettle.ledger.opening import OpenLedger
from medsettle.ledger.postgres import PostgresLedger

from tests.ledger.building import ledger_path
from tests.stores import new_place, postgres


def test_settlements_of_a_person_are_found_by_an_index(tmp_path: Path) -> None:
    """The statement searches by person, area and day, and does not read the whole ledger."""
    with SqliteLedger(ledger_path(tmp_path)) as ledger:
        statement = f"explain query plan {ledger._statements.settled_since}"
        plan = ledger._connection.execute(statement, ("[]",)).fetchall()
    steps = [str(step[-1]) for step in plan]

    assert any(
        "settlements_of_person_by_day (person=? AND pooling_area=? AND service_day>?)" in step
        for step in steps
    ), steps
    assert not any("SCAN e" in step or "SCAN c" in step for step in steps)


def test_every_question_about_keys_is_answered_by_an_index(tmp_path: Path) -> None:
    """In PostgreSQL no statement about persons, cards or requests needs to read a whole table."""
    url = new_place("postgres", tmp_path)
    assert isinstance(url, str)
    with PostgresLedger(url) as ledger:
        read = ledger._statements
    # A table without rows is read whole by choice; here only where there is no other way.
    asking = f"{url}%20-cenable_seqscan%3Doff"
    for statement in (
        read.requests,
        read.institution_settlements,
        read.counters,
        read.events,
        read.card_events,
        read.messages,
        read.moment,
        read.settled_since,
        read.settlement,
        read.cancel_of,
        read.cancels_of,
        read.person_counters,
    ):
        marks = statement.replace("%s::", "'{1,2}'::").replace("%s", "'1'")
        plan = [str(row[0]) for row in postgres().execute(f"explain {marks}", url=asking)]

        assert any("Index" in step for step in plan), plan
        assert not any("Seq Scan" in step for step in plan), plan


_PAGED = {
    "institution": "entries_of_institution",
    "person": "entries_of_person",
    "latest": "entries_of_person",
}


class _Explaining:
    """Notes how a store finds the answers to what a ledger asks; there are none yet."""

    def __init__(self) -> None:
        self.plans: list[str] = []

    def rows(self, plan: Callable[[str], list[Row]]) -> Callable[..., list[Row]]:
        """Return what stands for the fetching of rows."""

        def noted(statement: str, _values: object) -> list[Row]:
            self.plans += [str(row[-1]) for row in plan(statement)]
            return []

        return noted


def _ask(ledger: OpenLedger, how: str) -> None:
    if how == "latest":
        ledger.latest("999900", "P1", limit=10)
    elif how == "person":
        ledger.page(after_seq=5, limit=10, pooling_area="999900", person="P1", with_messages=False)
    else:
        ledger.page(after_seq=5, limit=10, institution="H1", with_messages=False)


@pytest.mark.parametrize("how", _PAGED)
def test_pages_of_settlements_do_not_read_past_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Both stores use the index that leaves messages out, in the order of the page."""
    found = _Explaining()
    with SqliteLedger(ledger_path(tmp_path)) as file:
        connection = file._connection

        def in_file(statement: str) -> list[Row]:
            marks = tuple("1" * statement.count("?"))
            return connection.execute(f"explain query plan {statement}", marks).fetchall()

        monkeypatch.setattr(file, "_rows", found.rows(in_file))
        _ask(file, how)
    assert any(_PAGED[how] in step for step in found.plans), found.plans
    assert not any("TEMP B-TREE" in step for step in found.plans), found.plans

    found = _Explaining()
    url = new_place("postgres", tmp_path)
    assert isinstance(url, str)
    asking = f"{url}%20-cenable_seqscan%3Doff%20-cenable_bitmapscan%3Doff"
    with PostgresLedger(url) as server:

        def at_server(statement: str) -> list[Row]:
            bound = statement.replace("e.seq > %s", "e.seq > 1").replace("limit %s", "limit 10")
            return postgres().execute(f"explain {bound.replace('%s', chr(39) * 2)}", url=asking)

        monkeypatch.setattr(server, "_rows", found.rows(at_server))
        _ask(server, how)
    assert any(_PAGED[how] in step for step in found.plans), found.plans
    assert not any("Sort" in step for step in found.plans), found.plans
