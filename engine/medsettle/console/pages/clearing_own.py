"""What the office of a hospital sees of its own: declared, deducted, paid; nothing else."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.clearing.hospitals.declarations import declaration
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.console.access import account_of, page
from medsettle.console.pages.clearing_hospital import figures_of
from medsettle.console.pages.clearing_stores import hospitals
from medsettle.console.pages.clearing_words import DECLARATION_WORDS
from medsettle.identity.roles import Right


@page(Right.OWN_ACCOUNT)
def shown(request: HttpRequest) -> HttpResponse:
    """Show the account of the institution that whoever asks is of."""
    institution = account_of(request).sees_institution or ""
    context: dict[str, Any] = {"title": _("Payments to %s") % institution}
    with hospitals() as store:
        if store is not None and _is_known(store, institution):
            context |= figures_of(store, institution, request.GET.get("month", ""))
            context["declared"] = _declared(store, institution, context["month"])
    return render(request, "console/clearing_hospital.html", context | {"own": True})


def _is_known(store: HospitalStore, institution: str) -> bool:
    return bool(store.rows("select 1 from claims where institution = ? limit 1", institution))


def _declared(store: HospitalStore, institution: str, month: str) -> list[dict[str, Any]]:
    numbers = store.rows(
        "select declaration from declarations where month = ? and institution = ? "
        "order by declaration limit ?",
        *(month, institution, limits.CONSOLE_ROWS_SHOWN),
    )
    found = [declaration(store, number) for (number,) in numbers]
    return [{"found": each, "state": DECLARATION_WORDS[each.status]} for each in found]


urls = [path("", shown, name="own-account")]
