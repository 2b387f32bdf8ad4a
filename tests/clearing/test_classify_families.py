"""Cancels, corrections, duplicates and fallback keys, told of rows written out by hand."""

from datetime import date

import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.differences import difference_schema
from medsettle.clearing.matching.odd_rows import OddRows
from medsettle.errors import BatchTooLarge

from tests.clearing.books import Row, row, table
from tests.clearing.classified import FEN, cancel, classified, one, settled

_ALL = frozenset(column.name for column in BOOK)
_I, _C, _N = Side.INSURED, Side.CARE, Side.NATIONAL
_S = settled()
_MORE_FUND = {
    **{"fund_total_fen": 7_001, "pooled_fund_fen": 7_001},
    **{"person_total_fen": 2_999, "cash_fen": 2_999},
}


@pytest.mark.parametrize(
    ("takers", "owner", "standing"),
    [
        pytest.param((_I,), _C, [_C, _N], id="insured-took-it-back"),
        pytest.param((_I, _N), _C, [_C], id="care-did-not"),
        pytest.param((_I, _C), _N, [_N], id="national-did-not"),
        pytest.param((_C,), _I, [_I, _N], id="care-alone-took-it-back"),
    ],
)
@pytest.mark.parametrize("shown", [True, False], ids=["with-its-original", "the-cancel-alone"])
def test_a_cancel_on_some_sides_is_a_state(
    takers: tuple[Side, ...], owner: Side, standing: list[Side], *, shown: bool
) -> None:
    """It is told of the settlement, whether its rows are there, and by who still has it."""
    books = {
        side: [*([_S] if shown else []), *([cancel(_S)] if side in takers else [])] for side in Side
    }

    told = one(books)

    assert ("settle:S1", "S1") == (told["item"], told["settlement"])
    assert (DifferenceClass.STATE, Action.COMPLETE_CANCEL) == (
        told["difference_class"],
        told["action"],
    )
    assert (owner, standing, 7_000) == (told["owner"], told["missing_at"], told["at_risk_fen"])
    assert [side for side in Side if side in takers] == told["held_by"]


def test_cancels_under_ids_of_their_own_are_one_state() -> None:
    """Two books that took back the same under unmatched ids are told once, with who did not."""
    first, second = cancel(_S, "C1", record_time=1), cancel(_S, "C2", record_time=2)

    books = {_I: [], _C: [first, second], _N: [cancel(_S, "C3")]}
    told = {each["item"]: each for each in classified(books)}

    state = told["settle:S1"]
    assert {"settle:S1", "cancel:C2"} == set(told)
    assert (DifferenceClass.STATE, ["care", "national"], ["insured"]) == (
        *(state["difference_class"], state["held_by"]),
        state["missing_at"],
    )
    assert DifferenceClass.DUPLICATE == told["cancel:C2"]["difference_class"]


@pytest.mark.parametrize("takers", [(_I,), (_I, _N), (_C,), (_C, _N), (_N,)])
def test_what_was_taken_back_where_it_stood_is_nothing(takers: tuple[Side, ...]) -> None:
    """A settlement and its cancel, in books whose others never had it, add up to zero."""
    pair = [_S, cancel(_S)]

    assert [] == classified({side: pair if side in takers else [] for side in Side})
    # And if it was taken back in part, something stands.
    part = [_S, cancel(_S, pooled_fund_fen=-6_999, fund_total_fen=-6_999)]
    assert one({side: part if side in takers else [] for side in Side})["at_risk_fen"] == 1


def test_half_a_reversal() -> None:
    """What insurance took back, the nation still has and care never had, is a half reversal."""
    told = one({_I: [_S, cancel(_S)], _C: [], _N: [_S]})

    assert (DifferenceClass.HALF_REVERSED, _N, 7_000) == (
        told["difference_class"],
        told["owner"],
        told["at_risk_fen"],
    )
    assert "the nation alone" in told["explanation"]


def test_a_cancel_without_what_it_takes_back() -> None:
    """Care has the cancel only of what the others have and took back: it is recorded there."""
    pair = [_S, cancel(_S)]

    told = one({_I: pair, _C: [cancel(_S)], _N: pair})

    assert (DifferenceClass.NOT_CARE, _C, Action.INSERT) == (
        told["difference_class"],
        told["owner"],
        told["action"],
    )


def test_a_cancel_that_mirrors_its_original_is_told_with_it() -> None:
    """Amounts of a settlement that differ, and those of its cancel, are one difference of 0."""
    other = _S | _MORE_FUND
    books = {_I: [_S, cancel(_S)], _C: [other, cancel(other)], _N: [_S, cancel(_S)]}

    told = one(books)

    assert ("settle:S1", DifferenceClass.AMOUNT, 0) == (
        told["item"],
        told["difference_class"],
        told["at_risk_fen"],
    )


def _deduction(**values: object) -> Row:
    own = {"settlement": "S1-D", "kind": "deduction", "original": "S1"}
    amounts = dict.fromkeys(
        ("total_fen", "in_scope_fen", "fund_total_fen", "pooled_fund_fen"), -500
    )
    return _S | dict.fromkeys(FEN, 0) | own | amounts | values


def test_deductions_and_corrections_that_some_lack() -> None:
    """A deduction is class 11 and a correction class 5 or 6; whoever lacks it takes it over."""
    told = one({_I: [], _C: [_deduction()], _N: [_deduction()]})
    assert ("deduction:S1-D", DifferenceClass.DEDUCTION, _I, Action.ACKNOWLEDGE, 500) == (
        *(told["item"], told["difference_class"], told["owner"], told["action"]),
        told["at_risk_fen"],
    )
    adjust = _deduction(settlement="S1-A", kind="adjust")
    told = one({_I: [adjust], _C: [adjust], _N: []})
    assert (DifferenceClass.AMOUNT, _N, Action.INSERT, 500) == (
        *(told["difference_class"], told["owner"], told["action"]),
        told["at_risk_fen"],
    )
    moved = adjust | dict.fromkeys(("total_fen", "in_scope_fen", "fund_total_fen"), 0)
    moved |= {"critical_illness_fen": 500}
    told = one({_I: [moved], _C: [], _N: [moved]})
    assert (DifferenceClass.SPLIT, 500) == (told["difference_class"], told["at_risk_fen"])


def test_an_id_twice_in_one_book_is_told_once() -> None:
    """Three rows of one id are one difference with all of them, and two are surplus."""
    told = one({_I: [_S], _C: [_S, _S, _S], _N: []})

    assert (DifferenceClass.DUPLICATE, _C, 14_000) == (
        told["difference_class"],
        told["owner"],
        told["at_risk_fen"],
    )
    assert (1, 3, 0) == tuple(len(told[f"{side}_rows"]) for side in (_I, _C, _N))
    assert ["national"] == told["missing_at"]


def test_what_differs_among_many_rows_of_one_id() -> None:
    """Of five rows of an id, every column in which any two differ is told; unknown ones are not."""
    rows = [_S | {"total_fen": 10_000 + number, "card": None} for number in range(4)]

    told = one({_I: [_S | {"person": "another", "card": "K1"}], _C: rows})

    assert (DifferenceClass.DUPLICATE, ["person", "total_fen"]) == (
        told["difference_class"],
        told["differing"],
    )


def _visit(settlement: str, **values: object) -> Row:
    facts = {"encounter": "V1", "service_date": date(2026, 3, 31)}
    return row(settlement, **(facts | values))


def test_a_retry_under_a_new_message_id() -> None:
    """The second of one visit with equal total, which care lacks, is a duplicate of the first."""
    first = _visit("S1", request_id="one", record_time=1)
    second = _visit("S2", request_id="two", record_time=2)

    told = one({_I: [first, second], _C: [first], _N: [first, second]})

    assert ("settle:S2", DifferenceClass.DUPLICATE, Action.REVERSE) == (
        told["item"],
        told["difference_class"],
        told["action"],
    )
    assert "institution+encounter+person+kind" == told["matched_by"]
    assert ["S1", "S2"] == [each["settlement"] for each in told["insured_rows"]]


def test_two_places_are_held() -> None:
    """An equal total of one person and day elsewhere may be real, so it is not taken back."""
    first = _visit("S1", record_time=1)
    second = _visit("S2", record_time=2, institution="elsewhere", encounter="V2")

    told = one({_I: [first, second], _C: [first], _N: [first]})

    assert ("settle:S2", DifferenceClass.DUPLICATE, Action.HOLD) == (
        told["item"],
        told["difference_class"],
        told["action"],
    )


def test_what_replaces_a_cancelled_one_is_no_duplicate() -> None:
    """A visit that was taken back and settled again is missing, not twice."""
    first = _visit("S1", request_id="one")
    second = _visit("S2", request_id="two")
    pair = [first, cancel(first)]

    told = one({_I: [*pair, second], _C: pair, _N: [*pair, second]})

    assert ("settle:S2", DifferenceClass.NOT_CARE) == (told["item"], told["difference_class"])


def test_a_key_of_two_is_not_guessed() -> None:
    """Two records of one book with one message id are matched with none of another book."""
    held = [row("S1", request_id="one"), row("S2", request_id="one", person="another")]

    told = classified({_I: held, _C: [row("S3", request_id="one")]})

    assert {"settle:S1": 3, "settle:S2": 3, "settle:S3": 1} == {
        each["item"]: each["difference_class"] for each in told
    }


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"request_id": "one"}, "institution+request_id+kind"),
        ({"institution_settlement": "N1"}, "institution+institution_settlement+kind"),
        ({"encounter": "V1"}, "institution+encounter+person+kind"),
    ],
)
def test_fallback_keys(facts: Row, key: str) -> None:
    """A record under another id is found by the next key that is known, and is class 13."""
    told = one({_I: [row("S1", **facts)], _C: [row("T1", **facts)], _N: [row("S1", **facts)]})

    assert ("settle:S1", DifferenceClass.FACT, key, ["settlement"]) == (
        told["item"],
        told["difference_class"],
        told["matched_by"],
        told["differing"],
    )


def test_refunds_of_a_text_file_have_the_id_of_what_they_refund() -> None:
    """A cancel under its original's id is matched with one of its own id by what it takes back."""
    text = cancel(_S, settlement="S1", original=None)

    told = one({_I: [_S, cancel(_S)], _C: [_S, text]})

    assert ("cancel:S1-C", "original+kind", ["settlement"]) == (
        told["item"],
        told["matched_by"],
        told["differing"],
    )
    alone = one({_I: [_S], _C: [_S, text], _N: [_S]})
    assert ("settle:S1", DifferenceClass.STATE) == (alone["item"], alone["difference_class"])


def test_what_a_book_does_not_have_is_not_compared() -> None:
    """A column that is absent, and a value that is null, are no difference."""
    own = _S | {"card": "K1", "visit_type": "11"}
    other = _S | {"card": None, "visit_type": "21"}
    without = {_C: frozenset({"visit_type", "record_time"})}

    assert [] == classified({_I: [own], _C: [other], _N: [own | {"record_time": 9}]}, without)


def test_amounts_of_a_book_without_payers() -> None:
    """A book that has only the fund total and accounts is compared by those."""
    payers = {
        f"{name}_fen" for name in ("pooled_fund", "civil_servant", "enterprise", "assistance")
    }
    payers |= {"critical_illness_fen", "large_amount_fen", "disabled_serviceman_fen"}
    without = {_C: frozenset({*payers, "other_fund_fen"})}
    other = _S | {"fund_total_fen": 6_800, "person_total_fen": 3_200, "cash_fen": 3_200}

    (told,) = classified({_I: [_S], _C: [other]}, without)

    assert (DifferenceClass.AMOUNT, 200) == (told["difference_class"], told["at_risk_fen"])


def test_nothing_odd_is_an_empty_table() -> None:
    """Books that agree give a table of the schema without rows."""
    empty = {side: table([]) for side in Side}

    found = classify(OddRows(empty, dict.fromkeys(Side, _ALL)))

    assert (0, difference_schema()) == (found.num_rows, found.schema)


def test_the_bound_of_odd_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many odd rows as the bound are classified; one more is refused, with what to do."""
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 3)
    books = {_I: [_S], _C: [_S], _N: [_S]}

    assert [] == classified(books)
    with pytest.raises(BatchTooLarge, match="4 rows of the books differ, above the bound of 3"):
        classified(books | {_N: [_S, _S]})


@pytest.mark.slow
def test_many_rows_of_one_visit_take_no_longer() -> None:
    """Thousands of records with one constant number are looked through once, not by pairs."""
    held = pa.Table.from_pylist(
        [
            row(f"S{number:05}", institution_settlement="0", encounter="0")
            for number in range(4_000)
        ],
        table([]).schema,
    )

    found = classify(OddRows({_I: held, _C: held.slice(0, 0)}, {_I: _ALL, _C: _ALL}))

    # All are one service to the eye, so all but the first are its duplicates.
    assert 3_999 == found["difference_class"].to_pylist().count(DifferenceClass.DUPLICATE)
