"""Replay: begin one, see how far it is, read its report, and take its tables away."""

import mimetypes
from typing import Any, Final

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from medsettle.console.access import account_of, page
from medsettle.console.jobs import Job, Kind, State
from medsettle.console.once import made_once
from medsettle.console.pages.job_acts import delete, jobs, part, stop
from medsettle.console.pages.replay_form import ReplayForm
from medsettle.console.pages.replay_result import result_of
from medsettle.console.polled import polled
from medsettle.console.replaying import REPORT, files_of
from medsettle.console.versions import drafts_seen, rules_in_force
from medsettle.errors import NotFound, Overloaded, Precondition
from medsettle.identity.roles import Right

# The report is a page of its own, in a box: it runs nothing, loads nothing and asks nothing.
_REPORT_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


@page(Right.SEE_REPLAYS)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the replays that were begun, newest first."""
    context = {"title": _("Replay"), **part(request, Kind.REPLAY)}
    return render(request, "console/replays.html", context)


@page(Right.REPLAY)
def begun(request: HttpRequest) -> HttpResponse:
    """Ask what is to be replayed, and begin it."""
    rules = rules_in_force()
    drafts = drafts_seen(account_of(request))
    form = ReplayForm(request.POST or None, request.FILES or None, rules=rules, drafts=drafts)
    if request.method == "POST" and form.is_valid():
        asked, who = form.asked(), account_of(request).username
        of_ledger = asked.data is not None

        def begin() -> str:
            about = form.about()
            return jobs().begin(Kind.REPLAY, who, about, asked.prepare, of_ledger=of_ledger).name

        try:
            sent = repr((asked, form.about()))
            name, _now = made_once(who, form.cleaned_data["once"], sent, begin)
        except (Overloaded, Precondition) as error:
            # What was written into the form is not lost over it.
            form.add_error(None, str(error))
        else:
            return redirect("replay", name=name)
    context = {"title": _("Begin a replay"), "form": form, "read": form.read}
    status = 400 if form.errors else 200
    return render(request, "console/replay_new.html", context, status=status)


@page(Right.REPLAY)
@polled
@require_POST
def checked(request: HttpRequest) -> HttpResponse:
    """Show what is wrong with the reforms, or what they change, while they are written."""
    drafts = drafts_seen(account_of(request))
    form = ReplayForm(request.POST, request.FILES, rules=rules_in_force(), drafts=drafts)
    form.is_valid()
    return render(request, "console/reforms_read.html", {"read": form.read})


@page(Right.SEE_REPLAYS)
def shown(request: HttpRequest, name: str) -> HttpResponse:
    """Show a replay: how far it is, or what came out."""
    job = jobs().get(name, Kind.REPLAY)
    context = {"title": job.about["title"] or _("Replay"), **_context(job)}
    return render(request, "console/replay.html", context)


@page(Right.SEE_REPLAYS)
@polled
def state(request: HttpRequest, name: str) -> HttpResponse:
    """Show the part of a replay that changes while it runs."""
    job = jobs().get(name, Kind.REPLAY)
    # Asked first: what is read after it is then no older than it says.
    ended = job.state is not State.RUNNING
    answer = render(request, "console/replay_state.html", _context(job))
    if ended:
        answer.headers["X-Done"] = "1"
    return answer


def _context(job: Job) -> dict[str, Any]:
    now = job.state
    step = job.step
    words = {
        "population": _("draw the population"),
        "replay": _("settle every claim again"),
        "replay-report": _("compare, and write the report"),
    }
    return {
        "job": job,
        "state": now.value,
        "steps": [
            {
                "words": words[command[0]],
                "done": number < step or now is State.DONE,
                "now": number == step and now is State.RUNNING,
                "progress": job.progress(number) if number == step else None,
            }
            for number, command in enumerate(job.steps)
        ],
        "took": None if job.ended is None else int((job.ended - job.begun).total_seconds()),
        "result": None if now is State.RUNNING else result_of(job),
    }


@page(Right.SEE_REPLAYS)
def report(request: HttpRequest, name: str) -> HttpResponseBase:
    """Return the report as a page that stands in a box of the page of its replay."""
    found = files_of(jobs().get(name, Kind.REPLAY)).get(REPORT)
    if found is None:
        raise NotFound(_("this replay has no report; one is made where there is a reform"))
    answer = FileResponse(found.open("rb"), content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = _REPORT_POLICY
    return answer


@page(Right.SEE_REPLAYS)
def file(request: HttpRequest, name: str, file: str) -> HttpResponseBase:
    """Return one of the files that a replay made, as a download."""
    found = files_of(jobs().get(name, Kind.REPLAY)).get(file)
    if found is None:
        raise NotFound(_("this replay has no file of this name; its page lists those it has"))
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    return FileResponse(
        found.open("rb"), as_attachment=True, filename=file.replace("/", "-"), content_type=kind
    )


@page(Right.REPLAY)
@require_POST
def stopped(request: HttpRequest, name: str) -> HttpResponse:
    """Stop a replay."""
    return stop(request, Kind.REPLAY, name, "replay")


@page(Right.REPLAY)
@require_POST
def deleted(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a replay with its results."""
    return delete(request, Kind.REPLAY, name, _("The replay is deleted."), "replays")


urls = [
    path("", listed, name="replays"),
    path("new", begun, name="new-replay"),
    path("check", checked, name="check-reforms"),
    path("<str:name>/", shown, name="replay"),
    path("<str:name>/state", state, name="replay-state"),
    path("<str:name>/report", report, name="replay-report"),
    path("<str:name>/files/<path:file>", file, name="replay-file"),
    path("<str:name>/stop", stopped, name="stop-replay"),
    path("<str:name>/delete", deleted, name="delete-replay"),
]
