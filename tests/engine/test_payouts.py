"""What is paid beside the bill is recorded, explained, taken back and sent like the rest."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors, limits
from medsettle.books.identities import broken_identities
from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.ledger.records import decode_inputs
from medsettle.settle.explain import explain

from tests.engine.engines import engine_on, id_of, settle, settled
from tests.service.serving import running_loop, serving

_AREA = "999913"
_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_ITEM = "009902000001000990200000100"
_DAY = date(2024, 3, 10)


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, _SHAPES) as engine:
        yield engine


def _line(amount_fen: int) -> dict[str, object]:
    return {
        "line_id": "1",
        "item_code": _ITEM,
        "fee_date": _DAY,
        "quantity_e4": 10_000,
        "unit_price_e6": amount_fen * 10_000,
        "amount_fen": amount_fen,
        "approval": None,
    }


def _claim(number: int, visit_type: str, insurance_type: str, **facts: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "request_id": f"R{number}",
        "institution": "H1",
        "institution_settlement": None,
        "pooling_area": _AREA,
        "person": "P1",
        "insurance_type": insurance_type,
        "visit_type": visit_type,
        "person_type": "1501" if insurance_type == "390" else "1101",
        "institution_level": "02",
        "birth_date": date(1992, 5, 1),
        "admission_date": _DAY,
        "service_date": _DAY,
        "benefit_groups": [],
        "account_used": True,
        "lines": [],
    }
    return row | facts


def _delivery(number: int, amount_fen: int) -> dict[str, Any]:
    facts = {"delivery": "2", "children": 1, "lines": [_line(amount_fen)]}
    return _claim(number, "52", "390", **facts)


def _credit(number: int, wage_fen: int) -> dict[str, Any]:
    return _claim(number, "99", "310", wage_base_fen=wage_fen)


def test_payouts_are_rows_of_their_own_and_no_part_of_the_bill(engine: Engine) -> None:
    """A bill of 4,000: 3,700 the fund's, 300 cash; 5,000 and 800 beside it, 3,700 replaced."""
    settlement = settled(engine, _delivery(1, 400_000))
    rows = {
        str(row["stage"]): (row["payee"], row["paid_fen"], row["replaced_fen"])
        for row in settlement.payers
    }

    assert {
        "fund": ("bill", 370_000, 0),
        "hospital": ("bill", 0, 0),
        "package": ("institution", 500_000, 370_000),
        "lump": ("person", 80_000, 0),
    } == rows
    assert (400_000, 370_000, 30_000, 580_000) == tuple(
        settlement.fen(f"{name}_fen") for name in ("total", "fund_total", "cash", "payouts")
    )
    assert [] == broken_identities(settlement)


def test_a_cancel_takes_payouts_back(engine: Engine) -> None:
    """All that was paid beside the bill is negative in the cancel."""
    original = settled(engine, _delivery(1, 400_000))
    cancel = engine.cancel("H1", "X1", id_of(original))

    assert -580_000 == cancel.fen("payouts_fen")
    assert [-500_000, -80_000] == [
        row["paid_fen"] for row in cancel.payers if row["payee"] != "bill"
    ]
    assert [-370_000, 0] == [row["replaced_fen"] for row in cancel.payers if row["payee"] != "bill"]


def test_an_explanation_tells_payouts_after_the_bill(engine: Engine) -> None:
    """The bill's sentences add up to it; those of payouts say to whom, and in whose place."""
    settlement = settled(engine, _delivery(1, 400_000))
    explanation = engine.explain(id_of(settlement))
    told = {sentence.stage: sentence for sentence in explanation.sentences}

    assert 400_000 == explanation.total_fen()
    assert ["fund", "hospital", "cash", "package", "lump"] == list(told)
    assert ("institution", 500_000) == (told["package"].payee, told["package"].amount_fen)
    assert told["package"].text_en == (
        "Pooled fund (包干价) pays the institution 5,000.00 yuan beside the bill of 5,000.00 yuan "
        "(plus 400.00 x 0): all of it. Source: 包干价与个人定额为虚构."
    )
    assert told["lump"].text_zh == (
        "一次性补助在账单之外拨付本人 800.00 元，计算基数 800.00 元：全额支付。"
        "依据：包干价与个人定额为虚构。"
    )
    assert ("in place of", 370_000) == next(
        (step.label, step.amount_fen)
        for step in told["package"].steps
        if step.label == "in place of"
    )


def test_credits_go_into_the_account_and_come_out_again(engine: Engine) -> None:
    """Two monthly credits of 2 %, interest on what was there, a cancel of the first."""
    first = settled(engine, _credit(1, 500_000))
    second = settled(engine, _credit(2, 500_000))
    cancel = engine.cancel("H1", "X1", id_of(first))

    # 100; then 100 and 0.2 % of 100.
    assert (10_000, 20_020) == tuple(each.fen("account_balance_fen") for each in (first, second))
    assert 10_020 == cancel.fen("account_balance_fen")
    assert 10_020 == engine.person(_AREA, "P1").account_fen


def test_a_batch_of_credits_equals_one_by_one(tmp_path: Path, engine: Engine) -> None:
    """The second month's interest is of what the first month credited, in one batch too."""
    (tmp_path / "other").mkdir()
    with engine_on(tmp_path / "other", _SHAPES) as other:
        rows = [_credit(number, 500_000 + number) for number in range(1, 13)]
        alone = [settled(other, row) for row in rows]
        together = settle(engine, *rows)

    balances = [each.fen("account_balance_fen") for each in alone]
    assert balances == [
        each.fen("account_balance_fen") for each in together if not isinstance(each, Rejection)
    ]


def test_an_account_that_could_grow_too_large_is_refused(engine: Engine) -> None:
    """With the fullest account there is no room for a credit, and nothing is recorded."""
    most = limits.AMOUNT_FEN_MAX
    engine.open_person(Opening("H1", "O1", _AREA, "P1", most, ()))
    (answer,) = settle(engine, _credit(1, 500_000))

    assert isinstance(answer, Rejection)
    assert Outcome.COUNTER_FULL is answer.outcome
    assert most == engine.person(_AREA, "P1").account_fen


def test_a_claim_without_a_bill_needs_a_policy_with_payouts(engine: Engine) -> None:
    """Where nothing is paid beside a bill, no lines are a fault, told at the lines."""
    (answer,) = settle(engine, _claim(1, "22", "310"))

    assert isinstance(answer, Rejection)
    assert Outcome.INVALID_REQUEST is answer.outcome
    assert [
        "lines: expected a list of at least one charge line; without a bill there are only "
        "payouts, and policy 'shapes-indexed' has none"
    ] == [str(fault) for fault in answer.faults]


def test_payouts_arrive_at_a_client_as_recorded(engine: Engine) -> None:
    """Over a real connection, an allowance without a bill; its explanation too."""
    claim = _claim(1, "52", "510", delivery="1", children=1, wage_base_fen=800_000)
    with running_loop() as loop, serving(engine, loop) as served, Client(served.address) as client:
        settlement = client.settle(claim)
        explanation = client.explain(id_of(settlement))

    assert (0, 2_613_333) == (settlement.fen("total_fen"), settlement.fen("payouts_fen"))
    assert engine.get(id_of(settlement)) == settlement
    assert engine.explain(id_of(settlement)) == explanation


def test_a_preview_of_a_payout_is_its_settlement(engine: Engine) -> None:
    """Nothing is recorded by it."""
    claim = _delivery(1, 390_000)
    (preview,) = engine.preview(ClaimBatch.from_rows([claim]))
    before = engine.ledger.last_seq()
    settlement = settled(engine, claim)

    assert not isinstance(preview, Rejection)
    assert (0, preview.amounts) == (before, settlement.amounts)


def test_a_credit_that_was_set_aside_is_not_cancelled(engine: Engine) -> None:
    """Money in a relative's limit has left the account; it comes back when the limit is lowered."""
    credit = settled(engine, _credit(1, 500_000))
    giver = Person(str(credit.columns["pooling_area"]), str(credit.columns["person"]))
    receiver = giver._replace(person="R")
    aside = LimitChange("H1", "Q1", giver, receiver, 10_000)
    engine.relatives.grant(aside)

    with pytest.raises(errors.AccountSpent, match=r"holds 0\.00.*lower the limits"):
        engine.cancel("H1", "X1", id_of(credit))
    engine.relatives.lower(replace(aside, request_id="Q2"))
    with pytest.raises(errors.AccountSpent) as repeated:
        engine.cancel("H1", "X1", id_of(credit))
    assert "true" == repeated.value.metadata["duplicate"]
    engine.cancel("H1", "X2", id_of(credit))
    assert 0 == engine.person(*giver).account_fen


def test_a_credit_that_is_spent_is_not_cancelled(engine: Engine) -> None:
    """Of 100 credited, with 0.20 of interest, 60 are spent: 59.80 would be owed."""
    credit = settled(engine, _credit(1, 500_000))
    spent = settled(engine, _claim(2, "99", "310", wage_base_fen=0, lines=[_line(6_000)]))
    assert 6_000 == spent.fen("account_fen")

    with pytest.raises(
        errors.AccountSpent, match=r"put 100.00 yuan into the account, which holds 40\.20"
    ) as refused:
        engine.cancel("H1", "X1", id_of(credit))
    engine.cancel("H1", "X2", id_of(spent))
    engine.cancel("H1", "X3", id_of(credit))

    assert id_of(credit) == refused.value.metadata["settlement"]
    assert 0 == engine.person(_AREA, "P1").account_fen


def test_a_wage_that_is_not_stated_is_no_wage_of_nothing(engine: Engine) -> None:
    """An allowance without the wage it is of is refused, and a preview says what is missing."""
    claim = _claim(1, "52", "510", delivery="1", children=1)
    (preview,) = engine.preview(ClaimBatch.from_rows([claim]))
    (answer,) = settle(engine, claim)

    missing = "wage_base is not stated, and policy shapes-allowance pays by it; state it"
    assert not isinstance(preview, Rejection)
    assert (missing,) == preview.notices
    assert isinstance(answer, Rejection)
    assert (Outcome.POLICY_GAP, missing) == (answer.outcome, answer.message)


def test_a_wage_that_nothing_asks_for_need_not_be_stated(engine: Engine) -> None:
    """A retired person's credit is of the average pension: 2.5 % of 3,600."""
    credit = _claim(1, "99", "310", person_type="1201", birth_date=date(1958, 5, 1))

    assert 9_000 == settled(engine, credit).fen("payouts_fen")


def test_what_is_not_paid_replaces_nothing(engine: Engine) -> None:
    """Without the group of case payment, the fund's share of the bill stays the fund's."""
    facts = {"disease": "L1", "lines": [_line(1_050_000)]}
    paid = settled(engine, _claim(1, "21", "310", **facts))
    by_item = settled(engine, _claim(2, "21", "310", benefit_groups=["by_item"], **facts))

    assert [(350_000, 800_000), (0, 0)] == [
        (each.payers[-1]["paid_fen"], each.payers[-1]["replaced_fen"]) for each in (paid, by_item)
    ]


def test_an_explanation_of_another_replaced_share_is_refused(engine: Engine) -> None:
    """What a record says is replaced is held to the rules, fen for fen."""
    settlement = settled(engine, _delivery(1, 400_000))
    recorded = engine.ledger.settlement(id_of(settlement))
    assert recorded is not None
    policy, inputs = engine.rulebook.policy("shapes-delivery-package"), decode_inputs(recorded)
    package = {**settlement.payers[2], "replaced_fen": 370_001}
    other = replace(settlement, payers=(*settlement.payers[:2], package, *settlement.payers[3:]))

    assert explain(policy, settlement, inputs)
    with pytest.raises(errors.InternalError, match=r"replaced\.package is recorded as 370001"):
        explain(policy, other, inputs)
