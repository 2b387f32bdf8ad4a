"""What a cancel gives a relative comes out once, with giver and receiver in one part."""

from pathlib import Path

from medsettle.audit import Projector
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.layout import BASELINE
from medsettle.replay.part import PartOptions
from medsettle.replay.run import replay
from medsettle.replay.worlds import World

from tests.engine import relatives as kin
from tests.engine.engines import id_of, rule_book, settled
from tests.service.claims import INSTITUTION
from tests.service.serving import Ticking
from tests.stores import ledger_in

_BOOK = rule_book(kin.RULES)


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
