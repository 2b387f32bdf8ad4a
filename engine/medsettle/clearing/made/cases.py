"""What is planted into invented books: one settlement each, as every book has it, with the truth.

A case takes a settlement that all books would have alike, and says what each has instead and what
a reconciliation must find. The names of cases are those of causes in `clearing.md` §2.4. Some must
find nothing: they are there to be mistaken for differences.

>>> sorted(case for case, make in CASES.items() if case.startswith("split"))
['split_care', 'split_insured', 'split_national']
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from medsettle.clearing.made.rows import SETTLEMENT_LETTER
from medsettle.clearing.matching.book import AMOUNTS, SHARES, RecordKind, Side
from medsettle.clearing.matching.classes import DifferenceClass

Row: TypeAlias = dict[str, Any]
"""A row of a book; `record_time` in microseconds since 1970-01-01 UTC."""

_I, _T, _N = Side.INSURED, Side.CARE, Side.NATIONAL
_FEN: Final = tuple(column.name for column in (*AMOUNTS, *SHARES))
_CLAIMED: Final = tuple(each.name for each in SHARES if each.name != "institution_share_fen")
_MINUTE_US: Final = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Planted:
    """What every book has of a settlement, and what is to be found.

    `difference_class` is None where nothing is to be found. `repeated` says that all books agree,
    so that only a look into one of them finds it (`clearing.matching.repeats`).
    """

    rows: Mapping[Side, list[Row]]
    item: str
    difference_class: DifferenceClass | None
    missing_at: tuple[Side, ...] = ()
    at_risk_fen: int = 0
    repeated: bool = False


Case: TypeAlias = Callable[[Row], Planted]


def claimed_fen(row: Row) -> int:
    """Return what funds and accounts pay of a record."""
    return sum(row[name] for name in _CLAIMED)


def _item(row: Row) -> str:
    return f"{row['kind']}:{row['settlement']}"


def _without(*lacking: Side) -> tuple[Side, ...]:
    return tuple(side for side in Side if side not in lacking)


def _belonging(row: Row, kind: RecordKind, fen: Mapping[str, int], letter: str = "") -> Row:
    """Return a record that belongs to a settlement, ten minutes later."""
    letter = letter or SETTLEMENT_LETTER[kind]
    return {
        **row,
        **dict.fromkeys(_FEN, 0),
        **fen,
        "kind": str(kind),
        "settlement": letter + row["settlement"][1:],
        "original": row["settlement"],
        "request_id": f"{row['request_id'][:-4]}{letter}{row['request_id'][-3:]}",
        "institution_settlement": None,
        "record_time": row["record_time"] + 10 * _MINUTE_US,
    }


def _cancel(row: Row, letter: str = "") -> Row:
    return _belonging(row, RecordKind.CANCEL, {name: -row[name] for name in _FEN}, letter)


def _moved(row: Row, **fen: int) -> Row:
    """Return a row with amounts that differ by so much."""
    return row | {name: row[name] + difference for name, difference in fen.items()}


def _later_day(row: Row) -> Row:
    return row | {"record_date": row["record_date"] + timedelta(days=1)}


def _held_by(*holders: Side, difference_class: DifferenceClass) -> Case:
    """Return the case of a settlement that only these books have."""

    def case(row: Row) -> Planted:
        rows = {side: [row] for side in holders}
        return Planted(rows, _item(row), difference_class, _without(*holders), claimed_fen(row))

    return case


def _taken_back_by(
    *sides: Side, difference_class: DifferenceClass | None, absent: tuple[Side, ...] = ()
) -> Case:
    """Return the case of a settlement that these books took back, and some never had."""

    def case(row: Row) -> Planted:
        rows = {side: [row] for side in _without(*absent)}
        rows |= {side: [row, _cancel(row)] for side in sides}
        risk_fen = claimed_fen(row) if difference_class else 0
        # A difference of states is told by who lacks the cancel, any other by who lacks it all.
        missing = absent or _without(*sides)
        return Planted(rows, _item(row), difference_class, missing, risk_fen)

    return case


def _unlike(
    *sides: Side,
    difference_class: DifferenceClass,
    change: Callable[[Row], Row],
    risk: Callable[[Row], int] = lambda _: 0,
) -> Case:
    """Return the case of a settlement that these books have otherwise than the others."""

    def case(row: Row) -> Planted:
        rows = {side: [change(row) if side in sides else row] for side in Side}
        return Planted(rows, _item(row), difference_class, (), risk(row))

    return case


def _twice(*sides: Side, change: Callable[[Row], Row] = dict) -> Case:
    def case(row: Row) -> Planted:
        rows = {side: [row, change(row)] if side in sides else [row] for side in Side}
        return Planted(rows, _item(row), DifferenceClass.DUPLICATE, (), claimed_fen(row))

    return case


def _again(*sides: Side, change: Callable[[Row], Row], repeated: bool = False) -> Case:
    """Return the case of a service that these books have a second time under other ids."""

    def case(row: Row) -> Planted:
        second = change(row)
        rows = {side: [row, second] if side in sides else [row] for side in Side}
        missing = _without(*sides)
        risk_fen = claimed_fen(second)
        found = DifferenceClass.DUPLICATE
        return Planted(rows, _item(second), found, missing, risk_fen, repeated)

    return case


def _retried(row: Row) -> Row:
    """Return the settlement once more under a new message id, a minute and a half later."""
    request_id = f"{row['request_id'][:-4]}K{row['request_id'][-3:]}"
    return row | {
        "settlement": f"E{row['settlement'][1:]}",
        "request_id": request_id,
        "institution_settlement": request_id,
        "record_time": row["record_time"] + 90_000_000,
    }


def _elsewhere(row: Row) -> Row:
    """Return the same service once more, at another institution."""
    institution = f"{row['institution'][:7]}99999"
    request_id = f"{institution}{row['request_id'][12:]}"
    return row | {
        "settlement": f"G{row['settlement'][1:]}",
        "institution": institution,
        "encounter": f"T{row['encounter'][1:]}",
        "request_id": request_id,
        "institution_settlement": request_id,
        "record_time": row["record_time"] + 30 * _MINUTE_US,
    }


def _other_id(*, forget: tuple[str, ...]) -> Callable[[Row], Row]:
    return lambda row: row | dict.fromkeys(forget) | {"settlement": f"F{row['settlement'][1:]}"}


def _rounded(row: Row) -> Row:
    """Return the row with a fen more of the pooled fund and a fen less of the patient."""
    payer = next(name for name in ("cash_fen", "account_fen", "mutual_aid_fen") if row[name])
    fund = {"pooled_fund_fen": 1, "fund_total_fen": 1}
    return _moved(row, **fund, **{"person_total_fen": -1, payer: -1})


def _split(row: Row) -> Row:
    """Return the row with a half of what the pooled fund pays moved to another fund."""
    half = row["pooled_fund_fen"] // 2
    return _moved(row, pooled_fund_fen=-half, other_fund_fen=half)


def _settled_again(row: Row) -> Planted:
    """Return a settlement that was taken back, and settled again in two books."""
    again = _retried(row) | {"record_time": row["record_time"] + 20 * _MINUTE_US}
    rows = {side: [row, _cancel(row), again] for side in _without(_T)}
    rows[_T] = [row, _cancel(row)]
    risk_fen = claimed_fen(again)
    return Planted(rows, _item(again), DifferenceClass.NOT_CARE, (_T,), risk_fen)


def _cancel_at_midnight(row: Row) -> Planted:
    cancel = _cancel(row)
    rows = {side: [row, _later_day(cancel) if side is _T else cancel] for side in Side}
    risk_fen = _month_risk_fen(row)
    return Planted(rows, _item(cancel), DifferenceClass.PERIOD, (), risk_fen)


def _month_risk_fen(row: Row) -> int:
    day: date = row["record_date"]
    return 0 if (day + timedelta(days=1)).month == day.month else claimed_fen(row)


def _cancelled_twice(row: Row) -> Planted:
    second = _cancel(row, "H")
    rows = {side: [row, _cancel(row)] for side in Side}
    rows[_I] = [*rows[_I], second]
    risk_fen = claimed_fen(row)
    return Planted(rows, _item(second), DifferenceClass.DUPLICATE, (_T, _N), risk_fen)


def _other_card(row: Row) -> Planted:
    own = row | {"card": row["card"] or "K-OWN"}
    rows = {side: [row | {"card": "K-OTHER"} if side is _T else own] for side in Side}
    return Planted(rows, _item(row), DifferenceClass.PERSON, (), claimed_fen(row))


def _deduction(row: Row, more_fen: int = 0) -> Row:
    """Return what a review takes off: a tenth of what the pooled fund pays."""
    less = -(row["pooled_fund_fen"] // 10) - more_fen
    names = ("total_fen", "in_scope_fen", "fund_total_fen", "pooled_fund_fen")
    return _belonging(row, RecordKind.DEDUCTION, dict.fromkeys(names, less))


def _deducted_by(*sides: Side) -> Case:
    def case(row: Row) -> Planted:
        deduction = _deduction(row)
        rows = {side: [row, deduction] if side in sides else [row] for side in Side}
        missing, risk_fen = _without(*sides), -claimed_fen(deduction)
        return Planted(rows, _item(deduction), DifferenceClass.DEDUCTION, missing, risk_fen)

    return case


def _deducted_unlike(row: Row) -> Planted:
    deduction = _deduction(row)
    rows = {side: [row, deduction] for side in Side}
    rows[_I] = [row, _deduction(row, more_fen=1)]
    return Planted(rows, _item(deduction), DifferenceClass.DEDUCTION, (), 1)


def _adjusted_by(*sides: Side) -> Case:
    def case(row: Row) -> Planted:
        less = row["pooled_fund_fen"] // 2
        fen = {"pooled_fund_fen": -less, "fund_total_fen": -less, "person_total_fen": less}
        adjustment = _belonging(row, RecordKind.ADJUST, fen | {"cash_fen": less})
        rows = {side: [row, adjustment] if side in sides else [row] for side in Side}
        missing = _without(*sides)
        return Planted(rows, _item(adjustment), DifferenceClass.AMOUNT, missing, less)

    return case


def _valued(**values: str | None) -> Callable[[Row], Row]:
    return lambda row: row | values


_DEARER: Final = {"total_fen": 1, "in_scope_fen": 1, "person_total_fen": 1, "cash_fen": 1}
_C: Final = DifferenceClass

CASES: Final[dict[str, Case]] = {
    "answer_lost": _held_by(_T, difference_class=_C.ONLY_CARE),
    "insured_rolled_back": _held_by(_T, _N, difference_class=_C.NOT_INSURED),
    "timeout_at_hospital": _held_by(_I, _N, difference_class=_C.NOT_CARE),
    "settled_again_timeout": _settled_again,
    "copy_lost": _held_by(_I, _T, difference_class=_C.NOT_NATIONAL),
    "only_insured": _held_by(_I, difference_class=_C.HALF_REVERSED),
    "only_national": _held_by(_N, difference_class=_C.HALF_REVERSED),
    "reversal_stopped_before_national": _taken_back_by(
        _I, difference_class=_C.HALF_REVERSED, absent=(_T,)
    ),
    "reversal_stopped_before_insured": _taken_back_by(
        _N, difference_class=_C.HALF_REVERSED, absent=(_T,)
    ),
    "fen_care": _unlike(_T, difference_class=_C.AMOUNT, change=lambda r: _moved(r, **_DEARER)),
    "fen_national": _unlike(_N, difference_class=_C.AMOUNT, change=lambda r: _moved(r, **_DEARER)),
    "rounding_insured": _unlike(_I, difference_class=_C.AMOUNT, change=_rounded, risk=lambda _: 1),
    "adjusted_not_insured": _adjusted_by(_T, _N),
    "adjusted_insured_only": _adjusted_by(_I),
    **{
        f"split_{side}": _unlike(
            side,
            difference_class=_C.SPLIT,
            change=_split,
            risk=lambda row: int(row["pooled_fund_fen"] // 2),
        )
        for side in Side
    },
    "cancelled_insured_only": _taken_back_by(_I, difference_class=_C.STATE),
    "cancelled_care_only": _taken_back_by(_T, difference_class=_C.STATE),
    "cancelled_not_care": _taken_back_by(_I, _N, difference_class=_C.STATE),
    "cancelled_not_national": _taken_back_by(_I, _T, difference_class=_C.STATE),
    "midnight_care": _unlike(
        _T, difference_class=_C.PERIOD, change=_later_day, risk=_month_risk_fen
    ),
    "midnight_insured": _unlike(
        _I, difference_class=_C.PERIOD, change=_later_day, risk=_month_risk_fen
    ),
    "midnight_cancel": _cancel_at_midnight,
    "twice_care": _twice(_T),
    "twice_insured": _twice(_I),
    "twice_everywhere": _twice(*Side),
    "twice_unlike": _twice(_N, change=lambda row: _moved(row, **_DEARER)),
    "cancelled_twice": _cancelled_twice,
    "retry_insured_national": _again(_I, _N, change=_retried),
    "retry_insured": _again(_I, change=_retried),
    "two_places_insured": _again(_I, change=_elsewhere),
    "retry_everywhere": _again(*Side, change=_retried, repeated=True),
    "two_places_everywhere": _again(*Side, change=_elsewhere, repeated=True),
    "other_person": _unlike(
        _T, difference_class=_C.PERSON, change=_valued(person="P-OTHER"), risk=claimed_fen
    ),
    "other_card": _other_card,
    "other_credential": _unlike(
        _N, difference_class=_C.PERSON, change=_valued(credential_type="04"), risk=claimed_fen
    ),
    "deducted_not_insured": _deducted_by(_T, _N),
    "deducted_insured_only": _deducted_by(_I),
    "deducted_unlike": _deducted_unlike,
    "other_policy": _unlike(
        _N, difference_class=_C.VERSION, change=_valued(policy_digest="0" * 12)
    ),
    "other_catalogue": _unlike(
        _T, difference_class=_C.VERSION, change=_valued(catalogue_digest="0" * 12)
    ),
    "other_insurance": _unlike(
        _T, difference_class=_C.FACT, change=_valued(insurance_type="340"), risk=claimed_fen
    ),
    "other_visit": _unlike(_T, difference_class=_C.FACT, change=_valued(visit_type="14")),
    "other_id": _unlike(_T, difference_class=_C.FACT, change=_other_id(forget=())),
    "other_id_by_number": _unlike(
        _T, difference_class=_C.FACT, change=_other_id(forget=("request_id",))
    ),
    "other_id_by_visit": _unlike(
        _T,
        difference_class=_C.FACT,
        change=_other_id(forget=("request_id", "institution_settlement")),
    ),
}
"""What must be found, by cause."""

TRAPS: Final[dict[str, Case]] = {
    "withdrawn_insured": _taken_back_by(_I, difference_class=None, absent=(_T, _N)),
    "withdrawn_before_care": _taken_back_by(_I, _N, difference_class=None, absent=(_T,)),
    "reversed_by_care": _taken_back_by(_T, difference_class=None, absent=(_I, _N)),
    "cancelled_everywhere": _taken_back_by(*Side, difference_class=None),
    "unknown_visit": lambda row: Planted(
        {side: [row | {"visit_type": None}] if side is _T else [row] for side in Side},
        _item(row),
        None,
    ),
    "unknown_number": lambda row: Planted(
        {side: [row | {"institution_settlement": None}] if side is _N else [row] for side in Side},
        _item(row),
        None,
    ),
}
"""What must not be found."""
