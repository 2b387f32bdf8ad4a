"""Months, clearing tables, notices and bank lines as rows for tables and JSON."""

from collections.abc import Mapping

from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import ClosedMonth
from medsettle.clearing.notices.bank import Imported, Matched
from medsettle.clearing.notices.book import Notice
from medsettle.clearing.notices.deductions import Deduction
from medsettle.clearing.notices.netting import Liquidity
from medsettle.clearing.notices.payment_files import PaymentFile
from medsettle.clearing.notices.payments import AgeBand, Payment
from medsettle.clearing.notices.under_way import Asked
from medsettle.clearing.notices.year_end import YearEnd
from medsettle.clearing.prepayments.prepayment import percent_of_bps
from medsettle.core.settlement import Row


def month_row(closed: ClosedMonth) -> Row:
    """Return a closed month."""
    return {
        "month": closed.month.text,
        "lines": closed.lines,
        "owed_fen": closed.owed_fen,
        "held": closed.held,
        "who": closed.who,
        "lines_sha256": closed.lines_sha256,
        "held_sha256": closed.held_sha256,
    }


def notice_row(found: Notice) -> Row:
    """Return a notice as it stands."""
    return {
        "number": found.number,
        "payment_notice": found.payment_notice,
        "receipt_notice": found.receipt_notice,
        "month": found.month.text,
        "debtor": found.debtor,
        "creditor": found.creditor,
        "fund_line": found.fund_line,
        "status": int(found.status),
        "state": found.status.name.lower(),
        "gross_fen": found.gross_fen,
        "carried_in_fen": found.carried_in_fen,
        "carried_out_fen": found.carried_out_fen,
        "taken_fen": found.taken_fen,
        "due_fen": found.due_fen,
        "paid_fen": found.paid_fen,
        "open_fen": found.open_fen,
        "over_fen": found.over_fen,
        "due_on": found.due_on.isoformat(),
        "replaces": found.replaces,
        "replaced_by": found.replaced_by,
    }


SHOWN_OF_NOTICE = (
    *("number", "month", "debtor", "creditor", "fund_line", "state"),
    *("due_fen", "paid_fen", "open_fen", "due_on"),
)
"""What of a notice a person reads in a list."""


def band_row(band: AgeBand) -> Row:
    """Return a band of ageing in words."""
    if band.last_days == 0:
        late = "not late"
    elif band.last_days is None:
        late = f"{band.first_days} days and more"
    else:
        late = f"{band.first_days} to {band.last_days} days"
    return {"late": late, "notices": len(band.notices), "open_fen": band.open_fen}


def deduction_row(found: Deduction) -> Row:
    """Return a deduction with how much of it was really deducted."""
    return {
        "deduction": found.deduction,
        "debtor": found.debtor,
        "creditor": found.creditor,
        "fund_line": found.fund_line,
        "kind": int(found.kind),
        "amount_fen": found.amount_fen,
        "taken_fen": found.taken_fen,
        "withdrawn_fen": found.withdrawn_fen,
        "state": int(found.state),
        "reason": found.reason,
    }


def file_row(file: PaymentFile) -> Row:
    """Return a file for the bank."""
    return {
        "file_number": file.number,
        "message_id": file.message_id,
        "bank": file.bank,
        "file": str(file.file),
        "payments": file.payments,
        "sum_fen": file.sum_fen,
    }


def payment_row(payment: Payment) -> Row:
    """Return a payment or return of a notice."""
    return {
        "payment": payment.payment,
        "returns": payment.returns,
        "amount_fen": payment.amount_fen,
        "account": payment.account,
        "reference": payment.reference,
        "on": payment.value_date.isoformat(),
        "source": payment.source,
        "who": payment.who,
        "reason": payment.reason,
        "unregistered": payment.unregistered,
    }


def asked_row(asked: Asked) -> Row:
    """Return what a payment file asks for a notice."""
    return {
        "file_number": asked.file,
        "message_id": asked.message_id,
        "notice": asked.notice,
        "amount_fen": asked.amount_fen,
        "under_way_fen": asked.left_fen,
        "refused": asked.refused,
    }


def matched_row(matched: Matched) -> Row:
    """Return a line of a statement with what became of it."""
    entry = matched.entry
    return {
        "statement": matched.statement,
        "place": entry.place,
        "finding": str(matched.finding),
        "notice": matched.notice,
        "end_to_end": entry.end_to_end,
        "reference": entry.reference,
        "direction": str(entry.direction),
        "returned": entry.returned,
        "amount": entry.amount,
        "currency": entry.currency,
        "reason": entry.reason,
    }


def imported_json(imported: Imported) -> dict[str, object]:
    """Return a message of the bank as a JSON object."""
    return {
        "repeated": imported.repeated,
        "booked": len(imported.booked),
        "lines": [matched_row(each) for each in imported.matched],
    }


def liquidity_json(view: Liquidity) -> dict[str, object]:
    """Return a view of liquidity as a JSON object; ratios are exact, as texts."""
    return {
        "gross_fen": view.gross_fen,
        "bilateral_fen": view.bilateral_fen,
        "multilateral_fen": view.multilateral_fen,
        "bilateral_compression": str(view.bilateral_compression),
        "multilateral_compression": str(view.multilateral_compression),
        "bilateral": [
            {"debtor": debtor, "creditor": creditor, "amount_fen": fen}
            for debtor, creditor, fen in view.bilateral
        ],
        "positions_fen": dict(view.positions),
    }


def liquidity_rows(lines: Mapping[str, Liquidity]) -> list[Row]:
    """Return views of liquidity as rows, with what is spared in percent, rounded down."""
    return [
        {
            "line": line,
            "gross_fen": view.gross_fen,
            "bilateral_fen": view.bilateral_fen,
            "spared": percent_of_bps(view.bilateral_bps),
            "multilateral_fen": view.multilateral_fen,
            "spared in all": percent_of_bps(view.multilateral_bps),
        }
        for line, view in lines.items()
    ]


def year_json(ended: YearEnd) -> dict[str, object]:
    """Return how far a year is cleared as a JSON object."""
    return {
        "year": ended.year,
        "deadline": ended.deadline.isoformat(),
        "overdue": ended.overdue,
        "complete": ended.complete,
        "cleared": ended.cleared,
        "cleared_fen": ended.cleared_fen,
        "taken_back": ended.taken_back,
        "taken_back_fen": ended.taken_back_fen,
        "not_cleared": [
            {
                "pooling_area": each.pooling_area,
                "care_area": each.care_area,
                "why": each.why,
                "records": each.records,
                "owed_fen": each.owed_fen,
            }
            for each in ended.not_cleared
        ],
        "unissued": [month.text for month in ended.unissued],
        "unpaid": [notice_row(each) for each in ended.unpaid],
    }


def held_words(month: Month, held: Mapping[str, int]) -> list[str]:
    """Return a line for what a month held back; none where it took all."""
    if not held:
        return []
    counted = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in held.items())
    return [f"held back: {counted}; see medsettle clear held {month.text}"]
