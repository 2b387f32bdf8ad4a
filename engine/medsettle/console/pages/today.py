"""Today: what is settled, how the server does, and what waits for somebody."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from medsettle.console.access import account_of, page
from medsettle.console.models import Account
from medsettle.console.pages.today_figures import hours_figure, latency_figure, payers_figure
from medsettle.console.pages.today_waiting import waiting_for
from medsettle.console.place import Holdings, holdings
from medsettle.console.polled import polled
from medsettle.console.quantiles import batch_mean, not_well, took, value
from medsettle.console.today_counts import Counted, counts_of
from medsettle.console.watched import Seen, Watched, Well
from medsettle.core import codes
from medsettle.core.dates import service_day_of
from medsettle.errors import SettlementError
from medsettle.identity.roles import Right
from medsettle.service import measuring

_REFUSALS_SHOWN = 12


@page(Right.LOOK)
def shown(request: HttpRequest) -> HttpResponse:
    """Show what is counted already; what takes longer is asked for by the page itself."""
    account = account_of(request)
    whole = account.sees_institution is None
    context = {"title": _("Today"), "day": _today(), "whole": whole}
    return render(request, "console/today.html", context | _made(_day, account))


@page(Right.LOOK)
@polled
def day_part(request: HttpRequest) -> HttpResponse:
    """Show what was recorded today."""
    return render(request, "console/today_day.html", _made(_day, account_of(request)))


@page(Right.LOOK)
@polled
def server_part(request: HttpRequest) -> HttpResponse:
    """Show how the server does; an institution is not told."""
    return render(request, "console/today_server.html", _made(_server, account_of(request)))


@page(Right.LOOK)
@polled
def waiting_part(request: HttpRequest) -> HttpResponse:
    """Show what waits for somebody, as far as the person may act on it."""
    return render(request, "console/today_waiting.html", _made(_waiting, account_of(request)))


def _made(part: Callable[[Account], dict[str, Any]], account: Account) -> dict[str, Any]:
    """Return what a part shows, or why it cannot: the other parts are shown all the same."""
    try:
        return part(account)
    except SettlementError as error:
        return {"trouble": str(error)}


def _today() -> date:
    return service_day_of(holdings().clock())


def _watched(held: Holdings) -> Watched:
    return Watched(held.place.server, held.place.metrics, held.clock)


def _day(account: Account) -> dict[str, Any]:
    counted = holdings().kept(counts_of).counted(account.sees_institution)
    whole = account.sees_institution is None
    # Another part asks the server; here is shown what that found out.
    known = holdings().kept(_watched).known if whole else None
    told = known is not None and known.metrics is Well.YES
    return {
        "counted": counted,
        "whole": whole,
        "refused": sum(each.calls for each in not_well(known.now)) if known and told else None,
        "started": known.started if known and told else None,
        "settlements": counted.records("settle"),
        "cancels": counted.records("cancel"),
        "adjustments": counted.records("adjust"),
        "total_fen": counted.fen("total_fen"),
        "others": [
            (name, fen) for name in codes.OTHER_NAMES if (fen := counted.fen(f"{name}_fen"))
        ],
        "cash_fen": counted.fen("cash_fen"),
        "hours": _hours(counted),
        "hours_figure": hours_figure(counted),
        "payers": _payers(counted),
        "payers_figure": payers_figure(_payers(counted)),
        "now": holdings().clock(),
    }


def _hours(counted: Counted) -> list[dict[str, Any]]:
    """Return the hours in which something was recorded, the latest first."""
    return [
        {
            "hour": f"{at:02}:00",
            "settlements": hour.records.get("settle", 0),
            "cancels": hour.records.get("cancel", 0),
            "total_fen": counted.hour_fen(at, "total_fen"),
        }
        for at, hour in reversed(tuple(enumerate(counted.hours)))
        if any(hour.records.values())
    ]


def _payers(counted: Counted) -> list[tuple[str, int]]:
    """Return who pays what, those who pay nothing left out, cash last."""
    return [*_paid(counted, codes.PAYER_NAMES), ("cash", counted.fen("cash_fen"))]


def _paid(counted: Counted, names: Iterable[str]) -> list[tuple[str, int]]:
    """Return what some payers pay, those who pay nothing left out."""
    return [(name, fen) for name in names if (fen := counted.fen(f"{name}_fen"))]


def _server(account: Account) -> dict[str, Any]:
    if account.sees_institution is not None:
        return {}
    seen = holdings().kept(_watched).seen()
    calls = took(seen.values)
    refused = not_well(seen.values)
    return {
        "seen": seen,
        "audits": account.may(Right.AUDIT),
        "wells": _wells(seen),
        "calls": calls,
        "calls_figure": latency_figure(calls),
        "refused": refused[:_REFUSALS_SHOWN],
        "refused_calls": sum(each.calls for each in refused),
        "all_calls": sum(each.calls for each in calls),
        "batch": batch_mean(seen.values),
        "under_way": value(seen.now, measuring.UNDER_WAY),
        "behind": value(seen.now, measuring.BEHIND),
        "entries": value(seen.now, measuring.LEDGER_SEQ),
    }


def _wells(seen: Seen) -> list[tuple[str, Well]]:
    """Return each part of the server, and how it is."""
    writes = value(seen.now, measuring.WRITES_WELL)
    recording = seen.metrics if writes is None else Well.YES if writes else Well.NO
    return [
        (_("settles"), seen.server),
        (_("records"), recording),
        (_("writes the audit tables"), seen.projection),
        (_("tells its measurements"), seen.metrics),
    ]


def _waiting(account: Account) -> dict[str, Any]:
    return waiting_for(holdings(), account, _today())


urls = [
    path("", shown, name="today"),
    path("day", day_part, name="today-day"),
    path("server", server_part, name="today-server"),
    path("waiting", waiting_part, name="today-waiting"),
]
