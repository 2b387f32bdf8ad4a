"""One difference: its rows side by side, its history, and what may be done about it."""

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from medsettle.clearing.items.deadlines import due_day, overdue
from medsettle.clearing.items.evidence import case_of, evidence_of
from medsettle.clearing.items.item import RECORDS, Item, State
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.items.terms import terms_told
from medsettle.clearing.matching.classes import Action
from medsettle.console import difference_words as words
from medsettle.console.access import account_of, page
from medsettle.console.item_notes import ItemNotes
from medsettle.console.pages.clearing_stores import today
from medsettle.console.pages.difference_forms import Assign, Comment, Propose, Said, fault_into
from medsettle.console.pages.difference_view import history_of, planned, side_by_side
from medsettle.console.pages.reconciled import items_there, may_look_into
from medsettle.console.pages.reconciliation_items import beside
from medsettle.console.place import holdings
from medsettle.errors import InvalidRequest, NotFound, Precondition
from medsettle.identity.roles import Right

Act: TypeAlias = Callable[[ItemStore, forms.Form, str, datetime], str]
"""Does something about an item by a form that was filled in well: what is told then."""


@page(Right.SEE_RECONCILIATION)
def shown(request: HttpRequest, number: int) -> HttpResponse:
    """Show one difference."""
    with items_there() as store:
        return _shown(request, store, number)


def _shown(
    request: HttpRequest, store: ItemStore, number: int, filled: forms.Form | None = None
) -> HttpResponse:
    """Return the page of an item, with a form that was not filled in well where there is one."""
    case, account, day = case_of(store, str(number)), account_of(request), today()
    item, me = case.item, account.get_username()
    with ItemNotes(holdings().place.state) as notes:
        noted = notes.notes(item.number)
        assignee = notes.assignees([item.number]).get(item.number, "")
        newer, older = beside(store, notes, request.GET, item.number)
    fresh = {
        "propose": Propose(item=item, difference=case.difference),
        "assign": Assign(people=may_look_into(), initial={"to": assignee}),
        **{act: Said(prefix=act) for act in ("approve", "hold")},
        "comment": Comment(),
    }
    if filled is not None and filled.prefix:
        fresh[filled.prefix] = filled
    context = {
        "title": _("Difference %s") % item.number,
        "item": item,
        "state": words.STATES[item.state],
        "due": due_day(item),
        "term": words.TERMS.get(item.term),  # type: ignore[call-overload]
        "overdue": overdue(item, day),
        "age_days": item.age_days(day),
        "rows": side_by_side(case.difference),
        "history": history_of(case.events, noted),
        "plan": planned(item, case.difference),
        "run": case.run,
        "newer": newer,
        "older": older,
        "query": request.GET.urlencode(),
        "recorded": account.may(Right.LOOK)
        and holdings().reader.settlement(item.settlement) is not None,
        "assignee": assignee,
        "mine": item.proposer is not None and item.proposer.casefold() == me.casefold(),
        "may_approve": account.may(Right.APPROVE),
        "may_propose": account.may(Right.RECONCILE)
        and item.state in {State.OPEN, State.PROPOSED, State.APPROVED},
        "to_approve": item.state is State.PROPOSED and item.needs_approval,
        "to_apply": account.may(Right.RECONCILE)
        and (
            item.state is State.APPROVED
            or (item.state is State.PROPOSED and not item.needs_approval)
        ),
        "makes_records": item.action in RECORDS,
        "me": me,
        "forms": fresh,
        "faults": filled.non_field_errors() if filled is not None else (),
        "wrong": filled.prefix if filled is not None else "",
    }
    status = 200 if filled is None else 400
    return render(request, "console/difference.html", context, status=status)


def _acted(request: HttpRequest, number: int, form: forms.Form, act: Act) -> HttpResponse:
    """Do something about an item; what is wrong with it is told on the page of the item."""
    person, moment = account_of(request).get_username(), holdings().clock()
    with items_there() as store:
        store.item(str(number))
        if form.is_valid():
            try:
                told = act(store, form, person, moment)
            except InvalidRequest as error:
                for fault in error.faults:
                    fault_into(form, fault)
            except (Precondition, NotFound) as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, told)
                there = reverse("difference", kwargs={"number": number})
                query = request.GET.urlencode()
                return redirect(f"{there}?{query}" if query else there)
        return _shown(request, store, number, form)


def _told(item: Item) -> str:
    return _("Difference %(number)s: %(state)s.") % {
        "number": item.number,
        "state": words.STATES[item.state],
    }


@page(Right.RECONCILE)
@require_POST
def proposed(request: HttpRequest, number: int) -> HttpResponse:
    """Propose what to do about a difference."""
    with items_there() as store:
        item = store.item(str(number))
        form = Propose(request.POST, item=item, difference=store.difference(item))

    def act(store: ItemStore, form: forms.Form, person: str, moment: datetime) -> str:
        given = form.cleaned_data
        terms = terms_told(given["side"], given["like"], given["moves"].split())
        action, reason = Action(given["action"]), given["reason"]
        seen = request.POST.get("seen")
        return _told(store.propose(str(number), action, person, reason, moment, terms, seen=seen))

    return _acted(request, number, form, act)


@page(Right.APPROVE)
@require_POST
def approved(request: HttpRequest, number: int) -> HttpResponse:
    """Approve the very plan that stood on the page."""

    def act(store: ItemStore, form: forms.Form, person: str, moment: datetime) -> str:
        plan, reason = request.POST.get("plan", ""), form.cleaned_data["reason"]
        return _told(store.approve(str(number), plan, person, reason, moment))

    return _acted(request, number, Said(request.POST, prefix="approve"), act)


@page(Right.RECONCILE)
@require_POST
def held(request: HttpRequest, number: int) -> HttpResponse:
    """Keep a difference from being paid; what was proposed is void."""

    def act(store: ItemStore, form: forms.Form, person: str, moment: datetime) -> str:
        seen, reason = request.POST.get("seen"), form.cleaned_data["reason"]
        store.hold(str(number), person, reason, moment, seen=seen)
        return _("Difference %s is on hold.") % number

    return _acted(request, number, Said(request.POST, prefix="hold"), act)


@page(Right.RECONCILE)
@require_POST
def noted(request: HttpRequest, number: int) -> HttpResponse:
    """Note that a decision is carried out that makes no record in a book."""

    def act(store: ItemStore, form: forms.Form, person: str, moment: datetime) -> str:
        return _told(store.noted(str(number), person, moment))

    return _acted(request, number, forms.Form(request.POST, prefix="apply"), act)


@page(Right.RECONCILE)
@require_POST
def assigned(request: HttpRequest, number: int) -> HttpResponse:
    """Let somebody look into a difference."""

    def act(store: ItemStore, form: forms.Form, person: str, moment: datetime) -> str:
        to = form.cleaned_data["to"]
        with ItemNotes(holdings().place.state) as notes:
            notes.assign([number], to, person, moment)
        return _("Assigned to %s.") % to if to else _("Assigned to nobody.")

    return _acted(request, number, Assign(request.POST, people=may_look_into()), act)


@page(Right.RECONCILE)
@require_POST
def commented(request: HttpRequest, number: int) -> HttpResponse:
    """Note what somebody says of a difference."""

    def act(store: ItemStore, form: forms.Form, person: str, moment: datetime) -> str:
        with ItemNotes(holdings().place.state) as notes:
            notes.say(number, form.cleaned_data["said"], person, moment)
        return _("Comment noted.")

    return _acted(request, number, Comment(request.POST), act)


@page(Right.SEE_RECONCILIATION)
def evidence(request: HttpRequest, number: int) -> HttpResponse:
    """Return the files of evidence, as the command writes them, in one archive."""
    with items_there() as store:
        files = evidence_of(case_of(store, str(number)), today())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    name = f"evidence-{number}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content.getvalue(), content_type="application/zip", headers=headers)


_ACTS = {
    "propose": proposed,
    "approve": approved,
    "hold": held,
    "apply": noted,
    "assign": assigned,
    "comment": commented,
}
urls = [
    path("differences/<number:number>", shown, name="difference"),
    path("differences/<number:number>/evidence", evidence, name="evidence"),
    *(
        path(f"differences/<number:number>/{act}", view, name=f"{act}-difference")
        for act, view in _ACTS.items()
    ),
]
