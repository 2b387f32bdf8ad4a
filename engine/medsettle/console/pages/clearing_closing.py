"""Closing a month, what it held back, and what is decided about that."""

import re
from functools import partial
from pathlib import Path
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from medsettle import limits
from medsettle.clearing.months.lines import Held
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore, refuse_out_of_turn
from medsettle.console.access import page
from medsettle.console.acts import (
    Act,
    By,
    MonthField,
    ReasonForm,
    UploadField,
    done,
)
from medsettle.console.jobs import GIVEN, Job, Kind, State
from medsettle.console.pages.clearing_figures import work_folder
from medsettle.console.pages.clearing_stores import items, months, months_there, today
from medsettle.console.pages.clearing_words import HELD_WORDS
from medsettle.console.pages.job_acts import delete, jobs, let_go_of_books, stop
from medsettle.console.pages.positions import position
from medsettle.console.pages.uploads import put, told_name
from medsettle.console.place import holdings
from medsettle.console.polled import polled
from medsettle.core.sql_text import literally
from medsettle.errors import Precondition
from medsettle.identity.roles import Right
from medsettle.ledger.scratch import scratch

_BOOKS: Final = (".parquet", ".csv", ".txt", ".zip")
_HERE, _UPLOAD = "here", "upload"
_OPTION: Final = "say --unreconciled"
_UNRECONCILED: Final = gettext_lazy("close without a reconciliation")


class CloseForm(forms.Form):
    """A month, the book that it is closed of, and how late a record may be."""

    month = MonthField(label=gettext_lazy("month"))
    source = forms.ChoiceField(
        label=gettext_lazy("book of the place of insurance"),
        choices=[
            (_UPLOAD, gettext_lazy("a file: .parquet, .csv, .txt or .zip")),
            (_HERE, gettext_lazy("the audit tables of this engine")),
        ],
    )
    file = UploadField(
        label=gettext_lazy("file"), required=False,
        help_text=gettext_lazy("The very book that was reconciled."),
    )  # fmt: skip
    late_months = forms.IntegerField(
        label=gettext_lazy("months a record may be late without a decision"),
        min_value=0, max_value=limits.LATE_MONTHS_MAX, initial=limits.LATE_MONTHS_DEFAULT,
    )  # fmt: skip
    unreconciled = forms.BooleanField(
        label=_UNRECONCILED, required=False,
        help_text=gettext_lazy("What differs is then not known, and will be paid."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Ask for a file where the book is one."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("source") == _UPLOAD and not given.get("file"):
            self.add_error("file", forms.ValidationError(_("Choose the file of the book.")))
        return given


class DecideForm(ReasonForm):
    """Whether the month that is closed next takes a record that was held back."""

    settlement = forms.CharField(label=gettext_lazy("record"), max_length=limits.CODE_CHARS_MAX)
    take = forms.TypedChoiceField(
        label=gettext_lazy("the next month"), coerce=lambda text: text == "take",
        choices=[("take", gettext_lazy("takes it")), ("leave", gettext_lazy("leaves it out"))],
    )  # fmt: skip
    field_order = ("settlement", "take", "reason")


@page(Right.CLEAR)
def close(request: HttpRequest) -> HttpResponse:
    """Begin to close the month that is open, and show the closings that were begun here."""
    with months() as store:
        following = None if store is None else store.open_month()
    proposed = following or Month.of_day(today()).plus(-1)
    title = gettext_lazy("Close the month")
    begun: list[Job] = []
    run = partial(_begin, begun)
    act = Act("close", title, run, CloseForm, initial={"month": proposed.text}, each=True)
    was_done, offered = done(request, [act])
    if was_done:
        return redirect("clearing-closing", name=begun[0].name)
    earlier = jobs().listed(Kind.CLOSING)[: limits.CONSOLE_ROWS_SHOWN]
    for job in earlier:
        let_go_of_books(job)
    context = {
        "title": _("Close a month"),
        "part": "months",
        "offers": offered,
        "following": None if following is None else following.text,
        "ends": proposed.last_day,
        "ended": today() > proposed.last_day,
        "begun": [(job, _became(job)) for job in earlier],
    }
    status = 400 if offered[0].form.errors else 200
    return render(request, "console/clearing_close.html", context, status=status)


def _begin(begun: list[Job], given: dict[str, Any], by: By) -> bool:
    """Begin the job that closes a month; what can be refused at once is."""
    place, month = holdings().place, given["month"]
    with months() as closed:
        refuse_out_of_turn(
            [] if closed is None else [each.month for each in closed.months()], month, by.today
        )
    with items() as store:
        if store is None and not given["unreconciled"]:
            raise Precondition(
                _(
                    "No reconciliation is recorded here, so what differs is not known and would "
                    "be paid. Reconcile the books first, or say that the month is closed without."
                )
            )

    def prepare(folder: Path) -> list[list[str]]:
        book = place.audit.resolve()
        if given["source"] == _UPLOAD:
            book = put(given["file"], folder / GIVEN, _BOOKS).resolve()
        words = ["clear", "close", month.text, "--json", "--data", str(place.data.resolve())]
        words += ["--book", str(book), f"--by={by.who}", f"--late-months={given['late_months']}"]
        return [[*words, "--unreconciled"] if given["unreconciled"] else words]

    name = told_name(given["file"]) if given["source"] == _UPLOAD else ""
    about = {"month": month.text, "book": name}
    begun.append(jobs().begin(Kind.CLOSING, by.who, about, prepare))
    return False


@page(Right.SEE_CLEARING)
def closing(request: HttpRequest, name: str) -> HttpResponse:
    """Show a closing that was begun here: whether it is done, and what it came to."""
    job = jobs().get(name, Kind.CLOSING)
    context = {"title": _("Closing of %s") % job.about["month"], "part": "months", **_told(job)}
    return render(request, "console/clearing_closing.html", context)


@page(Right.SEE_CLEARING)
@polled
def closing_state(request: HttpRequest, name: str) -> HttpResponse:
    """Show the part that changes while a closing is under way."""
    job = jobs().get(name, Kind.CLOSING)
    context = _told(job)
    answer = render(request, "console/clearing_closing_state.html", context)
    if context["state"] != State.RUNNING:
        answer.headers["X-Done"] = "1"
    return answer


def _became(job: Job) -> str:
    """Return what became of a closing: one that found something closed nothing."""
    state = job.state
    return (State.FAILED if state is State.FOUND else state).value


def _told(job: Job) -> dict[str, Any]:
    """Return what is told of a closing, of its files by the names that people know."""
    let_go_of_books(job)
    book = job.about["book"]
    given = re.compile(re.escape(f"{(job.folder / GIVEN).resolve()}/") + r"upload\.[a-z]+")
    # The book that a run compared was given to a job of its own.
    compared = re.compile(re.escape(f"{job.folder.parent.resolve()}/") + f"[^/\\s]+/{GIVEN}/")
    audit = str(holdings().place.audit.resolve())
    chosen = _("choose “%s”") % _UNRECONCILED
    faults = (
        line.replace(audit, _("the audit tables of this engine")).replace(_OPTION, chosen)
        for line in job.faults
    )
    return {
        "job": job,
        "state": _became(job),
        "told": job.told(0),
        "faults": [compared.sub("", given.sub(lambda _found: book, line)) for line in faults],
        "seconds": int(((job.ended or holdings().clock()) - job.begun).total_seconds()),
    }


@page(Right.CLEAR)
@require_POST
def closing_stopped(request: HttpRequest, name: str) -> HttpResponse:
    """Stop a closing that is under way; the month stays open then."""
    return stop(request, Kind.CLOSING, name, "clearing-closing")


@page(Right.CLEAR)
@require_POST
def closing_deleted(request: HttpRequest, name: str) -> HttpResponse:
    """Delete what was kept of how a closing was begun; what is closed stays closed."""
    told = _("Deleted. A month that was closed stays closed.")
    return delete(request, Kind.CLOSING, name, told, "clearing-close")


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def held(request: HttpRequest, month: str) -> HttpResponse:
    """Show what a closed month held back and why, and decide about it."""
    named = Month.of(month)
    begin = position(request, "from") or 0
    size = limits.CONSOLE_ROWS_SHOWN
    with months_there() as store:
        acts = [
            Act(
                "decide",
                gettext_lazy("Decide about a record"),
                partial(_decide, store),
                DecideForm,
                right=Right.APPROVE,
                initial={"settlement": request.GET.get("settlement", "")},
            )
        ]
        file = store.held_file(named)
        was_done, offered = done(request, acts)
        if was_done:
            return redirect("clearing-held", month=month)
        decisions = store.decisions()
    with scratch(work_folder()) as connection:
        counts = connection.execute(
            "select held, count(*), sum(owed_fen)::bigint from read_parquet(?) group by 1 "
            "order by 1",
            [literally(file)],
        ).fetchall()
        found = connection.sql(
            "select * from read_parquet(?, file_row_number = true) "
            "where file_row_number between ? and ? order by file_row_number",
            params=[literally(file), begin, begin + size],
        )
        rows = found.to_arrow_table().to_pylist()
    context = {
        "title": _("Held back by %s") % named.text,
        "part": "months",
        "month": named.text,
        "counts": [(HELD_WORDS[Held(why)], count, fen) for why, count, fen in counts],
        "rows": [
            row | {"why": HELD_WORDS[Held(row["held"])],
                   "decided": decisions.get(row["settlement"])}
            for row in rows[:size]
        ],
        "older": begin + size if len(rows) > size else None,
        "newer": max(0, begin - size) if begin else None,
        "offers": offered,
        "chosen": request.GET.get("settlement", ""),
    }  # fmt: skip
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_held.html", context, status=status)


def _decide(store: MonthStore, given: dict[str, Any], by: By) -> str:
    settlement = str(given["settlement"])
    store.refuse_unknown(settlement, None)
    store.decide(settlement, included=given["take"], who=by.who, reason=given["reason"],
                 moment=by.moment)  # fmt: skip
    if given["take"]:
        return _("The month that is closed next takes %s.") % settlement
    return _("The month that is closed next leaves out %s.") % settlement


urls = [
    path("close", close, name="clearing-close"),
    path("closings/<str:name>", closing, name="clearing-closing"),
    path("closings/<str:name>/state", closing_state, name="clearing-closing-state"),
    path("closings/<str:name>/stop", closing_stopped, name="stop-closing"),
    path("closings/<str:name>/delete", closing_deleted, name="delete-closing"),
    path("months/<str:month>/held", held, name="clearing-held"),
]
