"""A ledger in which everything happened that moves money, and its audit tables."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from medsettle.audit import Projector
from medsettle.core.relatives import Dissolution, InsuranceNotice, LimitChange
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine
from medsettle.ledger import SqliteLedger

from tests.engine import visits
from tests.engine.engines import id_of, rule_book, settled
from tests.engine.relatives import (
    ELSEWHERE,
    OWN_FIRST,
    RELATIVES_FIRST,
    RULES,
    dissolved,
    granted,
    lowered,
    opened,
    person,
    visit,
)
from tests.service.claims import claim, line

PAYOUTS_AREA = "999913"
_START = datetime(2024, 5, 2, tzinfo=UTC)
_ITEM = "009902000001000990200000100"


def lived(folder: Path, segment_rows: int = 7) -> dict[str, str]:
    """Make ledger and audit tables in a folder, and return the ids of some of its entries."""
    hours = count()
    with SqliteLedger(folder / "ledger.db") as ledger:
        # Some entries a day, so that there is more than one day to be summed.
        engine = Engine(rule_book(RULES), ledger, lambda: _START + timedelta(hours=7 * next(hours)))
        ids = live(engine)
        with Projector(engine.ledger, folder / "audit") as projector:
            while projector.run_once(max_rows=segment_rows):
                pass
    return ids


def live(engine: Engine) -> dict[str, str]:
    """Let all of it happen at an engine of the shapes, and return the ids of some entries."""
    return _payouts(engine) | _visits(engine) | _relatives(engine)


def _relatives(engine: Engine) -> dict[str, str]:
    """Give, use, take back and leave: each fen of a cancel goes where its owner is now."""
    opened(engine, "A", 300_000)
    opened(engine, "B", 50_000)
    granted(engine, "A", "B", 120_000)
    granted(engine, "A", "B", 10_000)
    first = settled(engine, visit(1, "B", 100_000, RELATIVES_FIRST))
    lowered(engine, "A", "B", 1, "L1")
    second = settled(engine, visit(2, "B", 230_000, OWN_FIRST))
    cancel = engine.cancel("H1", "C1", id_of(first))
    dissolved(engine, "A", "B", "D1")
    late = engine.cancel("H1", "C2", id_of(second))
    granted(engine, "B", "A", 2_000)
    engine.relatives.end_insurance(InsuranceNotice("H1", "E1", person("A")))
    engine.relatives.begin_insurance(InsuranceNotice("H1", "E2", person("A")))
    last = settled(engine, visit(3, "B", 180_000))
    elsewhere = _from_elsewhere(engine)
    named = {
        "first": first,
        "cancel": cancel,
        "late cancel": late,
        "last": last,
        "elsewhere": elsewhere,
    }
    return {name: id_of(each) for name, each in named.items()}


def _from_elsewhere(engine: Engine) -> Settlement:
    """Return the cancel that pays back into the account of a relative of another area."""
    giver, receiver = person("G", ELSEWHERE), person("C")
    opened(engine, "G", 40_000, ELSEWHERE)
    engine.relatives.grant(LimitChange("H1", "GG", giver, receiver, 30_000))
    spent = settled(engine, visit(4, "C", 20_000, RELATIVES_FIRST))
    engine.relatives.dissolve(Dissolution("H1", "DG", giver, receiver, "receiver"))
    return engine.cancel("H1", "CG", id_of(spent))


def _payouts(engine: Engine) -> dict[str, str]:
    """A delivery paid as a package in place of shares, and a credit of the account."""
    delivery = settled(engine, _payout_claim("D", "52", "390", delivery="2", children=1))
    engine.cancel("H1", "CD", id_of(delivery))
    again = settled(engine, _payout_claim("D2", "52", "390", delivery="2", children=1))
    credit = settled(engine, _payout_claim("K", "99", "310", wage_base_fen=800_000) | {"lines": []})
    return {"payout": id_of(again), "credit": id_of(credit)}


def _payout_claim(
    request_id: str, visit_type: str, insurance_type: str, **facts: object
) -> dict[str, Any]:
    day = {"admission_date": date(2024, 3, 10), "service_date": date(2024, 3, 10)}
    lines = [line(400_000, item_code=_ITEM) | {"fee_date": date(2024, 3, 10)}]
    person_type = "1501" if insurance_type == "390" else "1101"
    codes = {"visit_type": visit_type, "insurance_type": insurance_type}
    whose = {"pooling_area": PAYOUTS_AREA, "person": "P1", "person_type": person_type}
    return claim(0, lines=lines) | day | codes | whose | facts | {"request_id": request_id}


def _visits(engine: Engine) -> dict[str, str]:
    """A visit over two schemes, a second one that is cancelled, and an advance."""
    engine.open_person(Opening("H1", "OV", visits.AREA, "P1", 70_000, ()))
    visits.register(engine, visits.recognition())
    visits.issue_card(engine, "CARD1", "P1")
    kept = visits.settle(engine, visits.injury_stay())
    taken = visits.settle(engine, visits.injury_stay(request_id="V2"))
    engine.visits.cancel("H1", "CV", str(taken.visit))
    advance = settled(
        engine,
        visits.visit_row(
            visits.line(1, visits.SURGERY, 8_000),
            insurance_type="410",
            visit_type="22",
            liability="4",
            request_id="AD",
        ),
    )
    assert all(isinstance(each, Settlement) for each in kept.settlements)
    parts = {f"part {at}": id_of(each) for at, each in enumerate(kept.settlements, 1)}
    return {"visit": str(kept.visit), "advance": id_of(advance)} | parts
