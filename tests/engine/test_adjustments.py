"""An adjustment stands beside its settlement: audited, booked, verified, and undone with it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.audit import Projector
from medsettle.audit.query import connect
from medsettle.books.conservation import discrepancies
from medsettle.books.trial_balance import trial_balance
from medsettle.core.adjustments import Adjustment
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine
from medsettle.ledger.opening import LedgerPlace, open_ledger
from medsettle.ledger.verification import findings
from medsettle.torture.memory_ledger import MemoryLedger

from tests.engine.engines import (
    DEDUCTIBLE_MET,
    counters,
    id_of,
    rule_book,
    settled,
    stay,
)
from tests.engine.visits import AREA, injury_stay, recognition, register
from tests.service.serving import Ticking
from tests.settle.apart_books import book_of

_SCOPE = "310.scope_inside"

# The pool has paid 10.00 yuan too much: the person pays them in cash.
_LESS = {
    "pooled_fund_fen": -1_000,
    "fund_total_fen": -1_000,
    "person_total_fen": 1_000,
    "cash_fen": 1_000,
}


@pytest.fixture(name="engine")
def _engine(place: LedgerPlace) -> Iterator[Engine]:
    """Yield an engine on each kind of store."""
    with open_ledger(place) as ledger:
        yield Engine(rule_book(), ledger, Ticking())


def _adjustment(original: Settlement, amounts: Mapping[str, int], **changes: Any) -> Adjustment:  # noqa: ANN401
    told = Adjustment(
        institution=str(original.columns["institution"]),
        request_id="rec-1",
        settlement=id_of(original),
        amounts=amounts,
        item="settle/S1",
        reason="care has 10.00 less",
        proposed_by="an",
        approved_by="bo",
    )
    return replace(told, **changes)


def _adjusted(engine: Engine, amounts: Mapping[str, int] = _LESS, **changes: Any) -> Settlement:  # noqa: ANN401
    original = settled(engine, stay(1))
    return engine.adjustments.adjust(_adjustment(original, amounts, **changes))


def _assert_sound(engine: Engine, audit: Path | None = None) -> None:
    assert [] == list(findings(engine.ledger))  # type: ignore[arg-type]
    assert [] == list(discrepancies(engine.ledger, audit))  # type: ignore[arg-type]


def test_an_adjustment_has_the_facts_of_its_original_and_its_own_amounts(engine: Engine) -> None:
    """It is read back as recorded; its shares are those that changed, by the stage that paid."""
    adjusted = _adjusted(engine)
    original = engine.get(str(adjusted.columns["original"]))

    assert ("adjust", 2) == (adjusted.columns["kind"], adjusted.columns["seq"])
    assert adjusted == engine.get(id_of(adjusted))
    same = ("person", "institution", "service_date", "policy_digest", "visit_type")
    assert [original.columns[name] for name in same] == [adjusted.columns[name] for name in same]
    moved = {name: fen for name, fen in adjusted.columns.items() if name.endswith("_fen") and fen}
    assert _LESS == moved
    (share,) = adjusted.payers
    (pool,) = [row for row in original.payers if row["payer"] == "pooled_fund"]
    assert (pool["stage"], -1_000) == (share["stage"], share["paid_fen"])
    _assert_sound(engine)


def test_the_same_request_is_recorded_once(engine: Engine) -> None:
    """A repetition is answered from the record, other content under its id is refused."""
    original = settled(engine, stay(1))
    told = _adjustment(original, _LESS)
    first = engine.adjustments.adjust(told)
    again = engine.adjustments.adjust(told)

    assert again.duplicate
    assert replace(again, duplicate=False) == first
    with pytest.raises(errors.RequestIdReused):
        engine.adjustments.adjust(replace(told, amounts={n: 2 * fen for n, fen in _LESS.items()}))
    assert 2 == engine.ledger.last_seq()


def test_counters_move_only_where_it_is_stated(engine: Engine) -> None:
    """The sum of the year stays unless a move of it is proposed."""
    original = settled(engine, stay(1))
    person = str(original.columns["person"])
    before = counters(engine, person)
    engine.adjustments.adjust(_adjustment(original, _LESS))
    assert before == counters(engine, person)

    move = ((_SCOPE, 2024, -1_000),)
    engine.adjustments.adjust(_adjustment(original, _LESS, request_id="rec-2", moves=move))
    key = f"{_SCOPE} 2024"
    assert before[key] - 1_000 == counters(engine, person)[key]
    _assert_sound(engine)


def test_the_account_moves_with_its_share(engine: Engine) -> None:
    """5.00 yuan less from the account are 5.00 more in it, and the balance says so."""
    opening = Opening("AGENCY", "O1", "999900", "P1", 50_000)
    engine.open_person(opening)
    original = settled(engine, stay(1, person="P1", account_used=True))
    paid = original.fen("account_fen")
    assert paid > 500
    left = engine.person("999900", "P1").account_fen

    amounts = {"account_fen": -500, "cash_fen": 500}
    adjusted = engine.adjustments.adjust(_adjustment(original, amounts))
    assert left + 500 == engine.person("999900", "P1").account_fen
    assert left + 500 == adjusted.columns["account_balance_fen"]
    _assert_sound(engine)


def test_it_stands_in_the_audit_tables_and_their_bookings(engine: Engine, tmp_path: Path) -> None:
    """Kind, original and amounts are there; the bookings of the two add up to what stands."""
    adjusted = _adjusted(engine)
    with Projector(engine.ledger, tmp_path / "audit") as projector:
        while projector.run_once():
            pass
    _assert_sound(engine, tmp_path / "audit")
    with connect(tmp_path / "audit") as connection:
        rows = connection.sql(
            "select kind, original, pooled_fund_fen from settlements order by seq"
        ).fetchall()
        booked = connection.sql(
            "select title, sum(fen)::bigint from bookings where settlement = "
            f"'{id_of(adjusted)}' group by all order by all"
        ).fetchall()
    assert ("adjust", adjusted.columns["original"], -1_000) == rows[1]
    # Less of the fund is a debit, cash owed by the person a credit.
    assert [("cash", -1_000), ("fund", 1_000)] == booked
    totals = trial_balance(engine.ledger, "account").rows()  # type: ignore[arg-type]
    assert 0 == sum(row.debit_fen - row.credit_fen for row in totals)


def test_a_cancel_takes_its_adjustments_back_in_the_same_commit(engine: Engine) -> None:
    """Nothing of the settlement is left: its records add up to zero and counters are restored."""
    move = ((_SCOPE, 2024, -1_000),)
    adjusted = _adjusted(engine, moves=move)
    original = str(adjusted.columns["original"])
    cancel = engine.cancel("H1", "C1", original)

    entries = engine.ledger.page(after_seq=0, limit=10)
    assert ["settle", "adjust", "cancel", "adjust"] == [entry.kind for entry in entries]
    assert entries[2].create_time_us == entries[3].create_time_us
    records = [engine.get(entry.settlement) for entry in entries]
    for name in ("pooled_fund_fen", "cash_fen", "fund_total_fen", "total_fen"):
        assert 0 == sum(record.fen(name) for record in records), name
    assert {} == counters(engine, str(cancel.columns["person"]))
    _assert_sound(engine)
    with pytest.raises(errors.AlreadyCancelled, match="nothing of it is left to adjust"):
        engine.adjustments.adjust(_adjustment(engine.get(original), _LESS, request_id="rec-9"))


def test_adjustments_that_add_up_to_nothing_leave_nothing_to_undo(engine: Engine) -> None:
    """What was adjusted and adjusted back is no third record of a cancel."""
    original = settled(engine, stay(1))
    engine.adjustments.adjust(_adjustment(original, _LESS))
    back = {name: -fen for name, fen in _LESS.items()}
    engine.adjustments.adjust(_adjustment(original, back, request_id="rec-2"))
    engine.reverse("H1", str(original.columns["request_id"]), "V1")
    assert 4 == engine.ledger.last_seq()
    _assert_sound(engine)


def test_an_adjustment_is_explained_by_its_reason(engine: Engine) -> None:
    """Who agreed and why stands beside every share; they add up to the total."""
    adjusted = _adjusted(engine)
    explanation = engine.explain(id_of(adjusted))
    assert [("pooled_fund", -1_000), ("cash", 1_000)] == [
        (each.payer, each.amount_fen) for each in explanation.sentences
    ]
    assert "care has 10.00 less; proposed by an, approved by bo" in explanation.sentences[0].text_en
    assert 0 == explanation.total_fen()


def test_it_is_among_the_settlements_of_the_person(engine: Engine) -> None:
    """Pages and enquiries show it, and the claim behind it is the original's."""
    adjusted = _adjusted(engine)
    assert ["settle", "adjust"] == [each.columns["kind"] for each in engine.page()]
    area, person = (str(adjusted.columns[name]) for name in ("pooling_area", "person"))
    assert ["adjust", "settle"] == [
        each.kind for each in engine.ledger.latest(area, person, limit=5)
    ]
    assert engine.claim(str(adjusted.columns["original"])) == engine.claim(id_of(adjusted))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        pytest.param({"approved_by": "AN"}, "ask another person", id="one-person"),
        pytest.param({"amounts": {"cash_fen": 1}}, "person_total_fen is 0", id="sums"),
        pytest.param({"amounts": {}}, "nothing is adjusted", id="nothing"),
        pytest.param({"amounts": {"payouts_fen": 1}}, "no amount that can be", id="a-payout"),
        pytest.param({"moves": (("account", 0, 1),)}, "follows the shares", id="the-account"),
        pytest.param({"request_id": ""}, "printable ASCII", id="no-id"),
    ],
)
def test_a_malformed_adjustment_is_refused(
    engine: Engine, changes: dict[str, Any], match: str
) -> None:
    """The fault names its place; nothing is recorded."""
    original = settled(engine, stay(1))
    told = replace(_adjustment(original, _LESS), **changes)
    with pytest.raises(errors.InvalidRequest, match=match):
        engine.adjustments.adjust(told)
    assert 1 == engine.ledger.last_seq()


@pytest.mark.parametrize("beyond", [0, 1])
def test_no_less_than_nothing_of_a_share_is_left(engine: Engine, beyond: int) -> None:
    """The whole share can be taken; a fen more is refused, and the message says how much more."""
    original = settled(engine, stay(1))
    fen = original.fen("pooled_fund_fen") + beyond
    amounts = {
        "pooled_fund_fen": -fen,
        "fund_total_fen": -fen,
        "person_total_fen": fen,
        "cash_fen": fen,
    }
    told = _adjustment(original, amounts)
    if beyond:
        with pytest.raises(errors.Precondition, match="would become -1; adjust by 1 less"):
            engine.adjustments.adjust(told)
    else:
        assert -fen == engine.adjustments.adjust(told).fen("pooled_fund_fen")


def test_a_counter_does_not_fall_below_zero(engine: Engine) -> None:
    """The refusal names the counter and is recorded like any other."""
    original = settled(engine, stay(1))
    met = counters(engine, str(original.columns["person"])).get(f"{DEDUCTIBLE_MET} 2024", 0)
    move = ((DEDUCTIBLE_MET, 2024, -met - 1),)
    with pytest.raises(errors.Precondition, match="would become -1"):
        engine.adjustments.adjust(_adjustment(original, _LESS, moves=move))


def test_another_institution_adjusts_nothing(engine: Engine) -> None:
    """Permission is asked by the institution, as for a cancel."""
    original = settled(engine, stay(1))
    with pytest.raises(errors.NotFound, match="has no settlement"):
        engine.adjustments.adjust(_adjustment(original, _LESS, institution="H9"))


def test_an_adjustment_is_no_original(engine: Engine) -> None:
    """It is neither cancelled nor reversed nor adjusted: what is wrong with it is adjusted back."""
    adjusted = _adjusted(engine)
    with pytest.raises(errors.NotFound):
        engine.cancel("H1", "C1", id_of(adjusted))
    with pytest.raises(errors.NotReversible):
        engine.reverse("H1", "rec-1", "V1")
    with pytest.raises(errors.NotFound):
        engine.adjustments.adjust(_adjustment(adjusted, _LESS, request_id="rec-2"))


def test_a_visit_takes_the_adjustments_of_its_parts_back() -> None:
    """The cancel of a visit of two schemes undoes what was added to one of them."""
    engine = Engine(book_of(AREA), MemoryLedger(), Ticking())
    register(engine, recognition())
    visit = engine.visits.settle(ClaimBatch.from_rows([injury_stay()]))
    part = next(each for each in visit.settlements if each.fen("pooled_fund_fen") > 1_000)
    told = _adjustment(part, _LESS)
    engine.adjustments.adjust(told)
    engine.visits.cancel("H1", "C1", str(visit.visit))

    records = engine.page(limit=100)
    assert ["settle", "settle", "adjust", "cancel", "cancel", "adjust"] == [
        each.columns["kind"] for each in records
    ]
    for name in ("pooled_fund_fen", "fund_total_fen", "cash_fen", "total_fen"):
        assert 0 == sum(each.fen(name) for each in records), name
    assert not any(value for _, _, value in engine.person(AREA, "P1").counters)
    assert [] == list(discrepancies(engine.ledger))  # type: ignore[arg-type]
