"""Urgent increases of prepayments: their steps, who may take them, and their bounds."""

from datetime import date
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.prepayments.increase import Increases, IncreaseState
from medsettle.clearing.prepayments.prepayment import Level
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.errors import InvalidRequest, NotFound, Precondition, StoreUnavailable

from tests.clearing.prepaying import (
    DUE,
    LINE,
    MARCH,
    NOW,
    RULES,
    prepaid,
    recalculated,
)


@pytest.fixture
def store(tmp_path: Path) -> PrepaymentStore:
    """Return an empty store."""
    return PrepaymentStore(tmp_path)


_DAYS = load_calendar().working_days


def _increases(store: PrepaymentStore, cleared_fen: int = 2_400_000_000) -> Increases:
    prepaid(store)
    store.record_usages([(LINE, MARCH, cleared_fen)], RULES, NOW)
    return Increases(store, RULES)


def _asked(increases: Increases) -> int:
    day = date(2026, 3, 25)
    return increases.request(LINE, MARCH, 1_000_000_000, day, "care", NOW).id


def test_an_increase_goes_from_request_to_payment(store: PrepaymentStore) -> None:
    """Each step has its day and its person; ten working days over the Qingming festival."""
    increases = _increases(store)
    number = _asked(increases)
    reviewed = {"approved": True, "why": "red", "day": date(2026, 3, 26), "who": "nation"}
    increases.review(number, **reviewed, now=NOW)  # type: ignore[arg-type]
    notice = increases.notice(number, date(2026, 3, 27), "nation", _DAYS, NOW)
    assert date(2026, 4, 13) == notice.due_day, "Monday 6 April is a holiday"
    store.pay(notice.number, 400_000_000, date(2026, 4, 8), "E2E-A", "finance", NOW)
    assert IncreaseState.NOTICED is increases.get(number).state
    store.pay(notice.number, 600_000_000, date(2026, 4, 9), "E2E-B", "finance", NOW)

    found = increases.get(number)
    steps = [(step.state.value, step.day, step.who) for step in found.steps]
    assert [
        ("requested", date(2026, 3, 25), "care"),
        ("approved", date(2026, 3, 26), "nation"),
        ("noticed", date(2026, 3, 27), "nation"),
        ("paid", date(2026, 4, 9), "finance"),
    ] == steps
    assert 3_640_000_000 == store.standing_fen(LINE)
    usage = store.usage(LINE, MARCH, RULES)
    assert usage is not None
    assert Level.NORMAL is usage.level, "24.0 of 36.4 million are 65.9 %"


def test_the_longest_reference_pays_an_increase(store: PrepaymentStore) -> None:
    """200 characters, as on any other notice; it is the reason of the step. 201 are refused."""
    increases = _increases(store)
    number = _asked(increases)
    day, most = date(2026, 3, 26), limits.CLEARING_TEXT_CHARS_MAX
    increases.review(number, approved=True, why="red", day=day, who="nation", now=NOW)
    notice = increases.notice(number, day, "nation", _DAYS, NOW)
    with pytest.raises(InvalidRequest, match="reference: "):
        store.pay(notice.number, 1_000_000_000, day, "E" * (most + 1), "finance", NOW)
    store.pay(notice.number, 1_000_000_000, day, "E" * most, "finance", NOW)
    (*_, paid) = increases.get(number).steps

    assert (IncreaseState.PAID, "E" * most) == (paid.state, paid.why)


def test_only_a_red_line_is_increased(store: PrepaymentStore) -> None:
    """One fen below 90 % is refused with the reason of its level."""
    increases = _increases(store, cleared_fen=2_375_999_999)
    with pytest.raises(Precondition, match=r"is for a red line.* is yellow: 2026-03 cleared"):
        _asked(increases)
    with pytest.raises(NotFound, match="no usage of 2026-04"):
        increases.request(LINE, date(2026, 4, 1), 1, date(2026, 4, 2), "care", NOW)
    store.record_usages([(LINE, MARCH, 2_376_000_000)], RULES, NOW)
    assert IncreaseState.REQUESTED is increases.get(_asked(increases)).state


def test_steps_out_of_order_are_refused(store: PrepaymentStore) -> None:
    """No notice without approval, no review by who asked, no second request meanwhile."""
    increases = _increases(store)
    number = _asked(increases)
    day = date(2026, 3, 26)
    with pytest.raises(Precondition, match="is requested since 2026-03-25"):
        increases.notice(number, day, "nation", _DAYS, NOW)
    with pytest.raises(Precondition, match="somebody else reviews it"):
        increases.review(number, approved=True, why="x", day=day, who="care", now=NOW)
    with pytest.raises(Precondition, match="is requested; finish it first"):
        _asked(increases)
    increases.review(number, approved=False, why="wait", day=day, who="nation", now=NOW)
    with pytest.raises(Precondition, match=r"is refused since 2026-03-26 \(nation: wait\)"):
        increases.notice(number, day, "nation", _DAYS, NOW)
    with pytest.raises(NotFound, match="there is no increase 99"):
        increases.get(99)
    assert number + 1 == _asked(increases)


@pytest.mark.parametrize("who", ["care", "Care", "CARE"])
def test_who_asked_reviews_under_no_spelling(store: PrepaymentStore, who: str) -> None:
    """The case of letters tells nobody apart, for the program and for the store itself."""
    increases = _increases(store)
    number, day = _asked(increases), date(2026, 3, 26)
    with pytest.raises(Precondition, match="somebody else reviews it"):
        increases.review(number, approved=True, why="x", day=day, who=who, now=NOW)
    for state in ("approved", "refused"):
        with pytest.raises(StoreUnavailable, match="somebody else than who asked"):
            store.add_step(number, state, day, who, "x", NOW)


def test_steps_of_an_increase_follow_one_another_in_time(store: PrepaymentStore) -> None:
    """A review before the request and a notice before the review are slips; the same day is not."""
    increases = _increases(store)
    number = _asked(increases)
    early, asked = date(2026, 3, 24), date(2026, 3, 25)
    with pytest.raises(Precondition, match="requested since 2026-03-25, after 2026-03-24; correct"):
        increases.review(number, approved=True, why="x", day=early, who="nation", now=NOW)
    increases.review(number, approved=True, why="x", day=asked, who="nation", now=NOW)
    with pytest.raises(Precondition, match="approved since 2026-03-25, after 2026-03-24; correct"):
        increases.notice(number, early, "nation", _DAYS, NOW)
    assert asked == increases.notice(number, asked, "nation", _DAYS, NOW).issue_day


def test_an_increase_stays_within_the_bound_of_a_line(store: PrepaymentStore) -> None:
    """With the 26.4 million that stand and what is noticed: up to the bound, and not a fen more."""
    increases = _increases(store)
    day, most = date(2026, 3, 25), limits.PREPAYMENT_FEN_MAX
    rest = most - 2_640_000_000
    with pytest.raises(
        InvalidRequest, match=r"26,400,000\.00 that stand or are noticed are beyond"
    ):
        increases.request(LINE, MARCH, rest + 1, day, "care", NOW)
    number = increases.request(LINE, MARCH, rest, day, "care", NOW).id
    increases.review(number, approved=True, why="x", day=day, who="nation", now=NOW)
    notice = increases.notice(number, day, "nation", _DAYS, NOW)
    store.pay(notice.number, rest, day, "E2E-most", "finance", NOW)
    (usage,) = store.record_usages([(LINE, MARCH, limits.AMOUNT_FEN_MAX)], RULES, NOW)
    assert (most, "8.3 %") == (usage.standing_fen, usage.shown)
    (back,) = recalculated(store, (LINE, 0), year=2027)
    assert -most == next(each.amount_fen for each in store.notices() if each.number == back)


def test_a_recalculation_supersedes_an_increase(store: PrepaymentStore) -> None:
    """What is asked for beside the year falls into the difference of the next."""
    increases = _increases(store)
    number = _asked(increases)
    recalculated(store, (LINE, 3_000_000_000), year=2027)

    assert IncreaseState.SUPERSEDED is increases.get(number).state
    with pytest.raises(Precondition, match="is superseded"):
        increases.review(number, approved=True, why="x", day=DUE, who="nation", now=NOW)
