"""How lines are split, as the national interface tells it: one row a line."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from medsettle.core.claims import ClaimBatch
from medsettle.core.money import rate_e4
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import LineTerm, Row, Settlement
from medsettle.gateway.claiming import in_national_words
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office
from medsettle.policy.catalogue import PPM_ONE

NO_CEILING_E6: Final = 999_999_000_000
"""What the interface says where a price has no ceiling; a ceiling of zero is 0."""

_PARTS: Final = {
    "fulamt_ownpay_amt": "own_expense",
    "overlmt_amt": "over_limit",
    "preselfpay_amt": "pre_self_pay",
    "inscp_scp_amt": "in_scope",
}


def split_rows(
    office: Office, claims: ClaimBatch, rows: Sequence[Values], node: str
) -> list[dict[str, Any]]:
    """Return how the lines of one claim are split, amounts in fen; no payer is asked.

    Args:
        office: Whose engine splits.
        claims: The claim.
        rows: Its lines as they were sent, in order.
        node: The node in which they came, for the paths of faults.

    Raises:
        SettlementError: The claim is refused.
    """
    (terms,) = office.desk.engine.line_terms(claims)
    if isinstance(terms, Rejection):
        raise in_national_words(terms.error(), node)
    return [
        {
            **_sent(row),
            **{name: term.parts_fen[column] for name, column in _PARTS.items()},
            "chrgitm_lv": term.item_class,
            **_told_terms(term),
        }
        for row, term in zip(rows, terms, strict=True)
    ]


def settled_rows(
    office: Office, settlement: Settlement, rows: Sequence[Values]
) -> list[dict[str, Any]]:
    """Return how the lines of a settlement were split, amounts in fen.

    Args:
        office: Whose engine settled.
        settlement: The settlement.
        rows: Its lines as they were sent, in order.
    """
    engine = office.desk.engine
    claim = engine.claim(str(settlement.columns["settlement"]))
    (terms,) = engine.line_terms(ClaimBatch.from_rows([claim]))
    # Rules that have gone since leave the amounts, which are recorded, and nothing beside them.
    return told_lines(rows, settlement, () if isinstance(terms, Rejection) else terms)


def told_lines(
    rows: Sequence[Values], settlement: Settlement, terms: Sequence[LineTerm]
) -> list[dict[str, Any]]:
    """Return the lines of a settlement as they are told, by terms where these are known."""
    known: Sequence[LineTerm | None] = terms or [None] * len(rows)
    return [
        {
            **_sent(row),
            **split_amounts(split),
            **(_told_terms(term) if term is not None else {}),
        }
        for row, split, term in zip(rows, settlement.lines, known, strict=True)
    ]


def split_amounts(split: Row) -> dict[str, Any]:
    """Return the parts of a line of a settlement, and its class."""
    parts = {name: split[f"{column}_fen"] for name, column in _PARTS.items()}
    return {**parts, "chrgitm_lv": split["item_class"]}


def _sent(row: Values) -> dict[str, Any]:
    names = ("feedetl_sn", "det_item_fee_sumamt", "cnt", "pric")
    return {name: row[name] for name in names}


def _told_terms(term: LineTerm) -> dict[str, Any]:
    cut = term.parts_fen["own_expense"] or term.parts_fen["over_limit"]
    ratio = term.pre_self_pay_ppm
    return {
        "pric_uplmt_amt": NO_CEILING_E6 if term.ceiling_e6 is None else term.ceiling_e6,
        # Four decimals are told; the split itself is by the exact ratio.
        "selfpay_prop": None if ratio is None else rate_e4(Fraction(ratio, PPM_ONE)),
        "med_chrgitm_type": term.charge_type or None,
        "list_type": term.list_type or None,
        "hilist_name": term.name or None,
        "lmt_used_flag": "1" if term.restricted else "0",
        "memo": term.cut_zh if cut and term.cut_zh else None,
    }
