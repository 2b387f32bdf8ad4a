"""Prepayments: the published example, exact levels, and money that is conserved."""

import tempfile
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.prepayment import (
    Level,
    Line,
    level_of,
    pooled,
    required_fen,
    requirements,
    threshold_fen,
    usage_of,
    usage_shown,
)
from medsettle.clearing.prepayment_amounts import read_amounts
from medsettle.clearing.prepayment_increase import Increases, IncreaseState
from medsettle.clearing.prepayment_notices import NoticeKind
from medsettle.clearing.prepayment_store import PrepaymentStore
from medsettle.clearing.prepayment_terms import load_prepayment_rules, read_rules
from medsettle.clearing.read_calendar import load_calendar, shipped_document
from medsettle.errors import InvalidRequest, NotFound, PolicyRejected, Precondition
from medsettle.policy import tree

RULES = load_prepayment_rules()
TERMS = RULES.on(date(2026, 1, 1))
LINE = Line("999901", "999902", "310")
OTHER = Line("999903", "999902", "310")
NOW = datetime(2026, 1, 20, 8, tzinfo=UTC)
ISSUED, DUE = date(2026, 1, 31), date(2026, 2, 28)
MARCH = date(2026, 3, 1)
# The example of clearing.md §3.4, in fen.
QUARTER = {
    date(2025, 10, 1): 1_200_000_000,
    date(2025, 11, 1): 1_350_000_000,
    date(2025, 12, 1): 1_410_000_000,
}


def _cleared(line: Line, months: dict[date, int] = QUARTER) -> dict[tuple[Line, date], int]:
    return {(line, month): fen for month, fen in months.items()}


def test_the_published_example_comes_out_exactly() -> None:
    """12.0, 13.5 and 14.1 million average 13.2 and prepay 26.4; 19.2 is yellow, 24.0 is red."""
    (found,) = requirements(_cleared(LINE), 2026, TERMS)

    assert 2_640_000_000 == found.required_fen
    yellow = usage_of(LINE, MARCH, 1_920_000_000, found.required_fen, TERMS)
    red = usage_of(LINE, MARCH, 2_400_000_000, found.required_fen, TERMS)
    assert (Level.YELLOW, "72.7 %") == (yellow.level, yellow.shown)
    assert (Level.RED, "90.9 %") == (red.level, red.shown)
    assert yellow.reason == (
        "2026-03 cleared 19,200,000.00 yuan, 72.7 % of the 26,400,000.00 yuan that stand: yellow "
        "from 70 % on, passed by 720,000.00 yuan; 4,560,000.00 yuan more are red"
    )
    assert red.reason == (
        "2026-03 cleared 24,000,000.00 yuan, 90.9 % of the 26,400,000.00 yuan that stand: red from "
        "90 % on, passed by 240,000.00 yuan; the place of care may ask for an increase"
    )


@pytest.mark.parametrize(
    ("cleared_fen", "level", "shown"),
    [
        pytest.param(1_847_999_999, Level.NORMAL, "69.9 %", id="a-fen-below-70"),
        pytest.param(1_848_000_000, Level.YELLOW, "70.0 %", id="70-exactly"),
        pytest.param(2_375_999_999, Level.YELLOW, "89.9 %", id="a-fen-below-90"),
        pytest.param(2_376_000_000, Level.RED, "90.0 %", id="90-exactly"),
        pytest.param(0, Level.NORMAL, "0.0 %", id="nothing"),
        pytest.param(-5, Level.NORMAL, "0.0 %", id="refunds-only"),
        pytest.param(2_640_000_000, Level.RED, "100.0 %", id="all"),
    ],
)
def test_levels_are_exact_at_their_edges(cleared_fen: int, level: Level, shown: str) -> None:
    """70 % and 90 % of 26.4 million are 18.48 and 23.76 million; one fen decides."""
    assert level is level_of(cleared_fen, 2_640_000_000, TERMS)
    assert shown == usage_shown(cleared_fen, 2_640_000_000)


@given(st.integers(0, 2 * limits.AMOUNT_FEN_MAX), st.integers(1, limits.PREPAYMENT_FEN_MAX))
def test_a_level_is_that_of_the_exact_fraction(cleared_fen: int, standing_fen: int) -> None:
    """Levels, thresholds and the percentage shown agree with fractions."""
    used = Fraction(cleared_fen, standing_fen)
    expected = Level.RED if used >= Fraction(9, 10) else Level.YELLOW
    expected = expected if used >= Fraction(7, 10) else Level.NORMAL

    assert expected is level_of(cleared_fen, standing_fen, TERMS)
    assert (used >= Fraction(7, 10)) is (cleared_fen >= threshold_fen(standing_fen, 7_000))
    shown = Fraction(usage_shown(cleared_fen, standing_fen).removesuffix(" %")) / 100
    assert shown <= used < shown + Fraction(1, 1_000)


def test_where_nothing_stands_all_is_red() -> None:
    """A month on a line without money is red, and its reason says what to do."""
    usage = usage_of(LINE, MARCH, 1, 0, TERMS)

    assert (Level.RED, "all") == (usage.level, usage.shown)
    assert "nothing stands on the line" in usage.reason
    assert Level.NORMAL is level_of(0, 0, TERMS)


@pytest.mark.parametrize(
    ("rounding", "total_fen", "prepaid_fen"),
    [
        ("half_up", 1, 1),
        ("half_up", 2, 1),
        ("half_up", 4, 3),
        ("down", 2, 1),
        ("down", 1, 0),
        ("up", 1, 1),
        ("up", 2, 2),
        ("up", 3, 2),
    ],
)
def test_a_prepayment_is_rounded_once_by_name(
    rounding: str, total_fen: int, prepaid_fen: int
) -> None:
    """Two times a third of 1 fen is 0.67, of 2 is 1.33, of 4 is 2.67."""
    text = shipped_document("prepayment.yaml").decode().replace("half_up", rounding)
    rules, violations = read_rules(*tree.parse(text.encode(), "mine.yaml"))

    assert not violations
    assert prepaid_fen == required_fen(total_fen, 3, rules.on(MARCH))


def test_a_month_that_is_not_stated_is_a_fault() -> None:
    """Two months of three would give another average, so they give none."""
    cleared = _cleared(LINE) | _cleared(OTHER)
    del cleared[OTHER, date(2025, 11, 1)]
    with pytest.raises(InvalidRequest, match="nothing is stated for 2025-11; state 0"):
        requirements(cleared, 2026, TERMS)
    with pytest.raises(InvalidRequest, match="no line has an amount of 2026-10 to 2026-12"):
        requirements(cleared, 2027, TERMS)
    with pytest.raises(InvalidRequest, match="below 0 is no basis"):
        requirements(dict.fromkeys(_cleared(LINE), -1), 2026, TERMS)


def test_a_pool_adds_up_one_fund_of_all_provinces() -> None:
    """Red on one line and little on another are yellow together; another fund stays apart."""
    resident = Line("999901", "999902", "390")
    usages = [
        usage_of(LINE, MARCH, 950, 1_000, TERMS),
        usage_of(OTHER, MARCH, 450, 1_000, TERMS),
        usage_of(resident, MARCH, 10, 1_000, TERMS),
    ]

    found = {usage.line: (usage.cleared_fen, usage.level) for usage in pooled(usages, TERMS)}
    expected: dict[Line, tuple[int, Level]] = {
        Line("*", "999902", "310"): (1_400, Level.YELLOW),
        Line("*", "999902", "390"): (10, Level.NORMAL),
    }
    assert expected == found


# --- the store -----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> PrepaymentStore:
    """Return an empty store."""
    return PrepaymentStore(tmp_path)


def _recalculated(
    store: PrepaymentStore, *amounts: tuple[Line, int], year: int = 2026
) -> list[str]:
    months = [date(year - 1, month, 1) for month in (10, 11, 12)]
    cleared = {(line, month): fen // 2 for line, fen in amounts for month in months}
    required = requirements(cleared, year, TERMS)
    issued, due = ISSUED.replace(year=year), DUE.replace(year=year)
    notices = store.recalculate(required, TERMS, issued, due, "centre", NOW)
    return [notice.number for notice in notices]


def _prepaid(store: PrepaymentStore, line: Line = LINE, fen: int = 2_640_000_000) -> None:
    (number,) = _recalculated(store, (line, fen))
    store.pay(number, fen, DUE, f"E2E-{line.insured}", "finance", NOW)


def test_what_is_required_is_noticed_and_paid_in_parts(store: PrepaymentStore) -> None:
    """The first notice is over the whole prepayment; what stands is what was paid."""
    (number,) = _recalculated(store, (LINE, 1_000))
    assert "PP2026-000001" == number
    assert 0 == store.standing_fen(LINE)
    store.pay(number, 400, date(2026, 2, 10), "E2E-1", "finance", NOW)
    store.pay(f"{number}-P", 600, date(2026, 2, 20), "E2E-2", "finance", NOW)

    (notice,) = store.notices()
    assert (NoticeKind.PREPAYMENT, 1_000, 0) == (notice.kind, notice.paid_fen, notice.open_fen)
    assert ("999901", "999902") == (notice.payer, notice.payee)
    assert (400, 1_000) == (store.standing_fen(LINE, date(2026, 2, 19)), store.standing_fen(LINE))


def test_a_payment_is_registered_once(store: PrepaymentStore) -> None:
    """The same reference with the same payment is one; with another it is refused."""
    (number,) = _recalculated(store, (LINE, 1_000))
    store.pay(number, 400, DUE, "E2E-1", "finance", NOW)
    store.pay(number, 400, DUE, "E2E-1", "finance", NOW)

    assert 400 == store.standing_fen(LINE)
    with pytest.raises(Precondition, match="that of another payment"):
        store.pay(number, 401, DUE, "E2E-1", "finance", NOW)
    with pytest.raises(Precondition, match=r"6\.00 yuan are open, not 6\.01"):
        store.pay(number, 601, DUE, "E2E-2", "finance", NOW)
    with pytest.raises(Precondition, match="was issued on 2026-01-31, after 2026-01-30"):
        store.pay(number, 1, date(2026, 1, 30), "E2E-3", "finance", NOW)
    with pytest.raises(NotFound, match="no notice 'PP2026-000009'"):
        store.pay("PP2026-000009", 1, DUE, "E2E-4", "finance", NOW)
    with pytest.raises(InvalidRequest, match="amount: 0 fen are outside 1 to"):
        store.pay(number, 0, DUE, "E2E-5", "finance", NOW)
    most = limits.PREPAYMENT_FEN_MAX
    with pytest.raises(InvalidRequest, match=f"outside 1 to {most}"):
        store.pay(number, most + 1, DUE, "E2E-6", "finance", NOW)
    with pytest.raises(InvalidRequest, match="who: ''"):
        store.pay(number, 1, DUE, "E2E-7", "", NOW)


def test_a_year_is_settled_by_its_difference(store: PrepaymentStore) -> None:
    """2026 had 26.4 million; 2027 needs 30 and 2028 needs 20: 3.6 are paid in, 10 come back."""
    _prepaid(store)
    (more,) = _recalculated(store, (LINE, 3_000_000_000), year=2027)
    store.pay(more, 360_000_000, date(2027, 2, 1), "E2E-2027", "finance", NOW)
    (less,) = _recalculated(store, (LINE, 2_000_000_000), year=2028)
    found = {notice.number: notice for notice in store.notices()}

    assert (NoticeKind.ADJUSTMENT, 360_000_000) == (found[more].kind, found[more].amount_fen)
    assert (-1_000_000_000, "999902") == (found[less].amount_fen, found[less].payer)
    store.pay(less, 1_000_000_000, date(2028, 2, 1), "E2E-2028", "finance", NOW)
    assert 2_000_000_000 == store.standing_fen(LINE)


def test_recalculating_again_issues_nothing(store: PrepaymentStore) -> None:
    """The same requirement is recorded once; another one supersedes what was not paid."""
    (first,) = _recalculated(store, (LINE, 1_000))
    assert [] == _recalculated(store, (LINE, 1_000))
    store.pay(first, 300, DUE, "E2E-1", "finance", NOW)
    (second,) = _recalculated(store, (LINE, 1_200))

    found = {notice.number: notice for notice in store.notices()}
    assert found[first].superseded
    assert (900, 0) == (found[second].open_fen, found[first].open_fen)
    with pytest.raises(Precondition, match="superseded by the recalculation"):
        store.pay(first, 1, DUE, "E2E-2", "finance", NOW)
    _recalculated(store, (LINE, 1_300), year=2027)
    with pytest.raises(Precondition, match="has been recalculated for 2027; 2026 is over"):
        _recalculated(store, (LINE, 1_200))


def test_a_due_day_before_the_notice_is_refused(store: PrepaymentStore) -> None:
    """Nothing is recorded then."""
    required = requirements(_cleared(LINE), 2026, TERMS)
    with pytest.raises(InvalidRequest, match="lies before the notice"):
        store.recalculate(required, TERMS, DUE, ISSUED, "centre", NOW)
    assert [] == store.notices()


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000), st.lists(st.integers(1, 3_000), max_size=3)),
        min_size=1,
        max_size=5,
    )
)
def test_money_is_conserved_over_recalculations(years: list[tuple[int, list[int]]]) -> None:
    """What stands is all that was paid in less all that came back, and with what is open the need.

    So the place of insurance and the place of care book the same, whatever was paid of whatever.
    """
    with tempfile.TemporaryDirectory() as folder, PrepaymentStore(Path(folder)) as store:
        paid_in = came_back = 0
        for at, (average, payments) in enumerate(years):
            required = average // 2 * 2
            _recalculated(store, (LINE, required), year=2026 + at)
            for number, fen in enumerate(payments):
                for notice in store.notices(LINE):
                    part = min(fen, notice.open_fen)
                    if not part:
                        continue
                    day = notice.issue_day
                    store.pay(notice.number, part, day, f"{at}-{number}-{notice.id}", "x", NOW)
                    paid_in += part if notice.amount_fen > 0 else 0
                    came_back += part if notice.amount_fen < 0 else 0
            open_fen = sum(
                notice.open_fen if notice.amount_fen > 0 else -notice.open_fen
                for notice in store.notices(LINE)
            )
            assert paid_in - came_back == store.standing_fen(LINE)
            assert required == store.standing_fen(LINE) + open_fen


def test_unpaid_notices_age(store: PrepaymentStore) -> None:
    """A notice is not due until its day, and then late by days; one that is paid is not told."""
    _recalculated(store, (LINE, 1_000), (OTHER, 2_000))
    store.pay("PP2026-000002", 2_000, DUE, "E2E-1", "finance", NOW)
    ages = [
        (date(2026, 2, 28), 28, 0, "not due"),
        (date(2026, 3, 1), 29, 1, "1 to 30 days"),
        (date(2026, 3, 30), 58, 30, "1 to 30 days"),
        (date(2026, 3, 31), 59, 31, "31 to 60 days"),
        (date(2026, 4, 30), 89, 61, "61 to 90 days"),
        (date(2026, 5, 30), 119, 91, "over 90 days"),
    ]

    for on, open_days, overdue_days, age in ages:
        (found,) = store.unpaid(on)
        assert ("PP2026-000001", open_days) == (found.notice.number, found.open_days)
        assert (overdue_days, age) == (found.overdue_days, found.age)
    assert [] == store.unpaid(date(2026, 1, 30))


def test_usage_is_recorded_and_the_last_counts(store: PrepaymentStore) -> None:
    """A month is looked at again as it goes on, against what stands by then."""
    _prepaid(store, fen=1_000)
    store.record_usages([(LINE, MARCH, 600)], RULES, NOW)
    (later,) = store.record_usages([(LINE, MARCH, 900)], RULES, NOW)

    assert Level.RED is later.level
    assert [later] == store.usages(MARCH, RULES)
    assert MARCH == store.last_month()
    assert [LINE] == store.lines()
    assert store.usage(OTHER, MARCH, RULES) is None


# --- urgent increases ----------------------------------------------------------------------------

_DAYS = load_calendar().working_days


def _increases(store: PrepaymentStore, cleared_fen: int = 2_400_000_000) -> Increases:
    _prepaid(store)
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


def test_a_recalculation_supersedes_an_increase(store: PrepaymentStore) -> None:
    """What is asked for beside the year falls into the difference of the next."""
    increases = _increases(store)
    number = _asked(increases)
    _recalculated(store, (LINE, 3_000_000_000), year=2027)

    assert IncreaseState.SUPERSEDED is increases.get(number).state
    with pytest.raises(Precondition, match="is superseded"):
        increases.review(number, approved=True, why="x", day=DUE, who="nation", now=NOW)


# --- terms and tables ----------------------------------------------------------------------------


def test_terms_are_dated(tmp_path: Path) -> None:
    """A later version with 1.5 months holds from its day; faults are told with their lines."""
    text = shipped_document("prepayment.yaml").decode()
    later = text[text.index("  - from") :].replace("2023-01-01", "2027-01-01")
    path = tmp_path / "terms.yaml"
    path.write_text(text + later.replace("multiple: 2", "multiple: 1.5"), encoding="utf-8")
    rules = load_prepayment_rules(path)

    assert [20_000, 15_000] == [rules.on(date(y, 1, 1)).multiple_e4 for y in (2026, 2027)]
    with pytest.raises(NotFound, match="begin on 2023-01-01"):
        rules.on(date(2022, 12, 31))
    broken = text.replace("yellow: 70%", "yellow: 95%").replace("multiple: 2", "multiple: 12.1")
    path.write_text(broken.replace("10工作日", "10 days").replace("[10, 11", "[11, 10"), "utf-8")
    with pytest.raises(PolicyRejected) as raised:
        load_prepayment_rules(path)
    words = " | ".join(violation.message for violation in raised.value.violations)
    assert 4 == len(raised.value.violations)
    for said in ("red begins above yellow", "up to 12", "no number of working", "not in order"):
        assert said in words


def test_amounts_are_read_and_added_up(tmp_path: Path) -> None:
    """Yuan become fen, days become months, and every bad row is told at once."""
    path = tmp_path / "cleared.csv"
    path.write_text(
        "day,insured,care,fund,amount_yuan\n"
        "2026-03-01,999901,999902,310,12.34\n"
        "2026-03-02,999901,999902,310,-0.34\n",
        "utf-8",
    )
    assert {(LINE, MARCH): 1_200} == read_amounts(path, "month")
    assert 1_234 == read_amounts(path, "day")[LINE, MARCH]
    path.write_text(
        "month,insured,care,fund,amount_fen\n"
        "2026-13,999901,999902,310,1\n"
        "2026-03,99990,999902,31 0,1\n"
        "2026-03,999901,999902,310,1.5\n"
        f"2026-03,999901,999902,310,{limits.AMOUNT_FEN_MAX + 1}\n"
        f"2026-03,999901,999902,310,{limits.AMOUNT_FEN_MAX}\n",
        "utf-8",
    )
    with pytest.raises(InvalidRequest) as raised:
        read_amounts(path, "month")
    rows = [fault.path.split()[2] for fault in raised.value.faults]
    assert ["1", "2", "2", "3", "4"] == rows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no rows"),
        ("month,insured,care,amount_fen\n1,2,3,4\n", "needs the column\\(s\\) fund"),
        ("month,insured,care,fund\n1,2,3,4\n", "amount_fen or amount_yuan"),
        ("month,insured,care,fund,amount_fen\n1,2,3\n", "another number of cells"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, content: str, says: str) -> None:
    """The head and the width of rows are looked at before any value."""
    path = tmp_path / "cleared.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(InvalidRequest, match=says):
        read_amounts(path, "month")


def test_nothing_of_a_store_is_changed_or_deleted(store: PrepaymentStore) -> None:
    """The file itself refuses to forget what was recorded."""
    _prepaid(store)
    for table in ("payments", "notices", "requirements"):
        for sql in (f"delete from {table}", f"update {table} set id = id + 1"):
            with pytest.raises(apsw.ConstraintError, match="are never"):
                store.connection.execute(sql)
