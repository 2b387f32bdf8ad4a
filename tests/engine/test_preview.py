"""A preview records nothing and says what a settlement would say; a gap of the policy is told."""

import re

import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine.engines import acts, counters, id_of, outcomes, previewed, settle, settled, stay
from tests.service.claims import AREA, INSTITUTION, claim

# The invented policy decides up to 20,000 yuan of scope a year.
_DECIDED_FEN = 2_000_000
_BEFORE = re.compile(r"before|balance|此前|余额 ")


def _without_place(settlement: Settlement) -> dict[str, object]:
    own = {"seq", "settlement", "create_time"}
    return {name: value for name, value in settlement.columns.items() if name not in own}


def test_a_preview_records_nothing(engine: Engine) -> None:
    """After a preview the ledger, the counters and the account are as before."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 10_000, ()))
    before = (engine.ledger.last_seq(), counters(engine, "P1"))
    preview = previewed(engine, claim(1))

    assert before == (engine.ledger.last_seq(), counters(engine, "P1"))
    assert [None, None, None] == [
        preview.columns[name] for name in ("seq", "settlement", "create_time")
    ]


def test_a_preview_equals_the_settlement_that_follows(engine: Engine) -> None:
    """Every amount of a preview is what is then recorded."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 10_000, ()))
    preview, settlement = previewed(engine, claim(1)), settled(engine, claim(1))

    assert _without_place(preview) == _without_place(settlement)
    assert preview.amounts == settlement.amounts


def test_a_previewed_batch_equals_the_batch_settled(engine: Engine) -> None:
    """Claims of one person see one another in a preview as they do when settled."""
    rows = [claim(number, person="P") for number in range(1, 6)]
    rows.insert(2, stay(9, _DECIDED_FEN + 1, person="P"))
    rows.append(stay(10, person="P"))
    previews = engine.preview(ClaimBatch.from_rows(rows))
    settlements = settle(engine, *rows)

    for preview, settlement in zip(previews, settlements, strict=True):
        assert isinstance(preview, Settlement)
        if isinstance(settlement, Settlement):
            assert _without_place(preview) == _without_place(settlement)
    assert 1 == sum(isinstance(each, Rejection) for each in settlements)


def test_a_settled_claim_may_be_previewed_again(engine: Engine) -> None:
    """A preview asks what the claim would pay now, and is no repetition of the request."""
    settled(engine, claim(1))
    again = previewed(engine, claim(1))

    assert (0, False) == (again.fen("deductible_fen"), again.duplicate)


def test_a_preview_of_an_undecided_amount_has_a_notice(engine: Engine) -> None:
    """A fen above what the policy decides is told with the amount and the document's words."""
    preview = previewed(engine, stay(1, _DECIDED_FEN + 1))

    assert (
        "pooled_fund.over_cap is 0.01 yuan, which policy example-inpatient cannot decide: "
        "Above 20,000 of scope another notice decides, which is not read yet.",
    ) == preview.notices
    assert () == previewed(engine, stay(1, _DECIDED_FEN)).notices


def test_an_undecided_amount_is_not_settled(engine: Engine) -> None:
    """The claim that the policy cannot decide is rejected whole, a fen less is settled."""
    (rejection,) = settle(engine, stay(1, _DECIDED_FEN + 1))

    assert isinstance(rejection, Rejection)
    assert Outcome.POLICY_GAP == rejection.outcome
    assert {"policy": "example-inpatient"} == rejection.metadata
    assert isinstance(rejection.error(), errors.PolicyGap)
    assert rejection.outcome.transient
    assert (0, {}) == (acts(engine), counters(engine, "P1"))
    assert settled(engine, stay(2, _DECIDED_FEN))


@pytest.mark.parametrize("crowd", [1, 40])
def test_a_gap_does_not_influence_later_claims(engine: Engine, crowd: int) -> None:
    """Claims after a rejected one settle as if it had not been sent, in few rows or in many."""
    others = [claim(100 + number) for number in range(crowd)]
    gap = stay(1, _DECIDED_FEN + 1, person="P")
    with_gap = settle(engine, gap, *others, stay(2, person="P"), stay(3, person="P"))

    assert [100_000, 50_000] == [
        each.fen("deductible_fen") for each in with_gap[-2:] if isinstance(each, Settlement)
    ]
    assert {"310.admissions 2024": 2, "310.scope_inside 2024": 1_000_000} == counters(engine, "P")


def test_a_gap_opens_with_what_was_settled_before(engine: Engine) -> None:
    """Stays fill the year's limit together; the one that passes it is the one rejected."""
    rows = [stay(number, 900_000, person="P") for number in range(1, 5)]

    assert [Outcome.SETTLED, Outcome.SETTLED, Outcome.POLICY_GAP, Outcome.POLICY_GAP] == outcomes(
        settle(engine, *rows)
    )
    assert settled(engine, stay(5, 200_000, person="P"))


def test_a_preview_cannot_be_explained_or_cancelled(engine: Engine) -> None:
    """A preview has no id, and nothing is recorded under what its id would be."""
    preview = previewed(engine, claim(1))
    settlement = settled(engine, claim(2))

    assert "None" == id_of(preview)
    with pytest.raises(errors.NotFound):
        engine.cancel(INSTITUTION, "X1", id_of(preview))
    assert settlement == engine.get(id_of(settlement))


def test_a_preview_explains_itself_as_the_settlement_does(engine: Engine) -> None:
    """Every sentence and step is what `explain` says of the same claim once it is settled."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 10_000, ()))
    rows = [claim(1), claim(2, person=""), stay(3)]
    first, faulty, second = engine.preview_explained(ClaimBatch.from_rows(rows))

    assert isinstance(faulty, Rejection)
    for preview, row in ((first, rows[0]), (second, rows[2])):
        assert not isinstance(preview, Rejection)
        settlement, told = preview
        recorded = settled(engine, row)
        assert _without_place(recorded) == _without_place(settlement)
        assert ("", engine.explain(id_of(recorded)).sentences) == (
            told.settlement,
            told.sentences,
        )


def test_a_preview_explains_a_claim_alone(engine: Engine) -> None:
    """The same bill is shared out, and neither sentence nor step says what was before."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 10_000, ()))
    batch = ClaimBatch.from_rows([claim(1)])
    (whole,), (alone,) = (
        engine.preview_explained(batch),
        engine.preview_explained(batch, alone=True),
    )

    assert not isinstance(whole, Rejection)
    assert not isinstance(alone, Rejection)
    assert whole[1].total_fen() == alone[1].total_fen()
    assert _BEFORE.search(str(whole[1].sentences))
    assert not _BEFORE.search(str(alone[1].sentences))


def test_a_preview_of_an_undecided_amount_is_explained(engine: Engine) -> None:
    """A gap leaves a notice, and shares that add up to the bill all the same."""
    (answer,) = engine.preview_explained(ClaimBatch.from_rows([stay(1, _DECIDED_FEN + 1)]))

    assert not isinstance(answer, Rejection)
    settlement, told = answer
    assert settlement.notices
    assert told.total_fen() == _DECIDED_FEN + 1
