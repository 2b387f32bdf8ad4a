"""Settlements: the list, the search, and one settlement with everything behind it."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.access import account_of, page
from medsettle.console.models import Account
from medsettle.console.pages.settlement_list import (
    Narrowed,
    Part,
    called,
    mark_taken_back,
    of_person,
    part_of,
)
from medsettle.console.pages.waterfall import parts
from medsettle.console.place import holdings, without_folder
from medsettle.core.enquiries import FACT_COLUMNS, LimitLeft, facts_of
from medsettle.core.relatives import Person
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.engine.adjustments import adjustments_of
from medsettle.engine.reading import nothing_recorded, recorded_settlement
from medsettle.errors import SettlementError
from medsettle.identity.roles import Right


class Filters(forms.Form):
    """What a list of settlements is narrowed to."""

    institution = forms.CharField(
        label=gettext_lazy("institution"), max_length=limits.CODE_CHARS_MAX, required=False
    )
    pooling_area = forms.CharField(
        label=gettext_lazy("pooling area"), max_length=limits.CODE_CHARS_MAX, required=False
    )
    service_date = forms.DateField(
        label=gettext_lazy("service date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("kind"),
        required=False,
        choices=[
            ("", gettext_lazy("all")),
            ("settle", gettext_lazy("settlements")),
            ("cancel", gettext_lazy("cancels")),
            ("adjust", gettext_lazy("adjustments")),
        ],
    )
    after = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )
    before = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )


@page(Right.LOOK)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the settlements, newest first, or look one up by any id that somebody has of it."""
    asked = request.GET.get("q", "").strip()
    if asked:
        return _searched(request, asked)
    filters = Filters(request.GET)
    narrowed = filters.cleaned_data if filters.is_valid() else {}
    sees = account_of(request).sees_institution
    part = part_of(
        holdings(), Narrowed(**narrowed | ({} if sees is None else {"institution": sees}))
    )
    mark_taken_back(holdings(), part.rows)
    context = {
        "title": _("Settlements"),
        "filters": filters,
        "part": part,
        "newer": part.newer,
        "older": part.older,
    }
    return render(request, "console/settlements.html", context)


def _searched(request: HttpRequest, asked: str) -> HttpResponse:
    """Show what an id names: a settlement, else a request, else a person's settlements."""
    sees = account_of(request).sees_institution
    reader = holdings().reader
    recorded = reader.settlement(asked)
    if recorded is not None and sees in {None, recorded.institution}:
        return redirect("settlement", settlement=asked)
    institution = sees or request.GET.get("institution", "").strip()
    if institution:
        known = reader.requests([(institution, asked)]).get((institution, asked))
        if known is not None and known.settlement:
            return redirect("settlement", settlement=known.settlement)
    found = of_person(holdings(), asked, sees) or called(holdings(), asked, sees)
    if len(found) == 1:
        return redirect("settlement", settlement=found[0]["settlement"])
    most = limits.CONSOLE_ROWS_SHOWN
    rows = found[:most]
    mark_taken_back(holdings(), rows)
    context = {
        "title": _("Settlements"),
        "filters": Filters(),
        "part": Part(rows, None, None),
        "asked": asked,
        "most": most,
        "more": len(found) > most,
    }
    return render(request, "console/settlements.html", context, status=200 if found else 404)


@page(Right.LOOK)
def shown(request: HttpRequest, settlement: str) -> HttpResponse:
    """Show one settlement: its picture, its amounts, each with its clause, what it belongs to."""
    _warn(request)
    with holdings().engine(faulty=True) as engine:
        found = seen(engine, settlement, account_of(request))
        context = {
            "title": _("Settlement %s") % settlement,
            "may_try": account_of(request).may(Right.TRY),
            **parts(found),
            "chain": _chain(engine, found),
            "left": what_is_left(engine, found),
            "taken_back": taken_back_by(engine, found),
            **explained(engine, settlement),
        }
    return render(request, "console/settlement.html", context)


def _warn(request: HttpRequest) -> None:
    """Tell who sees policies that this page goes by earlier ones, and why."""
    if account_of(request).may(Right.POLICIES) and (fault := holdings().rules_fault()):
        said = _("The rules have faults by now; this page goes by those before them. %s")
        messages.warning(request, said % without_folder(str(fault)))


def seen(engine: Engine, settlement: str, account: Account) -> Settlement:
    """Return a settlement that somebody may see.

    Raises:
        NotFound: There is none, or it is of an institution that they are not of.
    """
    found = engine.get(settlement)
    if account.sees_institution not in {None, found.columns["institution"]}:
        # As of one that is not there: that it exists is no answer to give.
        raise nothing_recorded(settlement)
    return found


def taken_back_by(engine: Engine, found: Settlement) -> Settlement | None:
    """Return the record that took a settlement back, of an adjustment that of its original."""
    if found.columns["kind"] == "cancel":
        return None
    cancel = engine.ledger.cancel_of(str(found.columns["original"] or found.columns["settlement"]))
    return None if cancel is None else engine.get(cancel.settlement)


def what_is_left(engine: Engine, found: Settlement) -> tuple[LimitLeft, ...]:
    """Return what is left to the person today, by what the claim says of them."""
    claim = engine.claim(str(found.columns["original"] or found.columns["settlement"]))
    facts = facts_of({column.name: claim.get(column.name) for column in FACT_COLUMNS})
    person = Person(str(found.columns["pooling_area"]), str(found.columns["person"]))
    return engine.enquiries.overview(person, facts).limits


def explained(engine: Engine, settlement: str) -> dict[str, object]:
    """Return the explanation, or why there is none: the amounts are shown all the same."""
    try:
        return {"explanation": engine.explain(settlement)}
    except SettlementError as error:
        return {"unexplained": str(error)}


def _chain(engine: Engine, found: Settlement) -> list[dict[str, object]]:
    """Return what belongs together, oldest first: a settlement, its adjustments, its cancel."""
    first = str(found.columns["original"] or found.columns["settlement"])
    original = recorded_settlement(engine.ledger, first)
    names = [first, *(each.settlement for each in adjustments_of(engine.ledger, original))]
    cancel = engine.ledger.cancel_of(first)
    if cancel is not None:
        names.append(cancel.settlement)
    return [{"settlement": name, "columns": engine.get(name).columns} for name in names]


urls = [
    path("", listed, name="settlements"),
    path("<str:settlement>", shown, name="settlement"),
]
