"""Exclusions of visits, of areas without any, and of institutions; what is read of the ledger."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Registration, RegistrationRequest, institution_holder
from medsettle.engine import Engine
from medsettle.ledger import EntryKind, Recorded, SqliteLedger
from medsettle.policy.book import load_rule_book

from tests.engine import suspects
from tests.engine.engines import acts, engine_on, rule_book, settle, settled
from tests.engine.suspects import codes, may, suspect
from tests.engine.visits import (
    AREA,
    BED,
    SHAPES,
    injury_stay,
    line,
    recognition,
    register,
    visit_row,
)
from tests.engine.visits import settle as settle_visit
from tests.service.serving import Ticking

_EXCLUSIONS = SHAPES / "999960" / "exclusions.yaml"


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine of the area that routes visits, with the exclusions of the other one."""
    rules = tmp_path / "rules"
    shutil.copytree(SHAPES / AREA, rules / AREA)
    text = _EXCLUSIONS.read_text(encoding="utf-8")
    (rules / AREA / "exclusions.yaml").write_text(
        text.replace("area: 999960", f"area: {AREA}")
        .replace(
            "insurance_types: [310, 390]\n        period",
            "insurance_types: [310, 410]\n        period",
        )
        .replace("except_items: [", 'except_items: ["009902000003000000000000010", '),
        encoding="utf-8",
    )
    ledger = SqliteLedger(tmp_path / "ledger.db")
    try:
        yield Engine(load_rule_book(rules), ledger, Ticking())
    finally:
        ledger.close()


def test_the_parts_of_a_visit_do_not_accuse_one_another(engine: Engine) -> None:
    """Injury and illness of one stay share its days and two insurances, and are both paid."""
    register(engine, recognition())
    visit = settle_visit(engine, injury_stay(liability="2"))

    assert ["410", "310"] == [each.columns["insurance_type"] for each in visit.settlements]
    assert [["OTHER_LIABLE"]] * 2 == [
        [warning.code for warning in each.warnings] for each in visit.settlements
    ]
    again = settle_visit(engine, injury_stay(liability="2"))
    assert (True, visit.settlements) == (again.duplicate, again.settlements)
    shown = engine.visits.preview(ClaimBatch.from_rows([injury_stay(liability="2")]))
    assert [each.warnings for each in visit.settlements] == [
        each.warnings for each in shown.settlements
    ]


def test_a_visit_is_refused_as_a_claim_is(engine: Engine) -> None:
    """A second stay on the same days is refused before it is routed, and free after a cancel."""
    register(engine, recognition())
    visit = settle_visit(engine, injury_stay())
    # One day of bed at another institution, while the person lay in the first.
    second = visit_row(line(1, BED, 100), request_id="V2", institution="H2")
    last = acts(engine)

    with pytest.raises(errors.OverlappingStay, match=r"overlaps settlement .* at H1"):
        settle_visit(engine, second)
    with pytest.raises(errors.OverlappingStay):
        engine.visits.preview(ClaimBatch.from_rows([second]))
    assert last == acts(engine)

    assert visit.visit is not None
    engine.visits.cancel("H1", "X1", visit.visit)
    second["request_id"] = "V3"
    assert ((),) == tuple(each.warnings for each in settle_visit(engine, second).settlements)


def test_a_claim_is_compared_with_the_parts_of_visits(engine: Engine) -> None:
    """A single claim meets a visit by any of its parts."""
    register(engine, recognition())
    settle_visit(engine, injury_stay())
    (answer,) = settle(engine, visit_row(line(1, BED, 100), request_id="C1", institution="H2"))

    assert ("refused", "OVERLAPPING_STAY") == codes(answer)


@pytest.mark.parametrize(("day", "found"), [(9, False), (10, True)])
def test_a_version_holds_from_its_first_day(tmp_path: Path, day: int, found: bool) -> None:
    """An accident of the day before the document begins is not asked about."""
    rules = tmp_path / "rules"
    shutil.copytree(SHAPES / suspects.AREA, rules / suspects.AREA)
    text = _EXCLUSIONS.read_text(encoding="utf-8")
    later = text.replace("  - from: 2024-01-01", "  - from: 2024-05-10")
    (rules / suspects.AREA / "exclusions.yaml").write_text(later, encoding="utf-8")
    with engine_on(tmp_path, rules) as engine:
        (answer,) = settle(engine, suspect("R1", may(5), may(day), visit_type="22"))

    assert ("refused", "LIABILITY_UNANSWERED") == codes(answer) if found else () == codes(answer)


# --- institutions ------------------------------------------------------------------------------


def _request(**changes: object) -> RegistrationRequest:
    registration = Registration("stopped", "1", may(1))
    own = RegistrationRequest("AGENCY", "G1", suspects.AREA, "", registration, "H1")
    return replace(own, **changes)  # type: ignore[arg-type]


def test_a_registration_may_be_about_an_institution(tmp_path: Path) -> None:
    """It is held by the institution, never by a person of the same name."""
    with engine_on(tmp_path, SHAPES) as engine:
        state = engine.registrations.record(_request())

        assert ("", "H1") == (state.person, state.about)
        holder = institution_holder("H1")
        assert [state] == engine.registrations.held(suspects.AREA, holder)
        assert [] == engine.registrations.held(suspects.AREA, "H1")
        person = _request(
            request_id="G2",
            registration=Registration("suspension", "1", may(1)),
            person="H1",
            about="",
        )
        assert ("H1", "") == (
            (held := engine.registrations.record(person)).person,
            held.about,
        )
        assert {(suspects.AREA, holder), (suspects.AREA, "H1")} == set(
            engine.registrations.held_by([(suspects.AREA, holder), (suspects.AREA, "H1")])
        )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"about": ""}, "about: expected 1 to 50 printable"),
        ({"person": "P1"}, "person: the kind is about the institution; leave it out"),
        (
            {"registration": Registration("suspension", "1", may(1)), "person": "P1"},
            "about: the kind is about the person; leave it out",
        ),
        (
            {"registration": Registration("suspension", "1", may(1)), "about": ""},
            "person: expected 1 to 64 printable",
        ),
        ({"registration": Registration("ended", "1", may(1))}, "has no kind 'ended'"),
    ],
)
def test_a_kind_says_whom_it_is_about(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    """A registration about somebody else than its kind says is refused with the column."""
    with engine_on(tmp_path, SHAPES) as engine:
        with pytest.raises(errors.InvalidRequest, match=says):
            engine.registrations.record(_request(**changes))
        assert 0 == engine.ledger.last_seq()


# --- what is read ------------------------------------------------------------------------------


class _Counting(SqliteLedger):
    """A ledger that notes what the checks ask of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[str] = []

    def events(self, holders: Sequence[tuple[str, str]], kind: EntryKind) -> list[Recorded]:
        """Note how many holders are asked for."""
        self.asked += [f"events of {len(holders)}"] if holders else []
        return super().events(holders, kind)

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Note how many persons are asked for."""
        self.asked += [f"settled of {len(persons)}"] if persons else []
        return super().settled_since(persons)


def test_a_batch_asks_once_and_an_area_without_checks_never(tmp_path: Path) -> None:
    """Thirty claims of fifteen persons are two questions; those of an area without, none."""
    ledger = _Counting(tmp_path / "ledger.db")
    try:
        engine = Engine(rule_book(SHAPES), ledger, Ticking())
        rows = [
            suspect(f"R{number}", may(number), may(number), person=f"P{number % 15}")
            for number in range(1, 31)
        ]
        assert {()} == {codes(answer) for answer in settle(engine, *rows)}
        # Fifteen persons and one institution.
        assert ["settled of 15", "events of 16"] == ledger.asked

        ledger.asked.clear()
        settled(engine, visit_row(line(1, BED, 100)))
        assert [] == ledger.asked
    finally:
        ledger.close()


def test_a_card_that_does_not_count_is_told_first(engine: Engine) -> None:
    """Of a claim and of a visit alike: the card stands before what is looked for before payment."""
    unanswered = {"visit_type": "22", "credential_type": "03", "card": "C1"}
    presented = visit_row(line(1, BED, 100), **unanswered)
    with pytest.raises(errors.CardUnknown):
        settle_visit(engine, presented)
    (answer,) = settle(engine, presented | {"request_id": "C1"})
    assert ("refused", "CARD_UNKNOWN") == codes(answer)
    plain = visit_row(line(1, BED, 100), visit_type="22", request_id="V2")
    with pytest.raises(errors.LiabilityUnanswered):
        settle_visit(engine, plain)


def test_what_the_injury_fund_is_liable_for_is_its_own_part(engine: Engine) -> None:
    """`liability` says work: a claim in basic insurance is refused, the visit bills the fund.

    The drugs for diabetes are not what the answer is about. Without a recognition all of it is.
    """
    register(engine, recognition())
    row = injury_stay(liability="3")

    injury, basic = settle_visit(engine, row).settlements

    assert ("410", "310") == (injury.columns["insurance_type"], basic.columns["insurance_type"])
    assert [(), ()] == [injury.warnings, basic.warnings]
    (answer,) = settle(engine, injury_stay(request_id="R2", person="P3", liability="3"))
    assert "refused" == codes(answer)[0]
    with pytest.raises(errors.OtherLiable):
        settle_visit(engine, injury_stay(request_id="V3", person="P2", liability="3"))


def test_an_unanswered_accident_refuses_the_visit_of_its_part(engine: Engine) -> None:
    """An accident whose liability nobody asked about, with a recognition and without."""
    row = visit_row(line(1, BED, 100), visit_type="22")
    with pytest.raises(errors.LiabilityUnanswered):
        settle_visit(engine, row)
    register(engine, recognition())
    with pytest.raises(errors.LiabilityUnanswered):
        settle_visit(engine, row)
