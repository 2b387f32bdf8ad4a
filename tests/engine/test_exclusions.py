"""What is found before payment: each check at its edges, in order of precedence, and recorded."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine

from tests.engine.engines import engine_on, id_of, outcomes, previewed, settle, settled
from tests.engine.suspects import BED, CT, SURGERY, codes, line, may, register, suspect
from tests.engine.visits import SHAPES


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        yield engine


def _answer(engine: Engine, row: dict[str, Any]) -> tuple[str, ...]:
    return codes(settle(engine, row)[0])


_PAID: tuple[str, ...] = ()
_Step = Callable[[Engine], object] | dict[str, Any]


def _found_twice(engine: Engine) -> None:
    """Record what every check of the walk finds something by."""
    settled(engine, suspect("S1", may(1), may(11), line(SURGERY, may(11)), institution="H2"))
    other = {"insurance_type": "390", "visit_type": "11", "institution": "H3"}
    settled(engine, suspect("S2", may(31), may(31), person="P2", institution_settlement="N1"))
    with_another = suspect("S3", may(31), may(31), **other)
    refused = settle(engine, with_another)
    assert [Outcome.DOUBLE_INSURANCE] == outcomes(refused)
    register(engine, "suspension", may(1))
    register(engine, "stopped", may(1), about="H1")
    register(engine, "by_hand", may(1))


# Each row mends what the row above was refused for, and keeps all the others.
_WALK: list[tuple[Outcome, _Step]] = [
    (Outcome.INVALID_REQUEST, {}),
    (Outcome.REQUEST_ID_REUSED, {"person_type": "1101"}),
    (Outcome.DUPLICATE_SETTLEMENT, {"request_id": "W1"}),
    (Outcome.LIABILITY_UNANSWERED, {"institution_settlement": "N2"}),
    (Outcome.OTHER_LIABLE, {"liability": "1"}),
    (Outcome.SUSPENDED_PERSON, {"liability": "0"}),
    (Outcome.SUSPENDED_INSTITUTION, lambda engine: register(engine, "suspension", may(1), may(2))),
    (Outcome.PAID_BY_HAND, lambda engine: register(engine, "stopped", may(1), may(2), about="H1")),
    (Outcome.OVERLAPPING_STAY, lambda engine: register(engine, "by_hand", may(1), may(1))),
    (Outcome.DOUBLE_INSURANCE, {"admission_date": may(11)}),
    (Outcome.DUPLICATE_ITEM, {"service_date": date(2024, 6, 1)}),
    (Outcome.REPEATED_ITEM, {"lines": [line(CT, may(12), 3)]}),
    (Outcome.POLICY_NOT_FOUND, {"lines": [line(CT, may(12), 2)]}),
    (Outcome.SETTLED, {"insurance_type": "390"}),
]


def test_findings_come_in_order_of_precedence(engine: Engine) -> None:
    """Walking down, mending one at a time, meets every outcome before any policy is asked."""
    _found_twice(engine)
    row = suspect(
        "S2",
        may(5),
        may(20),
        *(line(SURGERY, may(11)), line(CT, may(12), 3, number=2)),
        visit_type="22",
        insurance_type="390",
        person_type="",
        institution_settlement="N1",
    )
    found = []
    for number, (outcome, step) in enumerate(_WALK):
        # A refusal of the step before is for good under its id.
        row["request_id"] = f"W{number}" if number > 3 else row["request_id"]
        if isinstance(step, dict):
            row |= step
        else:
            step(engine)
        # A policy that is not there is asked for only once nothing is found.
        missing = {"insurance_type": "340"} if outcome is Outcome.POLICY_NOT_FOUND else {}
        found += outcomes(settle(engine, row | missing))

    assert [outcome for outcome, _ in _WALK] == found


@pytest.mark.parametrize(
    ("first", "last", "changes", "expected"),
    [
        (-10, 0, {}, _PAID),
        (-10, 1, {}, _PAID),
        (-10, 2, {}, ("refused", "OVERLAPPING_STAY")),
        (2, 2, {}, ("refused", "OVERLAPPING_STAY")),
        (1, 1, {}, _PAID),
        (11, 11, {}, _PAID),
        (10, 20, {}, ("refused", "OVERLAPPING_STAY")),
        (11, 20, {}, _PAID),
        (12, 20, {}, _PAID),
        (-10, 20, {}, ("refused", "OVERLAPPING_STAY")),
        (10, 20, {"institution": "H1"}, ("refused", "OVERLAPPING_STAY")),
        (10, 20, {"institution": "H1", "encounter": "E1"}, _PAID),
        (10, 20, {"encounter": "E1"}, ("refused", "OVERLAPPING_STAY")),
        (10, 20, {"person": "P2"}, _PAID),
        # Outside a stay's own institution an outpatient visit is only remarked on.
        (10, 10, {"visit_type": "11"}, ("OVERLAPPING_STAY",)),
        (11, 11, {"visit_type": "11"}, _PAID),
        (10, 10, {"visit_type": "11", "institution": "H1"}, _PAID),
    ],
)
def test_a_stay_beside_another(
    engine: Engine, first: int, last: int, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Stays share no day but that of a transfer; interim settlements of one stay may."""
    settled(engine, suspect("S1", may(1), may(11), encounter="E1"))
    row = suspect("R1", may(first), may(last), institution="H2") | changes

    assert expected == _answer(engine, row)


@pytest.mark.parametrize(
    ("day", "insurance_type", "expected"),
    [
        (date(2024, 4, 30), "390", _PAID),
        (may(1), "390", ("refused", "DOUBLE_INSURANCE")),
        (may(31), "390", ("refused", "DOUBLE_INSURANCE")),
        (date(2024, 6, 1), "390", _PAID),
        (may(15), "310", _PAID),
    ],
)
def test_two_insurances_in_a_month(
    engine: Engine, day: date, insurance_type: str, expected: tuple[str, ...]
) -> None:
    """Employee and resident in one calendar month are refused, a day either side of it not."""
    settled(engine, suspect("S1", may(15), may(15), line(BED, may(15)), visit_type="11"))
    row = suspect("R1", day, day, line(BED, day), visit_type="11", insurance_type=insurance_type)

    assert expected == _answer(engine, row)


@pytest.mark.parametrize(
    ("kind", "about", "days", "expected"),
    [
        # A person is asked about on the day of service, from the first to before the last day.
        ("suspension", "", (-5, 9), _PAID),
        ("suspension", "", (-5, 10), ("refused", "SUSPENDED_PERSON")),
        ("suspension", "", (19, 19), ("refused", "SUSPENDED_PERSON")),
        ("suspension", "", (19, 20), _PAID),
        # An institution on the day of admission.
        ("stopped", "H1", (9, 15), _PAID),
        ("stopped", "H1", (10, 25), ("refused", "SUSPENDED_INSTITUTION")),
        ("stopped", "H1", (19, 25), ("refused", "SUSPENDED_INSTITUTION")),
        ("stopped", "H1", (20, 25), _PAID),
        ("stopped", "H2", (12, 15), _PAID),
        # A bill paid by hand on any day.
        ("by_hand", "", (1, 9), _PAID),
        ("by_hand", "", (1, 10), ("refused", "PAID_BY_HAND")),
        ("by_hand", "", (19, 25), ("refused", "PAID_BY_HAND")),
        ("by_hand", "", (20, 25), _PAID),
    ],
)
def test_a_registration_is_found_on_its_days(
    engine: Engine, kind: str, about: str, days: tuple[int, int], expected: tuple[str, ...]
) -> None:
    """A registration from the 10th to before the 20th of May is found on those days only."""
    register(engine, kind, may(10), may(20), about=about)

    assert expected == _answer(engine, suspect("R1", may(days[0]), may(days[1])))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"institution": "H1"}, ("refused", "PAID_BY_HAND")),
        ({"institution": "H2"}, _PAID),
        ({"items": (BED,)}, ("refused", "PAID_BY_HAND")),
        ({"items": (SURGERY,)}, _PAID),
    ],
)
def test_a_bill_paid_by_hand_may_be_one_of_an_institution_or_of_items(
    engine: Engine, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Where a registration names them, the claim has to be of that institution or have an item."""
    register(engine, "by_hand", may(1), **changes)

    assert expected == _answer(engine, suspect("R1", may(5), may(6)))


def test_a_registration_that_ends_on_its_first_day_never_held(engine: Engine) -> None:
    """Recording it again with its first day as its end takes it back."""
    register(engine, "by_hand", may(5))
    assert ("refused", "PAID_BY_HAND") == _answer(engine, suspect("R1", may(1), may(9)))

    register(engine, "by_hand", may(5), may(5))
    assert _PAID == _answer(engine, suspect("R2", may(1), may(9)))


def _taken_back(item: str, day: date) -> dict[str, Any]:
    taken: dict[str, Any] = {"quantity_e4": -10_000, "amount_fen": -10_000, "original_line": "1"}
    return line(item, day, number=2, **taken)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line(SURGERY, may(5))], ("refused", "DUPLICATE_ITEM")),
        ([line(SURGERY, may(4))], _PAID),
        ([line(SURGERY, may(6))], _PAID),
        ([line(SURGERY, may(5)), _taken_back(SURGERY, may(5))], _PAID),
        ([line(CT, may(5))], ("DUPLICATE_ITEM",)),
        # A bed is excepted by one check and not among the items of the other.
        ([line(BED, may(5))], _PAID),
        ([line(CT, may(6), 2)], _PAID),
        ([line(CT, may(6), 3)], ("refused", "REPEATED_ITEM")),
        ([line(CT, may(6), 2), line(CT, may(6), 1, number=2)], ("refused", "REPEATED_ITEM")),
        ([line(CT, may(6), 2), line(CT, may(7), 1, number=2)], _PAID),
        ([line(CT, may(6), 3), _taken_back(CT, may(6))], _PAID),
        ([line(BED, may(6), 9)], _PAID),
    ],
)
def test_an_item_beside_others(
    engine: Engine, lines: list[dict[str, Any]], expected: tuple[str, ...]
) -> None:
    """An item of a day counts once over the settlements of a person, and so often in a claim."""
    first = [line(item, may(5), number=n) for n, item in enumerate((BED, CT, SURGERY), 1)]
    settled(engine, suspect("S1", may(5), may(5), *first, visit_type="11"))
    row = suspect("R1", may(4), may(7), *lines, visit_type="81", liability="0")

    assert expected == _answer(engine, row)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"visit_type": "22"}, ("refused", "LIABILITY_UNANSWERED")),
        ({"visit_type": "81"}, ("refused", "LIABILITY_UNANSWERED")),
        ({"visit_type": "21"}, _PAID),
        ({"visit_type": "22", "liability": "9"}, ("refused", "LIABILITY_UNANSWERED")),
        ({"visit_type": "22", "liability": "0"}, _PAID),
        ({"visit_type": "21", "liability": "1"}, ("refused", "OTHER_LIABLE")),
        ({"visit_type": "22", "liability": "2"}, ("OTHER_LIABLE",)),
        ({"visit_type": "22", "liability": "3"}, ("refused", "OTHER_LIABLE")),
    ],
)
def test_who_is_liable_is_asked_and_heard(
    engine: Engine, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """An accident needs an answer; the answers of the document say what becomes of it."""
    assert expected == _answer(engine, suspect("R1", may(5), may(6)) | changes)


def test_a_refusal_says_why_and_what_to_do(engine: Engine) -> None:
    """Outcome, sentence, record and remedy in both languages, and the error of a single call."""
    first = settled(engine, suspect("S1", may(1), may(11), institution="H2"))
    (answer,) = settle(engine, suspect("R1", may(5), may(20)))

    assert isinstance(answer, Rejection)
    assert (
        f"the stay overlaps settlement {id_of(first)} at H2, 2024-05-01 to 2024-05-11. "
        "Correct the days of the stay."
    ) == answer.message
    assert {
        "check": "two-stays",
        "beside": id_of(first),
        "reason_zh": f"与结算 {id_of(first)}（H2，2024-05-01 至 2024-05-11）住院时间重叠",
        "remedy_en": "Correct the days of the stay.",
        "remedy_zh": "请核对住院起止日期。",
    } == answer.metadata
    assert isinstance(answer.error(), errors.OverlappingStay)


def test_a_warning_is_recorded_with_the_settlement(engine: Engine) -> None:
    """The money is paid, and the warning comes back with every reading; a cancel has none."""
    row = suspect("R1", may(5), may(6), visit_type="22", liability="2")
    shown = previewed(engine, row)
    answer = settled(engine, row)
    (warning,) = answer.warnings

    assert 8_000 == answer.fen("pooled_fund_fen")
    assert ("OTHER_LIABLE", "third-party-advance") == (warning.code, warning.check)
    assert "liability is '2', which means third_party_does_not_pay" == warning.reason_en
    assert "责任方代码为“2”（third_party_does_not_pay）" == warning.reason_zh
    assert "请登记对第三人的追偿。" == warning.remedy_zh
    assert "社会保险法 第三十条" in warning.clause
    assert shown.warnings == answer.warnings == engine.get(id_of(answer)).warnings
    assert answer.warnings == settled(engine, row).warnings
    assert () == engine.cancel("H1", "C1", id_of(answer)).warnings
    assert engine.explain(id_of(answer)).total_fen() == 10_000


def test_a_claim_does_not_accuse_itself(engine: Engine) -> None:
    """What was settled is answered from the record, and may be previewed again."""
    row = suspect("R1", may(5), may(9), line(SURGERY, may(5)))
    settled(engine, row)

    assert settled(engine, row).duplicate
    assert () == previewed(engine, row).warnings
    twice = engine.preview(ClaimBatch.from_rows([row, row]))
    assert [(), ()] == [codes(answer) for answer in twice]


def test_a_cancel_frees_the_days(engine: Engine) -> None:
    """What was cancelled accuses nobody; what is settled then does."""
    first = settled(engine, suspect("S1", may(1), may(11), line(SURGERY, may(5))))
    row = suspect("R1", may(3), may(9), line(SURGERY, may(5)), institution="H2")
    assert ("refused", "OVERLAPPING_STAY") == _answer(engine, row)

    engine.cancel("H1", "C1", id_of(first))
    assert isinstance(settled(engine, row | {"request_id": "R2"}), Settlement)
    again = suspect("S2", may(1), may(11), line(SURGERY, may(5)))
    assert ("refused", "OVERLAPPING_STAY") == _answer(engine, again)
