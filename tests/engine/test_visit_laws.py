"""Laws of visits on a real engine and ledger: balanced parts, and cancels that leave no trace."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import errors
from medsettle.books.identities import broken_identities
from medsettle.core.claims import ClaimBatch
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening
from medsettle.core.visits import Visit
from medsettle.engine import Engine

from tests.engine.engines import engine_on
from tests.engine.visits import (
    AREA,
    BED,
    CAESAREAN,
    DIABETES,
    NEWBORN,
    NURSING,
    OUTSIDE,
    SHAPES,
    SURGERY,
    line,
    pregnancy,
    recognition,
    register,
    visit_row,
)

_ITEMS = (BED, NURSING, SURGERY, DIABETES, OUTSIDE, CAESAREAN, NEWBORN)
_DIAGNOSES = st.sampled_from([None, "S82.1", "O82.0", "E11.9"])
_LINES = st.lists(
    st.tuples(st.sampled_from(_ITEMS), st.integers(1, 9_000), _DIAGNOSES), min_size=1, max_size=8
)
_VISITS = st.lists(
    st.tuples(_LINES, _DIAGNOSES, st.sampled_from("12"), st.integers(1, 3)), min_size=1, max_size=4
)
_ENTITLEMENTS = st.tuples(st.booleans(), st.booleans(), st.booleans())


def _state(engine: Engine) -> dict[str, int]:
    """Return all that is kept of receiver and giver, without zeros."""
    held: Counter[str] = Counter()
    for who in ("P1", "G"):
        state = engine.person(AREA, who)
        held[f"{who} account"] = state.account_fen
        held.update({f"{who} {name} {period}": value for name, period, value in state.counters})
    for each in engine.relatives.relations(Person(AREA, "P1")):
        held[f"limit {each.relation.number}"] = each.limit_fen
        held[f"used {each.relation.number}"] = each.used_fen
    return {name: value for name, value in held.items() if value}


def _rows(visits: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        visit_row(
            *(line(at, *each) for at, each in enumerate(lines)),
            request_id=f"V{number}",
            diagnosis=diagnosis,
            delivery=delivery,
            children=children,
        )
        for number, (lines, diagnosis, delivery, children) in enumerate(visits)
    ]


def _prepared(engine: Engine, entitlements: tuple[bool, bool, bool], fen: int, own: int) -> None:
    injured, late, pregnant = entitlements
    if injured:
        register(engine, recognition(timeliness="late" if late else "timely"))
    if pregnant:
        register(engine, pregnancy(benefit_groups=("complication",)))
    engine.open_person(Opening("H1", "O1", AREA, "P1", own))
    engine.open_person(Opening("H1", "O2", AREA, "G", fen + 1))
    if fen:
        sides = Person(AREA, "G"), Person(AREA, "P1")
        engine.relatives.grant(LimitChange("H1", "G1", *sides, fen))


def _settle(engine: Engine, row: dict[str, Any]) -> Visit:
    visit = engine.visits.settle(ClaimBatch.from_rows([row]))
    assert [] == [fault for part in visit.settlements for fault in broken_identities(part)]
    return visit


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(_VISITS, _ENTITLEMENTS, st.integers(0, 300_000), st.integers(0, 300_000), st.data())
def test_cancels_leave_no_trace(
    visits: Sequence[Any],
    entitlements: tuple[bool, bool, bool],
    limit_fen: int,
    own_fen: int,
    data: st.DataObject,
) -> None:
    """Whatever order visits are taken back in, the family stands where it stood.

    Every part is balanced, the parts of a visit are its lines, and no fen of accounts and limits
    is made or lost in between.
    """
    with tempfile.TemporaryDirectory() as folder, engine_on(Path(folder), SHAPES) as engine:
        _prepared(engine, entitlements, limit_fen, own_fen)
        before = _state(engine)
        rows = _rows(visits)
        settled = [_settle(engine, row) for row in rows]
        for row, visit in zip(rows, settled, strict=True):
            assert sum(each["amount_fen"] for each in row["lines"]) == visit.fen("total_fen")
        taken = sum(visit.fen("account_fen") + visit.fen("mutual_aid_fen") for visit in settled)
        after = _state(engine)
        money = [f"{who} account" for who in ("P1", "G")] + ["limit 1"]
        assert taken == sum(before.get(name, 0) - after.get(name, 0) for name in money)

        for number in data.draw(st.permutations(range(len(settled)))):
            engine.visits.cancel("H1", f"X{number}", str(settled[number].visit))

        assert before == _state(engine)
        assert engine.ledger.verify() is None  # type: ignore[attr-defined]
        with pytest.raises(errors.AlreadyCancelled):
            engine.visits.cancel("H1", "Y", str(settled[0].visit))
