"""Runs of reconciliation: the list, one run with what books come to by fund, and starting one."""

from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from medsettle import limits
from medsettle.clearing.items import listing
from medsettle.clearing.items.by_fund import FundSums, sums_by_fund, sums_of_totals
from medsettle.clearing.items.item import Run
from medsettle.clearing.matching.book import Side
from medsettle.console import difference_words as words
from medsettle.console.access import account_of, page
from medsettle.console.jobs import GIVEN, Job, Kind, State
from medsettle.console.pages.clearing_stores import items as opened_items
from medsettle.console.pages.job_acts import delete, jobs, let_go_of_books, stop
from medsettle.console.pages.positions import position
from medsettle.console.pages.reconciled import items_there
from medsettle.console.pages.run_form import RunForm, words_of
from medsettle.console.place import holdings
from medsettle.console.polled import polled
from medsettle.identity.roles import Right

_OUT: Final = "out"
_TOTALS: Final = "totals.parquet"


@page(Right.SEE_RECONCILIATION)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the runs, the latest first, and those that are under way."""
    before, after = position(request, "before"), position(request, "after")
    upwards, size = after is not None and before is None, limits.CONSOLE_ROWS_SHOWN
    found: list[Run] = []
    with opened_items() as store:
        if store is not None:
            found = listing.part_of_runs(store, size=size + 1, before=before, after=after)
    more = len(found) > size
    found = found[-size:] if upwards else found[:size]
    newer, older = before is not None or (upwards and more), upwards or more
    context = {
        "title": _("Runs"),
        "runs": found,
        "newer": found[0].number if found and newer else None,
        "older": found[-1].number if found and older else None,
        "begun": _begun(),
    }
    return render(request, "console/reconciliation_runs.html", context)


def _begun() -> list[tuple[Job, str]]:
    """Return what was begun here with what became of it, newest first.

    Books that were given to it go with its end.
    """
    found = jobs().listed(Kind.RECONCILIATION)[: limits.CONSOLE_ROWS_SHOWN]
    for job in found:
        let_go_of_books(job)
    return [(job, _became(job)) for job in found]


def _became(job: Job) -> str:
    """Return what became of a job: that books differ is what it was to find out."""
    state = job.state
    done = state is State.FOUND and "run" in job.told(0)
    return (State.DONE if done else state).value


@page(Right.SEE_RECONCILIATION)
def shown(request: HttpRequest, number: int) -> HttpResponse:
    """Show one run: what was compared, what differs by class and by fund."""
    with items_there() as store:
        run = store.run(number)
        unequal = sums_by_fund(store.differences(number), tuple(book.side for book in run.books))
    sides = [book.side for book in run.books]
    totals = _totals(number, tuple(sides))
    context = {
        "title": _("Run %s") % number,
        "run": run,
        "sides": [words.SIDES[side] for side in sides],
        "unequal": [_fund_row(each, sides) for each in unequal],
        "totals": [_fund_row(each, sides) for each in totals],
        "bars": _bars(run) if run.counted else None,
    }
    return render(request, "console/reconciliation_run.html", context)


def _fund_row(sums: FundSums, sides: list[Side]) -> dict[str, Any]:
    fen = [sums.fen[side] for side in sides]
    return {"name": sums.name, "fen": fen, "unequal_fen": sums.unequal_fen}


def _totals(number: int, sides: tuple[Side, ...]) -> list[FundSums]:
    """Return what whole books come to, which only a run that was begun here has kept."""
    for job in jobs().listed(Kind.RECONCILIATION):
        file = job.folder / _OUT / _TOTALS
        if job.told(0).get("run") == number and file.is_file():
            return sums_of_totals(pq.read_table(file), sides)
    return []


def _bars(run: Run) -> dict[str, Any]:
    """Return the differences of a run by class as a picture."""
    classes = [each.difference_class for each in reversed(run.counted)]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [f"{int(each)} {words.CLASSES[each]}" for each in classes],
                "x": [each.differences for each in reversed(run.counted)],
                "text": [str(each.differences) for each in reversed(run.counted)],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": "--accent-2"},
                "hoverinfo": "none",
            }
        ],
        "layout": {
            "xaxis": {"fixedrange": True},
            "yaxis": {"fixedrange": True, "dtick": 1},
            "bargap": 0.25,
        },
    }


# --- starting one ------------------------------------------------------------------------------


@page(Right.RECONCILE)
def begin(request: HttpRequest) -> HttpResponse:
    """Ask which books are compared, and begin to compare them."""
    form = RunForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        place = holdings().place

        def prepare(folder: Path) -> list[list[str]]:
            return [words_of(given, place, folder / GIVEN, folder / _OUT)]

        about = {"name": given["name"], "books": form.told_books()}
        who = account_of(request).get_username()
        job = jobs().begin(Kind.RECONCILIATION, who, about, prepare)
        return redirect("reconciling", name=job.name)
    most = limits.CONSOLE_UPLOAD_BYTES_MAX // 1024 // 1024
    context = {"title": _("New run"), "form": form, "most_mib": most}
    context["most_bytes"] = limits.CONSOLE_UPLOAD_BYTES_MAX
    status = 400 if form.errors else 200
    return render(request, "console/reconciliation_begin.html", context, status=status)


@page(Right.SEE_RECONCILIATION)
def under_way(request: HttpRequest, name: str) -> HttpResponse:
    """Show a run that was begun here: whether it is done, and what it came to."""
    job = jobs().get(name, Kind.RECONCILIATION)
    context = {"title": _("Run of %s") % job.about["name"], **_context(job)}
    return render(request, "console/reconciling.html", context)


@page(Right.SEE_RECONCILIATION)
@polled
def state(request: HttpRequest, name: str) -> HttpResponse:
    """Show the part that changes while the run is under way."""
    job = jobs().get(name, Kind.RECONCILIATION)
    answer = render(request, "console/reconciling_state.html", _context(job))
    if job.state is not State.RUNNING:
        answer.headers["X-Done"] = "1"
    return answer


def _context(job: Job) -> dict[str, Any]:
    let_go_of_books(job)
    there = f"{(job.folder / GIVEN).resolve()}/"
    return {
        "job": job,
        "faults": [line.replace(there, "") for line in job.faults],
        "state": _became(job),
        "told": job.told(0),
        "seconds": int(((job.ended or holdings().clock()) - job.begun).total_seconds()),
    }


@page(Right.RECONCILE)
@require_POST
def stopped(request: HttpRequest, name: str) -> HttpResponse:
    """Stop a run that is under way; nothing is recorded then."""
    return stop(request, Kind.RECONCILIATION, name, "reconciling")


@page(Right.RECONCILE)
@require_POST
def deleted(request: HttpRequest, name: str) -> HttpResponse:
    """Delete what was kept of how a run was begun; the run itself stays."""
    told = _("Deleted. What the run found stays.")
    return delete(request, Kind.RECONCILIATION, name, told, "reconciliation-runs")


urls = [
    path("runs/", listed, name="reconciliation-runs"),
    path("runs/begin", begin, name="begin-reconciliation"),
    path("runs/<number:number>", shown, name="reconciliation-run"),
    path("runs/begun/<str:name>", under_way, name="reconciling"),
    path("runs/begun/<str:name>/state", state, name="reconciling-state"),
    path("runs/begun/<str:name>/stop", stopped, name="stop-reconciling"),
    path("runs/begun/<str:name>/delete", deleted, name="delete-reconciling"),
]
