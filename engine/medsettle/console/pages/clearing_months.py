"""A closed month: who owes whom, what would move net, what was held back, and its files."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.months.calendar import Step
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.months.tables import TableName, drill
from medsettle.clearing.notices.book import Wanted, issued_months, notices_wanted
from medsettle.clearing.notices.netting import by_line, liquidity
from medsettle.clearing.notices.notices import issue
from medsettle.clearing.prepayments.prepayment import percent_of_bps
from medsettle.console.access import page
from medsettle.console.acts import Act, By, DayField, done
from medsettle.console.pages.clearing_charts import matrix_figure, net_figure, positions_figure
from medsettle.console.pages.clearing_figures import (
    Figure,
    figures,
    kept_figures,
    obligations_of,
    tables_of,
)
from medsettle.console.pages.clearing_notices import rows_of
from medsettle.console.pages.clearing_stores import moment_of, months_there, today
from medsettle.console.pages.clearing_words import (
    LINE_WORDS,
    STEP_WORDS,
    TABLE_WORDS,
    fund_line_word,
)
from medsettle.console.parts import finished
from medsettle.console.polled import polled
from medsettle.errors import NotFound, SettlementError
from medsettle.identity.roles import Right


class IssueForm(forms.Form):
    """Until when the notices are to be paid."""

    due = DayField(
        label=gettext_lazy("to be paid by"),
        help_text=gettext_lazy("The day of the transfer in the calendar of clearing."),
    )


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def shown(request: HttpRequest, month: str) -> HttpResponse:
    """Show a closed month, and issue its notices."""
    named = Month.of(month)
    with months_there() as store:
        closed = store.closed(named)
        acts = [] if named in issued_months(store) else [_issuing(store, named)]
        was_done, offered = done(request, acts)
        if was_done:
            return redirect("clearing-month", month=month)
        kept = kept_figures(closed)
        context = {
            "title": _("Month %s") % named.text,
            "part": "months",
            "month": named.text,
            "closed": closed,
            "closed_at": moment_of(closed.close_time_us),
            "issued": not acts,
            "offers": offered,
            "due": _due(named),
            "tables": [(name.value, TABLE_WORDS[name]) for name in TableName],
            **({} if kept is None else _overview(request, kept)),
        }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_month.html", context, status=status)


def _issuing(store: MonthStore, month: Month) -> Act:
    due = load_calendar().day_of(Step.TRANSFERRED, month.first_day)

    def run(given: dict[str, Any], by: By) -> str:
        given_due = given["due"]
        issue(store, month, who=by.who, due_on=given_due, moment=by.moment,
              by_calendar=given_due == due)  # fmt: skip
        return _("The notices of %s are issued.") % month.text

    more = gettext_lazy("Each direction and fund line has one notice, gross: nothing is netted.")
    title = gettext_lazy("Issue the notices")
    return Act("issue", title, run, IssueForm, initial={"due": due}, more=more)


def _due(month: Month) -> list[dict[str, Any]]:
    """Return the due days of a month, with how far they are away."""
    now = today()
    return [
        {"step": STEP_WORDS[due.step], "day": due.day, "in_days": (due.day - now).days,
         "source": due.rule.source, "warning": due.warning}
        for due in load_calendar().due_dates(month.first_day)
    ]  # fmt: skip


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
@polled
def figures_part(request: HttpRequest, month: str) -> HttpResponse:
    """Show who owes whom, computed if nobody has asked before: a part of the page of a month."""
    try:
        with months_there() as store:
            found = figures(store, store.closed(Month.of(month)))
    except SettlementError as error:
        context = {"fault": str(error)}
        return finished(request, "console/clearing_matrix.html", context)
    context = {"month": month, **_overview(request, found)}
    return finished(request, "console/clearing_matrix.html", context)


def _overview(request: HttpRequest, found: list[Figure]) -> dict[str, Any]:
    """Return the matrix of a month, of all fund lines or one, and what would move net."""
    lines = sorted({each.fund_line for each in found})
    line = request.GET.get("fund", "")
    chosen = [each for each in found if line in {"", each.fund_line}]
    owed: dict[tuple[str, str], int] = defaultdict(int)
    for each in chosen:
        owed[each.debtor, each.creditor] += each.net_fen
    provinces = sorted({name for pair in owed for name in pair})
    view = liquidity(obligations_of(chosen))
    most = limits.CONSOLE_ROWS_SHOWN
    flows = sorted(view.bilateral, key=lambda flow: -flow[2])
    return {
        "computed": True,
        "fund": line,
        "funds": [(each, fund_line_word(each)) for each in lines],
        "heat": matrix_figure(provinces, owed) if provinces else None,
        "provinces": provinces,
        "matrix": _matrix(provinces, owed),
        "sums": [_sum_owed(owed, creditor=name) for name in provinces],
        "all_fen": sum(fen for (one, other), fen in owed.items() if one != other),
        "within_fen": sum(fen for (one, other), fen in owed.items() if one == other),
        "view": view,
        "net": net_figure(flows[:most]),
        "flows": flows[:most],
        "more_flows": len(flows[most:]),
        "more_fen": sum(fen for *_pair, fen in flows[most:]),
        "positions": positions_figure(view) if view.positions else None,
        "balances": [
            (name, _sum_owed(owed, debtor=name), _sum_owed(owed, creditor=name), fen)
            for name, fen in view.positions
        ],
        "spared": percent_of_bps(view.bilateral_bps),
        "spared_fen": view.gross_fen - view.bilateral_fen,
        "spared_all": percent_of_bps(view.multilateral_bps),
        "spared_all_fen": view.gross_fen - view.multilateral_fen,
        "by_line": [
            (fund_line_word(name), each, percent_of_bps(each.bilateral_bps))
            for name, each in by_line(obligations_of(found)).items()
        ],
    }


def _matrix(
    provinces: Iterable[str], owed: dict[tuple[str, str], int]
) -> list[tuple[str, list[tuple[str, int | None]], int]]:
    """Return a row for each province that owes: what it owes each, and in all to others."""
    return [
        (
            debtor,
            [(creditor, owed.get((debtor, creditor))) for creditor in provinces],
            _sum_owed(owed, debtor=debtor),
        )
        for debtor in provinces
    ]


def _sum_owed(owed: dict[tuple[str, str], int], debtor: str = "", creditor: str = "") -> int:
    return sum(
        fen
        for (one, other), fen in owed.items()
        if one != other and debtor in {"", one} and creditor in {"", other}
    )


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def pair(request: HttpRequest, month: str, debtor: str, creditor: str) -> HttpResponse:
    """Show what one province owes another for a month: figures, notices, and the records."""
    named = Month.of(month)
    key = {"insured_province": debtor, "care_province": creditor}
    chosen = {name: request.GET[name] for name in ("fund_line", "payer") if request.GET.get(name)}
    after = request.GET.get("after", "").partition("~")
    size = limits.CONSOLE_ROWS_SHOWN
    with months_there() as store:
        closed = store.closed(named)
        found = figures(store, closed)
        payable = [each for each in found if (each.debtor, each.creditor) == (debtor, creditor)]
        if not payable:
            raise NotFound(f"{debtor} owes {creditor} nothing for {month}")
        with tables_of(store, closed) as tables:
            begin = (after[0], after[2]) if after[1] else None
            records = drill(tables, key | chosen, after=begin, most=size + 1)
        wanted = Wanted(month=named.text, debtor=debtor, creditor=creditor)
        notices = rows_of(notices_wanted(store, wanted, after=0, most=size), today())
    shown_records = [row | {"word": LINE_WORDS.get(row["line_kind"], row["line_kind"])}
                     for row in records[:size]]  # fmt: skip
    payable_fen = sum(each.net_fen for each in payable)
    receivable_fen = sum(
        each.net_fen for each in found if (each.debtor, each.creditor) == (creditor, debtor)
    )
    last = shown_records[-1] if len(records) > size else None
    context = {
        "title": _("%(debtor)s owes %(creditor)s") % {"debtor": debtor, "creditor": creditor},
        "part": "months",
        "month": month,
        "debtor": debtor,
        "creditor": creditor,
        "figures": [(each, fund_line_word(each.fund_line)) for each in payable],
        "all_fen": payable_fen,
        "receivable_fen": receivable_fen,
        "net_fen": payable_fen - receivable_fen,
        "notices": notices,
        "chosen": chosen,
        "records": shown_records,
        "more": None if last is None else f"{last['settlement']}~{last['payer']}",
        "begun": bool(after[1]),
    }
    return render(request, "console/clearing_pair.html", context)


urls = [
    path("months/<str:month>", shown, name="clearing-month"),
    path("months/<str:month>/figures", figures_part, name="clearing-figures"),
    path("months/<str:month>/<str:debtor>/<str:creditor>", pair, name="clearing-pair"),
]
