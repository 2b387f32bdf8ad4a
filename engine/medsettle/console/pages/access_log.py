"""Who looked at what, who signed in, and who was refused; newest first, and as CSV."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.access import page
from medsettle.console.models import Access, Account
from medsettle.console.pages.csv_answer import csv_answer
from medsettle.console.pages.positions import DAYS
from medsettle.console.signing import SUBJECT
from medsettle.identity.roles import Right

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Two requests that end at one moment may be numbered either way; never so many at once.
_OUT_OF_ORDER: Final = 1_000
_PEOPLE_OFFERED: Final = 500


class Narrowed(forms.Form):
    """What the log is narrowed to."""

    account = forms.CharField(
        label=gettext_lazy("person"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    subject = forms.CharField(
        label=gettext_lazy("looked at"), max_length=limits.CODE_CHARS_MAX, required=False
    )
    day = forms.DateField(
        label=gettext_lazy("day"),
        required=False,
        validators=DAYS,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    signing = forms.BooleanField(label=gettext_lazy("sign-ins only"), required=False)
    after = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )
    before = forms.IntegerField(
        required=False, min_value=0, max_value=limits.INT64_MAX, widget=forms.HiddenInput
    )


@page(Right.AUDIT)
def listed(request: HttpRequest) -> HttpResponse:
    """Show a part of the log."""
    form = Narrowed(request.GET)
    found = _narrowed(form.cleaned_data) if form.is_valid() else Access.objects.none()
    after, before = form.cleaned_data.get("after"), form.cleaned_data.get("before")
    upwards = after is not None and before is None
    size = limits.CONSOLE_ROWS_SHOWN
    if upwards:
        rows = list(found.filter(id__gt=after).order_by("id")[: size + 1])
    else:
        older_than = found if before is None else found.filter(id__lt=before)
        rows = list(older_than.order_by("-id")[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if upwards:
        rows.reverse()
    context = {
        "title": _("Who looked at what"),
        "form": form,
        "rows": rows,
        "newer": rows[0].pk if rows and (before is not None or (upwards and more)) else None,
        "older": rows[-1].pk if rows and (upwards or more) else None,
        "people": Account.objects.order_by("username").values_list("username", flat=True)[
            :_PEOPLE_OFFERED
        ],
        "most": limits.CONSOLE_QUERY_ROWS_MAX,
    }
    return render(request, "console/access_log.html", context, status=400 if form.errors else 200)


@page(Right.AUDIT)
def downloaded(request: HttpRequest) -> HttpResponseBase:
    """Return the newest rows of the log that fit, as CSV."""
    form = Narrowed(request.GET)
    if not form.is_valid():
        return listed(request)
    found = _narrowed(form.cleaned_data).order_by("-id")[: limits.CONSOLE_QUERY_ROWS_MAX]
    columns = ("moment", "person", "method", "page", "looked_at", "status", "address", "query")
    return csv_answer("access.csv", columns, _cells(found))


def _cells(found: "QuerySet[Access]") -> Iterator[tuple[object, ...]]:
    for each in found.iterator():
        named = (each.moment, each.account, each.method, each.page, each.subject)
        yield (*named, each.status, each.path, each.query)


def _narrowed(asked: dict[str, Any]) -> "QuerySet[Access]":
    """Return what fits, found by an index whatever is asked for, and read in order of number."""
    found = Access.objects.all()
    if asked["account"]:
        found = found.filter(account=asked["account"])
    if asked["subject"] or asked["signing"]:
        found = found.filter(subject=asked["subject"] or SUBJECT)
    if asked["subject"] and asked["signing"]:
        found = found.filter(subject=SUBJECT)
    if asked["day"] is not None:
        start = timezone.make_aware(datetime.combine(asked["day"], datetime.min.time()))
        end = start + timedelta(days=1)
        found = found.filter(moment__gte=start, moment__lt=end)
        # Moments rise with numbers, so a day is a stretch of numbers; the index of moments alone
        # would have to sort the whole day for each part of it.
        found = found.filter(id__gte=_first_since(start) - _OUT_OF_ORDER)
        found = found.filter(id__lte=_first_since(end) + _OUT_OF_ORDER)
    return found


def _first_since(moment: datetime) -> int:
    """Return the number of the first row at or after a moment; one beyond the last without any."""
    found = Access.objects.filter(moment__gte=moment).order_by("moment", "id").first()
    if found is None:
        found = Access.objects.order_by("-id").first()
    return 0 if found is None else found.pk


urls = [
    path("access/", listed, name="access-log"),
    path("access/csv", downloaded, name="access-csv"),
]
