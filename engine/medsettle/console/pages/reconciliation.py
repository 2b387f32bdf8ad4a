"""Reconciliation: what is open and how old it is, and the addresses of all its pages."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from medsettle.clearing.items import listing
from medsettle.clearing.items.listing import Aged, Narrowed, Standing
from medsettle.clearing.items.store import ItemStore
from medsettle.console import difference_words as words
from medsettle.console.access import account_of, page
from medsettle.console.item_notes import ItemNotes
from medsettle.console.pages import reconciliation_item as item
from medsettle.console.pages import reconciliation_items as items
from medsettle.console.pages import reconciliation_runs as runs
from medsettle.console.pages.clearing_stores import items as opened_items
from medsettle.console.pages.clearing_stores import today
from medsettle.console.place import holdings
from medsettle.identity.roles import Right

_RUNS_SHOWN: Final = 5
_CARDS: Final = (
    Standing.STANDING,
    Standing.OVERDUE,
    Standing.TO_APPROVE,
    Standing.APPROVED,
    Standing.HELD,
)


@page(Right.SEE_RECONCILIATION)
def overview(request: HttpRequest) -> HttpResponse:
    """Show what is open by class and age, what waits for whom, and the latest runs."""
    with opened_items() as store:
        context: dict[str, Any] = {"title": _("Reconciliation"), "any": store is not None}
        if store is not None:
            context |= _open(store, account_of(request).get_username(), today())
    return render(request, "console/reconciliation.html", context)


def _open(store: ItemStore, person: str, day: date) -> dict[str, Any]:
    with ItemNotes(holdings().place.state) as notes:
        mine = notes.numbers_of(person)
    counts = [
        (words.STANDINGS[standing], standing, listing.counted(store, Narrowed(standing), day))
        for standing in _CARDS
    ]
    found = listing.aged(store, Narrowed(), day)
    return {
        "cards": counts,
        "mine": listing.counted(store, Narrowed(numbers=mine), day),
        "person": person,
        "ageing": list(_ageing(found)),
        "bands": words.BAND_TITLES,
        "heat": _heat(found) if found else None,
        "runs": listing.part_of_runs(store, size=_RUNS_SHOWN),
    }


def _ageing(found: Sequence[Aged]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table: a class each, with its bands in order, and the sum last."""
    bands = range(len(listing.BANDS))
    for of_class in sorted({each.difference_class for each in found}):
        own = {each.band: each for each in found if each.difference_class is of_class}
        yield {
            "class": int(of_class),
            "cells": [(band, own.get(band)) for band in bands],
            "items": sum(each.items for each in own.values()),
            "at_risk_fen": sum(each.at_risk_fen for each in own.values()),
        }
    if found:
        sums = [sum(each.items for each in found if each.band == band) for band in bands]
        yield {
            "class": None,
            "sums": list(enumerate(sums)),
            "items": sum(sums),
            "at_risk_fen": sum(each.at_risk_fen for each in found),
        }


def _heat(found: Sequence[Aged]) -> dict[str, Any]:
    """Return the ages of open items as a picture: the more there are, the deeper the colour."""
    classes = sorted({each.difference_class for each in found}, reverse=True)
    numbers = {(each.difference_class, each.band): each.items for each in found}
    bands = range(len(listing.BANDS))
    deep = [[numbers.get((of_class, band), 0) for band in bands] for of_class in classes]
    return {
        "data": [
            {
                "type": "heatmap",
                "x": [str(title) for title in words.BAND_TITLES],
                "y": [f"{int(each)} {words.CLASSES[each]}" for each in classes],
                "z": deep,
                "text": [[str(number or "") for number in row] for row in deep],
                "texttemplate": "%{text}",
                "textfont": {"color": "--body-fg"},
                "colorscale": [[0, "--accent-2/6"], [1, "--accent-2/45"]],
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
                "hovertemplate": "%{y}, %{x}: %{z}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"side": "top", "fixedrange": True, "showgrid": False},
            "yaxis": {"fixedrange": True, "showgrid": False, "dtick": 1},
        },
    }


urls = [path("", overview, name="reconciliation"), *items.urls, *item.urls, *runs.urls]
