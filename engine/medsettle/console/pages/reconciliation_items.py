"""Differences: the list of items, what it is narrowed to, and who is to look into many at once."""

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from medsettle import limits
from medsettle.clearing.items import listing
from medsettle.clearing.items.deadlines import due_day, overdue
from medsettle.clearing.items.item import Item
from medsettle.clearing.items.listing import Narrowed, Standing
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.console import difference_words as words
from medsettle.console.access import account_of, page
from medsettle.console.item_notes import ItemNotes
from medsettle.console.pages.clearing_stores import items as opened_items
from medsettle.console.pages.clearing_stores import today
from medsettle.console.pages.reconciled import items_there, may_look_into
from medsettle.console.place import holdings
from medsettle.identity.roles import Right

_NOBODY: Final = "-"
_ANY: Final = ("", gettext_lazy("all"))


class Filters(forms.Form):
    """What a list of differences is narrowed to."""

    standing = forms.ChoiceField(
        label=gettext_lazy("state"), choices=list(words.STANDINGS.items()), required=False
    )
    of_class = forms.TypedChoiceField(
        label=gettext_lazy("class"),
        choices=[_ANY, *((int(each), name) for each, name in words.CLASSES.items())],
        coerce=lambda number: DifferenceClass(int(number)),
        empty_value=None,
        required=False,
    )
    band = forms.TypedChoiceField(
        label=gettext_lazy("age"),
        choices=[_ANY, *enumerate(words.BAND_TITLES)],
        coerce=int,
        empty_value=None,
        required=False,
    )
    owner = forms.TypedChoiceField(
        label=gettext_lazy("whose turn"),
        choices=[_ANY, *words.SIDES.items()],
        coerce=Side,
        empty_value=None,
        required=False,
    )
    reconciliation = forms.ChoiceField(label=gettext_lazy("partners"), required=False)
    run = forms.IntegerField(
        label=gettext_lazy("found by run"),
        required=False,
        min_value=1,
        max_value=limits.INT64_MAX,
        widget=forms.NumberInput(attrs={"style": "width: 6rem; min-width: 6rem"}),
    )
    assignee = forms.ChoiceField(label=gettext_lazy("assigned to"), required=False)
    order = forms.ChoiceField(
        label=gettext_lazy("order"),
        choices=[("", gettext_lazy("newest first")), ("risk", gettext_lazy("most at risk first"))],
        required=False,
    )
    after = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )
    before = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )

    def offer(self, reconciliations: list[str], people: list[str]) -> None:
        """Offer what there is to choose from."""
        for name, choices in (
            ("reconciliation", [(each, each) for each in reconciliations]),
            ("assignee", [(_NOBODY, _("nobody")), *((each, each) for each in people)]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [_ANY, *choices]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, newest first, and the positions that its neighbours begin at."""

    rows: list[dict[str, Any]]
    newer: int | None
    older: int | None


@page(Right.SEE_RECONCILIATION)
def listed(request: HttpRequest) -> HttpResponse:
    """Show differences, newest first, or those about a settlement."""
    asked = request.GET.get("q", "").strip()
    with opened_items() as store, ItemNotes(holdings().place.state) as notes:
        filters, people = Filters(request.GET), may_look_into()
        context: dict[str, Any] = {
            "title": _("Differences"),
            "filters": filters,
            "asked": asked,
            "people": people,
            "here": request.get_full_path(),
        }
        if store is not None:
            filters.offer(listing.reconciliations(store), people)
            given = filters.cleaned_data if filters.is_valid() else {}
            if asked and (found := _named(store, asked)) is not None:
                return redirect("difference", number=found.number)
            narrowed = _narrowed(given, notes, asked)
            part = _part(store, notes, narrowed, given)
            counts = listing.counted(store, narrowed, today())
            context |= {
                "part": part,
                "newer": part.newer,
                "older": part.older,
                "counts": counts,
            }
    missed = bool(asked) and not (store is not None and part.rows)
    return render(request, "console/differences.html", context, status=404 if missed else 200)


def _named(store: ItemStore, asked: str) -> Item | None:
    """Return the only item that somebody means: about a settlement, or by its number."""
    about = Narrowed(Standing.ALL, settlement=asked)
    found = listing.part_of_items(store, about, today(), size=2)
    if not found and asked.isascii() and asked.isdigit() and len(asked) < 19:
        by_number = Narrowed(Standing.ALL, numbers=[int(asked)])
        found = listing.part_of_items(store, by_number, today(), size=2)
    return found[0] if len(found) == 1 else None


def _narrowed(given: dict[str, Any], notes: ItemNotes, asked: str = "") -> Narrowed:
    if asked:
        return Narrowed(Standing.ALL, settlement=asked)
    assignee = given.get("assignee")
    return Narrowed(
        standing=Standing(given.get("standing") or Standing.STANDING),
        reconciliation=given.get("reconciliation") or None,
        run=given.get("run"),
        difference_class=given.get("of_class"),
        owner=given.get("owner"),
        band=given.get("band"),
        numbers=notes.numbers_of(assignee) if assignee and assignee != _NOBODY else None,
        without=notes.numbers_of(None) if assignee == _NOBODY else None,
    )


def beside(
    store: ItemStore, notes: ItemNotes, query: QueryDict, number: int
) -> tuple[int | None, int | None]:
    """Return the numbers before and after a difference in a list as an address narrows it."""
    filters = Filters(query)
    filters.offer(listing.reconciliations(store), may_look_into())
    given = filters.cleaned_data if filters.is_valid() else {}
    of_list, by_risk = (store, _narrowed(given, notes), today()), bool(given.get("order"))
    above = listing.part_of_items(*of_list, size=1, after=number, by_risk=by_risk)
    below = listing.part_of_items(*of_list, size=1, before=number, by_risk=by_risk)
    return (above[0].number if above else None, below[0].number if below else None)


def _part(store: ItemStore, notes: ItemNotes, narrowed: Narrowed, given: dict[str, Any]) -> Part:
    """Return what lies above or below a position of the list."""
    size, day = limits.CONSOLE_ROWS_SHOWN, today()
    after, before = given.get("after"), given.get("before")
    upwards = after is not None and before is None
    found = listing.part_of_items(
        *(store, narrowed, day),
        size=size + 1,
        before=before,
        after=after if upwards else None,
        by_risk=bool(given.get("order")),
    )
    more = len(found) > size
    found = found[-size:] if upwards else found[:size]
    if not found:
        return Part([], None, None)
    people = notes.assignees([item.number for item in found])
    rows = [
        {
            "item": item,
            "assignee": people.get(item.number, ""),
            "age_days": item.age_days(day),
            "due": due_day(item),
            "overdue": overdue(item, day),
            "state": words.STATES[item.state],
        }
        for item in found
    ]
    return Part(
        rows,
        newer=found[0].number if before is not None or (upwards and more) else None,
        older=found[-1].number if upwards or more else None,
    )


@page(Right.RECONCILE)
@require_POST
def assigned(request: HttpRequest) -> HttpResponse:
    """Let somebody look into the differences that were chosen, or nobody."""
    person, there = account_of(request).get_username(), request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(there, {request.get_host()}):
        there = reverse("differences")
    to, chosen = request.POST.get("to", ""), request.POST.getlist("item")
    numbers = [int(each) for each in chosen if each.isascii() and each.isdigit() and len(each) < 19]
    if not numbers or len(numbers) > limits.CONSOLE_ROWS_SHOWN:
        text = _("Choose 1 to %s differences by the boxes before them.")
        messages.error(request, text % limits.CONSOLE_ROWS_SHOWN)
    elif to and to not in may_look_into():
        messages.error(request, _("“%s” may not look into differences; choose another.") % to)
    else:
        with items_there() as store, ItemNotes(holdings().place.state) as notes:
            wanted = Narrowed(Standing.ALL, numbers=numbers)
            size = limits.CONSOLE_ROWS_SHOWN
            there_are = listing.part_of_items(store, wanted, today(), size=size)
            known = [item.number for item in there_are]
            count = notes.assign(known, to, person, holdings().clock())
        text = ngettext("%(n)s difference assigned.", "%(n)s differences assigned.", count)
        messages.success(request, text % {"n": count})
    return redirect(there)


urls = [
    path("differences/", listed, name="differences"),
    path("differences/assign", assigned, name="assign-differences"),
]
