"""Prepayments, alarms and due days as rows for tables and JSON."""

from collections.abc import Mapping
from datetime import date

from medsettle.clearing.months.calendar import DueDate
from medsettle.clearing.prepayments.forecast import Forecast
from medsettle.clearing.prepayments.increase import Increase
from medsettle.clearing.prepayments.notices import Aged, Notice
from medsettle.clearing.prepayments.prepayment import Line, Requirement, Usage
from medsettle.clearing.prepayments.years import Behind
from medsettle.core.settlement import Row


def line_row(line: Line) -> Row:
    """Return the cells of a line."""
    return {"insured": line.insured, "care": line.care, "fund": line.fund}


def requirement_row(required: Requirement) -> Row:
    """Return what is to be prepaid, with the months it comes from."""
    months = {f"{month:%Y-%m}_fen": fen for month, fen in required.months_fen.items()}
    return line_row(required.line) | months | {"prepayment_fen": required.required_fen}


def notice_row(notice: Notice) -> Row:
    """Return a pair of notices."""
    return {
        "notice": notice.number,
        "kind": notice.kind.value,
        "payer": notice.payer,
        "payee": notice.payee,
        "fund": notice.line.fund,
        "amount_fen": abs(notice.amount_fen),
        "open_fen": notice.open_fen,
        "issued": str(notice.issue_day),
        "due": str(notice.due_day),
        "booked_as": notice.accounts,
    }


def aged_row(aged: Aged) -> Row:
    """Return an unpaid notice with its age."""
    row = notice_row(aged.notice)
    del row["booked_as"], row["kind"], row["amount_fen"]
    return row | {"overdue_days": aged.overdue_days, "age": aged.age}


def usage_row(usage: Usage) -> Row:
    """Return a usage with its level; the reason stands apart."""
    return line_row(usage.line) | {
        "month": f"{usage.month:%Y-%m}",
        "cleared_fen": usage.cleared_fen,
        "standing_fen": usage.standing_fen,
        "usage": usage.shown,
        "level": usage.level.value,
    }


def forecast_row(found: Forecast) -> Row:
    """Return when each level is reached."""
    row = line_row(found.line) | {
        "month": f"{found.month:%Y-%m}",
        "cleared_fen": found.cleared_fen,
        "expected_fen": found.expected_fen,
        "standing_fen": found.standing_fen,
    }
    for crossing in found.crossings:
        row[crossing.level.value] = "never" if crossing.day is None else str(crossing.day)
        row[f"top_up_below_{crossing.level}_fen"] = crossing.top_up_fen
    return row


def behind_row(behind: Behind) -> Row:
    """Return a line that was not recalculated for a year."""
    return line_row(behind.line) | {
        "year": behind.year,
        "last_year": behind.last,
        "standing_fen": behind.standing_fen,
        "reason": behind.reason,
    }


def increase_row(increase: Increase) -> Row:
    """Return an increase with where it is and since when."""
    last = increase.steps[-1]
    return {
        "increase": str(increase.id),
        **line_row(increase.line),
        "month": f"{increase.month:%Y-%m}",
        "amount_fen": increase.amount_fen,
        "state": last.state.value,
        "since": str(last.day),
        "who": last.who,
        "why": last.why,
    }


def steps_of(increase: Increase) -> list[Mapping[str, str]]:
    """Return every step of an increase."""
    return [
        {"state": step.state.value, "day": str(step.day), "who": step.who, "why": step.why}
        for step in increase.steps
    ]


def due_row(due: DueDate, today: date) -> Row:
    """Return a step of a month with its day and the text that states it."""
    return {
        "step": due.step.value,
        "day": str(due.day),
        "in_days": (due.day - today).days,
        "rule": due.rule.due.text,
        "confidence": due.rule.confidence,
    }
