"""One visit over several schemes: routed line by line, balanced part by part, cancelled whole."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors, limits
from medsettle.books.identities import broken_identities
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Opening, Settlement
from medsettle.core.visits import RoutedBy
from medsettle.engine import Engine

from tests.engine.engines import acts, counters, engine_on
from tests.engine.visits import (
    AREA,
    BED,
    CAESAREAN,
    DIABETES,
    LIMB,
    NEWBORN,
    SHAPES,
    SURGERY,
    injury_stay,
    issue_card,
    line,
    pregnancy,
    recognition,
    register,
    settle,
    visit_row,
)


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        yield engine


def _yuan(settlement: Settlement) -> dict[str, int]:
    """Return the payers of a settlement in whole yuan, those of nothing left out."""
    names = ("total", "other_fund", "pooled_fund", "account", "cash", "own_expense", "payouts")
    found = {name: settlement.fen(f"{name}_fen") for name in names}
    assert all(fen % 100 == 0 for fen in found.values())
    return {name: fen // 100 for name, fen in found.items() if fen}


def test_the_worked_split_of_an_injury_comes_out_to_the_fen(engine: Engine) -> None:
    """18,600: work injury pays 15,700 of 16,200, basic insurance gets the 2,400 of diabetes.

    Source: `domain/clearing.md` §4.3. Basic: (2,400 - 1,000) at 80 %; food is 30 for 10 days.
    """
    register(engine, recognition())

    visit = settle(engine, injury_stay())

    injury, basic = visit.settlements
    assert {"total": 16_200, "other_fund": 15_700, "cash": 500, "own_expense": 500} == {
        name: yuan for name, yuan in _yuan(injury).items() if name != "payouts"
    }
    assert 300 == _yuan(injury)["payouts"]
    assert {"total": 2_400, "pooled_fund": 1_120, "cash": 1_280} == _yuan(basic)
    assert ("410", "21", "310", "21") == tuple(
        str(part.columns[name])
        for part in visit.settlements
        for name in ("insurance_type", "visit_type")
    )
    assert 1_860_000 == visit.fen("total_fen")
    assert [] == [fault for part in visit.settlements for fault in broken_identities(part)]


def test_each_line_is_in_one_scheme_with_its_reason(engine: Engine) -> None:
    """A diagnosis of the recognition, the main diagnosis for shared lines, or no other scheme."""
    register(engine, recognition())

    visit = settle(engine, injury_stay())

    assert [
        ("1", "work_injury", RoutedBy.DIAGNOSIS, "S82.1", "recognition/R-1"),
        ("2", "work_injury", RoutedBy.DIAGNOSIS, "S82.1", "recognition/R-1"),
        ("3", "work_injury", RoutedBy.SHARED, "S82.1", "recognition/R-1"),
        ("4", "work_injury", RoutedBy.SHARED, "S82.1", "recognition/R-1"),
        ("5", "basic", RoutedBy.REST, "", ""),
    ] == [
        (each.line_id, each.scheme, each.by, each.diagnosis, each.registration)
        for each in visit.routes
    ]
    told = {row["line_id"]: row["route"] for part in visit.settlements for row in part.lines}
    assert told == {each.line_id: each.reason for each in visit.routes}
    assert str(told["1"]).startswith("work_injury: diagnosis S82.1, recognition/R-1 (")


def test_without_recognition_everything_is_basic(engine: Engine) -> None:
    """Until an injury is recognised no line of it is the injury fund's."""
    visit = settle(engine, injury_stay())

    (basic,) = visit.settlements
    assert {"work_injury"} & {each.scheme for each in visit.routes} == set()
    assert 18_600 == _yuan(basic)["total"]


@pytest.mark.both_stores
def test_after_recognition_the_visit_is_taken_back_and_settled_again(engine: Engine) -> None:
    """What basic insurance paid is given back, and the injury fund pays from the first day."""
    before = settle(engine, injury_stay())
    engine.visits.cancel("H1", "X1", str(before.visit))
    register(engine, recognition())

    after = settle(engine, injury_stay(request_id="V2"))

    assert 15_700 == _yuan(after.settlements[0])["other_fund"]
    assert {"310.admissions 2024": 1} == counters_of(engine)


def counters_of(engine: Engine) -> dict[str, int]:
    """Return what is counted of P1, without zeros."""
    state = engine.person(AREA, "P1")
    found = {f"{name} {period}": value for name, period, value in state.counters if value}
    return found | ({"account": state.account_fen} if state.account_fen else {})


def test_days_before_a_late_application_are_the_employers(engine: Engine) -> None:
    """From the accident to the day before acceptance the fund owes nothing, and the line says so.

    Source: 工伤保险条例 第十七条; accepted on 6 May: the 5th is the employer's, the 6th the fund's.
    """
    register(engine, recognition(timeliness="late"))
    row = visit_row(
        line(1, SURGERY, 1_000, "S82.1", date(2024, 5, 5)),
        line(2, SURGERY, 700, "S82.1", date(2024, 5, 6)),
    )

    visit = settle(engine, row)

    (injury,) = visit.settlements
    assert {"other_fund": 700, "cash": 1_000, "own_expense": 1_000} == {
        name: yuan for name, yuan in _yuan(injury).items() if name not in {"total", "payouts"}
    }
    # Of the 10 days the 1st to the 5th are the employer's; food is 30 for each of the others.
    assert 150 == _yuan(injury)["payouts"]
    assert ["employer", ""] == [each.earmark for each in visit.routes]
    assert "第十七条" in visit.routes[0].clause


def test_a_relapse_goes_on_from_its_recognition(engine: Engine) -> None:
    """A confirmed relapse has the diagnoses of the recognition that ended before."""
    register(engine, recognition(valid_until=date(2024, 5, 1)))
    relapse = recognition(
        kind="relapse", number="L-1", valid_from=date(2024, 5, 1), diagnoses=(), continues="R-1"
    )
    without = engine.visits.preview(ClaimBatch.from_rows([injury_stay()]))
    register(engine, relapse)

    visit = settle(engine, injury_stay())

    assert ["basic"] * 5 == [each.scheme for each in without.routes]
    assert ["relapse/L-1"] * 4 + [""] == [each.registration for each in visit.routes]


def test_a_device_needs_its_confirmation(engine: Engine) -> None:
    """An item that must be confirmed is refused until it is, and nothing is recorded."""
    register(engine, recognition())
    row = visit_row(line(1, LIMB, 3_000, "S82.1"))
    with pytest.raises(errors.NotConfirmed, match=r"kind device .辅助器具配置确认. that holds on"):
        settle(engine, row)
    assert 1 == acts(engine)
    register(
        engine,
        recognition(kind="device", number="D-1", diagnoses=(), items=(LIMB,), continues=None),
    )

    with pytest.raises(errors.NotConfirmed) as repeated:
        settle(engine, row)
    assert "true" == repeated.value.metadata["duplicate"]
    row["request_id"] = "V2"
    assert 3_000 == _yuan(settle(engine, row).settlements[0])["other_fund"]


def test_a_delivery_with_complications_and_another_illness(engine: Engine) -> None:
    """Twins by caesarean with complications, and diabetes drugs by the ordinary rule.

    By hand: limit 6,000 + 500 for the second child of 9,000; 2,500 above, all within the 4,000 for
    complications. Diabetes: (1,500 - 1,000) at 80 % = 400; 1,100 are left, 600 from the account.
    """
    register(engine, pregnancy(benefit_groups=("complication",)))
    engine.open_person(Opening("H1", "O1", AREA, "P1", 60_000))
    row = visit_row(
        line(1, CAESAREAN, 5_000, "O82.0"),
        line(2, NEWBORN, 2_500, "O14.1"),
        line(3, BED, 1_500),
        line(4, DIABETES, 1_500, "E11.9"),
        diagnosis="O82.0",
        delivery="2",
        children=2,
    )

    visit = settle(engine, row)

    maternity, basic = visit.settlements
    assert {"total": 9_000, "pooled_fund": 9_000} == _yuan(maternity)
    assert ("510", "52") == (
        maternity.columns["insurance_type"],
        maternity.columns["visit_type"],
    )
    assert [650_000, 250_000, 0, 0] == [row["paid_fen"] for row in maternity.payers]
    assert {"total": 1_500, "pooled_fund": 400, "account": 600, "cash": 500} == _yuan(basic)


@pytest.mark.both_stores
def test_a_line_that_takes_another_back_goes_with_it(engine: Engine) -> None:
    """Half of a surgery line is given back: it stays with its scheme and its mark."""
    register(engine, recognition(timeliness="late"))
    back = line(2, SURGERY, 1_000, None, date(2024, 5, 7)) | {
        "quantity_e4": -5_000,
        "amount_fen": -50_000,
        "original_line": "1",
    }
    row = visit_row(line(1, SURGERY, 1_000, "S82.1", date(2024, 5, 2)), back)

    visit = settle(engine, row)

    assert [RoutedBy.DIAGNOSIS, RoutedBy.ORIGINAL] == [each.by for each in visit.routes]
    assert ["employer", "employer"] == [each.earmark for each in visit.routes]
    assert {"total": 500, "cash": 500, "own_expense": 500, "payouts": 150} == _yuan(
        visit.settlements[0]
    )


@pytest.mark.both_stores
def test_a_cancel_restores_every_counter(engine: Engine) -> None:
    """All parts are taken back in one commit, and a person stands where they stood before."""
    register(engine, recognition())
    engine.open_person(Opening("H1", "O1", AREA, "P1", 60_000, (("310.admissions", 2024, 1),)))
    before = counters(engine, "P1") if AREA == "999900" else counters_of(engine)
    visit = settle(engine, injury_stay())
    moved = counters_of(engine)

    cancel = engine.visits.cancel("H1", "X1", str(visit.visit))

    assert moved != before == counters_of(engine)
    assert (visit.visit, "visit_cancel") == (cancel.original, cancel.kind)
    assert [-part.fen("total_fen") for part in visit.settlements] == [
        part.fen("total_fen") for part in cancel.settlements
    ]
    assert [part.columns["settlement"] for part in visit.settlements] == [
        part.columns["original"] for part in cancel.settlements
    ]
    assert ("cancelled since by " + str(cancel.visit)) in engine.visits.get(
        str(visit.visit)
    ).notices[0]


@pytest.mark.both_stores
def test_a_part_does_not_fall_alone(engine: Engine) -> None:
    """Cancelling one settlement of a visit is refused and names the visit."""
    register(engine, recognition())
    visit = settle(engine, injury_stay())
    part = str(visit.settlements[0].columns["settlement"])

    with pytest.raises(errors.PartOfVisit, match=f"one of the visit {visit.visit}"):
        engine.cancel("H1", "X1", part)


@pytest.mark.both_stores
def test_one_part_that_cannot_be_settled_refuses_the_visit(engine: Engine) -> None:
    """The scheme is named, and the line by its place in the visit."""
    register(engine, recognition())
    row = injury_stay()
    row["lines"].append(line(6, "NOWHERE", 10, "E11.9"))

    with pytest.raises(errors.InvalidRequest, match=r"lines\[5\]\.item_code"):
        settle(engine, row)
    assert 1 == engine.ledger.last_seq()


@pytest.mark.parametrize("chars", [limits.VISIT_REQUEST_ID_CHARS_MAX, 1])
def test_the_longest_request_id_of_a_visit_is_settled(engine: Engine, chars: int) -> None:
    """There is room for the ids of its parts."""
    visit = settle(engine, injury_stay(request_id="V" * chars))

    assert f"{'V' * chars}.1" == visit.settlements[0].columns["request_id"]


def test_a_longer_request_id_of_a_visit_is_refused(engine: Engine) -> None:
    """One character more leaves no room, although a claim could have it."""
    chars = limits.VISIT_REQUEST_ID_CHARS_MAX + 1
    with pytest.raises(errors.InvalidRequest, match=f"{chars} characters; a visit's has at most"):
        settle(engine, injury_stay(request_id="V" * chars))


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"pooling_area": "999913"}, errors.RoutingNotFound, "no routing.yaml is loaded"),
        ({"care_area": "999999"}, errors.ClassNotCovered, "no area '999999' is loaded"),
        ({"lines": []}, errors.InvalidRequest, "a visit needs a line"),
        (
            {"service_date": date(2019, 12, 31), "admission_date": date(2019, 12, 1)},
            errors.InvalidRequest,
            "lies outside the visit",
        ),
    ],
)
def test_a_visit_that_cannot_be_routed_says_why(
    engine: Engine, changes: dict[str, Any], error: type[errors.SettlementError], says: str
) -> None:
    """Each refusal names what is missing, and nothing is recorded."""
    with pytest.raises(error, match=says):
        settle(engine, injury_stay(**changes))
    assert 0 == acts(engine)


def test_a_visit_before_the_routing_began_is_refused(engine: Engine) -> None:
    """The document begins in 2020."""
    day = date(2019, 5, 1)
    row = visit_row(
        line(1, DIABETES, 100, day=day), admission_date=day, service_date=day, stay_days=1
    )
    with pytest.raises(errors.PolicyNotInForce, match="begins on 2020-01-01"):
        settle(engine, row)


def test_a_visit_that_nobody_recorded_is_not_found(engine: Engine) -> None:
    """Neither to be read nor to be cancelled, nor by another institution."""
    visit = settle(engine, injury_stay())
    part = str(visit.settlements[0].columns["settlement"])

    for unknown in ("nothing", part):
        with pytest.raises(errors.NotFound):
            engine.visits.get(unknown)
    with pytest.raises(errors.NotFound, match="institution H2 has no visit"):
        engine.visits.cancel("H2", "X1", str(visit.visit))


def test_a_preview_records_nothing(engine: Engine) -> None:
    """It has the amounts and routes of the settlement that follows, and no id."""
    register(engine, recognition())
    preview = engine.visits.preview(ClaimBatch.from_rows([injury_stay()]))
    assert (1, None) == (engine.ledger.last_seq(), preview.visit)
    visit = settle(engine, injury_stay())

    assert preview.routes == visit.routes
    assert [part.amounts for part in preview.settlements] == [
        part.amounts for part in visit.settlements
    ]


def test_every_part_is_explained(engine: Engine) -> None:
    """A linked settlement is explained like any other, fen by fen."""
    register(engine, recognition())
    visit = settle(engine, injury_stay())

    for part in visit.settlements:
        explanation = engine.explain(str(part.columns["settlement"]))
        assert part.fen("total_fen") == explanation.total_fen()


def test_a_card_that_does_not_count_refuses_the_whole_visit(engine: Engine) -> None:
    """The card is judged once for all parts, and nothing of the visit is recorded."""
    register(engine, recognition())
    row = injury_stay(credential_type="03", card="C1")
    with pytest.raises(errors.CardUnknown, match="no physical card C1 had been issued"):
        settle(engine, row)
    assert 1 == acts(engine)
    issue_card(engine, "C1", "P1")

    visit = settle(engine, row | {"request_id": "V2"})

    assert ["C1", "C1"] == [part.columns["card"] for part in visit.settlements]


@pytest.mark.parametrize(
    ("changes", "owed_days"),
    [
        ({"accepted_date": date(2024, 5, 1)}, 10),
        ({"accepted_date": date(2024, 5, 2)}, 9),
        ({"accepted_date": date(2024, 5, 11)}, 0),
        ({"accepted_date": date(2024, 6, 1)}, 0),
        ({"accepted_date": None}, 0),
        ({"event_date": date(2024, 5, 3), "accepted_date": date(2024, 5, 6)}, 7),
        ({"timeliness": "timely"}, 10),
    ],
)
def test_the_fund_owes_by_the_day_what_is_not_the_employers(
    engine: Engine, changes: dict[str, Any], owed_days: int
) -> None:
    """A stay from the 1st to the 11th of May: the day of acceptance is the fund's, and no other."""
    register(engine, recognition(**({"timeliness": "late"} | changes)))

    visit = settle(engine, visit_row(line(1, SURGERY, 1_000, "S82.1", date(2024, 5, 10))))

    assert owed_days * 3_000 == visit.fen("payouts_fen")
