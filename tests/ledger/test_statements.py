"""What is asked for every claim is found by an index, in each store by its own statement."""

from pathlib import Path

from medsettle.ledger import SqliteLedger
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
        read.settled_since,
        read.settlement,
        read.cancel_of,
        read.person_counters,
    ):
        marks = statement.replace("%s::", "'{1,2}'::").replace("%s", "'1'")
        plan = [str(row[0]) for row in postgres().execute(f"explain {marks}", url=asking)]

        assert any("Index" in step for step in plan), plan
        assert not any("Seq Scan" in step for step in plan), plan
