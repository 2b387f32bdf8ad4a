"""Clearing: the months and their state, what is due when, and what waits for somebody."""

from collections import defaultdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import ClosedMonth, MonthStore
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.notices.book import Status, counted, issued_months
from medsettle.console.access import page
from medsettle.console.pages import (
    clearing_bank,
    clearing_closing,
    clearing_files,
    clearing_hospitals,
    clearing_months,
    clearing_notices,
    clearing_prepayments,
    clearing_statements,
)
from medsettle.console.pages.clearing_stores import moment_of, months, today
from medsettle.console.pages.clearing_words import STEP_WORDS
from medsettle.identity.roles import Right

_SHOWN_MONTHS = 12


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the months, newest first, with what is due and what waits."""
    now = today()
    with months() as store:
        closed = [] if store is None else store.months()
        if before := request.GET.get("before"):
            closed = [each for each in closed if each.month < Month.of(before)]
        rows = [] if store is None else _months(store, closed[-_SHOWN_MONTHS:])
        following = None if store is None else store.open_month()
    following = following or Month.of_day(now).plus(-1)
    dated = load_calendar().due_dates(following.first_day)
    context = {
        "title": _("Clearing"),
        "part": "months",
        "rows": rows,
        "older": rows[-1]["month"] if len(closed) > _SHOWN_MONTHS else None,
        "before": before,
        "open_month": following.text,
        "may_close": now > following.last_day,
        "due": [
            {"step": STEP_WORDS[each.step], "day": each.day, "in_days": (each.day - now).days}
            for each in dated
        ],
        "waiting": sum(row["waiting"] for row in rows),
        "unpaid_fen": sum(row["unpaid_fen"] for row in rows),
        "unissued": sum(not row["issued"] for row in rows),
    }
    return render(request, "console/clearing.html", context)


def _months(store: MonthStore, shown: list[ClosedMonth]) -> list[dict[str, Any]]:
    """Return closed months, the newest first, with how far their notices are."""
    if not shown:
        return []
    counts: dict[Month, dict[Status, tuple[int, int]]] = defaultdict(dict)
    for (month, status), found in counted(store, shown[0].month, shown[-1].month).items():
        counts[month][status] = found
    issued = issued_months(store)
    rows = []
    for closed in reversed(shown):
        of_month = counts[closed.month]
        waiting = {Status.APPLIED, Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED}
        rows.append(
            {
                "closed": closed,
                "month": closed.month.text,
                "when": moment_of(closed.close_time_us),
                "issued": closed.month in issued,
                "notices": sum(count for count, _fen in of_month.values()),
                "waiting": sum(of_month.get(each, (0, 0))[0] for each in waiting),
                "to_pay": of_month.get(Status.CLEARED, (0, 0))[0],
                "paid": of_month.get(Status.PAID, (0, 0))[0],
                "rejected": of_month.get(Status.REJECTED, (0, 0))[0],
                "unpaid_fen": sum(
                    fen for status, (_n, fen) in of_month.items() if status is not Status.REJECTED
                ),
            }
        )
    return rows


urls = [
    path("", listed, name="clearing"),
    *clearing_closing.urls,
    *clearing_files.urls,
    *clearing_months.urls,
    *clearing_notices.urls,
    *clearing_bank.urls,
    *clearing_prepayments.urls,
    *clearing_hospitals.urls,
    *clearing_statements.urls,
]
