"""Notices: the list, and one notice with everything behind it and what may be done about it."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.bank_lines import lines_about
from medsettle.clearing.notices.book import (
    Notice,
    Status,
    Wanted,
    events,
    notice,
    notices_wanted,
)
from medsettle.clearing.notices.deductions import deductions
from medsettle.clearing.notices.payments import AgeBand, Payment, ageing, payments
from medsettle.clearing.notices.under_way import asked_of
from medsettle.console.access import page
from medsettle.console.acts import MonthField, done
from medsettle.console.pages.clearing_notice_acts import acts_of
from medsettle.console.pages.clearing_stores import moment_of, months, months_there, today
from medsettle.console.pages.clearing_words import (
    DEDUCTION_WORDS,
    FINDING_WORDS,
    STATUS_WORDS,
    notice_row,
)
from medsettle.identity.roles import Right

_OPEN: Final = (Status.APPLIED, Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED)
_UNPAID: Final = Wanted(statuses=(*_OPEN, Status.CLEARED, Status.REJECTED))
_STATES: Final = {
    "review": Wanted(statuses=_OPEN),
    "to_pay": Wanted(statuses=(Status.CLEARED,)),
    "returned": Wanted(returned=True),
    "paid": Wanted(statuses=(Status.PAID,)),
    "rejected": Wanted(statuses=(Status.REJECTED,)),
    "overdue": Wanted(),
}


class Filters(forms.Form):
    """What narrows the list, and where its part begins."""

    month = MonthField(label=gettext_lazy("month"), required=False)
    debtor = forms.RegexField(
        "[0-9]{2}", label=gettext_lazy("owes"), required=False, max_length=2,
        error_messages={"invalid": gettext_lazy("Write the two digits of a province.")},
    )  # fmt: skip
    creditor = forms.RegexField(
        "[0-9]{2}", label=gettext_lazy("is owed"), required=False, max_length=2,
        error_messages={"invalid": gettext_lazy("Write the two digits of a province.")},
    )  # fmt: skip
    state = forms.ChoiceField(
        label=gettext_lazy("state"),
        required=False,
        choices=[
            ("", gettext_lazy("all")),
            ("review", gettext_lazy("issued, in review")),
            ("to_pay", gettext_lazy("to be paid")),
            ("overdue", gettext_lazy("overdue")),
            ("returned", gettext_lazy("returned by the bank")),
            ("paid", gettext_lazy("paid")),
            ("rejected", gettext_lazy("rejected")),
        ],
    )
    after = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the notices by number, all of them or those that fit."""
    filters = Filters(request.GET)
    given = filters.cleaned_data if filters.is_valid() else {}
    size, now = limits.CONSOLE_ROWS_SHOWN, today()
    with months() as store:
        if store is None:
            found, bands = [], []
        else:
            wanted = _wanted(given, now)
            found = notices_wanted(store, wanted, after=given.get("after") or 0, most=size + 1)
            unpaid = notices_wanted(store, _UNPAID, after=0, most=limits.INT64_MAX)
            bands = [_band(each) for each in ageing(unpaid, now)]
    context = {
        "title": _("Notices"),
        "part": "notices",
        "filters": filters,
        "rows": rows_of(found[:size], now),
        "begun": bool(given.get("after")),
        "more": found[size - 1].number if len(found) > size else None,
        "bands": bands,
        "due_fen": sum(each.due_fen for each in found[:size]),
        "open_fen": sum(each.open_fen for each in found[:size]),
    }
    return render(request, "console/clearing_notices.html", context)


def _wanted(given: dict[str, Any], now: date) -> Wanted:
    state = given.get("state") or ""
    base = _STATES.get(state, Wanted())
    return Wanted(
        month="" if given.get("month") is None else given["month"].text,
        debtor=given.get("debtor") or "",
        creditor=given.get("creditor") or "",
        statuses=base.statuses,
        overdue_on=now if state == "overdue" else None,
        returned=base.returned,
    )


def _band(band: AgeBand) -> dict[str, Any]:
    """Return how much is unpaid that is so many days late."""
    if band.last_days == 0:
        late = _("not late")
    elif band.last_days is None:
        late = _("%d days late and more") % band.first_days
    else:
        late = _("%(first)d to %(last)d days late") % {
            "first": band.first_days,
            "last": band.last_days,
        }
    return {"late": late, "count": len(band.notices), "open_fen": band.open_fen,
            "bad": band.last_days != 0}  # fmt: skip


def rows_of(found: Iterable[Notice], now: date) -> list[dict[str, Any]]:
    """Return notices with their words."""
    return [notice_row(each, overdue=_is_overdue(each, now)) for each in found]


def _is_overdue(found: Notice, now: date) -> bool:
    return found.open_fen > 0 and found.due_on < now and found.status is not Status.REJECTED


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def shown(request: HttpRequest, number: int) -> HttpResponse:
    """Show a notice with everything behind it, and do what may be done about it."""
    with months_there() as store:
        found = notice(store, number)
        moved = payments(store, number)
        acts = acts_of(store, found, moved)
        was_done, offered = done(request, acts)
        if was_done:
            return redirect("clearing-notice", number=number)
        context = {
            "title": _("Notice %d") % number,
            "part": "notices",
            **rows_of([found], today())[0],
            "steps": [
                (STATUS_WORDS[each.status], each, moment_of(each.time_us))
                for each in events(store, number)
            ],
            "moved": _moved(moved),
            "asked": asked_of(store, number),
            "lines": [
                (each, FINDING_WORDS[each.finding])
                for each in lines_about(store, found.payment_notice, most=limits.CONSOLE_ROWS_SHOWN)
            ],
            "taken": _taken(store, found),
            "offers": offered,
        }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_notice.html", context, status=status)


def _moved(moved: list[Payment]) -> list[tuple[Payment, str, str]]:
    """Return payments and returns with what they are, and whether that is good or bad."""
    back = {each.returns for each in moved if each.returns is not None and not each.unregistered}
    told = []
    for each in moved:
        if each.unregistered:
            told.append((each, _("registered by mistake"), "warn"))
        elif each.returns is not None:
            told.append((each, _("return of payment %d") % each.returns, "bad"))
        elif each.payment in back:
            told.append((each, _("payment, came back"), "bad"))
        else:
            told.append((each, _("payment"), "good"))
    return told


def _taken(store: MonthStore, found: Notice) -> list[dict[str, Any]]:
    """Return the deductions of the pair and fund line of a notice."""
    pair = (found.debtor, found.creditor, found.fund_line)
    return [
        {"deduction": each, "kind": DEDUCTION_WORDS[each.kind]} for each in deductions(store, pair)
    ]


urls = [
    path("notices", listed, name="clearing-notices"),
    path("notices/<place:number>", shown, name="clearing-notice"),
]
