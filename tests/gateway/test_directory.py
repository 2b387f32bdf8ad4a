"""A directory: who is found by what, who is insured when, and what a claim gets from it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.gateway.directory import (
    CARD,
    E_VOUCHER,
    IDENTITY_NUMBER,
    Directory,
    Presented,
    enrolment_on,
    institution_facts,
    insured_facts,
    same_name,
)
from medsettle.gateway.directory_files import FileDirectory
from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book

from fixtures import make_directory as invented
from fixtures.make_catalogue import CLASS_A_SERVICE
from tests.service.serving import Ticking
from tests.stores import ledger_in

_DAY = date(2024, 5, 1)
_MOMENT = datetime(2024, 5, 1, 1, 29, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def directory() -> Iterator[Directory]:
    """Yield the invented directory of the repository."""
    held = FileDirectory(invented.FOLDER)
    yield held
    held.close()


def test_committed_files_are_what_the_seed_gives(tmp_path: Path) -> None:
    """Generating again writes the committed bytes."""
    for path in invented.write(tmp_path):
        assert (invented.FOLDER / path.name).read_bytes() == path.read_bytes(), path.name


def test_an_institution_is_found_by_its_code(directory: Directory) -> None:
    """Hospital and pharmacy are told apart; what is not there is refused by a code of its own."""
    hospital = directory.institution("H11000000001")
    pharmacy = directory.institution("P11000000001")

    assert ("示例三级医院", "110000", "01", False) == (
        hospital.name,
        hospital.area,
        hospital.level,
        hospital.pharmacy,
    )
    assert pharmacy.pharmacy
    with pytest.raises(errors.InstitutionUnknown):
        directory.institution("H11000000009")


@pytest.mark.parametrize(
    "shown",
    [
        Presented(IDENTITY_NUMBER, "990000198503120019"),
        Presented(CARD, "99A000001"),
        Presented(CARD, "99A000001", "990000D156000005990000000000001A"),
        Presented(E_VOUCHER, "INVENTED-TOKEN-LASTING"),
        Presented(E_VOUCHER, "INVENTED-TOKEN-EXPIRED"),
    ],
)
def test_a_person_is_found_by_what_is_shown(directory: Directory, shown: Presented) -> None:
    """Identity number, card and token of a person all lead to the same number."""
    assert invented.EMPLOYEE == directory.presenting(shown, _MOMENT).person


@pytest.mark.parametrize(
    ("shown", "refusal"),
    [
        (Presented(IDENTITY_NUMBER, "990000198503120010"), errors.PersonUnknown),
        (Presented(CARD, "99A000009"), errors.PersonUnknown),
        (Presented(E_VOUCHER, "99A000001"), errors.PersonUnknown),
        (Presented(CARD, "99A000001", "ANOTHER"), errors.PersonDiffers),
    ],
)
def test_who_is_not_found_is_refused(
    directory: Directory, shown: Presented, refusal: type[errors.SettlementError]
) -> None:
    """A number of another type is none, and another chip is another card."""
    with pytest.raises(refusal) as refused:
        directory.presenting(shown, _MOMENT)

    assert shown.number not in str(refused.value)


def test_a_token_expires_to_the_second(directory: Directory) -> None:
    """It counts until the second before its end, and from the end on it has expired."""
    shown = Presented(E_VOUCHER, "INVENTED-TOKEN-EXPIRED")

    assert invented.EMPLOYEE == directory.presenting(shown, _MOMENT).person
    with pytest.raises(errors.CredentialExpired):
        directory.presenting(shown, datetime(2024, 5, 1, 1, 30, tzinfo=UTC))


def test_check_letters_may_be_small(directory: Directory) -> None:
    """An identity number is the same with a small x."""
    (number,) = [
        row["certno"] for row in invented.tables()["persons"] if str(row["certno"]).endswith("X")
    ][:1]
    found = directory.presenting(Presented(IDENTITY_NUMBER, str(number).lower()), _MOMENT)

    assert number == found.certificate


def test_a_certificate_goes_with_its_name(directory: Directory) -> None:
    """The name is asked to the letter, and the right one is not told."""
    person = directory.certified("01", "990000198503120019")

    assert person is same_name(person, "示例1")
    with pytest.raises(errors.PersonDiffers) as refused:
        same_name(person, "示例2")
    assert "示例1" not in str(refused.value)


@pytest.mark.parametrize(
    ("person", "day", "refusal"),
    [
        (invented.PAUSED, date(2024, 2, 29), None),
        (invented.PAUSED, date(2024, 3, 1), errors.EnrolmentPaused),
        (invented.LEFT, date(2023, 6, 14), None),
        (invented.LEFT, date(2023, 6, 15), errors.EnrolmentEnded),
        (invented.EMPLOYEE, date(2012, 7, 1), None),
        (invented.EMPLOYEE, date(2012, 6, 30), errors.EnrolmentNotBegun),
        (invented.CHILD, _DAY, errors.NotEnrolled),
    ],
)
def test_insured_on_a_day_or_why_not(
    directory: Directory, person: str, day: date, refusal: type[errors.SettlementError] | None
) -> None:
    """Each reason not to be insured has a class of its own, on its first day and not before."""
    if refusal is None:
        assert "310" == enrolment_on(directory, person, "310", "110000", day).insurance_type
        return
    with pytest.raises(refusal) as refused:
        enrolment_on(directory, person, "310", "110000", day)
    assert type(refused.value) is refusal


def test_the_area_of_insurance_is_told_by_the_enrolment(directory: Directory) -> None:
    """Who is insured in one area need not say where; who was in several must."""
    found = enrolment_on(directory, invented.OF_ANOTHER_PROVINCE, "310", None, _DAY)

    assert "220100" == found.pooling_area
    with pytest.raises(errors.InvalidRequest, match="insured in 110000, 220100"):
        enrolment_on(directory, invented.MOVED, "310", None, _DAY)
    assert "110000" == enrolment_on(directory, invented.MOVED, "310", "110000", _DAY).pooling_area
    with pytest.raises(errors.EnrolmentEnded):
        enrolment_on(directory, invented.MOVED, "310", "220100", _DAY)


def test_facts_of_a_claim(directory: Directory) -> None:
    """What the bureau knows of a person becomes columns of a claim; the rest is left out."""
    retired = enrolment_on(directory, invented.RETIRED, "310", "110000", _DAY)

    assert {
        "person": invented.RETIRED,
        "insurance_type": "310",
        "pooling_area": "110000",
        "person_type": "1201",
        "birth_date": date(1953, 9, 30),
        "benefit_groups": ["retiree_supplement"],
        "enrolment_years": 25,
        "retirement_date": date(2008, 10, 1),
    } == insured_facts(directory, retired, _DAY)


@pytest.mark.parametrize(
    ("day", "groups"),
    [
        (date(2023, 12, 31), []),
        (date(2024, 1, 1), ["hardship"]),
        (date(2024, 12, 31), ["hardship"]),
        (date(2025, 1, 1), []),
    ],
)
def test_an_identity_counts_on_its_days(directory: Directory, day: date, groups: list[str]) -> None:
    """From the first to the last day, both included."""
    resident = enrolment_on(directory, invented.RESIDENT, "390", "110000", day)

    assert groups == insured_facts(directory, resident, day)["benefit_groups"]


@pytest.mark.parametrize(
    ("person", "insurance", "area", "institution", "visit_type"),
    [
        (invented.EMPLOYEE, "310", "110000", invented.HOSPITAL_TERTIARY, "11"),
        (invented.EMPLOYEE, "310", "110000", invented.PHARMACY, "41"),
        (invented.RETIRED, "310", "110000", invented.HOSPITAL_SECONDARY, "21"),
        (invented.CHILD, "390", "110000", invented.HOSPITAL_PRIMARY, "11"),
        (invented.CIVIL_SERVANT, "310", "110000", invented.HOSPITAL_TERTIARY, "21"),
        (invented.RESIDENT, "390", "110000", invented.HOSPITAL_SECONDARY, "21"),
        (invented.MOVED, "310", "110000", invented.HOSPITAL_TERTIARY, "11"),
        (invented.INJURED, "410", "440300", invented.HOSPITAL_SOUTH, "11"),
        (invented.INJURED, "310", "440300", invented.HOSPITAL_SOUTH, "11"),
        (invented.OF_ANOTHER_PROVINCE, "310", "220100", invented.HOSPITAL_NORTH, "21"),
    ],
)
def test_claims_of_the_invented_persons_settle(
    directory: Directory,
    engine: Engine,
    person: str,
    insurance: str,
    area: str,
    institution: str,
    visit_type: str,
) -> None:
    """Directory and rules fit one another: nothing that a claim needs is missing or unknown."""
    enrolment = enrolment_on(directory, person, insurance, area, _DAY)
    claim = {
        "request_id": "R1",
        "visit_type": visit_type,
        "admission_date": _DAY,
        "service_date": _DAY,
        "account_used": True,
        **insured_facts(directory, enrolment, _DAY),
        **institution_facts(directory.institution(institution)),
        "lines": [
            {
                "line_id": "1",
                "item_code": CLASS_A_SERVICE,
                "fee_date": _DAY,
                "quantity_e4": 10_000,
                "unit_price_e6": 3_000_000_000,
                "amount_fen": 300_000,
            }
        ],
    }
    (answer,) = engine.preview(ClaimBatch.from_rows([claim]))

    assert isinstance(answer, Settlement), answer
    assert 300_000 == answer.fen("total_fen")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine with the rules of the areas in which the invented persons are insured."""
    folder = tmp_path_factory.mktemp("engine")
    rules = folder / "rules"
    rules.mkdir()
    for area in ("110000", "220100", "440300"):
        (rules / area).symlink_to(Path(__file__).parents[2] / "rules" / area)
    ledger = open_ledger(ledger_in(folder))
    yield Engine(load_rule_book(rules), ledger, Ticking())
    ledger.close()
