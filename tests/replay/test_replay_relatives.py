"""What a cancel gives a relative comes out once, with giver and receiver in one part."""

from pathlib import Path

from medsettle.audit import Projector
from medsettle.core.relatives import Dissolution, LimitChange, Person
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.history import History
from medsettle.replay.layout import BASELINE
from medsettle.replay.part import PartOptions
from medsettle.replay.run import replay
from medsettle.replay.worlds import World

from tests.engine import relatives as kin
from tests.engine.engines import id_of, rule_book, settled
from tests.replay.year import claim_rows, rows_of
from tests.service.claims import INSTITUTION
from tests.service.serving import Ticking
from tests.stores import ledger_in

_BOOK = rule_book(kin.RULES)
_LIVES_ELSEWHERE = {
    "pooling_area": kin.ELSEWHERE,
    "insurance_type": "390",
    "person_type": "1501",
    "visit_type": "41",
    "institution_level": "02",
}


def test_what_goes_back_to_the_giver_is_there_once(tmp_path: Path) -> None:
    """The relation was dissolved before the cancel, so the giver's account gets the money back.

    The history tells it as a move of the giver; the replay of the receiver must not add it again.
    The giver has a relative too, so both go the way of a checkout, over the same counters. The
    giver's last claim is larger than the account, so its share shows what the account held.
    """
    with open_ledger(ledger_in(tmp_path)) as ledger:
        engine = Engine(_BOOK, ledger, Ticking())
        kin.opened(engine, "giver", 50_000)
        kin.opened(engine, "third", 1_000)
        kin.granted(engine, "giver", "receiver", 40_000)
        kin.granted(engine, "third", "giver", 1_000)
        first = settled(engine, kin.visit(3, "giver", 2_000))
        assert 2_000 == first.columns["account_fen"]
        aided = settled(engine, kin.visit(1, "receiver", 30_000))
        assert 30_000 == aided.columns["mutual_aid_fen"]
        kin.dissolved(engine, "giver", "receiver", "D-1")
        engine.cancel(INSTITUTION, "X-1", id_of(aided))
        assert 48_000 == kin.account(engine, "giver")
        settled(engine, kin.visit(4, "receiver", 500))
        last = settled(engine, kin.visit(2, "giver", 150_000))
        assert 48_000 == last.columns["account_fen"]
        with Projector(ledger, tmp_path / "audit") as projector:
            projector.run_once()
    history = history_from_audit([AuditBook.in_folder(tmp_path / "audit")], tmp_path / "history")
    assert 1 == len(history.parts)

    found = replay(history, [World(BASELINE, _BOOK)], tmp_path / "out", PartOptions(check=True))

    assert 0 == found.differences


def test_what_goes_back_to_a_giver_of_another_area_is_told_with_that_area(tmp_path: Path) -> None:
    """Asked for the area of the giver alone, a history has what the cancel gave their account.

    Asked for that of the receiver, it is a move of somebody whose claims are not there; and what
    is counted as left out is of the areas that were asked for.
    """
    giver, receiver = Person(kin.ELSEWHERE, "giver"), kin.person("receiver")
    with open_ledger(ledger_in(tmp_path)) as ledger:
        engine = Engine(_BOOK, ledger, Ticking())
        kin.opened(engine, "giver", 40_000, kin.ELSEWHERE)
        engine.relatives.grant(LimitChange(INSTITUTION, "G-1", giver, receiver, 40_000))
        aided = settled(engine, kin.visit(1, "receiver", 30_000))
        assert 30_000 == aided.columns["mutual_aid_fen"]
        engine.relatives.dissolve(Dissolution(INSTITUTION, "D-1", giver, receiver, "giver"))
        engine.cancel(INSTITUTION, "X-1", id_of(aided))
        assert 40_000 == kin.account(engine, "giver", kin.ELSEWHERE)
        settled(engine, kin.visit(2, "giver", 500) | _LIVES_ELSEWHERE)
        with Projector(ledger, tmp_path / "audit") as projector:
            projector.run_once()
    book = AuditBook.in_folder(tmp_path / "audit")
    both = history_from_audit([book], tmp_path / "both")
    of_giver = history_from_audit([book], tmp_path / "giver", areas=[kin.ELSEWHERE])
    of_receiver = history_from_audit([book], tmp_path / "receiver", areas=[kin.AREA])

    assert [30_000] == [
        row["delta"] for row in rows_of(of_giver, "moves") if row["kind"] == "cancel"
    ]
    assert _moves_of(both, kin.ELSEWHERE) == _moves_of(of_giver, kin.ELSEWHERE)
    assert ["giver"] == [row["person"] for row in claim_rows(of_giver)]
    assert ["receiver"] == [row["person"] for row in claim_rows(of_receiver)]
    assert not [row for row in rows_of(of_receiver, "moves") if row["kind"] == "cancel"]
    for history in (both, of_giver, of_receiver):
        assert 0 == history.source["moves_of_others_left_out"]


def _moves_of(history: History, area: str) -> list[tuple[object, ...]]:
    """Return the moves of an area, but for the numbers of claims."""
    names = ("person", "order", "kind", "counter", "period", "delta")
    return [
        tuple(row[name] for name in names)
        for row in rows_of(history, "moves")
        if row["pooling_area"] == area
    ]
