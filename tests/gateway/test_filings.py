"""Filings: recorded once, cancelled once, and told when asked."""

import asyncio
from typing import Any

import orjson
import pytest
from medsettle import limits

from fixtures import make_directory as invented
from tests.gateway.filed import cancel_of, choice_filed, disease_filed, number_of, referral_filed
from tests.gateway.till import Till


@pytest.mark.parametrize(
    ("files", "said", "cancels", "asks", "node", "told"),
    [
        (
            "2501",
            referral_filed(),
            "2502",
            "5304",
            "refmedin",
            {"reflin_medins_no": "H22010000001"},
        ),
        ("2501A", referral_filed(), "2502", "5304", "refmedin", {"refl_date": "2024-06-02"}),
        ("2503", disease_filed(), "2504", "5301", "feedetail", {"opsp_dise_code": "M00101"}),
        ("2505", choice_filed(), "2506", "5302", "psnfixmedin", {"fixmedins_code": "H11000000003"}),
    ],
)
def test_filed_told_and_cancelled(
    till: Till,
    files: str,
    said: dict[str, Any],
    cancels: str,
    asks: str,
    node: str,
    told: dict[str, str],
) -> None:
    """What is filed is told with its days and number, until it is cancelled; then no more."""
    query = {"psn_no": invented.EMPLOYEE, "begntime": "2024-06-01", "endtime": "2024-06-30"}
    number = number_of(till.done(files, said))
    (row,) = till.done(asks, {"data": query})[node]

    assert len(number) == 26
    assert (number, said[next(iter(said))]["begndate"]) == (
        row["trt_dcla_detl_sn"],
        row["begndate"],
    )
    assert told.items() <= row.items()
    till.done(cancels, cancel_of(number))
    assert [] == till.done(asks, {"data": query})[node]
    assert "[FILING_REFUSED]" in till.refused(cancels, cancel_of(number))
    # What was taken back may be filed anew.
    assert number != number_of(till.done(files, said))


def test_the_same_message_again_is_answered_from_the_record(till: Till) -> None:
    """One msgid files once and has one number; with other content it is refused."""
    msgid = till.msgid()
    first = till.done("2503", disease_filed(), msgid)

    assert first == till.done("2503", disease_filed(), msgid)
    assert "[REQUEST_ID_REUSED]" in till.refused("2503", disease_filed(code="M00102"), msgid)
    rows = till.done("5301", {"data": {"psn_no": invented.EMPLOYEE}})["feedetail"]
    assert 1 == len(rows)


@pytest.mark.parametrize(
    ("infno", "said", "reason"),
    [
        ("2503", disease_filed(invented.PAUSED), "[ENROLMENT_PAUSED]"),
        ("2503", disease_filed(invented.CHILD), "[NOT_ENROLLED]"),
        ("2503", disease_filed("99"), "[NOT_ENROLLED]"),
        ("2503", disease_filed(enddate="2024-05-31"), "enddate: 2024-05-31 is before begndate"),
        ("2503", disease_filed(opsp_dise_code=""), "opsp_dise_code: missing"),
        ("2503", disease_filed(opsp_dise_code="糖尿病"), "data.opsp_dise_code: "),
        ("2503", disease_filed(begndate="1997-12-31"), "data.begndate: 1997-12-31 lies outside"),
        ("2503", disease_filed(invented.RETIRED, "M03900"), "[FILING_REFUSED]"),
        ("2504", cancel_of("BUREAU-0001", invented.RETIRED), "[FILING_REFUSED]"),
        ("2501", referral_filed(enddate="2024-06-01"), "refmedin.enddate: 2024-06-01 is before"),
        ("2501", referral_filed(mdtrtarea_admdvs=""), "refmedin.mdtrtarea_admvs: missing"),
        ("2505", choice_filed(fixmedins_code="H9"), "[INSTITUTION_UNKNOWN]"),
        ("2505", choice_filed(invented.PAUSED), "[NOT_ENROLLED]"),
        ("2505", choice_filed("99"), "[PERSON_UNKNOWN]"),
        ("2505", choice_filed(fix_srt_no="1234"), "fix_srt_no: 4 characters; at most 3"),
        ("2504", cancel_of("no-such-number"), "[NOT_FOUND]"),
        ("2504", cancel_of("X"), "[NOT_FOUND]"),
        ("2504", cancel_of("110000" + "0" * 20, "99"), "[PERSON_UNKNOWN]"),
    ],
)
def test_what_cannot_be_filed(reading: Till, infno: str, said: dict[str, Any], reason: str) -> None:
    """Nobody insured then, days in the wrong order, missing or unknown values, no such filing."""
    assert reason in reading.refused(infno, said)


def test_a_filing_is_cancelled_by_its_own_pair_and_person(till: Till) -> None:
    """Neither another transaction nor another person takes it back."""
    number = number_of(till.done("2503", disease_filed()))

    assert "[NOT_FOUND]" in till.refused("2502", cancel_of(number))
    assert "[NOT_FOUND]" in till.refused("2504", cancel_of(number, invented.RETIRED))
    till.done("2504", cancel_of(number))


def test_two_tills_at_the_same_moment(till: Till) -> None:
    """Of two filings of one disease that share a commit, one is recorded and one is refused."""
    bodies = [orjson.dumps(till.envelope("2503", disease_filed())) for _ in range(2)]

    async def at_once() -> list[bytes]:
        return await asyncio.gather(*(till.dispatch.answer(body) for body in bodies))

    answers = [orjson.loads(each) for each in till.loop.run_until_complete(at_once())]

    assert [-2, 0] == sorted(each["infcode"] for each in answers)
    rows = till.done("5301", {"data": {"psn_no": invented.EMPLOYEE}})["feedetail"]
    assert 1 == len(rows)


@pytest.mark.parametrize(
    ("second", "crosses"),
    [
        ({}, True),
        ({"begndate": "2025-05-31", "enddate": ""}, True),
        ({"begndate": "2025-06-01", "enddate": ""}, False),
        ({"begndate": "2023-01-01", "enddate": "2024-06-01"}, True),
        ({"begndate": "2023-01-01", "enddate": "2024-05-31"}, False),
        ({"opsp_dise_code": "M00102"}, False),
    ],
)
def test_the_same_disease_is_approved_once_a_day(
    till: Till, second: dict[str, str], crosses: bool
) -> None:
    """Spans of one disease meet on no day; the day after is free, and so is another disease."""
    till.done("2503", disease_filed())
    if crosses:
        assert "[FILING_REFUSED]" in till.refused("2503", disease_filed(**second))
    else:
        till.done("2503", disease_filed(**second))


def test_as_many_diseases_as_a_claim_may_name(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the bound is refused on days when all of them count."""
    monkeypatch.setattr(limits, "APPROVED_DISEASES_MAX", 2)
    for code in ("M1", "M2"):
        till.done("2503", disease_filed(code=code))

    assert "[FILING_REFUSED]" in till.refused("2503", disease_filed(code="M3"))
    till.done("2503", disease_filed(code="M3", begndate="2025-06-01", enddate=""))


def test_as_many_filings_as_are_kept(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled ones count too, for they are folded each time."""
    monkeypatch.setattr(limits, "FILINGS_PER_PERSON_MAX", 2)
    till.done("2504", cancel_of(number_of(till.done("2503", disease_filed()))))
    till.done("2503", disease_filed())

    assert "[FILING_REFUSED]" in till.refused("2503", disease_filed(code="M2"))
    # Somebody else has filings of their own.
    till.done("2503", disease_filed(invented.RETIRED))


def test_a_choice_of_another_kind_or_place_stands_beside(till: Till) -> None:
    """One place in the order and one institution a kind; both others are refused."""
    till.done("2505", choice_filed())

    assert "[FILING_REFUSED]" in till.refused("2505", choice_filed(fix_srt_no="2"))
    assert "[FILING_REFUSED]" in till.refused(
        "2505", choice_filed(fixmedins_code=invented.HOSPITAL_TERTIARY)
    )
    till.done("2505", choice_filed(biz_appy_type="01"))
    till.done("2505", choice_filed(fix_srt_no="2", fixmedins_code=invented.HOSPITAL_TERTIARY))
    rows = till.done("5302", {"data": {"psn_no": invented.EMPLOYEE, "biz_appy_type": "03"}})

    assert ["1", "2"] == [row["fix_srt_no"] for row in rows["psnfixmedin"]]


def test_filings_of_the_bureau_are_told_too(reading: Till) -> None:
    """What the bureau filed before stands beside what is filed at a counter."""
    (row,) = reading.done("5301", {"data": {"psn_no": invented.RETIRED}})["feedetail"]

    assert {
        "opsp_dise_code": "M03900",
        "opsp_dise_name": "示例病种",
        "begndate": "2023-01-01",
        "enddate": "2024-12-31",
        "trt_dcla_detl_sn": "BUREAU-0001",
    } == row
