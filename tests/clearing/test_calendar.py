"""The dated calendar: due days counted by hand, working days, and every fault of a document."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.matching.classes import Term
from medsettle.clearing.months.calendar import ClearingCalendar, Step, due_of
from medsettle.clearing.months.month import Month, month_of
from medsettle.clearing.months.read_calendar import CALENDAR_FILE, load_calendar, shipped_document
from medsettle.clearing.months.working_days import WorkingDays
from medsettle.errors import InvalidRequest, NotFound, PolicyRejected

_CALENDAR = load_calendar()

# Counted by hand on a calendar of 2026: 1 to 5 May are off, Saturday 9 May is worked.
_MARCH_2026 = {
    Step.DAILY_MATCH: date(2026, 4, 1),
    Step.CLOSE_OF_DAYS: date(2026, 4, 3),
    Step.HOSPITALS_DECLARE: date(2026, 4, 10),
    Step.DECLARATION: date(2026, 4, 20),
    Step.TABLES_GENERATED: date(2026, 4, 21),
    Step.CONFIRMED: date(2026, 4, 25),
    Step.NOTICES_ISSUED: date(2026, 4, 30),
    Step.HANDED_TO_FINANCE: date(2026, 5, 11),
    Step.TRANSFERRED: date(2026, 5, 25),
    Step.REGISTERED: date(2026, 6, 1),
    Step.HOSPITALS_PAID_AIM: date(2026, 4, 30),
    Step.HOSPITALS_PAID: date(2026, 5, 12),
    Step.LATEST_INCLUSION: date(2026, 5, 31),
    Step.YEAR_CLEARED: date(2027, 3, 31),
}


def test_every_step_of_a_month_has_the_published_day() -> None:
    """March 2026 by `clearing.md` §3.1, working days counted by hand over the May holiday."""
    found = {due.step: due.day for due in _CALENDAR.due_dates(date(2026, 3, 17))}

    assert _MARCH_2026 == found


def test_working_days_leave_out_the_spring_festival() -> None:
    """After 31 January 2026 the fifth is 6 February; the next ten end on the 27th, by hand."""
    december = date(2025, 12, 1)

    assert date(2026, 2, 6) == _CALENDAR.day_of(Step.HANDED_TO_FINANCE, december)
    assert date(2026, 2, 27) == _CALENDAR.day_of(Step.TRANSFERRED, december)
    assert date(2026, 3, 5) == _CALENDAR.day_of(Step.REGISTERED, december)


@pytest.mark.parametrize(
    ("month", "due"),
    [
        pytest.param(date(2026, 1, 1), date(2026, 4, 25), id="first-month-of-a-quarter"),
        pytest.param(date(2026, 3, 31), date(2026, 4, 25), id="last-month-of-a-quarter"),
        pytest.param(date(2026, 4, 1), date(2026, 7, 25), id="next-quarter"),
        pytest.param(date(2026, 12, 1), date(2027, 1, 25), id="over-the-year"),
    ],
)
def test_work_injury_is_cleared_by_the_quarter(month: date, due: date) -> None:
    """The 25th of the month after the quarter, and declared on the 15th and 20th ([S26])."""
    assert due == _CALENDAR.day_of(Step.QUARTER_CLEARED, month, "work_injury")
    after = date(month.year + month.month // 12, month.month % 12 + 1, 15)
    assert after == _CALENDAR.day_of(Step.HOSPITALS_DECLARE, month, "work_injury")


def test_a_late_settlement_is_taken_for_two_months() -> None:
    """A settlement of December may be taken until the clearing of February."""
    latest = _CALENDAR.day_of(Step.LATEST_INCLUSION, date(2025, 12, 31))

    # Without another word, closing takes what the calendar says.
    assert date(2026, 2, 28) == latest
    assert latest == Month(2025, 12).plus(limits.LATE_MONTHS_DEFAULT).last_day
    assert date(2024, 2, 29) == _CALENDAR.day_of(Step.LATEST_INCLUSION, date(2023, 12, 1))


def test_prepayments_are_due_by_the_end_of_february() -> None:
    """The notice is due around the end of January and the money by the end of February."""
    found = {due.step: due.day for due in _CALENDAR.due_dates(date(2024, 6, 1), "prepayment")}

    expected = {
        Step.PREPAYMENT_NOTICED: date(2024, 1, 31),
        Step.PREPAYMENT_PAID: date(2024, 2, 29),
    }
    assert expected == found


@pytest.mark.parametrize(
    ("term", "due"),
    [
        pytest.param(Term.NEXT_DAY, date(2026, 3, 18), id="next-day"),
        pytest.param(Term.CLOSE_OF_DAYS, date(2026, 4, 3), id="close-of-days"),
        pytest.param(Term.DECLARATION, date(2026, 4, 20), id="declaration"),
        pytest.param(Term.MONTHLY, date(2026, 4, 25), id="monthly"),
        pytest.param(Term.CASE, None, id="case"),
    ],
)
def test_a_difference_is_to_be_resolved_by_its_term(term: Term, due: date | None) -> None:
    """The day of each term of a difference of 17 March 2026."""
    assert due == _CALENDAR.resolution_day(term, date(2026, 3, 17))


def test_a_year_without_its_notice_is_warned_of() -> None:
    """Working days of 2027 leave out weekends only, and whatever builds on them says so."""
    sure = [due.warning for due in _CALENDAR.due_dates(date(2026, 10, 1))]
    later = {due.step: due.warning for due in _CALENDAR.due_dates(date(2026, 11, 1))}

    assert not any(sure), "the last working days of October are counted in December 2026"
    assert "the holidays of 2027 are not known" in later[Step.HANDED_TO_FINANCE]
    assert "the holidays of 2027 are not known" in later[Step.REGISTERED]
    assert not later[Step.CONFIRMED]


def test_a_year_that_a_day_was_moved_back_into_is_warned_of(tmp_path: Path) -> None:
    """1 to 3 January 2026 are off, so the 3rd goes back to 31 December of a year not known."""
    moved = _read(tmp_path, ("day_off: stay", "day_off: previous"))
    known = WorkingDays({2026: _CALENDAR.working_days.years[2026]})
    due_dates = replace(moved, working_days=known).due_dates(date(2025, 12, 1))
    due = {each.step: each for each in due_dates}

    assert date(2025, 12, 31) == due[Step.CLOSE_OF_DAYS].day
    assert "the holidays of 2025 are not known" in due[Step.CLOSE_OF_DAYS].warning
    assert not due[Step.DECLARATION].warning


def test_a_month_before_the_first_version_is_refused() -> None:
    """The medical calendar begins with 2023-01; the month before has none."""
    assert _CALENDAR.due_dates(date(2023, 1, 31))
    with pytest.raises(NotFound, match="begins with 2023-01"):
        _CALENDAR.due_dates(date(2022, 12, 31))
    with pytest.raises(NotFound, match="known are medical, mutual_aid, prepayment, work_injury"):
        _CALENDAR.due_dates(date(2026, 3, 1), "maternity")
    with pytest.raises(NotFound, match="no step registered"):
        _CALENDAR.day_of(Step.REGISTERED, date(2026, 3, 1), "mutual_aid")


# The notices say how many days each year has off and how many weekend days are worked instead.
@pytest.mark.parametrize(
    ("year", "off", "worked"),
    [(2022, 18, 7), (2023, 18, 7), (2024, 19, 8), (2025, 18, 5), (2026, 19, 6)],
)
def test_holidays_are_weekdays_and_worked_days_are_weekends(
    year: int, off: int, worked: int
) -> None:
    """Each day listed changes something, and there are as many as the notice announces."""
    found = _CALENDAR.working_days.years[year]

    assert all(day.weekday() < 5 for day in found.days_off)
    assert all(day.weekday() >= 5 for day in found.days_worked)
    assert (off, worked) == (len(found.days_off), len(found.days_worked))


@given(st.dates(date(2022, 1, 1), date(2028, 12, 31)), st.integers(0, 60))
def test_counting_working_days_agrees_with_listing_them(start: date, count: int) -> None:
    """The day after `count` working days is the last of as many that a list holds."""
    days = _CALENDAR.working_days
    listed = [start + timedelta(days=n) for n in range(1, 200)]
    worked = [day for day in listed if days.is_working(day)]

    assert (start if not count else worked[count - 1]) == days.after(start, count)


def _read(tmp_path: Path, *changes: tuple[str, str]) -> ClearingCalendar:
    text = shipped_document(CALENDAR_FILE).decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_calendar(path)


def test_a_later_version_holds_from_its_month(tmp_path: Path) -> None:
    """A version from July 2026 moves the declaration to the 18th, and June keeps the 20th."""
    later = """      - from: 2026-07-01
        day_off: next
        steps:
          declaration: {due: M+1 day 18, source: procedure, confidence: invented}
  work_injury:"""
    calendar = _read(tmp_path, ("  work_injury:", later))

    assert date(2026, 7, 20) == calendar.day_of(Step.DECLARATION, date(2026, 6, 30))
    assert date(2026, 8, 18) == calendar.day_of(Step.DECLARATION, date(2026, 7, 1))


@pytest.mark.parametrize(
    ("day_off", "due"),
    [("stay", date(2026, 4, 25)), ("next", date(2026, 4, 27)), ("previous", date(2026, 4, 24))],
)
def test_a_due_day_off_goes_where_the_document_says(
    tmp_path: Path, day_off: str, due: date
) -> None:
    """25 April 2026 is a Saturday; it stays, or becomes the Monday after or the Friday before."""
    calendar = _read(tmp_path, ("day_off: stay", f"day_off: {day_off}"))

    assert due == calendar.day_of(Step.CONFIRMED, date(2026, 3, 1))


def test_all_faults_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    """A misspelt step, an unknown source, a step out of order and a bad day: four faults."""
    with pytest.raises(PolicyRejected) as raised:
        _read(
            tmp_path,
            ("close_of_days:", "close_of_day:"),
            ("M+1 day 10", "M+1 day 29"),
            ("after notices_issued, source: procedure", "after transferred, source: none"),
            ("from: 2024-04-01", "from: 2024-04-02"),
        )

    found = [(v.line, v.message) for v in raised.value.violations]
    lines = [line for line, _ in found]
    assert lines == sorted(lines)
    words = " | ".join(message for _, message in found)
    assert "did you mean 'close_of_days'?" in words
    assert "not each month has a day 29" in words
    assert "transferred is no step above this one" in words
    assert "no source is called 'none'" in words
    assert "2024-04-02 is within a month" in words
    assert all(v.file.endswith("mine.yaml") for v in raised.value.violations)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"T+{limits.CALENDAR_DAYS_MAX + 1}", "above the bound of 366"),
        (f"M+{limits.CALENDAR_MONTHS_MAX + 1} day 1", "above the bound of 24"),
        ("M+1 day 0", "not each month has a day 0"),
        ("M+1 day 29", "not each month has a day 29"),
        ("Y+1 month 13 last day", "13 in 'Y\\+1 month 13 last day' is no month"),
        ("M-1 day 3", "is no due day; write it like"),
        ("5 working days after", "is no due day; write it like"),
    ],
)
def test_a_due_day_out_of_form_or_bounds_is_refused(text: str, says: str) -> None:
    """Each bound one step beyond, and texts that are no due day."""
    with pytest.raises(ValueError, match=says):
        due_of(text)


def test_a_due_day_at_its_bounds_is_read() -> None:
    """The greatest distances and the days 1 and 28 of a month are read."""
    assert limits.CALENDAR_DAYS_MAX == due_of(f"T+{limits.CALENDAR_DAYS_MAX}").plus
    assert limits.CALENDAR_MONTHS_MAX == due_of(f"M+{limits.CALENDAR_MONTHS_MAX} day 28").plus
    assert (1, 1) == (due_of("Y+1 month 1 day 1").month, due_of("Y+1 month 1 day 1").day)


@pytest.mark.parametrize("text", ["2026-13", "2026-3", "1997-12", "2100-01", "202603"])
def test_what_is_no_month_is_refused(text: str) -> None:
    """Other forms, and a month on either side of the years served."""
    with pytest.raises(ValueError, match=f"'{text}' (is no month|lies outside the years 1998)"):
        month_of(text)
    with pytest.raises(InvalidRequest, match=f"month: '{text}' (is no|lies outside)"):
        Month.of(text)


def test_the_first_and_last_months_served_are_read() -> None:
    """1998-01 and 2099-12 are months."""
    assert date(1998, 1, 1) == month_of("1998-01")
    assert date(2099, 12, 1) == month_of("2099-12")


def test_without_any_notice_weekdays_are_worked() -> None:
    """A calendar without years works Monday to Friday and knows that it guesses."""
    days = WorkingDays({})

    assert [True] * 5 + [False] * 2 == [days.is_working(date(2027, 1, d)) for d in range(4, 11)]
    assert (2026, 2027) == days.unknown_between(date(2026, 12, 31), date(2027, 1, 1))
