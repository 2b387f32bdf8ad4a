"""Each class of difference, told of rows written out by hand; expected values from clearing.md."""

from datetime import date

import pytest
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import REMEDIES, Action, DifferenceClass, Term
from medsettle.clearing.matching.classify import PRECEDENCE

from tests.clearing.books import Row, row
from tests.clearing.classified import MESSAGE, cancel, one, settled

_I, _C, _N = Side.INSURED, Side.CARE, Side.NATIONAL

_S = settled()
_WITHOUT_ID = row("S1")


@pytest.mark.parametrize(
    ("holders", "found", "owner", "action"),
    [
        pytest.param((_C,), "ONLY_CARE", _C, Action.REVERSE, id="answer-lost"),
        pytest.param((_C, _N), "NOT_INSURED", _I, Action.INSERT, id="insured-rolled-back"),
        pytest.param((_I, _N), "NOT_CARE", _C, Action.REVERSE, id="hospital-timed-out"),
        pytest.param((_I,), "HALF_REVERSED", _I, Action.REVERSE, id="only-insured"),
        pytest.param((_N,), "HALF_REVERSED", _N, Action.REVERSE, id="only-national"),
        pytest.param((_I, _C), "NOT_NATIONAL", _N, Action.INSERT, id="copy-lost"),
    ],
)
def test_who_lacks_it(holders: tuple[Side, ...], found: str, owner: Side, action: Action) -> None:
    """Of three books, who lacks a settlement says the class, whose turn it is and what to do."""
    told = one({side: [_S] if side in holders else [] for side in Side})

    lacking = [side for side in Side if side not in holders]
    assert DifferenceClass[found] == told["difference_class"]
    assert (owner, action, Term.NEXT_DAY) == (told["owner"], told["action"], told["term"])
    assert [side for side in Side if side in holders] == told["held_by"]
    assert lacking == told["missing_at"]
    # All of the 70.00 yuan of the fund, none of the 30.00 of cash.
    assert 7_000 == told["at_risk_fen"]
    assert "100.00 yuan (70.00 of funds and accounts)" in told["explanation"]


@pytest.mark.parametrize(
    ("books", "found"),
    [
        pytest.param({_I: [], _C: [_S]}, "ONLY_CARE", id="I-C-only-care"),
        pytest.param({_I: [_S], _C: []}, "NOT_CARE", id="I-C-only-insured"),
        pytest.param({_I: [_S], _C: [cancel(_S)]}, "HALF_REVERSED", id="I-C-care-has-the-cancel"),
        pytest.param({_C: [_S], _N: []}, "ONLY_CARE", id="C-N-only-care"),
        pytest.param({_C: [], _N: [_S]}, "NOT_CARE", id="C-N-only-national"),
        pytest.param({_I: [], _N: [_S]}, "NOT_INSURED", id="I-N-only-national"),
        pytest.param({_I: [_S], _N: []}, "NOT_NATIONAL", id="I-N-only-insured"),
    ],
)
def test_two_books(books: dict[Side, list[Row]], found: str) -> None:
    """Of two books the class is told as far as it can be without the third."""
    assert DifferenceClass[found] == one(books)["difference_class"]


def test_without_a_message_id_care_cannot_take_it_back() -> None:
    """A record that care lacks is its to reverse by message id; with none, insurance does it."""
    told = one({_I: [_WITHOUT_ID], _C: [], _N: [_WITHOUT_ID]})

    assert (_I, Action.REVERSE) == (told["owner"], told["action"])
    assert MESSAGE in one({_I: [_S], _C: [], _N: [_S]})["explanation"]


def _with(**values: object) -> dict[Side, list[Row]]:
    """Return three books of which care has other values."""
    return {_I: [_S], _C: [_S | values], _N: [_S]}


_DEARER = {
    "total_fen": 10_001,
    "in_scope_fen": 10_001,
    "person_total_fen": 3_001,
    "cash_fen": 3_001,
}
_MORE_FUND = {
    **{"fund_total_fen": 7_001, "pooled_fund_fen": 7_001},
    **{"person_total_fen": 2_999, "cash_fen": 2_999},
}
_SPLIT = {"pooled_fund_fen": 6_000, "critical_illness_fen": 1_000}
_SWAPPED = {"pooled_fund_fen": 0, "critical_illness_fen": 6_500, "account_fen": 500}


@pytest.mark.parametrize(
    ("values", "found", "risk_fen"),
    [
        pytest.param(_DEARER, "AMOUNT", 0, id="a-fen-of-cash"),
        pytest.param(_MORE_FUND, "AMOUNT", 1, id="a-fen-of-the-fund"),
        pytest.param(_SPLIT, "SPLIT", 1_000, id="ten-yuan-of-another-fund"),
        pytest.param(_SWAPPED, "SPLIT", 7_000, id="all-of-other-payers"),
        pytest.param({"person": "another"}, "PERSON", 7_000, id="person"),
        pytest.param({"record_date": date(2026, 4, 1)}, "PERIOD", 7_000, id="next-month"),
        pytest.param({"record_date": date(2026, 3, 30)}, "PERIOD", 0, id="the-day-before"),
        pytest.param({"insurance_type": "390"}, "FACT", 7_000, id="another-insurance"),
        pytest.param({"care_area": "999003"}, "FACT", 7_000, id="another-area"),
        pytest.param({"institution": "other"}, "FACT", 0, id="another-institution"),
    ],
)
def test_what_differs(values: Row, found: str, risk_fen: int) -> None:
    """What all books have otherwise has the class and the money at risk of what differs."""
    told = one(_with(**values))

    assert (DifferenceClass[found], risk_fen) == (told["difference_class"], told["at_risk_fen"])
    assert set(values) == set(told["differing"])
    assert REMEDIES[DifferenceClass[found]].action == told["action"]
    assert 1 <= len(told["explanation"]) <= 1_000


@pytest.mark.parametrize("name", ["policy", "policy_digest", "catalogue_digest"])
def test_versions_are_told_where_amounts_agree(name: str) -> None:
    """Equal amounts by another version are class 12, and cost nothing."""
    base = _S | {name: "one"}

    told = one({_I: [base], _C: [base | {name: "two"}], _N: [base]})

    assert (DifferenceClass.VERSION, 0) == (told["difference_class"], told["at_risk_fen"])
    assert [name] == told["differing"]


def test_each_class_hides_those_after_it() -> None:
    """From the least to the first in precedence, each change on top of the others is told."""
    base = _S | {"policy_digest": "one"}
    changes: list[tuple[str, Row]] = [
        ("VERSION", {"policy_digest": "two"}),
        ("PERIOD", {"record_date": date(2026, 4, 1)}),
        ("FACT", {"insurance_type": "390"}),
        ("SPLIT", _SPLIT),
        ("AMOUNT", _DEARER),
        ("PERSON", {"person": "another"}),
    ]
    own = base
    for found, change in changes:
        own = own | change
        assert (
            DifferenceClass[found] == one({_I: [base], _C: [own], _N: [base]})["difference_class"]
        )
    assert DifferenceClass.NOT_INSURED == one({_I: [], _C: [own], _N: [base]})["difference_class"]
    taken = [own, cancel(own)]
    assert DifferenceClass.STATE == one({_I: [base], _C: taken, _N: [base]})["difference_class"]
    twice = {_I: [base], _C: [own, own], _N: [base]}
    assert DifferenceClass.DUPLICATE == one(twice)["difference_class"]
    assert sorted(DifferenceClass) == sorted(PRECEDENCE)


def test_the_one_who_differs_from_two_owns_it() -> None:
    """Of three amounts, who differs from two that agree corrects; else the table of remedies."""
    other = _S | _DEARER

    assert _N == one({_I: [_S], _C: [_S], _N: [other]})["owner"]
    assert _C == one({_I: [_S], _C: [other], _N: [_S]})["owner"]
    assert _I == one({_I: [other], _C: [_S], _N: [_S]})["owner"]
    assert _I == one({_I: [_S], _C: [other]})["owner"]
