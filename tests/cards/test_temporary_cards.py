"""Temporary cards: how long they count, where, and what they cannot do."""

from datetime import date
from typing import Any

import pytest
from medsettle import errors
from medsettle.core.cards import Card, CardKind, CardState, CardUse
from medsettle.core.outcome import Outcome, Rejection
from medsettle.policy.card_terms import Validity

from tests.cards.desks import ACTIVATE, BANK, CANCEL, FORMAL, REPLACE, Counter, at
from tests.engine.engines import acts, outcomes, settle
from tests.service.claims import AREA, claim, line

_KIND: dict[str, Any] = {"kind": CardKind.TEMPORARY}


def _issued(counter: Counter, **more: object) -> Card:
    """Return a temporary card that was issued and activated on 1 April 2024."""
    counter.issue("T1", at(4, 1), **(_KIND | more))
    return counter.does("T1", ACTIVATE, at(4, 1))


def _visit(number: int = 1, day: date = date(2024, 5, 1), **changes: object) -> dict[str, Any]:
    """Return an outpatient claim of P1 with the temporary card, at nine."""
    own = {
        "person": "P1",
        "credential_type": "03",
        "card": "T1",
        "admission_date": day,
        "service_date": day,
        "credential_time": at(day.month, day.day),
        "lines": [line(50_000) | {"fee_date": day}],
    }
    return claim(number, account_used=False) | own | changes


@pytest.mark.parametrize(
    ("validity", "issued", "end"),
    [
        (Validity(60, months=False), date(2024, 4, 1), date(2024, 5, 31)),
        (Validity(60, months=False), date(2023, 12, 31), date(2024, 2, 29)),
        (Validity(6, months=True), date(2024, 4, 1), date(2024, 10, 1)),
        (Validity(6, months=True), date(2024, 7, 31), date(2025, 1, 31)),
        (Validity(6, months=True), date(2024, 8, 31), date(2025, 2, 28)),
        (Validity(2, months=True), date(2023, 12, 30), date(2024, 2, 29)),
        (Validity(12, months=True), date(2024, 12, 1), date(2025, 12, 1)),
    ],
)
def test_days_and_months_end_by_the_calendar(validity: Validity, issued: date, end: date) -> None:
    """The first day that no longer counts, taken from a calendar by hand."""
    assert end == validity.end(issued)


def test_a_temporary_card_counts_for_sixty_days(counter: Counter) -> None:
    """Issued on 1 April it settles on 30 May, the sixtieth day, and has expired on the 31st."""
    counter.today(at(6, 20))
    card = _issued(counter)
    answers = settle(counter.engine, _visit(1, date(2024, 5, 30)), _visit(2, date(2024, 5, 31)))

    assert (CardKind.TEMPORARY, date(2024, 5, 31)) == (card.kind, card.expires_date)
    assert [Outcome.SETTLED, Outcome.CARD_EXPIRED] == outcomes(answers)


def test_a_temporary_card_counts_for_six_months_at_most(counter: Counter) -> None:
    """An issue on 1 April may say 1 October, not the day after; a refused one leaves nothing."""
    with pytest.raises(errors.CardActionRefused, match="ends by 2024-10-01") as refused:
        counter.issue("T1", at(4, 1), expires_date=date(2024, 10, 2), **_KIND)

    assert "too_long" == refused.value.metadata["cause"]
    assert 0 == acts(counter.engine)
    issued = counter.issue("T1", at(4, 1), expires_date=date(2024, 10, 1), **_KIND)
    assert date(2024, 10, 1) == issued.expires_date


def test_an_issue_may_shorten_it(counter: Counter) -> None:
    """A stated day counts as it stands."""
    assert date(2024, 4, 2) == _issued(counter, expires_date=date(2024, 4, 2)).expires_date


def test_an_area_that_states_no_temporary_cards_issues_none(counter: Counter) -> None:
    """The terms from 2025 say nothing of them."""
    counter.today(at(6, 1, year=2025))
    with pytest.raises(errors.CardActionRefused, match="issues no temporary card") as refused:
        counter.issue("T1", at(5, 1, year=2025), **_KIND)

    assert "no_temporary_cards" == refused.value.metadata["cause"]


def test_a_temporary_card_does_not_reach_the_bank(counter: Counter) -> None:
    """Its bank application cannot be activated, and an inquiry never names that use."""
    _issued(counter)
    with pytest.raises(errors.CardActionRefused) as refused:
        counter.does("T1", BANK, at(4, 2))

    assert "no_bank" == refused.value.metadata["cause"]
    answer = counter.engine.cards.check(AREA, "T1", at(4, 2))
    assert (True, (CardUse.SETTLE, CardUse.ACCOUNT)) == (answer.valid, answer.uses)


@pytest.mark.parametrize(
    ("care_area", "outcome"),
    [
        (None, Outcome.SETTLED),
        (AREA, Outcome.SETTLED),
        ("110000", Outcome.CARD_OUTSIDE_AREA),
        ("999901", Outcome.CARD_OUTSIDE_AREA),
    ],
)
def test_a_temporary_card_counts_inside_its_area(
    counter: Counter, care_area: str | None, outcome: Outcome
) -> None:
    """Care elsewhere is refused, in the next city of the province as well."""
    _issued(counter)

    assert [outcome] == outcomes(settle(counter.engine, _visit(care_area=care_area)))


def test_a_refusal_elsewhere_says_where_and_what_to_do(counter: Counter) -> None:
    """Card, both areas and a remedy; the cashier gets the error of that name."""
    _issued(counter)
    (answer,) = settle(counter.engine, _visit(care_area="110000"))

    assert isinstance(answer, Rejection)
    assert {"card": "T1", "pooling_area": AREA, "care_area": "110000"} == answer.metadata
    assert "present another credential" in answer.message
    assert isinstance(answer.error(), errors.CardOutsideArea)


def test_a_physical_card_counts_elsewhere(counter: Counter) -> None:
    """What ends at the border of the area is the temporary card, not the claim."""
    counter.active("C1", at(4, 1))
    answers = settle(counter.engine, _visit(card="C1", care_area="110000"))

    assert Outcome.CARD_OUTSIDE_AREA not in outcomes(answers)


def test_its_state_is_told_before_where_it_is(counter: Counter) -> None:
    """A lost temporary card that is presented elsewhere is lost."""
    _issued(counter)
    counter.does("T1", FORMAL, at(4, 2))

    assert [Outcome.CARD_LOST] == outcomes(settle(counter.engine, _visit(care_area="110000")))


def test_it_stands_beside_the_card_that_is_being_made(counter: Counter) -> None:
    """Whose card was lost and replaced gets one, and the new physical card as well."""
    counter.active("C1", at(3, 1))
    counter.does("C1", FORMAL, at(3, 2))
    counter.does("C1", REPLACE, at(3, 3))
    _issued(counter)
    second = counter.active("C2", at(4, 20), replaces="C1")
    held = counter.does("T1", CANCEL, at(4, 20))

    assert (CardState.ACTIVE, CardState.CANCELLED) == (second.state, held.state)
    assert [Outcome.SETTLED, Outcome.CARD_CANCELLED] == outcomes(
        settle(counter.engine, _visit(1, card="C2"), _visit(2))
    )


def test_no_credential_type_but_that_of_a_card_presents_it(counter: Counter) -> None:
    """It is presented like the physical card it stands in for, never as an electronic one."""
    _issued(counter)

    assert [Outcome.CARD_UNKNOWN] == outcomes(settle(counter.engine, _visit(credential_type="04")))
