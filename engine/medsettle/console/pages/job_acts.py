"""What may be done about work of every kind: it is stopped, and what it came to is deleted."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from medsettle import limits
from medsettle.console.access import account_of
from medsettle.console.jobs import GIVEN, Job, Jobs, Kind, State
from medsettle.console.place import holdings


def jobs() -> Jobs:
    """Return the jobs of this console."""
    return Jobs(holdings().place, holdings().clock)


def part(request: HttpRequest, kind: Kind) -> dict[str, Any]:
    """Return a part of the jobs of a kind, newest first, and where the next part begins."""
    found = jobs().listed(kind, request.GET.get("before"))
    size = limits.CONSOLE_ROWS_SHOWN
    return {"found": found[:size], "older": found[size - 1].name if len(found) > size else None}


def let_go_of_books(job: Job) -> None:
    """Delete the books that were given to a job that has ended: they hold health data."""
    if job.state is not State.RUNNING:
        for book in (job.folder / GIVEN).glob("*"):
            book.unlink(missing_ok=True)


def stop(request: HttpRequest, kind: Kind, name: str, there: str) -> HttpResponse:
    """Stop a job, and go to its page."""
    jobs().stop(jobs().get(name, kind), account_of(request).get_username())
    return redirect(there, name=name)


def delete(request: HttpRequest, kind: Kind, name: str, told: Any, there: str) -> HttpResponse:  # noqa: ANN401 - a text that may be lazy
    """Delete a job, tell so, and go to the list."""
    jobs().delete(jobs().get(name, kind))
    messages.success(request, told)
    return redirect(there)
