"""Prepayments: what is left of each, its thresholds, and what waits for somebody."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.months.tables import TableName, write_tables
from medsettle.clearing.prepayments.amounts import read_amounts
from medsettle.clearing.prepayments.increase import Increases
from medsettle.clearing.prepayments.notices import Aged
from medsettle.clearing.prepayments.prepayment import Level, requirements
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.clearing.prepayments.terms import load_prepayment_rules
from medsettle.clearing.prepayments.years import behind_on, recalculation_due
from medsettle.console.access import page
from medsettle.console.acts import Act, By, DayField, UploadField, done
from medsettle.console.pages.clearing_days import keep_days
from medsettle.console.pages.clearing_figures import tables_of, work_folder
from medsettle.console.pages.clearing_prepayment import gauge, used_bps
from medsettle.console.pages.clearing_prepayment import urls as line_urls
from medsettle.console.pages.clearing_stores import months, months_there, prepayments, today
from medsettle.console.pages.clearing_words import (
    INCREASE_WORDS,
    NOTICE_KIND_WORDS,
    fund_line_word,
)
from medsettle.console.pages.uploads import kept
from medsettle.console.place import holdings
from medsettle.identity.roles import Right

_AMOUNT_FILES: Final = (".csv", ".parquet", ".arrow")
_ORDER: Final = (Level.RED, Level.YELLOW, Level.NORMAL)


class YearForm(forms.Form):
    """What was cleared in the year before, of which the prepayments of a year are computed."""

    year = forms.IntegerField(label=gettext_lazy("year"), min_value=1999, max_value=2099)
    file = UploadField(
        label=gettext_lazy("what was cleared by month"),
        help_text=gettext_lazy(
            "CSV or Parquet: month, insured, care, fund, amount_fen or amount_yuan; a payable "
            "table too."
        ),
    )
    on = DayField(label=gettext_lazy("day of the notices"))


class DaysForm(forms.Form):
    """What each day cleared, of which the end of the month is forecast."""

    file = UploadField(
        label=gettext_lazy("what each day cleared"),
        help_text=gettext_lazy(
            "CSV or Parquet: day, insured, care, fund, amount_fen or amount_yuan."
        ),
    )
    until = DayField(label=gettext_lazy("last day that is known whole"))


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def listed(request: HttpRequest) -> HttpResponse:
    """Show how far each prepayment is used up, and every alarm; record what comes next."""
    now = today()
    with months() as store:
        closed = [] if store is None else [each.month for each in reversed(store.months())]
    was_done, offered = done(request, _acts(closed, now))
    if was_done:
        return redirect("clearing-prepayments")
    asked = request.GET.get("month", "")
    context: dict[str, Any] = {
        "title": _("Prepayments"),
        "part": "prepayments",
        "offers": offered,
    }
    with prepayments() as store:
        if store is not None:
            month = Month.of(asked).first_day if asked else store.last_month()
            context |= _overview(store, month, now, everything=request.GET.get("all") == "yes")
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_prepayments.html", context, status=status)


def _overview(
    store: PrepaymentStore, month: date | None, now: date, *, everything: bool
) -> dict[str, Any]:
    """Return the gauges of a month, the lines that are worst first, and all alarms of a day."""
    rules = load_prepayment_rules()
    usages = [] if month is None else store.usages(month, rules)
    usages.sort(key=lambda each: (_ORDER.index(each.level), -used_bps(each), each.line))
    terms = rules.on(now if month is None else month)
    size = len(usages) if everything else limits.CONSOLE_ROWS_SHOWN
    unpaid = store.unpaid(now)
    recorded = {each.line for each in usages}
    return {
        "there": True,
        "month": None if month is None else f"{month:%Y-%m}",
        "rows": [gauge(each, terms) for each in usages[:size]],
        "more": len(usages[size:]),
        "unused": [
            {"line": line, "word": fund_line_word(line.fund), "standing_fen": standing_fen}
            for line in store.lines()
            if line not in recorded
            for standing_fen in [store.standing_fen(line)]
        ][: limits.CONSOLE_ROWS_SHOWN],
        "pools": [] if month is None else [
            gauge(each, terms) for each in store.pools(month, rules)
            if each.level is not Level.NORMAL
        ][: limits.CONSOLE_ROWS_SHOWN],
        "red": sum(each.level is Level.RED for each in usages),
        "yellow": sum(each.level is Level.YELLOW for each in usages),
        "standing_fen": sum(each.standing_fen for each in usages),
        "cleared_fen": sum(each.cleared_fen for each in usages),
        "unpaid": [aged_row(each) for each in unpaid[: limits.CONSOLE_ROWS_SHOWN]],
        "unpaid_count": len(unpaid),
        "unpaid_fen": sum(each.notice.open_fen for each in unpaid),
        "increases": [
            (each, INCREASE_WORDS[each.state], fund_line_word(each.line.fund))
            for each in Increases(store, rules).all()
            if each.under_way
        ],
        "behind": behind_on(store, now, load_calendar()),
        "terms": terms,
        "yellow_at": terms.yellow_bps // 100,
        "red_at": terms.red_bps // 100,
    }  # fmt: skip


def aged_row(each: Aged) -> dict[str, Any]:
    """Return an unpaid notice of a prepayment with its words."""
    return {
        "aged": each,
        "notice": each.notice,
        "kind": NOTICE_KIND_WORDS[each.notice.kind],
        "word": fund_line_word(each.notice.line.fund),
    }


def _acts(closed: list[Month], now: date) -> list[Act]:
    """Return what may be recorded about all prepayments."""
    acts = []
    if closed:
        field = forms.ChoiceField(
            label=gettext_lazy("closed month"), choices=[(each.text, each.text) for each in closed]
        )
        form = type("UsageForm", (forms.Form,), {"month": field})
        more = gettext_lazy("What the month cleared is set against what stands on each line.")
        acts.append(
            Act("usage", gettext_lazy("Record the usage of a month"), _usage, form, more=more)
        )
    year = {"year": now.year, "on": now}
    return [
        *acts,
        Act("year", gettext_lazy("Recalculate a year"), _recalculated, YearForm, initial=year,
            right=Right.APPROVE),
        Act("days", gettext_lazy("Give what each day cleared"), _given, DaysForm),
    ]  # fmt: skip


def _usage(given: dict[str, Any], by: By) -> str:
    month = Month.of(given["month"])
    with months_there() as store, TemporaryDirectory(dir=work_folder()) as folder:
        with tables_of(store, store.closed(month)) as connection:
            write_tables(connection, Path(folder))
        amounts = read_amounts(Path(folder) / f"{TableName.PAYABLE}.parquet", "month")
    own = [(line, when, fen) for (line, when), fen in amounts.items() if when == month.first_day]
    with PrepaymentStore(holdings().place.clearing) as store:
        found = store.record_usages(own, load_prepayment_rules(), by.moment)
    red = sum(each.level is Level.RED for each in found)
    told = {"month": month.text, "lines": len(found), "red": red}
    return _("%(month)s is recorded on %(lines)d lines; %(red)d are red.") % told


def _recalculated(given: dict[str, Any], by: By) -> str:
    year = given["year"]
    terms = load_prepayment_rules().on(date(year, 1, 1))
    with kept(given["file"], work_folder(), _AMOUNT_FILES) as file:
        required = requirements(read_amounts(file, "month"), year, terms)
    due = recalculation_due(year, given["on"], terms, load_calendar())
    with PrepaymentStore(holdings().place.clearing) as store:
        notices = store.recalculate(required, terms, given["on"], due, by.who, by.moment)
    told = {"year": year, "lines": len(required), "notices": len(notices), "due": due}
    return _("%(year)d: %(lines)d lines, %(notices)d notices, to be paid by %(due)s.") % told


def _given(given: dict[str, Any], by: By) -> str:
    with kept(given["file"], work_folder(), _AMOUNT_FILES) as file:
        amounts = read_amounts(file, "day")
    keep_days(amounts, given["until"], by.who)
    lines = {line for line, _day in amounts}
    return _("What each day cleared is known of %d lines now.") % len(lines)


urls = [path("prepayments", listed, name="clearing-prepayments"), *line_urls]
